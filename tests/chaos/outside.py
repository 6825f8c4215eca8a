"""The outside world of a fault run: stand-ins, customers and agents on one side, nodes that get killed on the other."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.sandbox.mail import MailStandIn
from gateway.sandbox.slack.standin import SlackStandIn
from gateway.sandbox.telegram import TelegramStandIn
from gateway.sandbox.world import World
from tests.chaos.checker import Violation, violations
from tests.chaos.customers import Agents, Chatter, Eyes, Mta, Poster, Serials, Widget
from tests.chaos.history import History
from tests.chaos.node import Node
from tests.chaos.nursery import Nursery
from tests.chaos.store import Ledger

SHARES = {"tg": 7, "smtp": 4, "imap": 2, "web": 7, "agent": 5}
"""How the load is spread."""
SLOTS = {"tg": 8, "smtp": 4, "imap": 3, "web": 6}
"""Customers at a time of each way."""
WORDS = 15
"""After so many messages a customer makes room for a new one, who opens a new thread."""
VISITOR_WORDS = 60
NOTES = 0.1
RECENT = 40
"""Agents answer in the latest so many threads."""


class Outside:
    """Everything that goes on beside the gateway, and the record of it. `front` is the node customers come to."""

    def __init__(self, folder: Path, database: str, nursery: Nursery, seed: int) -> None:
        self.chance = random.Random(seed)
        self.history = History()
        self.world = World(
            SlackStandIn(clock.now, time_scale=0.01, answer_within=1.0),
            TelegramStandIn(clock.now),
            MailStandIn(clock.now),
        )
        self.nodes: list[Node] = []
        self.front = 0
        self.revived: set[str] = set()
        self.ledger = Ledger(database)
        self.serials = Serials()
        self.eyes = Eyes(self.world, self.history)
        self.agents = Agents(self.world, self.history, self.serials, self.eyes)
        self.chatter = Chatter(self.world, self.history, self.serials)
        self.poster = Poster(self.world.mail, self.history, self.serials)
        self.mtas: list[Mta] = []
        self.widgets: list[Widget] = []
        self._folder = folder
        self._database = database
        self._nursery = nursery
        self._tasks: set[asyncio.Task[None]] = set()
        self._people: dict[tuple[str, int], tuple[str, int]] = {}
        self._newcomers: dict[str, int] = dict.fromkeys(SLOTS, 0)

    async def open(self, settings: Mapping[str, Any], nodes: int) -> None:
        await self.world.start()
        self.eyes.open()
        self.world.telegram.watch(self.chatter.look)
        for number in range(nodes):
            node = Node(f"node-{number}", self._folder, self._database, self.world, self._nursery, settings)
            self.nodes.append(node)
        for _ in range(SLOTS["smtp"]):
            mta = Mta(lambda: self.nodes[self.front].smtp_port, self.history, self.serials, self.world.mail.address)
            self.mtas.append(mta)
            self.background(mta.run())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for node in self.nodes:
            await node.kill()
        self.ledger.close()
        await self.world.stop()

    def background(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        return task

    def widget(self, owner: str) -> Widget:
        """A visitor who stays connected."""
        widget = Widget(lambda: self.nodes[self.front].url, owner, self.history, self.serials)
        self.widgets.append(widget)
        self.background(widget.run())
        return widget

    # Load.

    async def load(self, rate: float) -> None:
        """Write at `rate` messages a second, whatever happens to the gateway, until cancelled."""
        started, written = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - started) * rate)
            for _ in range(due - written):
                await self.write(self.chance.choices([*SHARES], [*SHARES.values()])[0])
            written = due
            self.look()
            await asyncio.sleep(0.01)

    async def write(self, way: str) -> None:
        """One more message of this way."""
        if way == "agent":
            self._answer()
            return
        slot = self.chance.randrange(SLOTS[way])
        owner, words = self._people.get((way, slot), ("", 0))
        if not words:
            self._newcomers[way] += 1
            owner, words = f"{way}-{self._newcomers[way]}", VISITOR_WORDS if way == "web" else WORDS
        self._people[way, slot] = owner, words - 1
        if way == "smtp":
            self.mtas[slot].write(owner)
        else:
            await self.ask(owner)

    def _answer(self) -> None:
        threads = [*self.eyes.threads][-RECENT:]
        if threads:
            self.agents.write(self.chance.choice(threads), note=self.chance.random() < NOTES)

    def look(self) -> None:
        self.eyes.look()
        self.chatter.look()

    # Single steps.

    async def ask(self, owner: str) -> str:
        """A customer writes; the serial."""
        match owner.partition("-")[0]:
            case "tg":
                return self.chatter.write(owner)
            case "smtp":
                return self.mtas[0].write(owner)
            case "imap":
                return await self.poster.write(owner)
            case "web":
                widget = next((each for each in self.widgets if each.owner == owner), None) or self.widget(owner)
                return await widget.write()
        raise ValueError(owner)

    async def thread(self, owner: str, within: float = 30) -> tuple[str, str]:
        """The thread of a customer, once there is one."""
        async with asyncio.timeout(within):
            while True:
                self.look()
                for thread, about in self.eyes.threads.items():
                    if about == owner:
                        return thread
                await asyncio.sleep(0.02)

    async def until(self, holds: Callable[[], bool], within: float = 30) -> None:
        """Wait until something was seen; raises TimeoutError."""
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.02)
                self.look()

    # The end.

    def pending(self) -> set[str]:
        """Serials still on their way."""
        self.look()
        return self.history.pending()

    async def settle(self, within: float) -> None:
        """Wait until everything has arrived, or only what the gateway leaves to people is missing."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            store = await self.ledger.count()
            if self.pending() | (self.history.given_up - store.stored.keys()) <= store.left:
                return
            await asyncio.sleep(0.5)

    async def revive(self) -> int:
        """As the operator does after crashes: have dead letters sent again, while no node runs. A root whose thread
        was opened anew is discarded instead. How many there were."""
        dead = await self.ledger.dead()
        roots = [each for each, (kind, _) in dead.items() if kind == "root"]
        again = [each for each in dead if each not in roots]
        for root in roots:
            await self.nodes[0].command("deadletters", "discard", "--reason", "its thread goes on elsewhere", root)
        if again:
            await self.nodes[0].command("deadletters", "retry", *again)
        self.revived.update(serial for _, serial in dead.values() if serial)
        return len(dead)

    async def verdict(self) -> list[Violation]:
        self.look()
        store = replace(await self.ledger.count(), revived=frozenset(self.revived))
        return violations(self.history.entries, store)


@asynccontextmanager
async def outside(
    folder: Path,
    database: str,
    *,
    seed: int = 0,
    nodes: int = 1,
    settings: Mapping[str, Any] = {},
) -> AsyncIterator[Outside]:
    """A world with nodes that are not started yet; everything is ended at the end."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240  a local folder
    nursery = Nursery()
    await nursery.open()
    world = Outside(folder, database, nursery, seed)
    try:
        await world.open(settings, nodes)
        yield world
    finally:
        await world.close()
        await nursery.close()
