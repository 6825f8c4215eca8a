"""Judging again beside a node at work: nothing of either is lost."""

import asyncio
from datetime import timedelta

from gateway import clock as wall
from router.timeline import Outcome
from storage import recomputes
from storage.audit import write
from storage.database import Database, to_micros
from storage.ids import new_id
from storage.recomputes import FIRST, Place, Span
from storage.rounds import of_conversation
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, answered, answering_within, asked, happened, rules_of

STRICT, LOOSE = answering_within(0, 1), answering_within(600, 2)
BEFORE, AFTER = rules_of(STRICT), rules_of(LOOSE, earlier=(STRICT,))


async def test_customers_who_write_meanwhile_and_judgements_are_all_there(database: Database) -> None:
    first = wall.now() - timedelta(minutes=1)
    span = Span(begin=to_micros(first), end=to_micros(first + timedelta(days=1)))
    conversations = [await asked(database, BEFORE, question(who=str(number))) for number in range(12)]
    for each in conversations:
        await answered(database, BEFORE, each)
    entry = new_id()
    await database.transact(write, entry, "os:test", "recompute", "", {})
    beside = Database(database.url.render_as_string(hide_password=False))

    async def judge() -> None:
        place: Place | None = FIRST
        while place is not None:
            place = (await beside.transact(recomputes.step, span, place, AFTER, entry, 3)).place

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(judge())
            for number in range(12):
                group.create_task(asked(database, AFTER, question("And now?", who=str(number))))
    finally:
        beside.close()

    for each in conversations:
        closed, waiting = await database.read(of_conversation, each, AFTER.terms)
        assert (closed.sla, closed.policy_version, closed.revision) == ("met", 2, 2)
        assert waiting.outcome == Outcome.OPEN


async def test_a_unit_that_began_earlier_and_ends_later_leaves_who_wrote_in_between_waiting(database_url: str) -> None:
    clock = MovingClock()
    database = Database(database_url, clock=clock)
    try:
        clock.at(10)
        conversation = await asked(database, BEFORE, question())
        clock.at(5)
        await happened(database, BEFORE, conversation, "voided")
        await happened(database, BEFORE, conversation, "unvoided")

        found = await database.read(of_conversation, conversation, BEFORE.terms)
        assert [each.outcome for each in found] == [Outcome.OPEN]
    finally:
        database.close()
