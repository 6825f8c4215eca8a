"""Rounds as rows: what moves the one that runs, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from router.model import Round
from storage.database import Database, of_micros, to_micros
from storage.rounds import between
from storage.statement import Statement
from tests.storage.inbounds import question
from tests.storage.past import TEN, MovingClock, answering_within, asked, rules_of

DAY = timedelta(days=1)
RULES = rules_of(answering_within(100, 1))

SINCE = Statement("SELECT waiting_since FROM conversations")
BREACHES = Statement("SELECT due_at FROM timers WHERE kind = 'alarm' AND ref LIKE '%breach%' AND fired_at IS NULL")
WRITES = Statement("SELECT id FROM timers WHERE kind = 'alarm' ORDER BY id")


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def shop(database_url: str, clock: MovingClock) -> AsyncIterator[Database]:
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


async def rows(shop: Database, statement: Statement) -> list[tuple[object, ...]]:
    return await shop.read(lambda tx: tx.all(statement, {}))


async def the_round(shop: Database) -> Round:
    (found,) = await shop.read(between, TEN - DAY, TEN + DAY, RULES.terms)
    return found


async def test_d1_a_message_that_came_late_but_was_sent_earlier_begins_the_round(
    shop: Database, clock: MovingClock
) -> None:
    await asked(shop, RULES, question("Hello?", channel="mail", sent_at=TEN))
    clock.at(0.25)
    earlier = TEN - timedelta(seconds=300)
    await asked(shop, RULES, question("This was delayed", channel="mail", sent_at=earlier))

    due = earlier + timedelta(seconds=100)
    found = await the_round(shop)
    assert (found.start_at, found.deadline, found.sla, found.breached_at) == (earlier, due, "breached", due)
    assert await rows(shop, SINCE) == [(to_micros(earlier),)]
    assert [of_micros(row[0]) for row in await rows(shop, BREACHES)] == [due]  # type: ignore[arg-type]  # an instant


@pytest.mark.parametrize("sent_at", [None, TEN, TEN + timedelta(seconds=5)])
async def test_a_message_more_of_who_waits_already_writes_no_round(
    shop: Database, clock: MovingClock, sent_at: object
) -> None:
    await asked(shop, RULES, question("Hello?", sent_at=TEN))
    before = await rows(shop, WRITES)
    clock.at(0.25)
    await asked(shop, RULES, question("Anybody there?", sent_at=sent_at))

    assert await rows(shop, WRITES) == before
    assert (await the_round(shop)).start_at == TEN
