"""An address the shop has proven to be its customer's makes them one with who has proven it by mail (4.1)."""

from dataclasses import replace
from uuid import UUID

import pytest

from router.model import IdentityKey, Inbound, Sender
from storage import contacts
from storage.database import Database, Transaction
from storage.statement import Statement
from tests.storage.inbounds import question
from tests.storage.test_attaching import conversations, receive

ANNA, ORDER = IdentityKey("email", "anna@x.example"), "US-20260301-77"
MERGES = Statement("SELECT actor, reason, undone_at IS NOT NULL FROM contact_merges ORDER BY at")
IDENTITIES = Statement("SELECT key, verification FROM identities ORDER BY key")


def account(name: str, text: str, *proven: IdentityKey) -> Inbound:
    """Somebody who is logged in at the shop, which has proven these addresses."""
    sender = Sender(identity=IdentityKey("account", name), name="Anna", verification=2, proven=proven or (ANNA,))
    return replace(question(text, channel="web", who=f"a-{name}"), sender=sender)


def mail(text: str, *, proven: bool = True) -> Inbound:
    sender = Sender(identity=ANNA, name="Anna", verification=int(proven))
    return replace(question(text, channel="mail", who=ANNA.value), sender=sender)


async def merges(database: Database) -> list[tuple[object, ...]]:
    rows = await database.read(lambda tx: tx.all(MERGES, {}))
    return [(actor, bool(undone)) for actor, _, undone in rows]


def customer(tx: Transaction, key: IdentityKey) -> UUID:
    found = contacts.of_identity(tx, key)
    assert found is not None
    return found.id


async def test_4_1_who_has_proven_the_same_address_is_one_customer_from_then_on(database: Database) -> None:
    await receive(database, mail(f"Where is order {ORDER}?"), account("7", "Hello, I have a question"))
    assert await merges(database) == [("system:identity", False)]
    await receive(database, account("7", f"It is about order {ORDER}"))
    assert await conversations(database) == [(1, 2), (2, 1)]
    assert await merges(database) == [("system:identity", False)]


async def test_4_1_an_address_nobody_has_written_from_is_that_of_the_account(database: Database) -> None:
    await receive(database, account("7", f"Where is order {ORDER}?"), mail(f"Order {ORDER} again"))
    assert await conversations(database) == [(1, 2)]
    rows = await database.read(lambda tx: tx.all(IDENTITIES, {}))
    assert rows == [("account:7", 2), ("email:anna@x.example", 2)]
    assert await merges(database) == []


async def test_4_1_a_claimed_address_merges_nothing(database: Database) -> None:
    await receive(database, mail("Hello", proven=False), account("7", "Hello, I have a question"))
    assert await merges(database) == []


async def test_4_1_two_accounts_are_never_merged(database: Database) -> None:
    await receive(database, account("7", "Hello"), account("8", "Hello there"))
    assert await merges(database) == []


@pytest.mark.parametrize("undone", [True, False])
async def test_4_1_what_people_have_parted_stays_apart(database: Database, *, undone: bool) -> None:
    await receive(database, mail("Hello"))
    if undone:
        await receive(database, account("7", "Hello, I have a question"))
        await database.transact(lambda tx: contacts.unmerge(tx, customer(tx, ANNA), "agent:alice"))
    else:
        await receive(database, account("7", "Hello, I have a question", IdentityKey("email", "other@x.example")))
        seven = IdentityKey("account", "7")
        await database.transact(
            lambda tx: contacts.keep_apart(tx, customer(tx, ANNA), customer(tx, seven), "agent:alice")
        )
    await receive(database, account("7", "Once more"))
    assert await merges(database) == ([("system:identity", True)] if undone else [])
