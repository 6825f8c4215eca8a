"""Starts gateway processes: `python -m tests.chaos.nursery` imports everything once and forks a node for each order,
so that a restart costs 0.3 s and not two; `Nursery` is its other end.

A node is a process of its own that runs the real command line; only its imports were done before. A cold start does
those too.
"""

import asyncio
import json
import os
import random
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Born:
    """A started process; `ended` gives its exit code, negative for a signal."""

    pid: int
    ended: asyncio.Future[int]


class Nursery:
    """Starts nodes, from the prepared process or from nothing."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._children: dict[int, Born] = {}
        self._waiting: asyncio.Future[Born] | None = None
        self._watchers: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.chaos.nursery"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def close(self) -> None:
        """End it; whatever it started was ended before."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._reader is not None:
            await self._reader
        if self._watchers:
            await asyncio.wait(self._watchers)

    async def start(
        self, arguments: Sequence[str], variables: Mapping[str, str], log: Path, *, cold: bool = False
    ) -> Born:
        """Run `onevoice` with these arguments; its output goes to the end of `log`."""
        if cold:
            return await self._from_nothing(arguments, variables, log)
        assert self._process is not None
        assert self._process.stdin is not None
        self._waiting = asyncio.get_running_loop().create_future()
        order = {"arguments": list(arguments), "variables": dict(variables), "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self._waiting

    async def _from_nothing(self, arguments: Sequence[str], variables: Mapping[str, str], log: Path) -> Born:
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "gateway", *arguments),
                cwd=ROOT,
                env={**os.environ, **variables},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        born = Born(process.pid, asyncio.get_running_loop().create_future())

        async def watch() -> None:
            born.ended.set_result(await process.wait())

        watcher = asyncio.get_running_loop().create_task(watch())
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return born

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            news = json.loads(line)
            if "born" in news:
                born = Born(news["born"], asyncio.get_running_loop().create_future())
                self._children[born.pid] = born
                if self._waiting is not None:
                    self._waiting.set_result(born)
            else:
                self._children.pop(news["ended"]).ended.set_result(news["code"])


def serve() -> None:
    """Fork a node for each line of stdin; say on stdout who was born and who has ended."""
    _import_everything()
    alive: set[int] = set()
    orders = open(0, "rb", buffering=0)  # noqa: SIM115  as long as we live
    waiting = b""
    while True:
        if select.select([orders], [], [], 0.02)[0]:
            content = orders.read(65536)
            if not content:
                return
            waiting += content
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            alive.add(_fork(json.loads(line)))
        for pid in list(alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                alive.discard(pid)
                _say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _fork(order: dict[str, Any]) -> int:
    if pid := os.fork():
        _say({"born": pid})
        return pid
    code = 70
    try:
        output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        random.seed()
        os.environ.update(order["variables"])
        from gateway.cli import cli

        cli(order["arguments"], prog_name="onevoice")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _import_everything() -> None:
    from importlib import import_module

    for name in (
        *("gateway.cli", "gateway.app", "gateway.config", "gateway.logs", "gateway.loop", "uvloop", "psycopg"),
        *("psycopg_binary", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg"),
        *(f"connectors.{kind}.connector" for kind in ("email", "slack", "telegram", "webchat")),
    ):
        import_module(name)


def _say(news: dict[str, int]) -> None:
    print(json.dumps(news), flush=True)


if __name__ == "__main__":
    serve()
