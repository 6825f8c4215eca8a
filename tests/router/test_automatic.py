"""What Onevoice says by itself: to whom, in which words, how often; and what agents say about their absence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from router.automatic import MAILS_AN_HOUR, Occasion, acknowledged, say, wants_receipt
from router.calendars import ALWAYS, Calendar
from router.consistency.facts import FactSheet
from router.decision import Decision, Snapshot
from router.desk_view import DeskView
from router.model import (
    AuthorKind,
    Contact,
    Conversation,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Fact,
    Inbound,
    Leg,
    Outgoing,
    Sender,
    Status,
)
from router.model import IdentityKey as Key
from router.openings import SECOND, Interval
from router.ownership import Absence, Standing
from router.receipts import Said, after_delivery
from router.richtext import Mention, Paragraph, RichText, Span, plain
from router.routing import decide
from router.rulebook import Voice
from router.standard_messages import Kind, Wording
from router.targets import Metric, Policy, Target
from router.terms import Terms
from tests.router.shipped_standards import CALENDAR, standards
from tests.router.test_ownership import BOOK, post
from tests.storage.inbounds import question

ID = UUID(int=1)
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
OFFICE = Calendar(
    id="office",
    zone=ZoneInfo("Asia/Shanghai"),
    weekly=((Interval(9 * 3600 * SECOND, 18 * 3600 * SECOND),),) * 5 + ((),) * 2,
)
JUDGED = Policy(id="fast", targets={Metric.ACK: Target(seconds=5)})
RULES = replace(
    BOOK,
    policies=(JUDGED,),
    terms=Terms(policies={("fast", 1): JUDGED}),
    messages=standards().messages,
    voice=Voice(standards=standards(), calendar=CALENDAR),
)
THREAD = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
CHAT = Leg(id=UUID(int=3), conversation=ID, channel="tg", address="42", last_in_at=NOW, last_remote_id="42:1")
MAIL = replace(CHAT, channel="mail", address="ann@customer.example", last_remote_id="one@customer.example")
CONVERSATION = Conversation(
    id=ID, number=7, contact=UUID(int=4), route="default", policy="fast", policy_version=1, opened_at=NOW
)
CHATTING = replace(CONVERSATION, legs=(THREAD, CHAT))
MAILING = replace(CONVERSATION, legs=(THREAD, MAIL), subject="Buy pills")


def occasion(**changed: object) -> Occasion:
    plain = Occasion(waits=False, now=NOW, conversation=CHATTING, cycle=1, calendar=ALWAYS, asked="Where is my order?")
    return replace(plain, **changed)  # type: ignore[arg-type]  # fields of Occasion by name


def words(decision: Decision | None) -> str:
    assert decision is not None
    assert decision.message is not None
    return plain(decision.message.text)


def reason(decision: Decision | None) -> str:
    assert decision is not None
    (event,) = decision.events
    assert event.type == "receipt_suppressed"
    assert decision.message is None
    return str(event.payload["why"])


# When a message arrives.


def opened(inbound: Inbound) -> Decision:
    return decide(Snapshot(), inbound, RULES)


def by_mail(verification: int, *, automatic: bool = False) -> Inbound:
    sender = Sender(identity=Key("email", "ann@customer.example"), verification=verification)
    return question(channel="mail", who="ann@customer.example", sender=sender, automatic=automatic)


@pytest.mark.parametrize("inbound", [question(), question(channel="web", who="v1"), by_mail(1)])
def test_whoever_is_proven_or_on_a_channel_that_proves_gets_a_receipt(inbound: Inbound) -> None:
    decision = opened(inbound)

    assert wants_receipt(decision, inbound, RULES)
    assert [event.type for event in decision.events] == ["conversation_opened", "message_received"]


@pytest.mark.parametrize(("inbound", "why"), [(by_mail(0), "unverified"), (by_mail(1, automatic=True), "automatic")])
def test_l1_l3_machines_and_unproven_senders_get_none_and_it_is_written_down(inbound: Inbound, why: str) -> None:
    decision = opened(inbound)

    assert not wants_receipt(decision, inbound, RULES)
    assert decision.events[-1].type == "receipt_suppressed"
    assert why in str(decision.events[-1].payload["why"])


def test_without_a_target_or_texts_nothing_is_due() -> None:
    inbound = question()
    for rules in (replace(RULES, policies=()), replace(RULES, messages=None)):
        assert not wants_receipt(decide(Snapshot(), inbound, rules), inbound, rules)
        assert acknowledged(decide(Snapshot(), inbound, rules), inbound, rules).events[-1].type == "message_received"


@pytest.mark.parametrize(
    ("conversation", "wanted"),
    [
        (replace(CHATTING, status=Status.RESOLVED), True),
        (replace(CHATTING, waiting_since=NOW), False),
        (replace(CHATTING, owner="alice"), False),
        (CHATTING, True),
    ],
)
def test_a_further_message_asks_for_one_only_where_it_may_begin_a_cycle(
    conversation: Conversation, wanted: bool
) -> None:
    inbound = question()
    snapshot = Snapshot(contact=Contact(id=UUID(int=4)), open=(conversation,))
    decision = replace(decide(snapshot, inbound, RULES), opening=None, conversation=conversation)

    assert wants_receipt(decision, inbound, RULES) is wanted


# What is said.


@pytest.mark.parametrize(
    ("asked", "language", "said"),
    [
        ("Where is my order?", None, "Hello, we have"),
        ("Where is my order?", "zh-CN", "Hello, we have"),
        ("我的包裹到哪里了?", "en", "您好,我们已收到"),
        ("請問我的訂單到哪裡了?", None, "您好,我們已收到"),
        ("你好", "zh-TW", "您好,我們已收到"),
        ("?", "zh-HK", "您好,我們已收到"),
        ("?", None, "Hello, we have"),
        ("Où est mon colis ?", "fr", "Hello, we have"),
        ("私の荷物はどこですか", "ja", "Hello, we have"),
    ],
)
def test_the_language_is_the_customers_where_we_have_it(asked: str, language: str | None, said: str) -> None:
    decision = say(occasion(asked=asked, contact=Contact(id=UUID(int=4), language=language)), RULES)

    assert words(decision).startswith(said)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("leg", [CHAT, MAIL])
@pytest.mark.parametrize("asked", ["Where is my order?", "我的包裹到哪里了?", "請問我的訂單到哪裡了?"])
def test_the_shipped_texts_pass_the_shipped_standards(kind: Kind, leg: Leg, asked: str) -> None:
    now = datetime(2026, 3, 14, 4, tzinfo=UTC) if kind is Kind.OFF_HOURS else NOW
    calendar = OFFICE if kind is Kind.OFF_HOURS else ALWAYS
    where = replace(CONVERSATION, legs=(THREAD, leg))
    decision = say(
        occasion(waits=kind is Kind.WAITING, now=now, calendar=calendar, conversation=where, asked=asked), RULES
    )

    if kind is Kind.WAITING and leg is MAIL:
        assert decision is None
        return
    assert "{" not in words(decision)
    assert decision is not None
    assert decision.events[0].payload["kind"] == kind


def test_an_automatic_text_may_say_what_is_approved_for_the_customers_tier() -> None:
    known = standards()
    longer = Fact(key="warranty.months", type="int_months", value="24", scope={"tier": "vip"})
    facts = FactSheet.of(known.facts.rules, (*known.facts.values, longer), known.facts.skip)
    texts = {**known.messages.texts, Kind.RECEIPT: {"en": Wording("", "The warranty is 24 months.")}}
    rules = replace(
        RULES,
        messages=replace(known.messages, texts=texts),
        voice=Voice(standards=replace(known, facts=facts), calendar=CALENDAR),
    )
    vip = Contact(id=CONVERSATION.contact, tier="vip")
    assert "24 months" in words(say(occasion(contact=vip), rules))
    blocked = say(occasion(), rules)
    assert blocked is not None
    assert blocked.message is None


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2026, 3, 13, 10, 0, tzinfo=UTC), "Monday, 16 March, at 09:00"),
        (datetime(2026, 3, 12, 23, 0, tzinfo=UTC), "Friday, 13 March, at 09:00"),
        (datetime(2026, 3, 31, 10, 0, tzinfo=UTC), "Wednesday, 1 April, at 09:00"),
    ],
)
def test_outside_opening_hours_it_says_when_we_open_in_the_zone_of_the_calendar(now: datetime, said: str) -> None:
    for waits in (False, True):
        assert said in words(say(occasion(waits=waits, now=now, calendar=OFFICE), RULES))


def test_a_calendar_that_never_opens_names_no_day() -> None:
    never = Calendar(id="never", zone=ZoneInfo("UTC"), weekly=((),) * 7)

    assert words(say(occasion(calendar=never), RULES)).startswith("Hello, we have received")


def test_l3_a_mail_holds_nothing_of_the_customers_and_is_automatic() -> None:
    decision = say(occasion(conversation=MAILING, asked="Buy my pills at http://evil.example"), RULES)

    assert decision is not None
    (delivery,) = decision.deliveries
    outgoing = delivery.outgoing
    assert (delivery.channel, delivery.address, delivery.desk) == ("mail", "ann@customer.example", False)
    assert (outgoing.subject, outgoing.automatic) == ("We have your message (number 7)", True)
    assert (outgoing.in_reply_to, outgoing.references) == ("one@customer.example", ())
    assert decision.record is not None
    assert (decision.record.promises, decision.record.statements) == ((), ())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"recent": [NOW - timedelta(minutes=each) for each in (1, 2, 9)]}, "three automatic messages in ten minutes"),
        ({"recent": [NOW - timedelta(hours=each) for each in range(1, 11)]}, "ten automatic messages in a day"),
        ({"conversation": MAILING, "mailed": True}, "in the last day"),
        ({"conversation": MAILING, "mails": MAILS_AN_HOUR}, "in this hour"),
        ({"conversation": replace(CONVERSATION, legs=(THREAD,))}, "cannot be reached"),
        (
            {"conversation": replace(CONVERSATION, legs=(THREAD, replace(CHAT, channel="old")))},
            "channel old is no longer",
        ),
    ],
)
def test_x14_limits_hold_whatever_the_other_side_is(changed: dict[str, object], why: str) -> None:
    assert why in reason(say(occasion(**changed), RULES))
    assert say(occasion(waits=True, **changed), RULES) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"recent": [NOW - timedelta(minutes=each) for each in (1, 2, 10)]},
        {"recent": [NOW - timedelta(hours=each) for each in range(1, 10)]},
        {"mailed": True, "mails": MAILS_AN_HOUR},
        {"conversation": MAILING, "mails": MAILS_AN_HOUR - 1},
    ],
)
def test_x14_one_less_is_said(changed: dict[str, object]) -> None:
    assert words(say(occasion(**changed), RULES))


def test_nothing_is_said_twice_in_a_cycle() -> None:
    assert say(occasion(told=frozenset({Kind.RECEIPT})), RULES) is None
    assert say(occasion(told=frozenset({Kind.OFF_HOURS})), RULES) is None
    assert say(occasion(waits=True, told=frozenset({Kind.WAITING})), RULES) is None
    assert words(say(occasion(waits=True, told=frozenset({Kind.RECEIPT})), RULES))


def test_a_kind_without_a_text_is_not_said() -> None:
    texts = {Kind.RECEIPT: standards().messages.texts[Kind.RECEIPT]}
    rules = replace(RULES, messages=replace(standards().messages, texts=texts))

    assert say(occasion(waits=True), rules) is None
    closed = occasion(now=datetime(2026, 3, 14, 4, tzinfo=UTC), calendar=OFFICE)
    assert words(say(closed, rules)).startswith("Hello, we have received")


def test_what_a_provider_has_is_one_line_in_the_thread_and_what_it_refused_another() -> None:
    delivery = Delivery(
        id=UUID(int=8),
        channel="tg",
        kind=DeliveryKind.MESSAGE,
        conversation=ID,
        number=7,
        message=UUID(int=9),
        part=1,
        parts=1,
        address="42",
        thread=None,
        outgoing=Outgoing(automatic=True),
        attempt=1,
        created_at=NOW,
    )
    receipt = Said(AuthorKind.SYSTEM, "system:ack", NOW, None)
    sent = after_delivery(delivery, DeliveryState.SENT, None, CHATTING, receipt)
    assert sent is not None
    assert [(event.type, event.actor) for event in sent.events] == [("message_sent", "system:ack")]
    assert [plain(each.outgoing.text) for each in sent.deliveries] == ["Receipt sent to the customer."]
    failed = after_delivery(delivery, DeliveryState.FAILED, "blocked", CHATTING, receipt)
    assert failed is not None
    assert plain(failed.deliveries[0].outgoing.text) == "An automatic message was not delivered: blocked."


# Out of office.


def told(text: str, now: datetime = NOW) -> Decision:
    words = RichText((Paragraph((Mention("onevoice", "U0BOT"), Span(f" {text}"))),))
    snapshot = Snapshot(proof=CHATTING, standing=Standing(), desk=DeskView(now=now))
    return decide(snapshot, post(words, "U0ALICE"), RULES)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("ooo until 2026-12-01", datetime(2026, 11, 30, 16, tzinfo=UTC)),
        ("ooo until 2026-12-01 09:00", datetime(2026, 12, 1, 1, tzinfo=UTC)),
        ("OOO Until 2026-12-01 9:30", datetime(2026, 12, 1, 1, 30, tzinfo=UTC)),
        ("ooo off", None),
    ],
)
def test_an_agent_says_until_when_they_are_away(text: str, until: datetime | None) -> None:
    decision = told(text)

    assert decision.ownership is not None
    assert decision.ownership.absence == Absence(agent="alice", until=until)


@pytest.mark.parametrize("text", ["ooo", "ooo until tomorrow", "ooo until 2026-13-01", "ooo until 2026-12-01 25:00"])
def test_what_is_no_date_is_explained(text: str) -> None:
    decision = told(text)

    assert decision.ownership is None
    assert "@onevoice ooo until 2026-12-01" in plain(decision.deliveries[0].outgoing.text)


def test_an_absence_that_is_over_changes_nothing() -> None:
    decision = told("ooo until 2026-03-10 16:59")

    assert decision.ownership is None
    assert "is over already" in plain(decision.deliveries[0].outgoing.text)


def test_the_verbs_are_listed_to_whoever_asks_for_one_that_does_not_exist() -> None:
    assert "ooo" in plain(told("help").deliveries[0].outgoing.text)
