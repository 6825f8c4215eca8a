"""A digest of a time is told once, and that of the queue takes the place of the last (service.md 2.6)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from router.digests import Days, DigestRules
from router.richtext import of_text
from storage import agents, digests, intake
from storage.changes import Touched
from storage.codec import outgoing_of
from storage.database import Database, Transaction, of_micros
from storage.digests import DAILY, QUEUE
from storage.intake import Submission
from storage.statement import Statement
from tests.storage.inbounds import RULES, arrival, question, rules

DIRECTS = Statement("SELECT state, body, address FROM outbox WHERE kind = 'direct' ORDER BY seq")
CONVERSATION = Statement("SELECT id FROM conversations ORDER BY number LIMIT 1")
SENT = Statement(
    "UPDATE outbox SET state = 'sent', remote_ids = '[\"C9:1.1\"]' WHERE kind = 'direct' AND state = 'ready'"
)
AGE = Statement("UPDATE conversations SET waiting_since = waiting_since - :micros")
OWNER = Statement("UPDATE conversations SET owner = 'alice' WHERE number = 1")
LATE = Statement("SELECT count(*) FROM timers WHERE fired_at IS NULL AND kind LIKE 'digest%'")
NONE = DigestRules(team=None, name="No team", channel="desk", address="#leads", queue_after=timedelta(minutes=5))


async def asked(database: Database, *who: str) -> UUID:
    """Customers wait; the conversation of the first."""
    submissions = [Submission("tg", [arrival(question(who=each))]) for each in who]
    await database.transact(intake.receive, submissions, rules, RULES)
    [(found,)] = await database.read(lambda tx: tx.all(CONVERSATION, {}))
    return UUID(bytes=found)


async def told(database: Database, kind: str, conversation: UUID, second: int, text: str = "x") -> Touched | None:
    slot = of_micros(1_700_000_000_000_000) + timedelta(seconds=second)
    return await database.transact(digests.tell, kind, NONE, slot, conversation, of_text(text))


async def directs(database: Database) -> list[tuple[Any, ...]]:
    return [
        (state, outgoing_of(body).target, address)
        for state, body, address in await database.read(lambda tx: tx.all(DIRECTS, {}))
    ]


@pytest.mark.parametrize("kind", [QUEUE, DAILY])
async def test_a_time_is_told_once_and_no_earlier_one_after_it(database: Database, kind: str) -> None:
    conversation = await asked(database, "1")
    first = await told(database, kind, conversation, 60)
    assert first is not None
    assert (set(first.channels), first.alerts) == ({"desk"}, ((kind, "digest"),))
    assert await told(database, kind, conversation, 60) is None
    assert await told(database, kind, conversation, 30) is None
    assert await directs(database) == [("ready", None, "#leads")]
    slot = of_micros(1_700_000_000_000_000) + timedelta(seconds=60)
    assert await database.read(digests.is_told, kind, NONE, slot)
    assert not await database.read(digests.is_told, kind, NONE, slot + timedelta(seconds=1))


async def test_no_timer_is_left_that_somebody_would_fire(database: Database) -> None:
    await told(database, DAILY, await asked(database, "1"), 1)
    assert await database.read(lambda tx: tx.all(LATE, {})) == [(0,)]


async def test_a_digest_of_the_queue_is_rewritten_while_it_waits_and_changed_once_it_is_there(
    database: Database,
) -> None:
    conversation = await asked(database, "1")
    await told(database, QUEUE, conversation, 1, "one waits")
    await told(database, QUEUE, conversation, 2, "two wait")
    assert await directs(database) == [("ready", None, "#leads")]
    await database.transact(lambda tx: tx.run(SENT, {}))
    await told(database, QUEUE, conversation, 3, "three wait")
    assert await directs(database) == [("sent", None, "#leads"), ("ready", "C9:1.1", "#leads")]


async def test_a_daily_digest_is_always_a_post_of_its_own(database: Database) -> None:
    conversation = await asked(database, "1")
    await told(database, DAILY, conversation, 1)
    await told(database, DAILY, conversation, 2)
    assert await directs(database) == [("ready", None, "#leads")] * 2


async def test_who_waits_shorter_than_the_threshold_or_has_an_owner_is_not_told_of(database: Database) -> None:
    await asked(database, "1", "2", "3")
    assert await database.read(digests.unclaimed, NONE) is None
    await database.transact(lambda tx: tx.run(AGE, {"micros": 301 * 1_000_000}))
    found = await database.read(digests.unclaimed, NONE)
    assert found is not None
    assert (found.count, found.longest.number, [each.number for each in found.soonest]) == (3, 1, [1, 2, 3])
    await database.transact(lambda tx: tx.run(OWNER, {}))
    found = await database.read(digests.unclaimed, NONE)
    assert found is not None
    assert (found.count, found.longest.number) == (2, 2)


async def test_another_teams_conversations_are_not_counted(database: Database) -> None:
    await asked(database, "1")
    sales = DigestRules(team="sales", name="Sales", channel="desk", address="#sales")
    assert await database.read(digests.unclaimed, sales) is None
    now = await database.read(lambda tx: of_micros(tx.now))
    days = Days(now - timedelta(days=1), now + timedelta(days=1))
    assert (await database.read(digests.figures, sales, days)).is_empty
    found = await database.read(digests.figures, NONE, days)
    assert (sum(each.rounds for each in found.counts), found.waiting, found.late) == (1, 1, 0)


def _absent(tx: Transaction) -> frozenset[str]:
    return agents.absent(tx, RULES)


async def test_nobody_is_absent_who_never_said_so(database: Database) -> None:
    assert await database.read(_absent) == frozenset()
