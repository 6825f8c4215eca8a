"""Whom a message may point to and what its thread is asked, as rows, on both databases (4.1)."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from router.arrivals import Lease, LeaseLost
from router.clusters import Asking
from router.identity import Hint
from router.model import IdentityKey, Sender
from router.suggestions import Candidate, Mentioned
from storage import contacts, suggesting
from storage.changes import Touched
from storage.database import Database, Transaction
from storage.statement import Statement
from tests.router.test_attaching import BOOK
from tests.storage.inbounds import question
from tests.storage.test_incidents import held, looked, rows, say

ANN = IdentityKey("email", "ann@customer.example")
PAIRS = Statement("SELECT apart, actor FROM contact_pairs")
NOTICES = Statement("SELECT body FROM outbox WHERE kind = 'notice'")
WHY = (Hint.TYPED_EMAIL, Hint.NAME)

LOOKS = (
    suggesting._NAMES,
    suggesting._NUMBERED,
    suggesting._LATELY,
    suggesting._CONVERSATIONS,
    contacts._PAIRED,
    contacts._OF_IDENTITY,
)


async def test_no_look_reads_all_conversations(database: Database) -> None:
    def plans(tx: Transaction) -> list[str]:
        known = {"numbers": [1, 2], "since": 1, "at": 1, "key": "email:ann@customer.example"}
        lists = {name: [bytes(16)] for name in ("ids", "these", "those")}
        found = []
        for look in LOOKS:
            wanted = {name: value for name, value in (known | lists).items() if f":{name}" in look.sql}
            found += [str(row[3]) for row in tx.all(Statement(f"EXPLAIN QUERY PLAN {look.sql}"), wanted)]
        return found

    if database.dialect == "sqlite":
        steps = await database.read(plans)
        assert steps
        assert [each for each in steps if each.startswith("SCAN")] == []


async def who_asks(database: Database) -> tuple[Asking, Candidate]:
    """Somebody who has named Ann's address, and Ann."""
    await say(database, question("Where is my parcel?", channel="mail", sender=Sender(identity=ANN, name="Ann")))
    await say(database, question(f"Please ask {ANN.value}"))
    asking = (await looked(database)).askings[-1]
    found = await database.read(suggesting.look, asking, Mentioned(keys=[ANN]), ())
    (candidate,) = found.candidates
    return asking, candidate


async def suggest(database: Database, lease: Lease, asking: Asking, candidate: Candidate) -> Touched | None:
    return await database.transact(suggesting.suggest, lease, asking, candidate, WHY, BOOK)


async def notices(database: Database) -> Sequence[object]:
    return await rows(database, NOTICES)


async def test_4_1_two_people_are_asked_about_once(database: Database) -> None:
    asking, candidate = await who_asks(database)
    assert candidate.named == "#1"
    lease = await held(database)
    assert await suggest(database, lease, asking, candidate) is not None
    assert await suggest(database, lease, asking, candidate) is None
    assert len(await notices(database)) == 1
    assert (await database.read(suggesting.look, asking, Mentioned(keys=[ANN]), ())).candidates == []


@pytest.mark.parametrize("apart", [True, False])
async def test_4_1_what_an_agent_has_said_since_the_look_stands(database: Database, *, apart: bool) -> None:
    asking, candidate = await who_asks(database)

    def decide(tx: Transaction, one: UUID, other: UUID) -> None:
        if apart:
            contacts.keep_apart(tx, one, other, "agent:alice")
        else:
            contacts.merge(tx, one, other, "agent:alice", "")

    await database.transact(decide, asking.contact, candidate.contact.id)
    assert await suggest(database, await held(database), asking, candidate) is None
    assert await notices(database) == []
    assert [(bool(row[0]), row[1]) for row in await rows(database, PAIRS)] == [(True, "agent:alice")] * apart


async def test_n1_who_has_lost_the_lease_asks_nobody(database: Database) -> None:
    asking, candidate = await who_asks(database)
    lease = await held(database)
    with pytest.raises(LeaseLost):
        await suggest(database, Lease(lease.resource, lease.fence - 1), asking, candidate)
    assert await notices(database) == []
