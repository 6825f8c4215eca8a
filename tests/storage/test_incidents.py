"""Incidents as rows: who joins, what threads are told, each once, on both databases (4.3)."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from router.arrivals import Lease, LeaseLost
from router.clusters import QUIET, Asking
from router.decision import Decision, IncidentChange, Snapshot
from router.model import Inbound
from router.routing import decide
from storage import contacts, incidents, intake, joining, leases
from storage.database import Database
from storage.intake import Submission
from storage.statement import Statement
from tests.router.test_attaching import BOOK
from tests.storage.inbounds import arrival, question

IGNORED = BOOK.recognition.topics.ignored if BOOK.recognition else frozenset()
DOWN = "The website shows an error when I pay"
NOTICES = Statement("SELECT conversation, body FROM outbox WHERE kind = 'notice' ORDER BY created_at, id")
EVENTS = Statement("SELECT count(*) FROM events WHERE type = 'incident_joined'")
CONTACTS = Statement("SELECT id FROM contacts ORDER BY created_at, id")
AGED = Statement("UPDATE messages SET received_at = received_at - :micros")
STALE = Statement("UPDATE incidents SET last_at = last_at - :micros")
STATE = Statement("SELECT closed_by, answer FROM incidents ORDER BY number")


def rules(snapshot: Snapshot, inbound: Inbound) -> Decision:
    return decide(snapshot, inbound, BOOK)


async def say(database: Database, *inbounds: Inbound) -> None:
    await database.transact(
        intake.receive, [Submission(each.channel, [arrival(each)]) for each in inbounds], rules, BOOK
    )


async def rows(database: Database, statement: Statement) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(statement, {}))


async def looked(database: Database, limit: int = 100) -> joining.Look:
    since = await database.read(joining.beginning)
    return await database.read(joining.look, since, {}, IGNORED, limit)


async def held(database: Database) -> Lease:
    fence = await database.transact(leases.take, "incidents", "me", 30.0)
    assert fence is not None
    return Lease("incidents", fence)


async def opened(database: Database, lease: Lease) -> tuple[UUID, Sequence[Asking]]:
    await say(database, *(question(DOWN, who=str(number)) for number in range(5)))
    askings = (await looked(database)).askings
    incident, touched = await database.transact(joining.open_, lease, askings, BOOK)
    assert touched.channels == {"desk"}
    return incident, askings


async def told(database: Database) -> list[str]:
    """The texts of all notices."""
    return [str(body) for _, body in await rows(database, NOTICES)]


async def test_what_people_ask_is_found_and_what_machines_say_is_not(database: Database) -> None:
    await say(
        database,
        question(DOWN, who="1"),
        replace(question("Out of office until Monday", who="2"), automatic=True),
        question("And now?", who="1"),
    )
    look = await looked(database)
    assert [each.text for each in look.askings] == [DOWN, "And now?"]
    assert (len(look.seen), look.more) == (3, False)
    assert len({each.contact for each in look.askings}) == 1
    first = await looked(database, limit=1)
    assert ([each.text for each in first.askings], first.more) == ([DOWN], True)


async def test_what_is_older_than_an_hour_is_not_read(database: Database) -> None:
    await say(database, question(DOWN))
    await database.transact(lambda tx: tx.run(AGED, {"micros": 3_601_000_000}))
    assert (await looked(database)).askings == []


async def test_linked_contacts_are_one_customer(database: Database) -> None:
    await say(database, question(DOWN, who="1"), question(DOWN, who="2"))
    one, other = (UUID(bytes=bytes(row[0])) for row in await rows(database, CONTACTS))  # type: ignore[call-overload]  # an id
    await database.transact(contacts.merge, one, other, "agent:alice", "")
    assert {each.contact for each in (await looked(database)).askings} == {one}


async def test_every_thread_is_told_once_however_often_they_join(database: Database) -> None:
    lease = await held(database)
    incident, askings = await opened(database, lease)
    assert await rows(database, EVENTS) == [(5,)]
    texts = await told(database)
    assert len(texts) == 5
    assert all("5 customers ask this since" in text and "incident #1" in text for text in texts)
    again = await database.transact(joining.join, lease, incident, askings, BOOK)
    assert again is not None
    assert not again.channels
    assert len(await told(database)) == 5
    await say(database, question(DOWN, who="6"))
    await database.transact(joining.join, lease, incident, (await looked(database)).askings, BOOK)
    assert [text for text in (await told(database))[5:] if "6 customers" in text] != []
    assert await rows(database, EVENTS) == [(6,)]


async def test_the_official_answer_is_told_in_the_other_threads_once_and_to_those_who_join_later(
    database: Database,
) -> None:
    lease = await held(database)
    incident, askings = await opened(database, lease)
    change = IncidentChange(incident=incident, actor="agent:alice", answer="We are mending it")
    await database.transact(incidents.change, change, askings[0].conversation)
    (known,) = (await looked(database)).incidents
    assert known.untold
    await database.transact(joining.announce, lease, incident, BOOK)
    await database.transact(joining.announce, lease, incident, BOOK)
    assert len([text for text in await told(database) if "has an official answer by alice" in text]) == 4
    assert not (await looked(database)).incidents[0].untold
    await say(database, question(DOWN, who="6"))
    await database.transact(joining.join, lease, incident, (await looked(database)).askings, BOOK)
    await database.transact(joining.announce, lease, incident, BOOK)
    assert "We are mending it" in (await told(database))[-1]
    assert len(await told(database)) == 10
    found = await database.read(incidents.of, [askings[0].conversation])
    assert found is not None
    assert (found.answer, found.set_by, found.customers, found.conversations) == (
        "We are mending it", "agent:alice", 6, 6,
    )  # fmt: skip


async def test_a_closed_incident_is_joined_no_more_and_has_no_say(database: Database) -> None:
    lease = await held(database)
    incident, askings = await opened(database, lease)
    assert await database.read(incidents.open_count) == 1
    await database.transact(
        incidents.change, IncidentChange(incident=incident, actor="agent:alice"), askings[0].conversation
    )
    assert await database.read(incidents.open_count) == 0
    assert await database.read(incidents.of, [askings[0].conversation]) is None
    assert await database.transact(joining.join, lease, incident, askings, BOOK) is None
    await database.transact(joining.announce, lease, incident, BOOK)
    (known,) = (await looked(database)).incidents
    assert known.closed_at is not None
    assert len(await told(database)) == 5


async def test_an_incident_that_nobody_joins_for_a_day_is_over(database: Database) -> None:
    await opened(database, await held(database))
    await database.transact(incidents.close_quiet)
    assert await database.read(incidents.open_count) == 1
    await database.transact(lambda tx: tx.run(STALE, {"micros": int(QUIET.total_seconds() + 1) * 1_000_000}))
    assert [each.quiet for each in (await looked(database)).incidents] == [True]
    await database.transact(incidents.close_quiet)
    assert await rows(database, STATE) == [("system:quiet", "")]


async def test_who_lost_the_lease_says_nothing(database: Database) -> None:
    lease = await held(database)
    incident, askings = await opened(database, lease)
    await held(database)  # a higher fence: the lease of before is lost
    with pytest.raises(LeaseLost):
        await database.transact(joining.open_, lease, askings, BOOK)
    with pytest.raises(LeaseLost):
        await database.transact(joining.join, lease, incident, askings, BOOK)
    with pytest.raises(LeaseLost):
        await database.transact(joining.announce, lease, incident, BOOK)
    assert len(await told(database)) == 5
