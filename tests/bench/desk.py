"""The desk under Slack's own limits: many open conversations over eight Slack channels, each of which takes one post a
second, all methods at their tiers; agents answer meanwhile (S17, S30)."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.bed import Bed, say
from tests.bench.clients import mail, send_mail
from tests.bench.figures import Figure, figure
from tests.bench.node import Node
from tests.bench.outside import Desk, Taken

CASE = "The desk under Slack's limits, SQLite"
STORE = "desk sqlite"
TARGET = 3.0
ROOT_GAP = 3.0
ANSWERED = 5
"""Every so many messages an agent answers an older one: cards change, and posts are marked."""
BUSY = 20
"""So many customers write a third of all messages: their cards change again and again."""
OPENING = 40.0
"""Conversations a second, without limits, until all are open."""
DRAINS_WITHIN = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message of a conversation: when it was due (Unix seconds)."""

    serial: int
    customer: int
    due_at: float


class Customers:
    """Those who have an open conversation: half of them on Telegram, half by mail."""

    def __init__(self, node: Node, count: int) -> None:
        self._node = node
        self.count = count
        self._serial = 0
        self._chance = random.Random(19)

    async def open(self, rate: float) -> list[Letter]:
        """Everybody writes once."""
        return await self._write(list(range(1, self.count + 1)), rate)

    async def write(self, messages: int, rate: float) -> list[Letter]:
        """Every third message is from one of the busy, the others from anybody."""
        last = [self.count if turn % 3 else min(BUSY, self.count) for turn in range(messages)]
        return await self._write([self._chance.randint(1, each) for each in last], rate, answered=True)

    async def _write(self, customers: Sequence[int], rate: float, *, answered: bool = False) -> list[Letter]:
        start = time.time() + 0.1
        letters = []
        async with asyncio.TaskGroup() as group:
            for turn, customer in enumerate(customers):
                self._serial += 1
                letters.append(Letter(serial=self._serial, customer=customer, due_at=start + turn / rate))
                await asyncio.sleep(max(0.0, letters[-1].due_at - time.time()))
                if answered and turn % ANSWERED == 0:
                    self._node.outside.answer(self._chance.randint(1, self.count), f"It left us on day {turn}.")
                group.create_task(self._send(customer, f"Where is order {1_000_000 + customer}? bench-{self._serial}"))
        return letters

    async def _send(self, customer: int, text: str) -> None:
        if customer % 2:
            await self._node.outside.say(customer, text)
            return
        address = f"customer{customer}@customer.example"
        await send_mail(self._node.smtp_port, address, mail(address, text))


async def measure(bed: Bed) -> list[Figure]:
    """Open all, restart the node with the limits on, then a steady stream and bursts."""
    profile = bed.profile
    node = await bed.node(STORE, "run")
    customers = Customers(node, profile.open)
    say(f"desk: opening {profile.open} conversations")
    await _taken(node, await customers.open(OPENING), DRAINS_WITHIN)
    await node.stop()
    await node.outside.limit()
    node.limited = True
    await node.start()
    say(f"desk: {profile.steady} messages at 5 a second")
    steady = await customers.write(profile.steady, 5.0)
    waits = _waits(steady, await _taken(node, steady, DRAINS_WITHIN))
    say(f"desk: {profile.burst} messages at 20 a second")
    burst = await customers.write(profile.burst, 20.0)
    taken = await _taken(node, burst, DRAINS_WITHIN)
    drained = max(taken[each.serial].at for each in burst) - burst[-1].due_at
    await asyncio.sleep(profile.settle_seconds)
    desk, everything = await node.outside.desk(), [*steady, *burst]
    return [
        _figure("customer to thread at 5/s, p50", "s", _quantile(waits, 0.5)),
        _figure("customer to thread at 5/s, p95", "s", _quantile(waits, 0.95), TARGET),
        _figure(f"a burst of {len(burst)} at 20/s: until the last is there", "s", drained),
        _figure("the same with every channel busy all the time", "s", _fewest_seconds(burst, taken)),
        _figure(
            "messages lost", "", len(everything) - len(desk.taken.keys() & {each.serial for each in everything}), 0
        ),
        _figure("messages out of their order in a thread", "", _disordered(everything, desk), 0),
        _figure("429 answers to posts", "", _refused(desk, posts=True)),
        _figure("429 answers to other methods", "", _refused(desk, posts=False)),
        _figure("429 answers twice in a row", "", desk.refused_again, 0),
        _figure("changes of roots", "", desk.changes),
        _figure("3 s / the shortest time between two changes of a root", "x", ROOT_GAP / desk.closest, 1.0),
    ]


async def _taken(node: Node, letters: Sequence[Letter], within: float) -> Mapping[int, Taken]:
    """When Slack took each and where; raises RuntimeError when some never came."""
    wanted = {each.serial for each in letters}
    deadline = time.monotonic() + within
    while missing := wanted - (taken := (await node.outside.desk()).taken).keys():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(missing)} of {len(letters)} messages did not reach Slack")
        await asyncio.sleep(0.5)
    return taken


def _waits(letters: Sequence[Letter], taken: Mapping[int, Taken]) -> list[float]:
    return sorted(taken[each.serial].at - each.due_at for each in letters)


def _fewest_seconds(letters: Sequence[Letter], taken: Mapping[int, Taken]) -> float:
    """What the busiest channel needs at one post a second, from the end of the burst on."""
    channels = [taken[each.serial].thread.partition(":")[0] for each in letters]
    seconds = letters[-1].due_at - letters[0].due_at
    return max(channels.count(each) for each in set(channels)) - seconds


def _disordered(letters: Sequence[Letter], desk: Desk) -> int:
    """Messages that stand before an earlier one of their thread, or in the thread of somebody else."""
    wrong = 0
    last: dict[int, Taken] = {}
    for each in letters:
        now = desk.taken[each.serial]
        before = last.get(each.customer)
        wrong += before is not None and (now.at < before.at or now.thread != before.thread)
        last[each.customer] = now
    return wrong


def _refused(desk: Desk, *, posts: bool) -> int:
    return sum(count for bucket, count in desk.refused.items() if bucket.startswith("chat.postMessage") is posts)


def _quantile(waits: Sequence[float], share: float) -> float:
    """By nearest rank."""
    return waits[max(0, -(-len(waits) * int(share * 100) // 100) - 1)]


def _figure(name: str, unit: str, value: float, target: float | None = None) -> Figure:
    return figure(CASE, name, unit, [value], target)
