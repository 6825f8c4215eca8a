"""One channel's way out against a remote that answers as it is told to (B1, B2, Q2)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from connectors.base import Connector, NotSent, Outcome, Sent
from gateway.fetching import Fetching
from gateway.metrics import Metrics
from gateway.outlet import Outlet
from router.model import Attachment, Capabilities, Delivery
from router.richtext import plain
from storage import intake
from storage.blobs import BlobStore
from storage.database import Database
from storage.intake import Submission
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question, rules

LINK = Statement(
    "UPDATE legs SET thread_key = 'desk:C1:' || (SELECT number FROM conversations c WHERE c.id = conversation)"
    " WHERE desk"
)
NUMBERS = Statement("SELECT number FROM conversations ORDER BY number")
REPLIES = Statement("SELECT state FROM outbox WHERE channel = 'tg' ORDER BY seq, id")
LIMITED = NotSent("too many at once", retry_after=timedelta(seconds=0.1), limited=True)
REFUSED = NotSent("no connection", retry_after=timedelta(seconds=0.1))


class LeapingClock:
    """The real time, and more of it when a test leaps."""

    def __init__(self) -> None:
        self.leapt = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.leapt


class Remote:
    """Answers each address with the next of its answers; the last one holds from then on."""

    channel = "tg"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.answers: dict[str, list[Outcome]] = {}
        self.taken: list[str] = []
        self.said: list[str] = []
        self.asked = 0

    async def deliver(self, delivery: Delivery) -> Outcome:
        self.taken.append(delivery.address)
        self.said.append(plain(delivery.outgoing.text))
        left = self.answers.get(delivery.address, [Sent((f"{delivery.address}:1",))])
        return left.pop(0) if len(left) > 1 else left[0]

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        self.asked += 1
        raise ConnectionError("not now")
        yield b""

    async def probe(self) -> str | None:
        return None


class Shop:
    """Customers with an answer on its way to each of them, and the way out of their channel."""

    def __init__(self, database: Database, clock: LeapingClock, folder: Path) -> None:
        self.database, self.clock, self.remote = database, clock, Remote()
        remote = cast(Connector, self.remote)
        self.outlet = Outlet(
            remote,
            database,
            Fetching(database, BlobStore(folder), {"tg": remote, "desk": remote}),
            Metrics(clock),
            lambda touched: None,
            clock,
            lambda: RULES,
            owner="a",
            lease=timedelta(seconds=60),
            http_timeout=timedelta(seconds=30),
        )

    async def answered(self, *customers: str, files: tuple[Attachment, ...] = ()) -> None:
        for who in customers:
            await self.database.transact(intake.receive, [Submission("tg", [arrival(question(who=who))])], rules, RULES)
        await self.database.transact(lambda tx: tx.run(LINK, {}))
        for (number,) in await self.database.read(lambda tx: tx.all(NUMBERS, {})):
            said = arrival(replace(answer("On its way.", f"C1:{number}"), attachments=files))
            await self.database.transact(intake.receive, [Submission("desk", [said])], rules, RULES)

    async def states(self) -> list[str]:
        return [row[0] for row in await self.database.read(lambda tx: tx.all(REPLIES, {}))]

    async def until(self, states: list[str]) -> None:
        """Deliver until the replies are in these states."""
        running = asyncio.ensure_future(self.outlet.run())
        try:
            async with asyncio.timeout(30):
                while await self.states() != states:
                    await asyncio.sleep(0.02)
        finally:
            await self.outlet.drain(5)
            await running


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    clock = LeapingClock()
    database = Database(database_url, clock=clock)
    yield Shop(database, clock, tmp_path)
    database.close()


@pytest.mark.parametrize("trouble", [LIMITED, REFUSED])
async def test_q2_what_waited_a_day_for_others_is_not_given_up_at_its_first_trouble(
    shop: Shop, trouble: Outcome
) -> None:
    """The account was away for a day, and nothing of this was tried."""
    await shop.answered("1")
    shop.clock.leapt = timedelta(hours=25)
    shop.remote.answers["1"] = [trouble, Sent(("1:1",))]
    await shop.until(["sent"])


async def test_b2_a_limit_gives_nothing_up(shop: Shop) -> None:
    await shop.answered("1")
    shop.clock.leapt = timedelta(hours=25)
    shop.remote.answers["1"] = [LIMITED, LIMITED, LIMITED, Sent(("1:1",))]
    await shop.until(["sent"])


async def test_q2_what_failed_for_a_day_is_given_up(shop: Shop) -> None:
    await shop.answered("1")
    shop.clock.leapt = timedelta(hours=25)
    shop.remote.answers["1"] = [REFUSED]
    await shop.until(["failed"])


async def test_x9_a_file_that_cannot_be_had_for_a_quarter_of_an_hour_is_given_up(shop: Shop) -> None:
    await shop.answered("1", files=(Attachment(name="bill", remote="F1"),))
    shop.clock.leapt = timedelta(minutes=16)
    await shop.until(["sent"])
    assert shop.remote.asked == 2  # however late the first try is
    assert shop.remote.said == ["On its way.\n\n[file bill, could not be fetched]"]
    assert shop.outlet.breaker.reason is None


async def test_b1_recipients_who_are_put_off_one_by_one_stop_nobody_else(shop: Shop) -> None:
    put_off = [str(number) for number in range(1, 9)]
    await shop.answered(*put_off, "9")
    shop.clock.leapt = timedelta(seconds=5)
    for who in put_off:
        shop.remote.answers[who] = [NotSent("450 greylisted", timedelta(hours=1), alone=True)]
    await shop.until([*["ready"] * 8, "sent"])
    assert shop.outlet.breaker.reason is None
    assert shop.remote.taken.count("9") == 1
