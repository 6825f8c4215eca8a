"""How long a message takes under an open loop: customers write when they write, however slow we are.

Three channels take turns, into eight Slack channels, without a rate limit over there. A message counts from the moment
it was due to be sent, so a late client counts against us. Every tenth comes from somebody new, who gets a new thread.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count

from tests.bench.bed import Bed, say
from tests.bench.clients import WebVisitor, mail, many_sockets, send_mail
from tests.bench.figures import Figure, figure
from tests.bench.node import Node
from tests.bench.paths import NAMES

CASE = "Latency, open loop, SQLite"
STORE = "busy sqlite"
TARGET = 300.0
KNOWN = 100
"""Customers of each channel."""
NEW_EVERY = 10
SLICES = 6
ARRIVES_WITHIN = 30.0


@dataclass(slots=True)
class Letter:
    """One message: when it was due, when it was acknowledged (Unix seconds)."""

    serial: int
    path: str
    due_at: float
    acked_at: float = 0.0


class Crowd:
    """Customers of one node on all channels. Use as an async context."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stack = AsyncExitStack()
        self._serials = count(1)

    async def __aenter__(self) -> "Crowd":
        self._session = await self._stack.enter_async_context(many_sockets())
        self._known = [await self._visitor() for _ in range(KNOWN)]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def write(self, messages: int, rate: float) -> list[Letter]:
        """That many at that rate; returns when all are acknowledged."""
        newcomers = [await self._visitor() for _ in range(messages // NEW_EVERY // len(NAMES) + 1)]
        paths = list(NAMES)
        letters: list[Letter] = []
        start, start_at = asyncio.get_running_loop().time() + 0.1, time.time() + 0.1
        async with asyncio.TaskGroup() as group:
            for turn in range(messages):
                path = paths[turn % len(paths)]
                round_ = turn // len(paths)
                letter = Letter(next(self._serials), path, start_at + turn / rate)
                letters.append(letter)
                new = round_ % NEW_EVERY == 0
                await asyncio.sleep(max(0.0, start + turn / rate - asyncio.get_running_loop().time()))
                match path:
                    case "web":
                        visitor = newcomers.pop() if new else self._known[round_ % KNOWN]
                        send = visitor.send(_text(letter))
                    case "tg":
                        send = self._telegram(letter, _stranger(letter) if new else round_ % KNOWN + 1)
                    case _:
                        send = self._mail(letter, _stranger(letter) if new else round_ % KNOWN)
                group.create_task(_acknowledged(letter, send))
        return letters

    async def _visitor(self) -> WebVisitor:
        return await self._stack.enter_async_context(WebVisitor(self._node.url, self._session))

    async def _telegram(self, letter: Letter, user: int) -> float:
        return await self._node.outside.say(user, _text(letter))

    async def _mail(self, letter: Letter, user: int) -> float:
        address = f"customer{user}@customer.example"
        return await send_mail(self._node.smtp_port, address, mail(address, _text(letter)))


def _stranger(letter: Letter) -> int:
    return 1_000_000 + letter.serial


def _text(letter: Letter) -> str:
    return f"Where is order bench-{letter.serial}?"


async def _acknowledged(letter: Letter, send: Awaitable[float]) -> None:
    letter.acked_at = await send


async def measure(bed: Bed, commit: float | None) -> list[Figure]:
    """`commit`: seconds of one durable commit, the machine's limit."""
    profile = bed.profile
    node = await bed.node(STORE, "run")
    outside = await bed.outside()
    messages = int(profile.seconds * profile.rate)
    async with Crowd(node) as crowd:
        say(f"latency: warming up with {profile.warm_up} messages")
        await _arrived(node, await crowd.write(profile.warm_up, profile.rate))
        say(f"latency: {messages} messages in {profile.seconds:.0f} s")
        watches: dict[str, Callable[[], float]] = {
            "gateway": node.cpu_seconds,
            "stand-ins": outside.cpu_seconds,
            "load client": time.process_time,
        }
        before = {name: watch() for name, watch in watches.items()}
        letters = await crowd.write(messages, profile.rate)
        accepted = await _arrived(node, letters)
        used = {name: watch() - before[name] for name, watch in watches.items()}
    limit = commit * 1000 if commit else None
    figures = []
    for path, name in NAMES.items():
        mine = [each for each in letters if each.path == path]
        figures += _quantiles(f"{name}: door to commit", mine, lambda each: each.acked_at, limit)
        figures += _quantiles(f"{name}: door to Slack thread", mine, lambda each: accepted[each.serial], limit)
    figures += _quantiles("all: door to Slack thread", letters, lambda each: accepted[each.serial], limit, TARGET)
    for name, seconds in used.items():
        figures.append(figure(f"{CASE}: CPU a message, in and out", name, "ms", [seconds / messages * 1000]))
    return figures


async def _arrived(node: Node, letters: Sequence[Letter]) -> dict[int, float]:
    """When Slack took each; raises RuntimeError when some never came."""
    wanted = {each.serial for each in letters}
    deadline = time.monotonic() + ARRIVES_WITHIN
    while missing := wanted - (accepted := await node.outside.accepted()).keys():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(missing)} of {len(letters)} messages did not reach Slack")
        await asyncio.sleep(0.2)
    return accepted


def _quantiles(
    name: str,
    letters: Sequence[Letter],
    end: Callable[[Letter], float],
    limit: float | None,
    target: float | None = None,
) -> list[Figure]:
    """Median and 99th percentile in milliseconds; their range is that of six slices of the run."""
    took = [(end(each) - each.due_at) * 1000 for each in letters]
    size = max(2, len(took) // SLICES)
    slices = [part for first in range(0, len(took), size) if len(part := took[first : first + size]) == size]
    found = []
    for share in (50, 99):
        each_slice = [_quantile(part, share) for part in slices]
        found.append(
            Figure(
                case=CASE,
                name=f"{name}, p{share}",
                unit="ms",
                value=_quantile(took, share),
                low=min(each_slice),
                high=max(each_slice),
                target=target if share == 99 else None,
                limit=limit,
            )
        )
    return found


def _quantile(values: Sequence[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
