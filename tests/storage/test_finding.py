"""Conversations are found by words that were noted after the commit, by indexes alone, on both databases."""

import pytest

from router.arrivals import Lease, LeaseLost
from router.model import Inbound
from storage import finding, intake, leases, listing, words
from storage.database import Database, Transaction
from storage.finding import Found
from storage.ids import first_id_at
from storage.intake import Submission
from storage.listing import MOST
from storage.statement import Statement
from tests.storage.inbounds import RULES, arrival, question, rules

COUNT = Statement("SELECT count(*) FROM words")
INVENTED = Statement("INSERT INTO words (word, conversation) VALUES (:word, :conversation)")
AGED = Statement("UPDATE messages SET id = :new WHERE id = :old")
LOOKS = (listing._NUMBERED, words._WITH, words._AMONG, words._COUNT, words._FRESH, words._SAID)


async def receive(database: Database, *inbounds: Inbound) -> None:
    for each in inbounds:
        await database.transact(intake.receive, [Submission(each.channel, [arrival(each)])], rules, RULES)


async def lease_of(database: Database) -> Lease:
    fence = await database.transact(leases.take, "words", "here", 60.0)
    assert fence is not None
    return Lease("words", fence)


async def note_all(
    database: Database, lease: Lease, since: bytes = bytes(16), seen: frozenset[bytes] = frozenset()
) -> int:
    """Note what is new; how many messages that were."""
    fresh, more = await database.read(words.unnoted, since, seen, 0)
    assert not more
    if fresh:
        await database.transact(words.note, lease, fresh)
    return len(fresh)


async def numbers(database: Database, asked: str) -> list[int]:
    found: Found = await database.read(finding.find, "desk", asked)
    return [each.number for each in found.listed]


async def test_all_words_must_be_there_whichever_message_or_name_they_are_in(database: Database) -> None:
    await receive(
        database,
        question("The brass lantern is dented", who="42"),
        question("It came on Monday", who="42"),
        question("A brass kettle?", who="43"),
        question("\u6211\u8981\u9000\u8d27", channel="mail", who="mei@x.example"),
    )
    await note_all(database, await lease_of(database))
    assert await numbers(database, "brass") == [2, 1]
    assert await numbers(database, "MONDAY lantern") == [1]
    assert await numbers(database, "kettle lantern") == []
    assert await numbers(database, "Customer 43") == [2]
    assert await numbers(database, "mei@X.example") == [3]
    assert await numbers(database, "\u9000\u8d27") == [3]
    assert await numbers(database, "#2") == [2]
    assert await numbers(database, "bras") == []


async def test_a_number_is_the_conversation_and_a_word_as_well(database: Database) -> None:
    await receive(database, question("Order 2 of three", who="42"), question("Hello", who="43"))
    await note_all(database, await lease_of(database))
    assert await numbers(database, "2") == [2, 1]
    assert await numbers(database, "99") == []


async def test_what_was_noted_is_not_noted_twice_and_a_late_commit_is_not_missed(database: Database) -> None:
    lease = await lease_of(database)
    await receive(database, question("first"), question("second"))
    fresh, _ = await database.read(words.unnoted, bytes(16), (), 0)
    late, early = fresh
    since = await database.transact(words.note, lease, [early])
    assert since < late
    again, _ = await database.read(words.unnoted, since, {early}, 0)
    assert again == [late]
    await database.transact(words.note, lease, [early, late])
    counted = await database.read(lambda tx: tx.all(COUNT, {}))
    await database.transact(words.note, lease, [early, late])
    assert await database.read(lambda tx: tx.all(COUNT, {})) == counted
    assert await database.read(words.beginning) <= since or since <= late


async def test_words_wait_until_nobody_writes_or_until_they_have_waited_long_enough(database: Database) -> None:
    await receive(database, question("first"))
    assert await database.read(words.unnoted, bytes(16), ()) == ([], False)
    [known], _ = await database.read(words.unnoted, bytes(16), (), 0)
    long_ago = first_id_at(1_000_000).bytes
    await database.transact(lambda tx: tx.run(AGED, {"old": known, "new": long_ago}))
    assert await database.read(words.unnoted, bytes(16), ()) == ([long_ago], False)
    await receive(database, question("second"))
    assert (await database.read(words.unnoted, bytes(16), ()))[0][0] == long_ago


async def test_n1_who_has_lost_the_lease_notes_nothing(database: Database) -> None:
    lease = await lease_of(database)
    await receive(database, question("first"))
    fresh, _ = await database.read(words.unnoted, bytes(16), (), 0)
    with pytest.raises(LeaseLost):
        await database.transact(words.note, Lease("words", lease.fence - 1), fresh)
    assert await database.read(lambda tx: tx.all(COUNT, {})) == [(0,)]


async def test_the_rarest_word_leads_and_what_was_not_looked_at_is_said(database: Database) -> None:
    def invent(tx: Transaction) -> None:
        tx.many(INVENTED, [{"word": "hello", "conversation": number} for number in range(1, 6001)])
        tx.many(INVENTED, [{"word": "kettle", "conversation": number} for number in (1, 3000)])
        tx.many(INVENTED, [{"word": "goodbye", "conversation": number} for number in range(6001, 12_001)])

    await database.transact(invent)
    assert await database.read(words.among, ["hello", "kettle"], 10, 5000) == ([3000, 1], False)
    assert await database.read(words.among, ["hello", "goodbye"], 10, 5000) == ([], True)
    assert await database.read(words.among, ["hello"], 3, 5000) == ([6000, 5999, 5998], False)


async def test_no_look_reads_a_whole_table(database: Database) -> None:
    def plans(tx: Transaction) -> list[str]:
        known = {"desk": "desk", "word": "x", "limit": MOST, "since": bytes(16)}
        lists = {"numbers": [1, 2], "ids": [bytes(16)]}
        found = []
        for look in LOOKS:
            wanted = {name: value for name, value in (known | lists).items() if f":{name}" in look.sql}
            explained = Statement(f"EXPLAIN QUERY PLAN {look.sql}")
            found += [str(row[3]) for row in tx.all(explained, wanted)]
        return found

    if database.dialect == "sqlite":
        steps = await database.read(plans)
        assert steps
        assert [each for each in steps if each.startswith("SCAN") and "few" not in each] == []
