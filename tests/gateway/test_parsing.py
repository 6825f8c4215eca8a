"""The parser workers against items that kill, stall and flood them (D1, P1, X15)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from connectors.base import Arrival
from gateway.parsing import BYTES_WAITING, SWEPT_AT_ONCE, Parsing
from router.decision import Decision, Snapshot
from router.model import Inbound
from storage import intake
from storage.database import Database
from storage.intake import Submission
from tests.storage.inbounds import RULES


class Channel:
    """What Parsing wants of a connector."""

    parser = "tests.gateway.hostile_parser:parse"


class Bench:
    """Parsing over a real inbox; `parsed` are the addresses of what came out, in order."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.parsed: list[str] = []
        self.parsing = Parsing(database, cast("Any", {"mail": Channel()}), self._store, folder, 1)

    async def _store(self, item: UUID, inbound: Inbound) -> None:
        self.parsed.append(inbound.address)
        await self.database.transact(intake.store_parsed, [], _never, RULES)
        await self.database.transact(intake.give_up, item, "done, as far as this test goes")

    async def put(self, *contents: bytes) -> list[tuple[UUID, Arrival]]:
        """Store raw items, as the door does before anything is parsed."""
        arrivals = [Arrival(key=f"{number} {content[:20]!r}", raw=content) for number, content in enumerate(contents)]
        received = await self.database.transact(intake.receive, [Submission("mail", arrivals)], _never, RULES)
        return list(zip(received.unparsed, arrivals, strict=True))

    def add(self, items: list[tuple[UUID, Arrival]]) -> None:
        for item, arrival in items:
            self.parsing.add(item, "mail", arrival)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        jobs = [asyncio.ensure_future(job()) for job in self.parsing.jobs]
        try:
            yield
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    async def until(self, holds: Callable[[], bool], within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.02)

    async def reasons(self) -> dict[bytes, str]:
        return {each.raw: each.error for each in await self.database.read(intake.quarantined, 1000)}


def _never(_snapshot: Snapshot, _inbound: Inbound) -> Decision:
    raise AssertionError("raw items are not decided about")


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    return Bench(database, tmp_path / "files")


async def test_d1_what_kills_its_worker_three_times_is_quarantined_and_the_others_do_not_notice(bench: Bench) -> None:
    bench.add(await bench.put(b"one", b"die", b"two", b"three"))
    async with bench.running():
        await bench.until(lambda: len(bench.parsed) == 3)
        assert bench.parsed == ["one", "two", "three"], "each once, in their order"
        async with asyncio.timeout(30):
            while b"die" not in await bench.reasons():
                await asyncio.sleep(0.05)
    assert (await bench.reasons())[b"die"] == "the parser process ended, out of memory or crashed, 3 times"


async def test_d1_what_takes_too_long_is_killed_and_holds_the_next_one_up_once(bench: Bench) -> None:
    items = await bench.put(b"sleep", b"next")
    async with bench.running():
        await asyncio.sleep(0)
        bench.add(items)
        await bench.until(lambda: bench.parsed == ["next"])
    assert b"sleep" not in await bench.reasons(), "it has had one try of three"


async def test_x2_a_reason_no_database_would_take_is_kept_all_the_same(bench: Bench) -> None:
    bench.add(await bench.put(b"nul"))
    async with bench.running(), asyncio.timeout(30):
        while b"nul" not in await bench.reasons():
            await asyncio.sleep(0.05)
    assert "\0" not in (await bench.reasons())[b"nul"]


async def test_x15_what_waits_is_bounded_in_bytes_and_found_again_at_the_next_start(bench: Bench) -> None:
    size = BYTES_WAITING // 4
    items = await bench.put(*(f"item {number} ".encode().ljust(size, b".") for number in range(6)))
    bench.add(items)
    assert bench.parsing.waiting_bytes <= BYTES_WAITING
    async with bench.running():
        await bench.until(lambda: len(set(bench.parsed)) == 6)


async def test_x2_a_backlog_of_many_pages_is_parsed_after_a_start(bench: Bench) -> None:
    await bench.put(*(f"old {number}".encode() for number in range(3 * SWEPT_AT_ONCE + 5)))
    async with bench.running():
        await bench.until(lambda: len(set(bench.parsed)) == 3 * SWEPT_AT_ONCE + 5)
