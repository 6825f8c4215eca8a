"""Our side of the process of stand-ins: opens worlds, lets people speak on Telegram, asks what was accepted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any

import orjson

from tests.bench import process


@dataclass(frozen=True, slots=True)
class Taken:
    """A message in Slack's hands: since when (Unix seconds), in which thread ("channel:ts")."""

    at: float
    thread: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Messages by serial; how often each bucket said 429, and one twice in a row; the shortest time between two
    changes of one root in seconds, and how many changes there were."""

    taken: Mapping[int, Taken]
    refused: Mapping[str, int]
    refused_again: int
    closest: float
    changes: int


class Outside:
    """The process of stand-ins. Use as an async context."""

    async def __aenter__(self) -> "Outside":
        self._process = await process.start("tests.bench.standins", stdin=PIPE, stdout=PIPE)
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._worlds: dict[int, StandIns] = {}
        self._reader = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._process.stop()
        self._reader.cancel()

    async def open(self) -> "StandIns":
        """A fresh world: Slack, Telegram and mail that nobody used."""
        number, variables = await self._ask("open")
        self._worlds[number] = StandIns(self, number, variables)
        return self._worlds[number]

    def order(self, *what: object) -> None:
        assert self._process.handle.stdin is not None
        self._process.handle.stdin.write(orjson.dumps(what) + b"\n")

    async def desk(self, number: int) -> "Desk":
        """What Slack has and what it refused."""
        _, taken, refused, refused_again, closest, changes = await self._ask("desk", number)
        found: dict[int, Taken] = {}
        for serial, at, thread in taken:
            found.setdefault(serial, Taken(at, thread))
        return Desk(found, refused, refused_again, closest, changes)

    async def accepted(self, number: int) -> dict[int, float]:
        """Serial of each message in Slack's hands -> the instant it took it (the first, if more)."""
        _, pairs = await self._ask("accepted", number)
        found: dict[int, float] = {}
        for serial, at in pairs:
            found.setdefault(serial, at)
        return found

    def cpu_seconds(self) -> float:
        return self._process.cpu_seconds()

    async def _ask(self, *what: object) -> Any:
        async with self._turn, asyncio.timeout(30):
            self.order(*what)
            return await self._answers.get()

    async def _read(self) -> None:
        assert self._process.handle.stdout is not None
        while line := await self._process.handle.stdout.readline():
            match orjson.loads(line):
                case ["confirmed", number, count, at]:
                    self._worlds[number].confirm(count, at)
                case [_, *answer]:
                    self._answers.put_nowait(answer)


class StandIns:
    """One world over there. `variables` is what config/sandbox.yaml asks for of it."""

    def __init__(self, outside: Outside, number: int, variables: dict[str, str]) -> None:
        self.variables = variables
        self._outside = outside
        self._number = number
        self._waiting: list[asyncio.Future[float]] = []
        self._confirmed = 0

    def say(self, user: int, text: str) -> "asyncio.Future[float]":
        """Somebody writes on Telegram; the answer is the instant the poll confirmed it."""
        self._outside.order("say", self._number, user, text)
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def confirm(self, count: int, at: float) -> None:
        for future in self._waiting[self._confirmed : count]:
            future.set_result(at)
        self._confirmed = count

    async def limit(self) -> None:
        """From now on Slack has its real limits."""
        self._outside.order("limit", self._number)

    def answer(self, serial: int, text: str) -> None:
        """An agent answers below that message."""
        self._outside.order("answer", self._number, serial, text)

    async def desk(self) -> Desk:
        return await self._outside.desk(self._number)

    async def accepted(self) -> dict[int, float]:
        """Serial -> the instant Slack took the message."""
        return await self._outside.accepted(self._number)
