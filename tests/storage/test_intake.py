"""The unit of work behind the one door in, on both databases."""

import asyncio
import threading
from dataclasses import replace

import pytest

from connectors.base import Cursor, Fate, Lease
from router.arrivals import Arrival
from router.decision import Decision, Snapshot
from router.model import IdentityKey, Inbound, InboundKind, Thread
from router.richtext import of_text
from storage import feeds, intake
from storage.database import Database, Transaction
from storage.ids import new_id
from storage.intake import Received, Submission
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question, rules
from tests.storage.test_lane_races import Connection

MESSAGES = Statement("SELECT channel, author_kind, visibility, body, version, deleted FROM messages ORDER BY id")
CONVERSATIONS = Statement("SELECT number, status, next_seq FROM conversations ORDER BY number")
OUTBOX = Statement("SELECT lane, seq, part, kind, state FROM outbox ORDER BY lane, seq, part")
EVENTS = Statement("SELECT seq, type FROM events ORDER BY conversation, seq")
SHOWN = Statement("SELECT body FROM outbox WHERE channel = 'desk' AND kind = 'message' AND state = 'ready'")
TIERS = Statement("SELECT tier FROM contacts")
RESOLVE = Statement("UPDATE conversations SET status = 'resolved', resolved_at = 1")
CLOSED = Statement(
    "SELECT c.number, l.closed FROM conversations c JOIN legs l ON l.conversation = c.id AND NOT l.desk ORDER BY number"
)
LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")


def rows(statement: Statement) -> object:
    return lambda tx: tx.all(statement, {})


async def receive(database: Database, *inbounds: Inbound, channel: str | None = None) -> Received:
    submissions = [Submission(channel or each.channel, [arrival(each)]) for each in inbounds]
    return await database.transact(intake.receive, submissions, rules, RULES)


async def found(database: Database, statement: Statement) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(statement, {}))


async def closed(database: Database) -> list[tuple[object, bool]]:
    """Of each conversation, whether its customer cannot be reached where they wrote."""
    return [(number, bool(is_closed)) for number, is_closed in await found(database, CLOSED)]


def link(tx: Transaction) -> None:
    tx.run(LINK, {})


async def test_r1_a_message_and_its_deliveries_are_one_commit(database: Database) -> None:
    received = await receive(database, question())
    assert [each.fate for each in received.receipts[0] or ()] == [Fate.STORED]
    assert received.touched.channels == {"desk"}
    assert await found(database, CONVERSATIONS) == [(1, "open", 3)]
    assert [row[1:] for row in await found(database, OUTBOX)] == [(1, 1, "root", "ready"), (2, 1, "message", "ready")]
    assert [row[1] for row in await found(database, EVENTS)] == ["conversation_opened", "message_received"]


async def test_a_second_message_joins_the_open_conversation(database: Database) -> None:
    await receive(database, question("one"))
    await receive(database, question("two"))
    assert await found(database, CONVERSATIONS) == [(1, "open", 4)]
    assert len(await found(database, MESSAGES)) == 2


async def test_a_batch_sees_its_own_earlier_items(database: Database) -> None:
    await receive(database, question("one"), question("two"), question("three", who="43"), question("four"))
    assert [row[0] for row in await found(database, CONVERSATIONS)] == [1, 2]
    assert [row[2] for row in await found(database, CONVERSATIONS)] == [5, 3]


async def test_w2_the_tier_the_shop_says_is_kept_with_its_message_until_it_says_another(database: Database) -> None:
    async def tier(*said: str | None) -> object:
        asked = question(channel="web")
        sender = replace(asked.sender, identity=IdentityKey("account", "7"))
        await receive(
            database, *(replace(asked, sender=replace(sender, tier=each), remote_id=f"{new_id()}") for each in said)
        )
        ((now,),) = await found(database, TIERS)
        return now

    assert await tier("vip") == "vip"
    assert await tier(None) == "vip"
    assert await tier("gold", "silver", None) == "silver"
    assert await tier("") is None


async def test_w2_the_last_tier_of_a_batch_counts_for_somebody_new(database: Database) -> None:
    first = question(channel="web")
    second = replace(first, remote_id="later", sender=replace(first.sender, tier="vip"))
    await receive(database, first, second)
    assert await found(database, TIERS) == [("vip",)]
    assert await found(database, EVENTS) == [
        (1, "conversation_opened"), (2, "message_received"), (3, "message_received"), (4, "tier_changed"),
    ]  # fmt: skip


@pytest.mark.parametrize("opens", [True, False], ids=["a help channel", "below a mention"])
async def test_h2_what_somebody_else_writes_below_a_question_of_the_same_batch_goes_on_with_it(
    database: Database, opens: bool
) -> None:
    asked = replace(question("My laptop is broken", who="dana"), address="C9:1", thread=Thread(apart=True))
    below = Thread(remote_ids=(asked.remote_id,), apart=True, opens=opens)
    await receive(database, asked, replace(question("Mine too", who="carol"), address="C9:1", thread=below))
    assert [row[0] for row in await found(database, CONVERSATIONS)] == [1]
    assert [row[3] for row in await found(database, MESSAGES)] == ['["My laptop is broken"]', '["Mine too"]']


async def test_x3_the_same_item_three_times_at_once_and_again_is_one_message(database: Database) -> None:
    inbound = question()
    results = await asyncio.gather(*(receive(database, inbound) for _ in range(3)))
    later = await receive(database, inbound)
    receipts = [each for result in (*results, later) for each in result.receipts[0] or ()]
    assert sorted(each.fate for each in receipts) == [Fate.DUPLICATE, Fate.DUPLICATE, Fate.DUPLICATE, Fate.STORED]
    assert len({each.message for each in receipts}) == 1
    assert len(await found(database, MESSAGES)) == 1


async def test_x3_a_batch_with_the_same_item_twice_stores_it_once(database: Database) -> None:
    inbound = question()
    received = await receive(database, inbound, inbound)
    fates = [each.fate for result in received.receipts for each in result or ()]
    assert fates == [Fate.STORED, Fate.DUPLICATE]
    assert len(await found(database, MESSAGES)) == 1


async def test_w4_a_known_key_with_other_content_is_a_conflict(database: Database) -> None:
    inbound = question(channel="web", who="v1")
    first = await database.transact(intake.receive, [Submission("web", [arrival(inbound, b"one")])], rules, RULES)
    again = await database.transact(intake.receive, [Submission("web", [arrival(inbound, b"one")])], rules, RULES)
    other = await database.transact(intake.receive, [Submission("web", [arrival(inbound, b"two")])], rules, RULES)
    receipts = [(each.receipts[0] or ())[0] for each in (first, again, other)]
    assert [each.fate for each in receipts] == [Fate.STORED, Fate.DUPLICATE, Fate.CONFLICT]
    assert [each.feed_seq for each in receipts] == [1, 1, 1]


async def test_n1_a_cursor_with_an_old_fence_stores_nothing(database: Database) -> None:
    fresh = Submission("tg", [arrival(question("a"))], Cursor("updates", "10", Lease("tg:poll", 2)))
    stale = Submission("tg", [arrival(question("b"))], Cursor("updates", "5", Lease("tg:poll", 1)))
    received = await database.transact(intake.receive, [fresh], rules, RULES)
    late = await database.transact(intake.receive, [stale], rules, RULES)
    assert received.receipts[0] is not None
    assert late.receipts == (None,)
    assert await database.read(intake.cursor_value, "tg", "updates") == "10"
    assert len(await found(database, MESSAGES)) == 1


async def test_x2_what_cannot_be_parsed_is_kept_aside_and_the_next_goes_on(database: Database) -> None:
    broken = Arrival(key="k1", raw=b"\xff", problem="not JSON")
    received = await database.transact(intake.receive, [Submission("tg", [broken, arrival(question())])], rules, RULES)
    assert [each.fate for each in received.receipts[0] or ()] == [Fate.QUARANTINED, Fate.STORED]
    kept = await database.read(intake.quarantined, 10)
    assert [(each.channel, each.error, each.raw) for each in kept] == [("tg", "not JSON", b"\xff")]


async def test_decision_7_raw_mail_waits_for_its_parser_and_is_done_once(database: Database) -> None:
    raw = Arrival(key="m1", raw=b"From: x", meta={"peer": "127.0.0.1"})
    received = await database.transact(intake.receive, [Submission("mail", [raw])], rules, RULES)
    waiting = await database.read(intake.waiting, 10)
    assert [each.id for each in waiting] == list(received.unparsed)
    assert waiting[0].meta == {"peer": "127.0.0.1"}
    item = waiting[0].id
    inbound = question(channel="mail", who="ann@x.example")
    await database.transact(intake.store_parsed, [(item, inbound)], rules, RULES)
    await database.transact(intake.store_parsed, [(item, inbound)], rules, RULES)
    assert len(await found(database, MESSAGES)) == 1
    assert await database.read(intake.waiting, 10) == []


async def test_a_reply_goes_to_the_customer_with_its_hold(database: Database) -> None:
    await receive(database, question())
    await database.transact(link)
    await receive(database, answer("On its way.", "C1:1.1", order=77))
    lanes = {row[0]: row for row in await found(database, OUTBOX)}
    assert lanes["tg:42"][1:] == (77, 1, "message", "ready")


@pytest.mark.parametrize("back", [question(kind=InboundKind.MEMBERSHIP, value="member"), question("I am back")])
async def test_t12_a_customer_who_blocked_us_and_is_back_is_so_in_all_their_conversations(
    database: Database, back: Inbound
) -> None:
    await receive(database, question())
    await database.transact(lambda tx: tx.run(RESOLVE, {}))
    await receive(database, question(), question(who="43"))
    await receive(database, question(kind=InboundKind.MEMBERSHIP, value="kicked"))
    assert await closed(database) == [(1, True), (2, True), (3, False)]
    await receive(database, back)
    assert await closed(database) == [(1, False), (2, False), (3, False)]


async def test_s9_a_note_makes_no_delivery_to_the_customer(database: Database) -> None:
    await receive(database, question())
    await database.transact(link)
    await receive(database, answer("\u200b/\u200b/ he is angry", "C1:1.1"))
    assert "tg:42" not in {row[0] for row in await found(database, OUTBOX)}
    assert [row[2] for row in await found(database, MESSAGES)] == ["public", "note"]


async def test_s8_somebody_who_is_not_listed_speaks_to_nobody(database: Database) -> None:
    await receive(database, question())
    await database.transact(link)
    await receive(database, answer("Hello", "C1:1.1", user="U0STRANGER"))
    kinds = [(row[0].split(":")[0], row[3]) for row in await found(database, OUTBOX)]  # type: ignore[attr-defined]
    assert ("tg", "message") not in kinds
    assert ("desk", "notice") in kinds


async def test_x11_an_edit_before_it_leaves_changes_what_leaves(database: Database) -> None:
    await receive(database, question())
    await database.transact(link)
    reply = answer("On its wya.", "C1:1.1")
    await receive(database, reply)
    edit = question("On its way.", channel="desk", kind=InboundKind.EDIT, target=reply.remote_id)
    await receive(database, edit)
    bodies = await database.read(lambda tx: tx.all(Statement("SELECT body FROM outbox WHERE lane = 'tg:42'"), {}))
    assert len(bodies) == 1
    assert "On its way." in bodies[0][0]
    assert [row[4] for row in await found(database, MESSAGES)] == [1, 2]


async def test_x11_a_deleted_reply_that_has_not_left_never_leaves(database: Database) -> None:
    await receive(database, question())
    await database.transact(link)
    reply = answer("Oops", "C1:1.1")
    await receive(database, reply)
    await receive(database, question("", channel="desk", kind=InboundKind.DELETE, target=reply.remote_id))
    states = {row[0]: row[4] for row in await found(database, OUTBOX)}
    assert states["tg:42"] == "withdrawn"


async def test_x11_an_edit_that_comes_with_its_message_counts(database: Database) -> None:
    cancel = question("Cancel order 5")
    edit = question("Do not cancel it", kind=InboundKind.EDIT, target=cancel.remote_id)
    await database.transact(intake.receive, [Submission("tg", [arrival(cancel), arrival(edit)])], rules, RULES)
    assert [row[3:5] for row in await found(database, MESSAGES)] == [('["Do not cancel it"]', 2)]
    ((body,),) = await found(database, SHOWN)
    assert "Do not cancel it" in str(body)


async def test_x11_a_deletion_that_comes_with_its_message_counts(database: Database) -> None:
    oops = question("Oops")
    gone = question("", kind=InboundKind.DELETE, target=oops.remote_id)
    await receive(database, oops, gone)
    assert [row[4:] for row in await found(database, MESSAGES)] == [(2, True)]
    assert await found(database, SHOWN) == []


async def test_x11_a_deletion_that_names_nobody_takes_back_a_reply_of_the_same_batch(database: Database) -> None:
    await receive(database, question())
    await database.transact(link)
    reply = answer("Oops", "C1:1.1")
    await receive(database, reply, question("", channel="desk", kind=InboundKind.DELETE, target=reply.remote_id))
    assert {row[0]: row[4] for row in await found(database, OUTBOX)}["tg:42"] == "withdrawn"


@pytest.fixture
async def unlinked(database: Database) -> Database:
    """We were cut off between posting the root of a thread and storing where it is."""
    await receive(database, question())
    await database.transact(lambda tx: tx.run(Statement("UPDATE outbox SET state = 'unknown' WHERE kind = 'root'"), {}))
    return database


async def test_s10_what_is_done_to_an_answer_that_is_too_early_is_too_early_too(unlinked: Database) -> None:
    reply = answer("He is lying", "C1:1.1")
    note = replace(reply, kind=InboundKind.EDIT, remote_id="v2", target=reply.remote_id, text=of_text("// He is lying"))
    gone = replace(reply, kind=InboundKind.DELETE, remote_id="v3", target=reply.remote_id, text=of_text(""))
    press = replace(reply, kind=InboundKind.BUTTON, remote_id="press", value="ask.take:take", text=of_text(""))
    everything = (reply, note, gone, replace(gone, remote_id="v4", thread=Thread()), press)
    for _ in range(2):
        received = await receive(unlinked, *everything)
        assert [each.fate for receipts in received.receipts for each in receipts or ()] == [Fate.EARLY] * 5
    await unlinked.transact(link)
    received = await receive(unlinked, reply, note)
    assert [each.fate for receipts in received.receipts for each in receipts or ()] == [Fate.STORED] * 2
    assert "ready" not in {row[4] for row in await found(unlinked, OUTBOX) if row[0] == "tg:42"}


async def test_outside_of_threads_nothing_is_too_early(unlinked: Database) -> None:
    post = replace(answer("Lunch?", ""), thread=Thread())
    edit = replace(post, kind=InboundKind.EDIT, remote_id="v2", target=post.remote_id)
    received = await receive(unlinked, post, edit)
    assert [each.fate for receipts in received.receipts for each in receipts or ()] == [Fate.STORED] * 2


async def test_w3_the_feed_of_a_visitor_counts_without_gaps(database: Database) -> None:
    await receive(database, *(question(f"m{n}", channel="web", who="v1") for n in range(5)))
    await receive(database, question("m5", channel="web", who="v1"))
    items = await database.read(feeds.history, "web:v1", 2, 100)
    assert [item.seq for item in items] == [3, 4, 5, 6]


@pytest.mark.parametrize("writers", [8])
async def test_two_channels_and_the_desk_write_one_conversation_at_once(database: Database, writers: int) -> None:
    await receive(database, question())
    await database.transact(link)
    await asyncio.gather(
        *(receive(database, answer(f"a{n}", "C1:1.1", order=1000 + n)) for n in range(writers)),
        *(receive(database, question(f"q{n}")) for n in range(writers)),
    )
    assert len(await found(database, MESSAGES)) == 2 * writers + 1
    events = [row[0] for row in await found(database, EVENTS)]
    assert len(events) == len(set(events))


def test_two_messages_of_a_known_contact_at_once_open_one_conversation(postgres_url: str) -> None:
    first, second = Connection(postgres_url), Connection(postgres_url)
    intake.receive(first.tx, [Submission("tg", [arrival(question())])], rules, RULES)
    first.tx.run(RESOLVE, {})
    first.commit()
    first.tx.now = second.tx.now = 10**15

    def beside() -> None:
        intake.receive(second.tx, [Submission("tg", [arrival(question("two"))])], rules, RULES)
        second.commit()

    beside_us = threading.Thread(target=beside)

    def meanwhile(snapshot: Snapshot, inbound: Inbound) -> Decision:
        beside_us.start()
        beside_us.join(0.5)  # it waits for us, or opens one of its own
        return rules(snapshot, inbound)

    intake.receive(first.tx, [Submission("tg", [arrival(question("one"))])], meanwhile, RULES)
    first.commit()
    beside_us.join(5)

    assert not beside_us.is_alive()
    states = [status for _, status, _ in first.tx.all(CONVERSATIONS, {})]
    assert states == ["resolved", "open"]
    first.close()
    second.close()
