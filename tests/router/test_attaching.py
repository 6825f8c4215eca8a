"""Which conversation a message belongs to (decisions 6), what it makes of its matter, and what only says thanks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.settings import shipped_calendars
from router import replay
from router.calendar_definitions import to_calendar
from router.decision import Decision, Outcome, Snapshot
from router.model import CaseType, Contact, Conversation, Identity, Leg, Matter, Priority, Status, Thread, Visibility
from router.model import IdentityKey as Key
from router.recognition import Recognition
from router.replay import Beginning
from router.routing import decide
from router.rulebook import Route, When
from router.targets import Policy
from tests.router.shipped_standards import standards
from tests.storage.inbounds import RULES, question

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
CONTACT = Contact(id=UUID(int=4), name="Tom")
BOOK = replace(RULES, recognition=Recognition(topics=standards().topics, thanks=standards().thanks))
RETURNED = "I want to return the blue jacket"
ANGRY = "I want to file a complaint: this is unacceptable"
PAID_BACK = "When do I get my refund?"
ORDER = "My order number is US-20260301-77"


def conversation(number: int, *, channel: str = "tg", address: str = "42", **changes: object) -> Conversation:
    here = UUID(int=100 + number)
    leg = Leg(id=UUID(int=200 + number), conversation=here, channel=channel, address=address, last_in_at=NOW)
    usual = Conversation(id=here, number=number, contact=CONTACT.id, legs=(leg,), opened_at=NOW)
    return replace(usual, **changes)  # type: ignore[arg-type]  # fields by name


def resolved(number: int, hours_ago: float, **changes: object) -> Conversation:
    at = NOW - timedelta(hours=hours_ago)
    return conversation(number, status=Status.RESOLVED, resolved_at=at, last_word_ours=True, **changes)  # type: ignore[arg-type]  # fields by name


def said(text: str, *known: Conversation, proof: Conversation | None = None, tier: str | None = None) -> Decision:
    """What follows from a message on Telegram of a customer with these conversations, latest first."""
    contact = replace(CONTACT, tier=tier)
    snapshot = Snapshot(
        identity=Identity(contact=contact.id, key=Key("tg", "42"), verification=1),
        contact=contact,
        proof=proof,
        open=tuple(each for each in known if each.status is not Status.RESOLVED),
        recent=tuple(each for each in known if each.status is Status.RESOLVED),
        now=NOW,
    )
    thread = Thread(conversation=proof.id, participant="42") if proof is not None else Thread()
    return decide(snapshot, question(text, thread=thread), BOOK)


def attached(decision: Decision) -> tuple[int | None, str]:
    """The number of the conversation, None for a new one, and the rule that chose it."""
    return decision.conversation.number if decision.conversation else None, decision.reasons[0].rule


def statuses(decision: Decision) -> list[object]:
    return [event.payload["to"] for event in decision.events if event.type == "status_changed"]


def needs_reply(decision: Decision) -> object:
    return next(event.payload["needs_reply"] for event in decision.events if event.type == "message_received")


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("Hello", (), (None, "attach.new")),
        ("Hello", (conversation(1, topic="refund"),), (1, "attach.leg")),
        ("Hello", (conversation(2, channel="mail", address="t@x.example"),), (2, "attach.contact")),
        (PAID_BACK, (conversation(1, topic="refund"),), (1, "attach.topic")),
        (PAID_BACK, (conversation(2, channel="mail", address="t@x.example", topic="refund"),), (2, "attach.topic")),
        (PAID_BACK, (conversation(2, channel="mail", address="t@x.example"),), (None, "attach.new")),
        (PAID_BACK, (conversation(1),), (1, "attach.leg")),
        (PAID_BACK, (conversation(1, topic="tech"),), (None, "attach.new")),
        (ORDER, (conversation(1, topic="refund"),), (1, "attach.leg")),
        (ORDER, (conversation(1, topic="refund", orders=("US-20260301-78",)),), (None, "attach.new")),
        (ORDER, (conversation(1), resolved(2, 71, orders=("US-20260301-77",))), (2, "attach.order")),
        (ORDER, (resolved(2, 73, orders=("US-20260301-77",)),), (None, "attach.new")),
        (f"{ORDER}, {PAID_BACK}", (conversation(3, topic="tech", orders=("US-20260301-77",)),), (3, "attach.order")),
        ("Are you there?", (resolved(2, 1, topic="refund"),), (2, "attach.reopen")),
        ("Are you there?", (resolved(2, 73, topic="refund"),), (None, "attach.new")),
        (PAID_BACK, (resolved(2, 1, topic="refund"),), (2, "attach.reopen")),
        (PAID_BACK, (resolved(2, 1, topic="tech"),), (None, "attach.new")),
    ],
)  # fmt: skip
def test_a_message_goes_to_the_first_that_fits(
    text: str, known: tuple[Conversation, ...], expected: tuple[int | None, str]
) -> None:
    assert attached(said(text, *known)) == expected


def test_the_thread_outweighs_what_the_text_is_about_until_the_window_is_over() -> None:
    other = conversation(1, topic="refund")
    assert attached(said(PAID_BACK, other, proof=conversation(7, topic="tech"))) == (7, "attach.thread")
    assert attached(said(PAID_BACK, other, proof=resolved(7, 71))) == (7, "attach.thread")
    assert attached(said(PAID_BACK, other, proof=resolved(7, 73))) == (1, "attach.topic")
    late = said("Hello again", proof=resolved(7, 73))
    assert attached(late)[0] is None
    assert "conversation 7 was resolved too long ago" in late.reasons[0].text


@pytest.mark.parametrize("status", [Status.PENDING, Status.ON_HOLD, Status.SNOOZED, Status.RESOLVED])
def test_d21_a_message_reopens_and_thanks_do_not(status: Status) -> None:
    waiting = conversation(1, status=status, resolved_at=NOW, last_word_ours=True)
    asked = said("Are you there?", waiting)
    assert (attached(asked)[0], statuses(asked), needs_reply(asked)) == (1, ["open"], True)
    thanked = said("Thanks!", waiting)
    assert (attached(thanked)[0], statuses(thanked), needs_reply(thanked)) == (1, [], False)


def test_thanks_need_a_reply_when_the_last_word_was_not_ours() -> None:
    assert needs_reply(said("Thanks!", conversation(1))) is True
    assert needs_reply(said("Thanks!")) is True


def test_a_conversation_learns_what_it_is_about_and_its_class_only_rises() -> None:
    assert said("Hello", conversation(1)).matter is None
    assert said(RETURNED, conversation(1)).matter == Matter(topic="return")
    assert said(ORDER, conversation(1, topic="return")).matter == Matter(topic="return", orders=("US-20260301-77",))
    angry = said("This is a complaint, I will call the consumer hotline", conversation(1, topic="return"))
    assert angry.matter is not None
    assert angry.matter.priority in {Priority.COMPLAINT, Priority.URGENT}
    calm = said("Hello?", conversation(1, topic="return", priority=Priority.COMPLAINT))
    assert calm.matter is None


def test_a_new_conversation_has_its_matter_and_the_route_of_its_topic() -> None:
    refunds = Route(id="refunds", desk=BOOK.routes[0].desk, when=When(topic=frozenset({"refund"})))
    book = replace(BOOK, routes=(refunds, *BOOK.routes))
    opened = decide(Snapshot(now=NOW), question(f"{PAID_BACK} {ORDER}"), book).opening
    assert opened is not None
    assert (opened.route, opened.matter) == ("refunds", Matter(topic="refund", orders=("US-20260301-77",)))
    other = decide(Snapshot(now=NOW), question("Hello"), book).opening
    assert other is not None
    assert other.route == "default"
    assert said("Hello", tier="vip").opening.matter.priority is Priority.VIP  # type: ignore[union-attr]  # it opens


def test_the_tier_the_shop_says_with_a_message_decides_where_that_very_message_goes() -> None:
    gold = Route(id="gold", desk=BOOK.routes[0].desk, when=When(tier=frozenset({"gold"})))
    quick = Policy(id="quick", when={"tier": frozenset({"gold"})})
    book = replace(BOOK, routes=(gold, *BOOK.routes), policies=(quick,))
    unknown, known = Snapshot(now=NOW), Snapshot(contact=replace(CONTACT, tier="gold"), now=NOW)

    def opened(snapshot: Snapshot, tier: str | None) -> tuple[str, str | None]:
        asked = question("Hello")
        found = decide(snapshot, replace(asked, sender=replace(asked.sender, tier=tier)), book).opening
        assert found is not None
        return found.route, found.policy

    assert opened(unknown, "gold") == opened(known, None) == ("gold", "quick")
    assert opened(unknown, None) == opened(unknown, "") == opened(known, "") == ("default", None)
    vip = replace(question("Hello"), sender=replace(question().sender, tier="vip"))
    assert decide(unknown, vip, book).opening.matter.priority is Priority.VIP  # type: ignore[union-attr]  # it opens


def test_d26_another_tier_is_judged_by_the_policy_of_that_tier() -> None:
    book = replace(BOOK, policies=(Policy(id="quick", version=2, when={"tier": frozenset({"gold"})}),))
    asked = question("Hello")
    told = replace(asked, sender=replace(asked.sender, tier="gold"))
    snapshot = Snapshot(contact=CONTACT, open=(conversation(1),), now=NOW)
    found = {each.type: each for each in decide(snapshot, told, book).events}
    assert found["tier_changed"].payload == {"from": None, "to": "gold"}
    assert found["policy_changed"].payload == {"policy": "quick", "policy_version": 2}
    again = replace(snapshot, contact=replace(CONTACT, tier="gold"))
    assert "tier_changed" not in {each.type for each in decide(again, told, book).events}


CN_STD = to_calendar("CN_STD", shipped_calendars()["CN_STD"])
OPEN_AT = datetime(2026, 3, 10, 2, tzinfo=UTC)
COMPLAINTS = Route(
    id="complaints",
    desk=BOOK.routes[0].desk,
    when=When(case=frozenset({CaseType.COMPLAINT}), hours=(CN_STD,)),
    team="complaints",
)
RETURNS = Route(id="returns", desk=BOOK.routes[0].desk, when=When(case=frozenset({CaseType.RETURN})), team="returns")
CASES = replace(BOOK, routes=(COMPLAINTS, RETURNS, *BOOK.routes))


@pytest.mark.parametrize(
    ("text", "at", "route", "why"),
    [
        (ANGRY, OPEN_AT, "complaints", "route complaints: case is complaint, CN_STD is open"),
        (ANGRY, NOW + timedelta(hours=6), "default", "route default: it takes everything"),
        (RETURNED, OPEN_AT, "returns", "route returns: case is return"),
        (f"{RETURNED}. {ANGRY}", OPEN_AT, "complaints", "route complaints: case is complaint, CN_STD is open"),
        ("Hello", OPEN_AT, "default", "route default: it takes everything"),
    ],
)
def test_a_route_may_ask_for_the_kind_of_case_and_for_hours(text: str, at: datetime, route: str, why: str) -> None:
    decision = decide(Snapshot(now=at), question(text), CASES)
    assert decision.opening is not None
    assert (decision.opening.route, decision.reasons[1].text) == (route, why)
    opened = decision.events[0].payload
    again = Beginning(
        conversation=UUID(int=1),
        number=1,
        opened_at=at,
        channel="tg",
        text=text,
        route=route,
        policy=None,
        policy_version=0,
        traits=opened["traits"],  # type: ignore[arg-type]  # as the event has it
    )
    assert replay.route(again, CASES) == (CASES.route(route), why)


def test_d26_another_policy_judges_when_the_matter_asks_for_it() -> None:
    urgent = Policy(id="complaints", version=3, when={"priority": frozenset({"complaint", "urgent"})})
    book = replace(BOOK, policies=(urgent, Policy(id="usual", version=1)))
    known = conversation(1, topic="return", policy="usual", policy_version=1)
    snapshot = Snapshot(contact=CONTACT, open=(known,), now=NOW)

    def changed(text: str) -> list[object]:
        events = decide(snapshot, question(text), book).events
        return [event.payload for event in events if event.type == "policy_changed"]

    assert changed("Hello?") == []
    assert changed(ORDER) == []
    assert changed("This is a complaint, I will call the consumer hotline") == [
        {"policy": "complaints", "policy_version": 3}
    ]


APART = Thread(apart=True)


def apart(
    *known: Conversation,
    thread: Thread = APART,
    proof: Conversation | None = None,
    text: str = ORDER,
    contact: Contact | None = CONTACT,
) -> Decision:
    """What follows from a message at an address that is one conversation, the thread of a help channel."""
    snapshot = Snapshot(
        contact=contact,
        proof=proof,
        open=tuple(each for each in known if each.status is not Status.RESOLVED),
        recent=tuple(each for each in known if each.status is Status.RESOLVED),
        now=NOW,
    )
    return decide(snapshot, question(text, thread=thread), BOOK)


def test_what_is_said_apart_joins_no_other_conversation_however_alike_they_are() -> None:
    twin = conversation(1, address="elsewhere", orders=("US-20260301-77",), topic="return")
    assert attached(apart(twin)) == (None, "attach.new")
    assert attached(said(ORDER, twin)) == (1, "attach.order")


def test_what_is_said_apart_goes_on_at_its_address_whatever_it_is_about() -> None:
    here = conversation(1, orders=("US-20260301-11",), topic="refund")
    assert attached(apart(here)) == (1, "attach.leg")
    assert attached(apart(resolved(1, 2, topic="refund"), text=RETURNED)) == (1, "attach.leg")
    assert attached(apart(resolved(1, 90), text=RETURNED)) == (None, "attach.new")


def test_everybody_who_writes_in_a_thread_of_its_own_takes_part() -> None:
    begun = conversation(1, contact=UUID(int=5))
    for contact in (CONTACT, None):
        decision = apart(proof=begun, contact=contact)
        assert attached(decision) == (1, "attach.thread")
        assert decision.message is not None
        assert decision.message.visibility is Visibility.PUBLIC


def test_what_only_goes_on_opens_nothing() -> None:
    later = replace(APART, opens=False)
    assert apart(thread=later).outcome is Outcome.IGNORED
    assert attached(apart(thread=later, proof=conversation(1))) == (1, "attach.thread")
    assert attached(apart(conversation(1), thread=later)) == (1, "attach.leg")
