"""What a card shows of a conversation, which buttons fit it, and which events can change it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from router.card import Due, Lease, View, card_of, changes_card
from router.desk import VERBS
from router.events import EventType
from router.forms import asks_for_form
from router.model import Card, Leg, Promise, Statement, Status
from router.ownership import OpenOffer
from router.verb_forms import FORMS
from tests.router.test_statuses import CONVERSATION, NOW, OFFER, OPEN, RULES

VIEW = View(conversation=OPEN, contact="Tom", now=NOW, verification=1)


def made(view: View = VIEW, **changes: object) -> Card:
    return card_of(replace(view, **changes), RULES)  # type: ignore[arg-type]  # the fields of the view


def lines(card: Card) -> list[str]:
    return [each.line for each in (*card.buttons, *card.more)]


def statement(number: int) -> Statement:
    return Statement(
        contact=UUID(int=2),
        conversation=CONVERSATION,
        slot="refund_amount",
        value=str(number),
        unit="CNY",
        order="A1001",
        said_at=NOW - timedelta(hours=number),
        channel="mail",
        agent="alice",
    )


def test_people_and_teams_are_named() -> None:
    card = made(offer=OpenOffer(id=OFFER, agent="alice", until=NOW), lease=Lease(agent="bob", since=NOW))
    assert card.owner == "Bob"
    assert card.offer is not None
    assert card.offer.text == "Alice"
    assert card.lease is not None
    assert card.lease.text == "Bob"
    assert made(conversation=replace(OPEN, owner="gone", team="gone")).owner == "gone"


def test_the_leg_answers_go_to_comes_first() -> None:
    later = Leg(
        id=UUID(int=5), conversation=CONVERSATION, channel="web", address="v1", last_in_at=NOW + timedelta(minutes=1)
    )
    card = made(conversation=replace(OPEN, legs=(*OPEN.legs, later)))
    assert [(each.address, each.current) for each in card.legs] == [("v1", True), ("4711", False)]
    assert (card.channel, card.address) == ("web", "v1")


@pytest.mark.parametrize(
    ("now", "text", "alarming"),
    [(NOW, "Answer due", False), (NOW + timedelta(microseconds=1), "Overdue since", True)],
)
def test_d17_exactly_on_time_is_not_overdue(now: datetime, text: str, alarming: bool) -> None:
    clock = made(now=now, due=Due(at=NOW, zone="Europe/London")).clock
    assert clock is not None
    assert (clock.text, clock.at, clock.zone, clock.alarming) == (text, NOW, "Europe/London", alarming)


def test_the_last_three_statements_are_shown_and_late_promises_said_to_be_so() -> None:
    promise = Promise(conversation=CONVERSATION, kind="ship", due_at=NOW, span=(0, 1), owner="bob")
    card = made(told=tuple(map(statement, range(5))), promises=(promise,), now=NOW + timedelta(seconds=1))
    assert [each.text for each in card.told] == [
        f"refund amount for A1001: {number} CNY (Alice, mail)" for number in range(3)
    ]
    assert [(each.text, each.alarming) for each in card.promises] == [("ship (Bob)", True)]


def test_the_buttons_fit_how_it_stands() -> None:
    often = ["replies …", "assign …"]
    snoozes = ["snooze 1h", "snooze 4h", "snooze tomorrow", "snooze …"]
    rarer = ["resolve …", "priority …", "tag …", "via …", "history", "language …", "tier …"]
    rarer += ["link …", "merge …", "split …", "transcript …", "start …"]
    aside = [*often, *snoozes, "hold", "pending", *rarer, "spam"]
    free = replace(OPEN, owner=None)
    offer = OpenOffer(id=OFFER, agent="alice", until=NOW)
    assert lines(made()) == ["take", "pass …", "resolve", "why", *aside]
    assert lines(made(conversation=free)) == ["take", "resolve", "why", *aside]
    assert lines(made(conversation=free, offer=offer)) == ["accept", "pass …", "take", "resolve", "why", *aside]
    assert lines(made(void=True)) == ["unspam", "why"]
    assert lines(made(merged_into=3)) == ["why", "unmerge"]
    assert lines(made(conversation=replace(OPEN, status=Status.RESOLVED))) == [
        "open",
        "why",
        "history",
        "transcript …",
        "start …",
    ]
    assert "untag …" in lines(made(conversation=replace(OPEN, tags=("late",))))
    held = lines(made(conversation=replace(OPEN, status=Status.ON_HOLD)))
    assert "hold" not in held
    assert "open" in held


def test_every_line_of_a_card_is_a_verb_and_every_form_it_offers_is_there() -> None:
    tagged = replace(OPEN, tags=("late",))
    shown = {line for view in ({}, {"void": True}, {"conversation": tagged}) for line in lines(made(**view))}
    for line in shown:
        name = line.split()[0]
        assert name in VERBS
        assert not asks_for_form(line) or name in FORMS


def test_a_snooze_that_is_over_is_not_shown() -> None:
    until = datetime(2026, 3, 11, tzinfo=UTC)
    assert made(snoozed_until=until).snoozed is None
    assert made(conversation=replace(OPEN, status=Status.SNOOZED), snoozed_until=until).snoozed is not None


def test_s30_only_what_a_card_shows_is_worth_a_refresh() -> None:
    assert not changes_card({EventType.MESSAGE_RECEIVED, "note_added", "reply_composed"})
    for kind in (EventType.ASSIGNED, EventType.DELIVERY_FAILED, "offered", "target_breached", "promise_late", "voided"):
        assert changes_card({EventType.MESSAGE_RECEIVED, kind})
