"""16 customers at once against one node whose deliveries are paused: what a message costs from the front door until it
is parsed, decided, stored and queued."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

from storage.database import Database
from storage.statement import Statement
from tests.bench.clients import WebVisitor, mail, many_sockets, send_mail
from tests.bench.node import Node

SENDERS = 16
POOL = 800
STRIDE = 45
"""So many customers are known on Telegram and by mail, this far apart in the big store: not on one page of an index."""
STRANGERS = 10_000_000
_QUEUED = Statement("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending', 'unknown')")
_SETTLED_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: CPU milliseconds a message of the gateway and of the database server, messages a second."""

    cpu: float
    server: float
    rate: float


class Load:
    """The customers of one node. Use as an async context."""

    def __init__(self, node: Node, server_cpu: Callable[[], float]) -> None:
        self.node = node
        self._server_cpu = server_cpu
        self._strangers = count(STRANGERS)
        self._database = Database(node.database)

    async def __aenter__(self) -> "Load":
        self._session = many_sockets()
        self._visitors = [WebVisitor(self.node.url, self._session) for _ in range(SENDERS)]
        for visitor in self._visitors:
            await visitor.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for visitor in self._visitors:
            await visitor.__aexit__()
        await self._session.close()
        self._database.close()

    async def burst(self, path: str, messages: int, *, known: bool) -> Sample:
        """One measured run; returns when everything is in the outbox."""
        turns = messages // SENDERS
        messages = turns * SENDERS
        send = {"web": self._web, "tg": self._telegram, "mail": self._mail}[path]
        queued = await self._queued()
        server, cpu = self._server_cpu(), self.node.cpu_seconds()
        loop = asyncio.get_running_loop()
        started = loop.time()
        await send(turns, known)
        async with asyncio.timeout(_SETTLED_WITHIN):
            while await self._queued() < queued + messages * (1 if known else 2):
                await asyncio.sleep(0.02)
        seconds = loop.time() - started
        cpu, server = self.node.cpu_seconds() - cpu, self._server_cpu() - server
        return Sample(cpu / messages * 1000, server / messages * 1000, messages / seconds)

    async def warm_up(self, path: str, messages: int) -> None:
        """Make the known customers known and every code path warm."""
        turns = messages // SENDERS
        await {"web": self._web, "tg": self._telegram, "mail": self._mail}[path](turns, True)

    async def _queued(self) -> int:
        rows = await self._database.read(lambda tx: tx.all(_QUEUED, {}))
        queued: int = rows[0][0]
        return queued

    def _customer(self, sender: int, turn: int, known: bool) -> int:
        return (turn * SENDERS + sender) % POOL * STRIDE if known else next(self._strangers)

    async def _web(self, turns: int, known: bool) -> None:
        async def one(sender: int, turn: int) -> None:
            if known:
                await self._visitors[sender].send(_question(sender))
                return
            async with WebVisitor(self.node.url, self._session) as stranger:
                await stranger.send(_question(next(self._strangers)))

        await _side_by_side(turns, one)

    async def _telegram(self, turns: int, known: bool) -> None:
        async def one(sender: int, turn: int) -> None:
            customer = self._customer(sender, turn, known) + 1
            await self.node.outside.say(customer, _question(customer))

        await _side_by_side(turns, one)

    async def _mail(self, turns: int, known: bool) -> None:
        async def one(sender: int, turn: int) -> None:
            customer = self._customer(sender, turn, known) + 2
            address = f"customer{customer}@customer.example"
            await send_mail(self.node.smtp_port, address, mail(address, _question(customer)))

        await _side_by_side(turns, one)


def _question(customer: int) -> str:
    """Everybody asks about one order of their own: another order would be another conversation, and the same question
    of many an incident."""
    return f"Where is order {1_000_000 + customer}?"


async def _side_by_side(turns: int, one: Callable[[int, int], Awaitable[None]]) -> None:
    """Sixteen at once, each waiting for its acknowledgement before it writes again."""

    async def sender(number: int) -> None:
        for turn in range(turns):
            await one(number, turn)

    async with asyncio.TaskGroup() as group:
        for number in range(SENDERS):
            group.create_task(sender(number))
