"""What a merge makes of two conversations, and what an unmerge gives back; the rows are in tests/storage."""

from dataclasses import replace
from datetime import timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.decision import Decision, NewMessage, Outcome, Planned
from router.events import EventType
from router.merging import Before, absorbs, in_both_threads, restored, told_in
from router.model import AuthorKind, Conversation, DeliveryKind, Event, Leg, Outgoing, Priority, Status, Visibility
from router.ownership import OfferState, OpenOffer
from router.planning import notice
from router.regrouping import Merge
from router.richtext import of_text, plain
from router.rounds import timeline
from router.timeline import Outcome as RoundOutcome
from router.timeline import Timeline
from tests.router.logs import TERMS, Log, at, generated

ONE, OTHER = UUID(int=1), UUID(int=2)
MADE = Merge(absorbed=ONE, survivor=OTHER, actor="agent:alice", reason="the same lamp")
END = at(100 * 24 * 60)


def conversation(which: UUID, **more: object) -> Conversation:
    number = which.int
    desk = Leg(id=UUID(int=10 + number), conversation=which, channel="desk", address="C1", desk=True)
    plain_one = Conversation(id=which, number=number, contact=UUID(int=9), legs=(desk,), opened_at=at(0))
    return replace(plain_one, **more)  # type: ignore[arg-type]  # fields by name


def merged(one: Log, other: Log, minutes: float = 60, **more: object) -> tuple[Decision, Conversation, Timeline]:
    """The survivor's decision, the survivor, and the figures of the union once it is carried out."""
    now = at(minutes)
    figures = [timeline(each.events, TERMS, each.conversation, now) for each in (one, other)]
    states = [each.cycles[-1].resolution.state if each.cycles else Status.OPEN for each in figures]
    before = [
        Before(conversation=conversation(which, status=state, **more), figures=each)
        for which, state, each in zip((ONE, OTHER), states, figures, strict=True)
    ]
    union = timeline([*one.events, *other.events], TERMS, OTHER, now)
    decision, joined = absorbs(MADE, before[0], before[1], union, "m", None, {})
    return decision, joined, timeline([*one.events, *other.events, *_events(decision, now)], TERMS, OTHER, now)


def _events(decision: Decision, now: object) -> list[Event]:
    return [
        Event(conversation=OTHER, seq=1000 + place, type=each.type, at=now, actor=each.actor, payload=each.payload)  # type: ignore[arg-type]  # an instant
        for place, each in enumerate(decision.events)
    ]


def logs() -> tuple[Log, Log]:
    return Log(ONE), Log(OTHER)


def test_d25_both_who_wait_wait_since_the_earlier_of_them() -> None:
    one, other = logs()
    _, joined, after = merged(one.customer(1, "a"), other.customer(5, "b"))
    assert after.waiting is not None
    assert (after.waiting.start_at, joined.status) == (at(1), Status.OPEN)


def test_d25_the_resolving_of_one_does_not_end_the_waiting_in_the_other() -> None:
    one, other = logs()
    one.customer(1, "a")
    other.customer(0, "b").agent(0.5).status(3, "resolved")
    for first, second in ((one, other), (other, one)):
        _, joined, after = merged(first, second)
        assert after.waiting is not None
        assert (after.waiting.start_at, joined.status) == (at(1), Status.OPEN)
        assert after.cycles[-1].resolution.state is Status.OPEN


@pytest.mark.parametrize(
    ("absorbed", "survivor", "then"),
    [
        ("resolved", "resolved", Status.RESOLVED),
        ("pending", "resolved", Status.PENDING),
        ("resolved", "pending", Status.PENDING),
        ("pending", "on_hold", Status.ON_HOLD),
        ("on_hold", "open", Status.OPEN),
    ],
)
def test_the_survivor_keeps_its_status_unless_it_was_resolved(absorbed: str, survivor: str, then: Status) -> None:
    one, other = logs()
    one.customer(0, "a").agent(1).status(9, absorbed)
    other.customer(2, "b").agent(3).status(5, survivor)
    _, joined, after = merged(one, other)
    assert joined.status is then
    assert after.cycles[-1].resolution.state is then


def test_the_survivor_without_an_owner_gets_that_of_the_absorbed_one_and_its_offer_ends() -> None:
    figures = Timeline()
    one = Before(conversation=conversation(ONE, owner="bob"), figures=figures)
    offer = OpenOffer(id=UUID(int=5), agent="carol", until=at(9))
    decision, joined = absorbs(
        MADE, one, Before(conversation=conversation(OTHER), figures=figures), figures, "m", offer, {}
    )
    assert joined.owner == "bob"
    assert decision.ownership is not None
    assert decision.ownership.offer_end is not None
    assert decision.ownership.offer_end.state is OfferState.WITHDRAWN
    owned = Before(conversation=conversation(OTHER, owner="alice"), figures=figures)
    decision, joined = absorbs(MADE, one, owned, figures, "m", None, {})
    assert (joined.owner, decision.ownership) == ("alice", None)


def test_the_survivor_is_about_what_both_are_about() -> None:
    figures = Timeline()
    one = conversation(ONE, topic="refund", orders=("A1", "B2"), priority=Priority.URGENT)
    other = conversation(OTHER, orders=("B2",), priority=Priority.VIP)
    before = [Before(conversation=each, figures=figures) for each in (one, other)]
    _, joined = absorbs(MADE, before[0], before[1], figures, "m", None, {})
    assert (joined.topic, joined.orders, joined.priority) == ("refund", ("B2", "A1"), Priority.URGENT)


def test_an_unmerge_restores_what_is_still_as_the_merge_left_it() -> None:
    one, other = logs()
    decision, joined, _ = merged(one.customer(0, "a"), other.customer(2, "b").agent(3).status(5, "resolved"))
    payload = decision.events[0].payload
    assert restored(joined, payload).status is Status.RESOLVED
    changed = replace(joined, status=Status.PENDING, owner="carol")
    assert (restored(changed, payload).status, restored(changed, payload).owner) == (Status.PENDING, "carol")


@settings(max_examples=100)
@given(st.integers(0, 1 << 30), st.integers(0, 1 << 30))
def test_a_merge_loses_nobody_who_waits(seed: int, more: int) -> None:
    """Who waited in one of the two waits in the union, unless a reply in the other one answered them."""
    kept = {EventType.VOIDED, EventType.UNVOIDED, EventType.POLICY_CHANGED, EventType.CONVERSATION_OPENED}
    one, other = logs()
    for log, each in ((one, seed), (other, more)):
        for event in generated(each)[0]:
            if event.type in kept:
                continue
            payload = dict(event.payload)
            for name in payload.keys() & {"message", "key"}:
                payload[name] = uuid5(NAMESPACE_OID, f"{log.conversation} {payload[name]}").hex
            log.events.append(replace(event, conversation=log.conversation, payload=payload))
    now = END - at(0)
    before = [timeline(each.events, TERMS, each.conversation, END) for each in (one, other)]
    _, joined, after = merged(one, other, now / timedelta(minutes=1))
    waited = [each.waiting for each in before if each.waiting is not None]
    if after.waiting is None:
        assert all(_was_answered(after, each.start_at) for each in waited)
    else:
        assert joined.status is Status.OPEN


def _was_answered(after: Timeline, start_at: object) -> bool:
    return any(
        each.outcome == RoundOutcome.ANSWERED and each.end_at is not None and each.end_at >= start_at  # type: ignore[operator]  # an instant
        for each in after.rounds
    )


def test_a_reply_in_the_old_thread_is_shown_in_the_survivors_and_notices_in_both() -> None:
    old, survivor = conversation(ONE), conversation(OTHER)
    message = NewMessage(
        author_kind=AuthorKind.AGENT,
        author="agent:alice",
        author_name="Alice Chen",
        visibility=Visibility.PUBLIC,
        channel="desk",
        text=of_text("On its way."),
    )
    out = Planned(kind=DeliveryKind.MESSAGE, channel="tg", address="42", desk=False, outgoing=Outgoing())
    reply = Decision(outcome=Outcome.STORED, reasons=(), conversation=survivor, message=message, deliveries=(out,))
    shown = in_both_threads(reply, old)
    assert [plain(each.outgoing.text) for each in shown.deliveries if each.desk] == [
        "Alice Chen answered in the thread of #1:\n\nOn its way."
    ]
    held = replace(reply, deliveries=notice(survivor, "Held"))
    assert [each.thread_of for each in in_both_threads(held, old).deliveries] == [None, ONE]
    assert in_both_threads(reply, None) == reply
    assert told_in(held, survivor) == held
