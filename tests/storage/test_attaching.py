"""Which conversation a message of a linked contact belongs to, on both databases (`service.md` 4.1, 4.2)."""

from dataclasses import replace
from uuid import UUID

import pytest

from router.decision import Decision, Snapshot
from router.model import Inbound, Thread
from router.routing import decide
from storage import contacts, intake
from storage.database import Database
from storage.intake import Submission
from storage.statement import Statement
from tests.router.test_attaching import BOOK
from tests.storage.inbounds import arrival, question

ORDER = "US-20260301-77"
CONVERSATIONS = Statement(
    """
    SELECT c.number, count(m.id) FROM conversations c JOIN messages m ON m.conversation = c.id
    WHERE m.visibility = 'public' GROUP BY c.number ORDER BY c.number
    """
)
CONTACTS = Statement("SELECT i.contact FROM identities i ORDER BY i.key")
IDS = Statement("SELECT id FROM conversations ORDER BY number")
PROOFS = Statement("SELECT key, verification FROM identities ORDER BY key")
RESOLVE = Statement("UPDATE conversations SET status = 'resolved', resolved_at = :at")
NUMBERS = Statement("SELECT value FROM counters WHERE name = 'conversation'")
MAIL = "anna@x.example"


def rules(snapshot: Snapshot, inbound: Inbound) -> Decision:
    return decide(snapshot, inbound, BOOK)


def on(channel: str, who: str, text: str, *, proven: bool = True) -> Inbound:
    plain = question(text, channel=channel, who=who)
    return replace(plain, sender=replace(plain.sender, verification=int(proven)))


async def receive(database: Database, *inbounds: Inbound) -> None:
    for each in inbounds:
        await database.transact(intake.receive, [Submission(each.channel, [arrival(each)])], rules, BOOK)


async def conversations(database: Database) -> list[tuple[int, int]]:
    """Number and public messages of each."""
    rows = await database.read(lambda tx: tx.all(CONVERSATIONS, {}))
    return [(number, messages) for number, messages in rows]


async def link(database: Database) -> None:
    one, other = (UUID(bytes=row[0]) for row in await database.read(lambda tx: tx.all(CONTACTS, {})))
    await database.transact(contacts.merge, one, other, "agent:alice", "says so")


async def asked(database: Database, *, mail: bool = True, telegram: bool = True) -> None:
    """A mail about an order and a conversation on Telegram about nothing, by people who were linked then."""
    await receive(
        database,
        on("mail", MAIL, f"A refund for order {ORDER}, please", proven=mail),
        on("tg", "4711", "My parcel with the lamp is late: where is it?", proven=telegram),
    )
    assert await conversations(database) == [(1, 1), (2, 1)]
    await link(database)


async def test_who_is_linked_is_one_customer_for_order_topic_and_question(database: Database) -> None:
    await asked(database)
    await receive(database, on("tg", "4711", f"Order {ORDER}: where is it?"))
    assert await conversations(database) == [(1, 2), (2, 1)]
    await receive(database, on("tg", "4711", "I want my refund"))
    assert await conversations(database) == [(1, 3), (2, 1)]
    await receive(database, on("mail", MAIL, "My parcel with the lamp is late: where is it?"))
    assert await conversations(database) == [(1, 3), (2, 2)]


async def test_what_was_resolved_lately_is_reopened_by_whoever_is_linked(database: Database) -> None:
    await asked(database)
    await database.transact(lambda tx: tx.run(RESOLVE, {"at": tx.now}))
    await receive(database, on("tg", "4711", f"Order {ORDER}: where is it?"))
    assert await conversations(database) == [(1, 2), (2, 1)]


async def test_when_the_link_is_undone_they_are_two_again(database: Database) -> None:
    await asked(database)
    contact, _ = await database.read(lambda tx: tx.all(CONTACTS, {}))
    await database.transact(contacts.unmerge, UUID(bytes=contact[0]), "agent:alice")
    await receive(database, on("tg", "4711", f"Order {ORDER}: where is it?"))
    assert await conversations(database) == [(1, 1), (2, 2)]


async def test_a_linked_contact_that_is_new_takes_no_number(database: Database) -> None:
    await receive(database, on("mail", MAIL, f"A refund for order {ORDER}, please"))
    (known,) = await database.read(lambda tx: tx.all(CONTACTS, {}))
    other = await database.transact(contacts.make, on("tg", "4711", "").sender.identity)
    await database.transact(contacts.merge, UUID(bytes=known[0]), other.id, "agent:alice", "")
    await receive(database, on("tg", "4711", f"Order {ORDER}: where is it?"))
    assert await conversations(database) == [(1, 2)]
    assert await database.read(lambda tx: tx.all(NUMBERS, {})) == [(1,)]
    assert await database.read(lambda tx: tx.all(PROOFS, {})) == [(f"mail:{MAIL}", 1), ("tg:4711", 1)]


@pytest.mark.parametrize(("mail", "telegram"), [(True, False), (False, True)])
async def test_nothing_of_a_proven_identity_is_told_to_an_unproven_one(
    database: Database, mail: bool, telegram: bool
) -> None:
    await asked(database, mail=mail, telegram=telegram)
    await receive(database, on("tg", "4711", f"Order {ORDER}: where is it?", proven=telegram))
    assert await conversations(database) == [(1, 1), (2, 2)]


async def test_who_is_linked_is_no_stranger_in_the_thread(database: Database) -> None:
    await asked(database)
    ((first,), _) = await database.read(lambda tx: tx.all(IDS, {}))
    thread = Thread(conversation=UUID(bytes=first))
    await receive(database, replace(on("tg", "4711", "Thanks for asking: it is the blue one"), thread=thread))
    assert await conversations(database) == [(1, 2), (2, 1)]


async def test_what_is_said_apart_stays_there_also_where_somebody_is_linked(database: Database) -> None:
    await asked(database)
    thread = Thread(apart=True)
    await receive(database, replace(on("tg", "4711", f"Order {ORDER}: where is it?"), address="C1:1", thread=thread))
    assert await conversations(database) == [(1, 1), (2, 1), (3, 1)]
