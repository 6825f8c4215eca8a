"""Held replies, the ledger and linked contacts as rows, on both databases."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from gateway.settings import shipped_calendars
from gateway.standards import load_standards, shipped
from router.agent_state import AgentStatus
from router.calendar_definitions import to_calendar
from router.consistency.facts import FactSheet
from router.consistency.pipeline import check_text
from router.consistency.wording import Stage
from router.consistency.workdays import Workdays
from router.decision import Decision, Snapshot
from router.model import ChannelType, Fact, Inbound, InboundKind, Thread
from router.ownership import StatusChange
from router.past_replies import to_reply
from router.recognition import Recognition
from router.richtext import Mention, Paragraph, RichText, Span, of_text
from router.routing import decide
from router.rulebook import Agent, Role, Team, Voice
from storage import agents, contacts, holds, intake, ledger, past_replies, reminders
from storage.changes import Touched
from storage.database import Database, Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.intake import Received, Submission
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question

DAY = 86_400_000_000
VOICE = Voice(
    standards=load_standards(shipped()),
    calendar=Workdays(to_calendar("CN_STD", shipped_calendars()["CN_STD"])),
    lead_after_chat=timedelta(minutes=3),
)
CHECKED = replace(
    RULES,
    agents={
        "alice": Agent(id="alice", name="Alice Chen", slack="U0ALICE"),
        "bob": Agent(id="bob", name="Bob Li", slack="U0BOB"),
        "lena": Agent(id="lena", name="Lena", slack="U0LENA", role=Role.LEAD, teams=("care",)),
    },
    teams={"care": Team(id="care", name="Care", lead="lena")},
    routes=(replace(RULES.routes[0], team="care"),),
    recognition=Recognition(topics=VOICE.standards.topics, thanks=VOICE.standards.thanks),
    voice=VOICE,
)
LINK = Statement("UPDATE legs SET thread_key = :thread WHERE desk AND thread_key IS NULL")
HOLDS = Statement("SELECT agent, state FROM holds ORDER BY held_at, id")
HITS = Statement("SELECT rule, action FROM rule_hits WHERE level <> 'log' ORDER BY at, id")
LEFT = Statement("SELECT count(*) FROM outbox WHERE channel = 'tg' AND state NOT IN ('failed', 'withdrawn')")
WAITING = Statement("SELECT kind, due_at FROM timers WHERE fired_at IS NULL AND kind IN ('hold', 'promise')")
CONTACTS = Statement("SELECT id FROM contacts ORDER BY created_at, id")
POINTERS = Statement("SELECT id, merged_into FROM contacts ORDER BY id")
COMPOSED = Statement("SELECT composed_at FROM messages WHERE author_kind = 'agent'")
ANY_HOLD = Statement("SELECT id FROM holds LIMIT 1")
PROMISES = Statement("SELECT id FROM promises")
ANY_MESSAGE = Statement("SELECT id FROM messages LIMIT 1")
AMOUNTS = Statement("SELECT order_no, value, state FROM statements WHERE slot = 'refund_amount' ORDER BY said_at, id")
COMPLAINT = "I want to file a complaint: the lamp arrived broken, this is unacceptable"
NOTICES = Statement("SELECT body FROM outbox WHERE kind = 'notice' ORDER BY seq")
AUTOMATIC = Statement(
    """
    INSERT INTO rule_hits (id, message, rule, version, span_start, span_end, level, action, at)
    VALUES (:id, :message, 'W-BLAME', 1, 0, 0, 'warn', 'logged', :now)
    """
)
NOW_VERSION_2 = Statement("UPDATE rule_hits SET version = 2 WHERE rule = 'W-INSULT'")


def rules(snapshot: Snapshot, inbound: Inbound) -> Decision:
    return decide(snapshot, inbound, CHECKED)


async def receive(database: Database, *inbounds: Inbound) -> Received:
    return await database.transact(
        intake.receive, [Submission(each.channel, [arrival(each)]) for each in inbounds], rules, CHECKED
    )


async def found(database: Database, statement: Statement) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(statement, {}))


async def asked(
    database: Database, text: str = "Hello, where is my order?", thread: str = "C1:1.1", **more: object
) -> None:
    await receive(database, question(text, **more))  # type: ignore[arg-type]  # fields of Inbound by name
    await database.transact(lambda tx: tx.run(LINK, {"thread": f"desk:{thread}"}))


def says(text: str, user: str = "U0ALICE", thread: str = "C1:1.1") -> Inbound:
    return answer(text, thread, user=user)


async def linked(database: Database) -> None:
    """Both customers are the same person."""
    one, other = [UUID(bytes=bytes(row[0])) for row in await found(database, CONTACTS)]  # type: ignore[call-overload]  # bytes
    await database.transact(contacts.merge, one, other, "test", "")


def wants(text: str, user: str) -> Inbound:
    mention = RichText((Paragraph((Mention("onevoice", "U0BOT"), Span(f" {text}"))),))
    return replace(says("", user), text=mention)


async def test_two_answers_in_one_batch_collide_like_any_others(database: Database) -> None:
    await asked(database)
    await receive(
        database, says("Hello, it left this morning."), says("Hello, I am looking for it right now.", "U0BOB")
    )
    assert await found(database, HOLDS) == [("bob", "held")]
    assert await found(database, LEFT) == [(1,)]


async def test_two_parts_of_one_answer_are_no_collision(database: Database) -> None:
    await asked(database)
    await receive(database, says("Hello, it left this morning."), says("It will be there on Friday."))
    assert await found(database, HOLDS) == []
    assert await found(database, LEFT) == [(2,)]


async def test_a_redelivered_reply_is_held_once(database: Database) -> None:
    await asked(database)
    reply = says("That is not my department.")
    await receive(database, reply)
    await receive(database, reply)
    assert await found(database, HOLDS) == [("alice", "held")]
    assert await found(database, HITS) == [("W-BRUSHOFF", "held")]


async def test_a_released_reply_leaves_once_with_its_timer_gone(database: Database) -> None:
    await asked(database)
    await receive(database, says("That is not my department."))
    assert [row[0] for row in await found(database, WAITING)] == ["hold"]
    release = wants("send the customer asked who decides", "U0ALICE")
    touched = (await receive(database, release)).touched
    await receive(database, release, wants("send again", "U0ALICE"))
    assert await found(database, LEFT) == [(1,)]
    assert await found(database, HOLDS) == [("alice", "released")]
    assert await found(database, WAITING) == []
    assert [(hit.rule, hit.action) for hit in touched.hits] == [("W-BRUSHOFF", "sent_anyway")]


@pytest.mark.parametrize(
    ("hers", "rule", "who"),
    [
        ("It left our house this morning with DHL.", "COL-A", "U0ALICE"),
        ("Hello, that is not my department, the parcel comes on Friday.", "COL-SAME", "U0LENA"),
    ],
)
async def test_what_was_answered_since_a_reply_was_held_is_shown_before_it_leaves(
    database: Database, hers: str, rule: str, who: str
) -> None:
    await asked(database)
    await receive(database, says("Hello, that is not my department, the parcel comes on Friday."))
    await receive(database, says(hers, "U0BOB"), wants("send bob I know", "U0LENA"))
    assert await found(database, LEFT) == [(1,)]
    await receive(database, wants("send alice it is fine", "U0ALICE"))
    assert await found(database, LEFT) == [(1,)]
    assert ("alice", "held") in await found(database, HOLDS)
    assert (rule, "held") in await found(database, HITS)
    assert hers in str((await found(database, NOTICES))[-1][0])
    await receive(database, wants("send alice it is fine all the same", who))
    assert await found(database, LEFT) == [(2,)]
    assert ("alice", "released") in await found(database, HOLDS)


async def test_what_was_known_when_a_reply_was_held_does_not_hold_it_again(database: Database) -> None:
    await asked(database)
    await receive(database, says("Hello, it left this morning."))
    await receive(database, says("Hello, I am looking for it right now.", "U0BOB"))
    await receive(database, wants("send both are true", "U0BOB"))
    assert await found(database, HOLDS) == [("bob", "released")]
    assert await found(database, LEFT) == [(2,)]


@pytest.mark.parametrize("asked_again", [True, False])
async def test_d11_a_held_reply_that_is_edited_after_a_newer_question_answers_it(
    database: Database, asked_again: bool
) -> None:
    await asked(database)
    now = of_micros(await database.read(lambda tx: tx.now))
    post = replace(says("That is not my department."), sent_at=now - timedelta(seconds=60))
    await receive(database, post)
    if asked_again:
        await receive(database, question("It is the blue lamp."))
    edited = now - timedelta(seconds=5)
    better = of_text("Hello, the blue lamp left this morning.")
    edit = replace(post, kind=InboundKind.EDIT, target=post.remote_id, text=better, order=9, sent_at=edited)
    await receive(database, replace(edit, remote_id=f"{post.remote_id}e"))
    assert await found(database, HOLDS) == [("alice", "released")]
    assert await found(database, COMPOSED) == [(to_micros(edited if asked_again else now - timedelta(seconds=60)),)]


async def test_s9_other_words_for_a_held_reply_are_no_note(database: Database) -> None:
    await asked(database)
    await receive(database, says("That is not my department."), wants("reword @here // he is a fraud", "U0ALICE"))
    assert await found(database, HOLDS) == [("alice", "held")]
    assert await found(database, LEFT) == [(0,)]
    assert "marked as a note" in str((await found(database, NOTICES))[-1][0])


async def test_whose_hold_is_meant_must_be_plain(database: Database) -> None:
    await asked(database)
    await receive(database, says("That is not my department."))
    await receive(database, says("That is your own fault.", "U0BOB"))
    await receive(database, wants("send it is right", "U0LENA"))
    assert await found(database, LEFT) == [(0,)]
    await receive(database, wants("send bob it is right", "U0LENA"))
    assert await found(database, HOLDS) == [("alice", "held"), ("bob", "released")]


async def test_the_lead_is_told_of_a_hold_by_name_and_only_while_it_lasts(database: Database) -> None:
    await asked(database)
    await receive(database, says("That is not my department."))
    (row,) = await found(database, ANY_HOLD)
    hold = UUID(bytes=bytes(row[0])).hex  # type: ignore[call-overload]  # a column of bytes
    await database.transact(reminders.tell_lead, hold, CHECKED)
    assert '"U0LENA"' in str((await found(database, NOTICES))[-1][0])
    await receive(database, wants("discard", "U0ALICE"))
    assert await database.transact(reminders.tell_lead, hold, CHECKED) == Touched()


LED = replace(
    CHECKED,
    agents={
        **CHECKED.agents,
        "lena": Agent(id="lena", name="Lena", email="lena@x.example", role=Role.LEAD, teams=("care",)),
        "max": Agent(id="max", name="Max", email="max@x.example", role=Role.LEAD, teams=("care",)),
    },
)
"""Two leads who have no member id of Slack in the configuration."""


@pytest.mark.parametrize(("away", "called"), [("", "lena"), ("lena", "max")])
async def test_the_lead_who_is_there_hears_of_holds_and_promises(database: Database, away: str, called: str) -> None:
    await asked(database)
    if away:
        await database.transact(agents.set_status, StatusChange(agent=away, status=AgentStatus.OFFLINE))
    await receive(database, says("That is not my department."))
    ((hold,),) = await found(database, ANY_HOLD)
    await database.transact(reminders.tell_lead, UUID(bytes=bytes(hold)).hex, LED)  # type: ignore[call-overload]  # an id
    assert f'"{called}@x.example"' in str((await found(database, NOTICES))[-1][0])
    await receive(database, wants("discard", "U0ALICE"), says("I will call you back by 18:00 tomorrow."))
    ((promise,),) = await found(database, PROMISES)
    ref = f"{UUID(bytes=bytes(promise)).hex}:100"  # type: ignore[call-overload]  # an id
    await database.transact(reminders.remind_of_promise, ref, LED)
    assert f'"{called}@x.example"' in str((await found(database, NOTICES))[-1][0])


async def test_an_edit_in_the_batch_of_its_message_is_checked(database: Database) -> None:
    await asked(database)
    reply = says("Hello, it left this morning.")
    edit = replace(
        reply,
        kind=InboundKind.EDIT,
        remote_id=f"{reply.remote_id}:2",
        target=reply.remote_id,
        thread=Thread(),
        text=of_text("Are you an idiot?"),
    )
    await receive(database, reply, edit)
    assert await found(database, HOLDS) == [("alice", "held")]
    assert await found(database, LEFT) == [(0,)]


async def test_a_rule_is_overridden_by_replies_that_were_sent_anyway_and_by_nothing_else(database: Database) -> None:
    brushoff, insult = "That is not my department", "Are you an idiot?"
    await asked(database)
    await receive(database, says(f"{brushoff}."), wants("send quoting the customer", "U0ALICE"))
    await receive(database, says(f"{brushoff}, sorry."), wants("discard", "U0ALICE"))
    await receive(database, says(f"{brushoff}, dear."), wants(f"reword {brushoff}, friend.", "U0ALICE"))
    await receive(database, wants("send quoting the customer", "U0ALICE"))
    await receive(database, says(insult), wants("reword It left this morning.", "U0ALICE"))
    await receive(database, says(f"{brushoff}, {insult}"))

    await database.transact(lambda tx: tx.run(NOW_VERSION_2, {}))

    def automatic(tx: Transaction) -> None:
        message = tx.all(ANY_MESSAGE, {})[0][0]
        tx.run(AUTOMATIC, {"id": new_id().bytes, "message": message, "now": tx.now})

    await database.transact(automatic)
    rates = await database.read(holds.override_rates, 30)
    assert [(each.rule, each.version, each.hits, each.sent_anyway) for each in rates] == [
        ("W-BRUSHOFF", 1, 4, 2),
        ("W-INSULT", 2, 2, 0),
    ]
    assert rates[0].rate == 0.5


async def test_a_link_and_its_undoing_leave_everything_as_it_was(database: Database) -> None:
    await receive(database, question("one", who="1"), question("two", who="2"), question("three", who="3"))
    before = await found(database, POINTERS)
    one, two, three = [UUID(bytes=bytes(row[0])) for row in await found(database, CONTACTS)]  # type: ignore[call-overload]  # bytes
    await database.transact(contacts.merge, two, three, "test", "")
    merged = await database.transact(contacts.merge, three, one, "test", "same phone")
    assert (merged.survivor, merged.absorbed) == (one, two)
    for each in (one, two, three):
        assert set(await database.read(contacts.linked, each)) == {one, two, three}
    with pytest.raises(contacts.SameContact):
        await database.transact(contacts.merge, one, three, "test", "")
    await database.transact(contacts.unmerge, three, "test")
    assert await database.read(contacts.linked, one) == [one]
    await database.transact(contacts.unmerge, three, "test")
    assert await found(database, POINTERS) == before
    with pytest.raises(contacts.NotLinked):
        await database.transact(contacts.unmerge, one, "test")
    with pytest.raises(contacts.NoContact):
        await database.transact(contacts.merge, one, UUID(int=7), "test", "")


async def test_what_one_contact_was_told_counts_for_the_other_while_they_are_linked(database: Database) -> None:
    await asked(database, "Please refund me")
    await receive(database, says("Hello, we will refund 89.50 CNY."))
    (row,) = await found(database, CONTACTS)
    contact = UUID(bytes=bytes(row[0]))  # type: ignore[call-overload]  # a column of bytes
    told = await database.read(ledger.active, [contact])
    assert ("refund_amount", "89.50", "CNY", "alice") in {
        (each.slot, each.value, each.unit, each.agent) for each in told
    }


@pytest.mark.parametrize(
    ("subject", "text", "order"),
    [
        ("Order US-20260301-77", "What will I get back?", "US-20260301-77"),
        ("Order US-20260301-77", "It is US-20260301-78 that I want to send back.", "US-20260301-78"),
    ],
)
async def test_a_statement_belongs_to_the_order_of_its_conversation_unless_it_names_one(
    database: Database, subject: str, text: str, order: str
) -> None:
    await asked(database, text, subject=subject, who="anna")
    named = f" for {order}" if order not in subject else ""
    await receive(database, says(f"Hello, we will refund 89.50 CNY{named}."))
    await asked(database, f"My order is {order}, how much is the refund?", "C1:2.1", who="4711")
    await linked(database)
    await receive(database, says("Hello, we will refund 98.50 CNY.", "U0BOB", "C1:2.1"))

    assert await found(database, AMOUNTS) == [(order, "89.50", "active")]
    assert await found(database, HOLDS) == [("bob", "held")]


async def test_a_statement_about_one_of_several_orders_belongs_to_none(database: Database) -> None:
    await asked(database, "Please refund this one too: US-20260301-78.", subject="Order US-20260301-77")
    await receive(database, says("Hello, we will refund 89.50 CNY."))
    assert await found(database, AMOUNTS) == [("topic:refund", "89.50", "active")]


@pytest.mark.parametrize("said", [("Hello, which lamp is bigger?",), ()])
async def test_cm20_the_first_reply_to_a_complaint_shows_understanding_whenever_that_comes(
    database: Database, said: tuple[str, ...]
) -> None:
    await asked(database, *said or (COMPLAINT,))
    if said:
        await receive(database, says("Hello, the blue one is bigger."))
        await receive(database, question(COMPLAINT))
    await receive(database, says("Hello, please send a photo of the lamp."))
    assert await found(database, HITS) == [("W-EMPATHY", "held")]

    await receive(database, wants("reword Hello, I am sorry. Please send a photo of the lamp.", "U0ALICE"))
    await receive(database, question("Here is the photo. I complain!"), says("Thank you, a new one is on its way."))
    assert await found(database, HOLDS) == [("alice", "released")]

    page = await database.read(past_replies.page, DAY, past_replies.BEFORE_ALL, 10)
    stages = [to_reply(each, ChannelType.TELEGRAM, VOICE.standards.topics).stage for each in page]
    assert stages == [
        *(Stage.FIRST for _ in said),
        Stage.LATER_COMPLAINT if said else Stage.FIRST_COMPLAINT,
        Stage.NONE,
    ]


@pytest.mark.parametrize(
    ("tier", "hits"),
    [("vip", []), ("gold", [("FACT-warranty.months", "held")]), (None, [("FACT-warranty.months", "held")])],
)
async def test_a_fact_for_customers_of_one_tier_is_approved_for_them_alone(
    database: Database, tier: str | None, hits: list[tuple[str, str]]
) -> None:
    sheet = VOICE.standards.facts
    longer = Fact(key="warranty.months", type="int_months", value="24", scope={"tier": "vip"})
    standards = replace(VOICE.standards, facts=FactSheet.of(sheet.rules, (*sheet.values, longer), sheet.skip))
    rulebook = replace(CHECKED, voice=replace(VOICE, standards=standards))
    asks = question("How long is the warranty?")
    for each in (replace(asks, sender=replace(asks.sender, tier=tier)), says("Hello, the warranty is 24 months.")):
        submission = Submission(each.channel, [arrival(each)])
        await database.transact(intake.receive, [submission], partial(decide, rules=rulebook), rulebook)
        await database.transact(lambda tx: tx.run(LINK, {"thread": "desk:C1:1.1"}))
    assert await found(database, HITS) == hits

    (past,) = await database.read(past_replies.page, DAY, past_replies.BEFORE_ALL, 10)
    again = to_reply(past, ChannelType.TELEGRAM, standards.topics)
    told = check_text(again, standards, VOICE.calendar, past.sent_at).findings
    assert [each.rule for each in told if each.rule.startswith("FACT-")] == [rule for rule, _ in hits]


async def test_a_decision_without_standards_checks_nothing(database: Database) -> None:
    await asked(database)
    unchecked = replace(CHECKED, voice=None)
    await database.transact(
        intake.receive,
        [Submission("desk", [arrival(says("That is not my department."))])],
        lambda snapshot, inbound: decide(snapshot, inbound, unchecked),
        unchecked,
    )
    assert await found(database, LEFT) == [(1,)]
