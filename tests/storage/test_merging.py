"""Merging, unmerging and splitting as units of work, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from router.decision import Decision, Snapshot
from router.events import EventType
from router.model import DeliveryState, Inbound, Status
from router.regrouping import Merge, Unmerge
from router.richtext import Mention, Paragraph, RichText, Span, plain
from router.routing import decide
from router.rulebook import ReplyMode, Rulebook
from router.targets import Metric, Policy, Target
from router.terms import Terms
from storage import assignments, contacts, intake, merging, rounds, settling
from storage.codec import json_of, outgoing_of
from storage.database import Database, Transaction, to_micros
from storage.ids import new_id
from storage.intake import Received, Submission
from storage.outbox import Settlement
from storage.settling import Ending
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.router.logs import generated
from tests.storage.inbounds import RULES, answer, arrival, question
from tests.storage.test_outbox import claim

FAST = Policy(id="fast", targets={metric: Target(seconds=180) for metric in (Metric.FIRST, Metric.NEXT)})
BOOK: Rulebook = replace(
    RULES, policies=(FAST,), terms=Terms(policies={("fast", 1): FAST}, unjudged=RULES.terms.unjudged)
)
QUIET_BOOK = replace(BOOK, routes=(*BOOK.routes, replace(BOOK.routes[0], id="quiet", reply_mode=ReplyMode.NOTE)))

QUIETEN = Statement("UPDATE conversations SET route = 'quiet' WHERE number = :number")
LINK = Statement(
    """
    UPDATE legs SET thread_key = 'desk:C1:' || (SELECT number FROM conversations c WHERE c.id = conversation)
    WHERE desk
    """
)
STATE = Statement(
    """
    SELECT number, status, owner, merged_into, waiting_since, resolved_at FROM conversations ORDER BY number
    """
)
ROUNDS = Statement(
    """
    SELECT c.number, r.number, r.kind, r.outcome, r.sla, r.start_at, r.end_at, r.deadline, r.owner, r.channel
    FROM rounds r JOIN conversations c ON c.id = r.conversation ORDER BY c.number, r.number
    """
)
ALARMS = Statement(
    """
    SELECT c.number, t.ref, t.due_at FROM timers t JOIN conversations c ON c.id = t.conversation
    WHERE t.kind = 'alarm' AND t.fired_at IS NULL ORDER BY t.due_at, t.ref
    """
)
LEGS = Statement(
    """
    SELECT c.number, l.channel, l.address, l.desk, l.last_in_at, l.last_remote_id, l.closed
    FROM legs l JOIN conversations c ON c.id = l.conversation ORDER BY c.number, l.channel, l.address
    """
)
SHOWN = Statement(
    """
    SELECT o.body FROM outbox o JOIN conversations c ON c.id = o.conversation
    WHERE c.number = :number AND o.channel = 'desk' ORDER BY o.seq, o.part
    """
)
SENT = Statement("SELECT channel, address, conversation FROM outbox WHERE channel <> 'desk' ORDER BY created_at, id")
EVENTS = Statement(
    """
    SELECT e.type, e.actor, e.payload FROM events e JOIN conversations c ON c.id = e.conversation
    WHERE c.number = :number ORDER BY e.seq
    """
)
MESSAGES = Statement(
    """
    SELECT c.number, m.body FROM messages m JOIN conversations c ON c.id = m.conversation
    WHERE m.author_kind = 'customer' ORDER BY m.received_at, m.id
    """
)
IDS = Statement("SELECT id FROM conversations ORDER BY number")
CONTACTS = Statement("SELECT contact FROM conversations WHERE number IN :numbers")
FIRED = Statement("UPDATE timers SET fired_at = due_at WHERE kind = 'alarm' AND ref LIKE :ref")


async def receive(database: Database, inbound: Inbound, rules: Rulebook = BOOK) -> Received:
    def judged(snapshot: Snapshot, inbound: Inbound) -> Decision:
        return decide(snapshot, inbound, rules)

    return await database.transact(intake.receive, [Submission(inbound.channel, [arrival(inbound)])], judged, rules)


async def rows(database: Database, statement: Statement, **parameters: Any) -> list[tuple[Any, ...]]:
    return await database.read(lambda tx: tx.all(statement, parameters))


def verb(text: str, thread: int, **more: Any) -> Inbound:
    words = RichText((Paragraph((Mention("onevoice", "U0BOT"), Span(f" {text}"))),))
    return replace(answer("", f"C1:{thread}", **more), text=words)


async def say(database: Database, text: str, thread: int) -> Received:
    """Alice says "@onevoice ..." in the thread of a conversation."""
    return await receive(database, verb(text, thread))


async def asks(database: Database, text: str, channel: str, who: str) -> None:
    """A customer writes; the threads of new conversations are named after their numbers."""
    await receive(database, question(text, channel=channel, who=who))
    await database.transact(lambda tx: tx.run(LINK, {}))


async def link(database: Database, *numbers: int) -> None:
    """The customers of these conversations are the same person."""

    def work(tx: Transaction) -> None:
        one, other = (UUID(bytes=row[0]) for row in tx.all(CONTACTS, {"numbers": numbers}))
        contacts.merge(tx, one, other, "agent:alice", "")

    await database.transact(work)


async def shown(database: Database, number: int) -> list[str]:
    return [plain(outgoing_of(row[0]).text) for row in await rows(database, SHOWN, number=number)]


async def everything(database: Database) -> list[object]:
    return [await rows(database, each) for each in (STATE, ROUNDS, ALARMS, LEGS)]


@pytest.fixture
async def two(database: Database) -> Database:
    """One person who waits on two channels: 1 on Telegram, 2 by mail."""
    await asks(database, "Where is my parcel?", "tg", "42")
    await asks(database, "My parcel did not come", "mail", "ann@x.example")
    await link(database, 1, 2)
    return database


async def test_d25_a_merged_conversation_is_void_and_its_survivor_has_the_rounds_of_both(two: Database) -> None:
    before = await rows(two, ROUNDS)
    await say(two, "merge #2 the same parcel", 1)
    state = await rows(two, STATE)
    ids = [row[0] for row in await rows(two, IDS)]
    assert [(row[0], row[1], row[3]) for row in state] == [(1, "open", ids[1]), (2, "open", None)]
    assert state[0][4] is None
    found = await rows(two, ROUNDS)
    assert [(row[0], row[3], row[5]) for row in found] == [(2, "open", before[0][5])]
    assert {row[0] for row in await rows(two, ALARMS)} == {2}
    assert [each.count for each in await two.read(rounds.waiting, BOOK.terms)] == [1]
    assert [each.id for each in (await two.read(assignments.situation, timedelta(hours=1))).queue] == [
        UUID(bytes=ids[1])
    ]


async def test_both_threads_are_told_of_a_merge_and_it_is_on_record(two: Database) -> None:
    await say(two, "merge #2 the same parcel", 1)
    assert "Merged into conversation #2" in (await shown(two, 1))[-1]
    assert "Conversation #1 was merged into this one: the same parcel" in (await shown(two, 2))[-1]
    one, other = await rows(two, EVENTS, number=1), await rows(two, EVENTS, number=2)
    assert [row[:2] for row in one if row[0] == "conversation_merged"] == [("conversation_merged", "agent:alice")]
    (absorbed,) = [row for row in other if row[0] == "conversation_absorbed"]
    assert absorbed[1] == "agent:alice"
    assert "the same parcel" in absorbed[2]


async def test_merge_then_unmerge_is_the_identity_on_rows(two: Database) -> None:
    await receive(two, answer("It is on its way.", "C1:1"))
    await asks(two, "When?", "tg", "42")
    await receive(two, verb("resolve", 2))
    before = await everything(two)
    await say(two, "merge #2", 1)
    assert await everything(two) != before
    await say(two, "unmerge", 1)
    assert await everything(two) == before
    await say(two, "merge #1", 2)
    await say(two, "unmerge not the same", 2)
    assert await everything(two) == before


async def test_a_customer_who_waits_still_waits_when_the_other_conversation_was_resolved_meanwhile(
    two: Database,
) -> None:
    await receive(two, verb("resolve", 2))
    waiting = (await rows(two, STATE))[0][4]
    await say(two, "merge #2", 1)
    (state,) = [row for row in await rows(two, STATE) if row[0] == 2]
    assert (state[1], state[4]) == ("open", waiting)


async def test_the_survivor_keeps_its_owner_and_takes_over_that_of_the_absorbed_one_if_it_has_none(
    two: Database,
) -> None:
    await receive(two, verb("take", 1))
    await say(two, "merge #2", 1)
    assert [row[2] for row in await rows(two, STATE)] == ["alice", "alice"]
    await say(two, "unmerge", 1)
    assert [row[2] for row in await rows(two, STATE)] == ["alice", None]


async def test_a_post_in_the_absorbed_thread_reaches_the_customer_and_both_threads_know(two: Database) -> None:
    await say(two, "merge #2", 1)
    await receive(two, answer("We look into it.", "C1:1"))
    ids = [row[0] for row in await rows(two, IDS)]
    assert [(row[0], row[1], row[2]) for row in await rows(two, SENT)] == [("mail", "ann@x.example", ids[1])]
    assert "Alice Chen answered in the thread of #1:\n\nWe look into it." in await shown(two, 2)
    await say(two, "status away", 1)
    assert "away" in (await shown(two, 1))[-1]
    assert "away" in (await shown(two, 2))[-1]


@pytest.mark.parametrize("quiet", [1, 2], ids=["absorbed", "survivor"])
async def test_s9_a_plain_post_in_the_absorbed_thread_is_a_note_where_one_of_both_has_notes(
    two: Database, quiet: int
) -> None:
    await two.transact(lambda tx: tx.run(QUIETEN, {"number": quiet}))
    await say(two, "merge #2", 1)
    await receive(two, answer("He is lying.", "C1:1"), QUIET_BOOK)
    assert await rows(two, SENT) == []
    await receive(two, verb("reply We look into it.", 1), QUIET_BOOK)
    assert [row[0] for row in await rows(two, SENT)] == ["mail"]


async def test_what_the_customer_writes_goes_to_the_survivor_on_every_channel(two: Database) -> None:
    await say(two, "merge #2", 1)
    posts = len(await shown(two, 1))
    await asks(two, "Any news?", "tg", "42")
    await asks(two, "Still waiting", "mail", "ann@x.example")
    assert [row[0] for row in await rows(two, MESSAGES)] == [1, 2, 2, 2]
    assert len(await shown(two, 1)) == posts
    await receive(two, answer("Tomorrow.", "C1:2"))
    assert (await rows(two, SENT))[-1][0] == "mail"
    assert len(await rows(two, STATE)) == 2


async def test_a_merge_across_linked_contacts_keeps_the_other_one_in_the_survivor(two: Database) -> None:
    """The contact of 1 has no conversation of its own any more."""
    await say(two, "merge #2", 1)
    await asks(two, "And again", "tg", "42")
    assert [row[0] for row in await rows(two, MESSAGES)][-1] == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("merge", "Say which conversation goes on"),
        ("merge #1", "This is conversation #1 itself"),
        ("merge #99", "There is no conversation #99"),
        ("merge #3", "Conversation #3 is of another customer"),
        ("unmerge", "This conversation was not merged into another"),
    ],
)
async def test_what_cannot_be_merged_is_refused_with_a_sentence(two: Database, asked: str, said: str) -> None:
    await asks(two, "Somebody else", "tg", "43")
    before = await everything(two)
    await say(two, asked, 1)
    assert said in (await shown(two, 1))[-1]
    assert await everything(two) == before


async def test_circles_and_absorbed_conversations_are_refused_naming_the_survivor(two: Database) -> None:
    await say(two, "merge #2", 1)
    await say(two, "merge #1", 2)
    assert "Conversation #1 was merged into this one already" in (await shown(two, 2))[-1]
    await say(two, "merge #2", 1)
    assert "Conversation #1 was merged into #2 already." in (await shown(two, 1))[-1]
    await asks(two, "On the web as well", "web", "v1")
    await link(two, 1, 3)
    await say(two, "merge #1", 3)
    assert "Conversation #1 was merged into #2: say @onevoice merge #2" in (await shown(two, 3))[-1].replace("`", "")
    assert [row[3] is None for row in await rows(two, STATE)] == [False, True, True]


async def test_a_chain_of_merges_is_taken_apart_in_any_order(two: Database) -> None:
    await asks(two, "On the web as well", "web", "v1")
    await link(two, 1, 3)
    apart = await everything(two)
    await say(two, "merge #2", 1)
    one_in_two = await everything(two)
    await say(two, "merge #3", 2)
    assert [(row[0], row[3]) for row in await rows(two, ROUNDS)] == [(3, "open")]
    await receive(two, answer("We know.", "C1:1"))
    assert "Alice Chen answered in the thread of #1:\n\nWe know." in await shown(two, 3)
    await say(two, "unmerge", 2)
    assert (await everything(two))[0][0:2] == one_in_two[0][0:2]  # type: ignore[index]  # rows
    await say(two, "merge #3", 2)
    await say(two, "unmerge", 1)
    assert (await rows(two, STATE))[0] == apart[0][0]  # type: ignore[index]  # rows
    assert (await rows(two, ROUNDS))[0][0] == 1


async def test_the_same_post_twice_merges_once(two: Database) -> None:
    inbound = verb("merge #2", 1)
    await receive(two, inbound)
    once = await everything(two)
    await receive(two, inbound)
    assert await everything(two) == once


async def test_a_warning_given_before_the_merge_is_not_given_again(two: Database) -> None:
    (due,) = [row for row in await rows(two, ALARMS) if row[0] == 1 and ":50:" in row[1]]
    await two.transact(lambda tx: tx.run(FIRED, {"ref": due[1]}))
    await say(two, "merge #2", 1)
    assert [row for row in await rows(two, ALARMS) if ":50:" in row[1]] == []
    assert [row for row in await rows(two, ALARMS) if ":75:" in row[1]] != []


async def test_d25_split_messages_keep_their_times_and_wait_in_a_conversation_of_their_own(database: Database) -> None:
    await asks(database, "Where is my parcel?", "tg", "42")
    await receive(database, answer("It comes tomorrow.", "C1:1"))
    await asks(database, "Thanks!", "tg", "42")
    await asks(database, "The lamp is broken", "tg", "42")
    await asks(database, "And I want my money back", "tg", "42")
    received = await database.read(lambda tx: tx.all(Statement("SELECT received_at FROM messages ORDER BY seq"), {}))
    await say(database, "split last 2 Broken lamp", 1)
    await database.transact(lambda tx: tx.run(LINK, {}))
    assert [row[0] for row in await rows(database, MESSAGES)] == [1, 1, 2, 2]
    found = await rows(database, ROUNDS)
    assert [(row[0], row[3]) for row in found if row[3] == "open"] == [(1, "open"), (2, "open")]
    assert found[-1][5] == received[-2][0]
    posts = await shown(database, 2)
    assert posts[1:] == ["The lamp is broken", "And I want my money back"]
    assert "went to the new conversation #2 (Broken lamp)" in (await shown(database, 1))[-1]
    await receive(database, answer("Sorry, we refund it.", "C1:2"))
    assert (await rows(database, SENT))[-1][:2] == ("tg", "42")
    events = await rows(database, EVENTS, number=1)
    assert [row[1] for row in events if row[0] == "conversation_split"] == ["agent:alice"]
    assert len([row for row in events if row[0] == "message_moved"]) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("split last 2", "The customer has written 2 messages here, and one must stay"),
        ("split last 0", "Between 1 and 50 messages"),
        ("split last 1 // a fraud", "marked as a note"),
        ("split this", "Say how many"),
    ],
)
async def test_what_cannot_be_split_is_refused_with_a_sentence(database: Database, asked: str, said: str) -> None:
    await asks(database, "One", "tg", "42")
    await asks(database, "Two", "tg", "42")
    await say(database, asked, 1)
    assert said in (await shown(database, 1))[-1]
    assert len(await rows(database, STATE)) == 1


CONTACT = Statement("INSERT INTO contacts (id, name, created_at) VALUES (:id, 'Ann', 0)")
CONVERSATION = Statement(
    """
    INSERT INTO conversations (id, number, contact, status, opened_at, next_seq, policy, policy_version)
    VALUES (:id, :number, :contact, :status, 0, 1000, 'p1', 1)
    """
)
EVENT = Statement(
    """
    INSERT INTO events (conversation, seq, type, at, actor, payload)
    VALUES (:conversation, :seq, :type, :at, :actor, :payload)
    """
)
ENDS = (Status.RESOLVED, Status.OPEN, Status.PENDING)
"""The last event of a generated log, so that statuses differ."""

STATUS = Statement("UPDATE conversations SET status = :status WHERE id = :id")


def told(tx: Transaction, number: int, seed: int, terms: Terms, contact: UUID) -> UUID:
    """A conversation with a generated log, its rounds and alarms."""
    conversation = new_id()
    row = {"id": conversation.bytes, "number": number, "contact": contact.bytes, "status": "open"}
    tx.run(CONVERSATION, row)
    log = [each for each in generated(seed, 12)[0] if each.type not in {EventType.VOIDED, EventType.UNVOIDED}]
    end = replace(log[-1], seq=len(log) + 20, type=EventType.STATUS_CHANGED, payload={"to": ENDS[seed % len(ENDS)]})
    for event in (*log, end):
        payload = dict(event.payload)
        for name in payload.keys() & {"message", "key"}:
            payload[name] = uuid5(conversation, str(payload[name])).hex
        tx.run(
            EVENT,
            {
                "conversation": conversation.bytes,
                "seq": event.seq,
                "type": event.type,
                "at": to_micros(event.at),
                "actor": event.actor,
                "payload": json_of(payload),
            },
        )
    figures = rounds.figures_of(tx, conversation, terms)
    state = figures.cycles[-1].resolution.state if figures.cycles else Status.OPEN
    tx.run(STATUS, {"id": conversation.bytes, "status": state.value})
    known = Snapshots(tx, ()).conversation(conversation)
    assert known is not None
    rounds.refresh(tx, known, rounds.STALE, terms)
    return conversation


def as_it_is(tx: Transaction) -> list[object]:
    return [tx.all(each, {}) for each in (STATE, ROUNDS, ALARMS)]


async def test_d25_merge_then_unmerge_is_the_identity_for_generated_logs(database: Database) -> None:
    """Rounds, deadlines, alarms and status, whatever happened in the two conversations."""

    def work(tx: Transaction, seed: int) -> bool:
        _, terms = generated(seed)
        contact = new_id()
        tx.run(CONTACT, {"id": contact.bytes})
        one = told(tx, 2 * seed + 1, seed, terms, contact)
        other = told(tx, 2 * seed + 2, 7 * seed + 1000, terms, contact)
        before = as_it_is(tx)
        figures_before = [rounds.figures_of(tx, each, terms) for each in (one, other)]
        snapshots, book = Snapshots(tx, ()), replace(BOOK, terms=terms)
        merging.carry_out(tx, snapshots, Merge(absorbed=one, survivor=other, actor="agent:alice"), book)
        merged = as_it_is(tx)
        survivor = Snapshots(tx, ()).conversation(one)
        assert survivor is not None
        assert survivor.id == other
        figures = rounds.figures_of(tx, other, terms)
        assert (survivor.waiting_since is None) == (figures.waiting is None)
        assert not figures.cycles or figures.cycles[-1].resolution.state is survivor.status
        merging.carry_out(tx, snapshots, Unmerge(absorbed=one, actor="agent:alice"), book)
        assert as_it_is(tx) == before, f"seed {seed}"
        assert [rounds.figures_of(tx, each, terms) for each in (one, other)] == figures_before, f"seed {seed}"
        return merged != before

    changed = [await database.transact(work, seed) for seed in range(25)]
    assert all(changed)


async def test_two_nodes_that_merge_two_conversations_into_each_other_make_no_circle(
    two: Database, database_url: str
) -> None:
    """The second one sees what the first did, or is told so; a message that comes in between is lost to nobody."""
    nodes = [two]
    if database_url.startswith("postgresql"):
        nodes += [Database(database_url), Database(database_url)]
    try:
        await asyncio.gather(
            say(nodes[0], "merge #2", 1),
            say(nodes[-1], "merge #1", 2),
            receive(nodes[len(nodes) // 2], question("Any news?", channel="tg", who="42")),
        )
    finally:
        for each in nodes[1:]:
            each.close()
    absorbed = [row[3] is not None for row in await rows(two, STATE)]
    assert sorted(absorbed) == [False, True]
    survivor = absorbed.index(False) + 1
    assert {row[0] for row in await rows(two, ROUNDS)} == {survivor}
    assert [row[4] is None for row in await rows(two, STATE)] == absorbed


HURRY = (
    Statement("UPDATE outbox SET not_before = 0 WHERE channel = 'tg'"),
    Statement("UPDATE lanes SET due_at = 0 WHERE channel = 'tg'"),
)


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.FAILED])
async def test_a_reply_that_was_under_way_counts_for_the_conversation_it_was_written_in(
    two: Database, state: DeliveryState
) -> None:
    """Both while it is merged and after the unmerge; the failure is told in both threads."""
    await receive(two, answer("It is on its way.", "C1:1"))
    await say(two, "merge #2", 1)
    await two.transact(lambda tx: [tx.run(each, {}) for each in HURRY])
    (claimed,) = await claim(two)
    ending = Ending(Settlement(state, remote_ids=("r1",), error="the chat is gone"))
    await two.transact(settling.settle, claimed, ending, BOOK)
    failed = state is DeliveryState.FAILED
    assert [row[3] for row in await rows(two, ROUNDS)] == ["open" if failed else "answered"]
    assert any("the chat is gone" in each for each in await shown(two, 1)) is failed
    assert any("the chat is gone" in each for each in await shown(two, 2)) is failed
    await say(two, "unmerge", 1)
    expected = [(1, "open"), (2, "open")] if failed else [(1, "answered"), (2, "open")]
    assert [(row[0], row[3]) for row in await rows(two, ROUNDS)] == expected
