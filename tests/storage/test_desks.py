"""Conversations without a thread follow their route to another Slack channel, on both databases."""

from dataclasses import replace

import pytest

from router.rulebook import Desk
from storage import desks, intake
from storage.database import Database
from storage.intake import Submission
from storage.statement import Statement
from tests.storage.inbounds import RULES, arrival, question, rules

MOVED = replace(RULES, routes=(replace(RULES.routes[0], desk=Desk(channel="desk", slack=("#other",))),))
PLACES = Statement(
    """
    SELECT address FROM outbox WHERE channel = 'desk' UNION SELECT address FROM lanes WHERE channel = 'desk'
    UNION SELECT address FROM legs WHERE desk
    """
)
UNKNOWN = Statement("UPDATE outbox SET state = 'unknown' WHERE kind = 'root'")
SENDING = Statement("UPDATE outbox SET state = 'sending' WHERE kind = 'root'")
HELD = Statement("UPDATE lanes SET owner = 'me', lease_until = due_at + 60000000")
OPEN = Statement("UPDATE outbox SET state = 'sent' WHERE kind = 'root'")


async def ask(database: Database) -> None:
    asked = [arrival(question()), arrival(question())]
    await database.transact(intake.receive, [Submission("tg", asked)], rules, RULES)


async def places(database: Database) -> set[str]:
    """Where the desk's deliveries, lanes and legs are."""
    return {row[0] for row in await database.read(lambda tx: tx.all(PLACES, {}))}


async def test_s28_all_of_a_conversation_without_a_thread_goes_where_its_route_says(database: Database) -> None:
    await ask(database)
    assert await places(database) == {"#support"}
    assert await database.transact(desks.follow_routes, RULES) == frozenset()
    assert await database.transact(desks.follow_routes, MOVED) == {"desk"}
    assert await places(database) == {"#other"}
    assert await database.transact(desks.follow_routes, MOVED) == frozenset()


@pytest.mark.parametrize("begun", [UNKNOWN, SENDING, HELD, OPEN], ids=["unknown", "sending", "held", "open"])
async def test_s28_a_root_that_has_left_or_may_have_stays(database: Database, begun: Statement) -> None:
    await ask(database)
    await database.transact(lambda tx: tx.run(begun, {}))
    assert await database.transact(desks.follow_routes, MOVED) == frozenset()
    assert await places(database) == {"#support"}
