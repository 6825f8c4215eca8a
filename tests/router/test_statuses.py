"""Set aside, open again, spam: what agents ask for by a verb or a button, and what follows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from router.decision import Decision, Outcome, Snapshot
from router.desk_view import DeskView
from router.model import (
    Capabilities,
    ChannelType,
    Conversation,
    DeliveryKind,
    IdentityKey,
    Inbound,
    InboundKind,
    Leg,
    Sender,
    Status,
    Thread,
    Visibility,
)
from router.ownership import OfferState, OpenOffer, OwnerChange, Standing
from router.richtext import plain
from router.routing import decide
from router.rulebook import Agent, ChannelRules, Desk, Route, Rulebook
from router.statuses import awoken
from router.verbs import spoken

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
CONVERSATION, OFFER = UUID(int=1), UUID(int=9)
RULES = Rulebook(
    channels={
        "desk": ChannelRules(id="desk", type=ChannelType.SLACK, capabilities=Capabilities()),
        "tg": ChannelRules(id="tg", type=ChannelType.TELEGRAM, capabilities=Capabilities()),
    },
    agents={"alice": Agent(id="alice", name="Alice", slack="U0ALICE"), "bob": Agent(id="bob", name="Bob")},
    teams={},
    routes=(Route(id="all", desk=Desk(channel="desk", slack=("#support",))),),
    revision="1",
)
OPEN = Conversation(
    id=CONVERSATION,
    number=17,
    contact=UUID(int=2),
    route="all",
    owner="bob",
    waiting_since=NOW - timedelta(minutes=5),
    opened_at=NOW - timedelta(hours=1),
    legs=(
        Leg(id=UUID(int=3), conversation=CONVERSATION, channel="desk", address="C1", desk=True, thread="C1:1.0"),
        Leg(id=UUID(int=4), conversation=CONVERSATION, channel="tg", address="4711", last_in_at=NOW),
    ),
)


NOTHING_SAID = DeskView(now=NOW)


def asked(
    line: str,
    conversation: Conversation = OPEN,
    *,
    pressed: bool = False,
    member: str = "U0ALICE",
    internal: bool = True,
    standing: Standing | None = None,
    desk: DeskView = NOTHING_SAID,
) -> Decision:
    """What follows when somebody says it in the thread, or presses its button on the card."""
    common = Inbound(
        kind=InboundKind.MESSAGE,
        channel="desk",
        address="C1",
        sender=Sender(identity=IdentityKey("slack", member), internal=internal),
        remote_id="C1:2.0",
        thread=Thread(ref="C1:1.0"),
        text=spoken(line),
        sent_at=NOW,
    )
    press = replace(common, kind=InboundKind.BUTTON, text=spoken(""), value=f"ask.more:{line}", remote_id="action:2.0")
    snapshot = Snapshot(
        proof=conversation, now=NOW, desk=desk, standing=standing if standing is not None else Standing()
    )
    return decide(snapshot, press if pressed else common, RULES)


def said(decision: Decision) -> str:
    [notice] = [each for each in decision.deliveries if each.kind is DeliveryKind.NOTICE]
    return plain(notice.outgoing.text)


def events(decision: Decision) -> list[tuple[str, Mapping[str, object]]]:
    return [(each.type, each.payload) for each in decision.events if each.type != "note_added"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("hold", Status.ON_HOLD),
        ("pending", Status.PENDING),
        ("snooze 1h", Status.SNOOZED),
        ("resolve", Status.RESOLVED),
    ],
)
def test_s16_a_button_and_its_verb_lead_to_the_same(line: str, status: Status) -> None:
    verb, button = asked(line), asked(line, pressed=True)
    assert events(verb) == events(button)
    assert events(verb)[-1][1]["to"] == status
    assert verb.ownership == button.ownership
    assert verb.deliveries == button.deliveries
    for each in (verb, button):
        assert each.message is not None
        assert each.message.visibility is Visibility.NOTE
        assert plain(each.message.text) == f"@onevoice {line}"


@pytest.mark.parametrize(
    ("said_so", "until"),
    [
        ("1h", NOW + timedelta(hours=1)),
        ("30m", NOW + timedelta(minutes=30)),
        ("for 2d", NOW + timedelta(days=2)),
        ("tomorrow", datetime(2026, 3, 11, 9, 0, tzinfo=UTC)),
        ("until 2026-03-12 08:30", datetime(2026, 3, 12, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_snooze_ends_when_it_was_said_to(said_so: str, until: datetime) -> None:
    [(_, payload)] = events(asked(f"snooze {said_so}"))
    assert payload == {"to": "snoozed", "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}


@pytest.mark.parametrize("words", ["", "a while", "0m", "9999d", "until 2026-03-09", "until 2027-06-01", "-1h"])
def test_a_snooze_without_a_good_end_is_not_begun(words: str) -> None:
    decision = asked(f"snooze {words}".strip())
    assert events(decision) == []
    assert "snooze 4h" in said(decision)


def test_d19_whoever_sets_aside_a_customer_who_waits_is_told_that_the_clock_goes_on() -> None:
    assert "still waits" in said(asked("pending"))
    assert "still waits" not in said(asked("pending", replace(OPEN, waiting_since=None)))


@pytest.mark.parametrize("line", ["resolve", "pending", "hold", "snooze 1h"])
def test_d22_a_status_says_which_answer_was_on_its_way(line: str) -> None:
    underway = DeskView(now=NOW, asked_seq=3, newest_seq=4, leaving=NOW - timedelta(seconds=1))
    assert events(asked(line, desk=underway))[-1][1]["leaving"] == "2026-03-10T09:59:59Z"
    assert "still waits" not in said(asked(line, desk=underway))
    answered = replace(OPEN, waiting_since=None)
    assert "leaving" not in events(asked(line, answered, desk=underway))[-1][1]


def test_d19_an_answer_on_its_way_to_an_earlier_question_is_none_to_the_last() -> None:
    underway = DeskView(now=NOW, asked_seq=5, newest_seq=4, leaving=NOW - timedelta(seconds=1))
    assert "still waits" in said(asked("pending", desk=underway))


def test_what_is_so_already_changes_nothing() -> None:
    assert events(asked("open")) == []
    assert said(asked("hold", replace(OPEN, status=Status.ON_HOLD))) == "It is on hold already."
    assert events(asked("unspam")) == []
    assert events(asked("spam", standing=Standing(void=True))) == []


@pytest.mark.parametrize("status", [Status.PENDING, Status.ON_HOLD, Status.SNOOZED, Status.RESOLVED])
def test_whatever_it_was_it_can_be_opened_again(status: Status) -> None:
    assert events(asked("open", replace(OPEN, status=status))) == [("status_changed", {"to": "open"})]


def test_nobody_need_take_what_is_set_aside() -> None:
    offer = OpenOffer(id=OFFER, agent="bob", until=NOW)
    for line in ("hold", "snooze 1h", "spam"):
        decision = asked(line, replace(OPEN, owner=None), standing=Standing(offer=offer))
        assert decision.ownership is not None
        assert decision.ownership.offer_end is not None
        assert decision.ownership.offer_end.state is OfferState.WITHDRAWN
        assert events(decision)[0] == ("offer_withdrawn", {"agent": "bob"})


def test_d24_spam_has_no_owner_and_counts_again_when_it_is_none() -> None:
    spam = asked("spam it sells watches")
    assert events(spam) == [
        ("voided", {"reason": "it sells watches"}),
        ("assigned", {"agent": None, "team": None}),
    ]
    assert spam.ownership is not None
    assert spam.ownership.owner == OwnerChange(agent=None)
    assert events(asked("unspam", standing=Standing(void=True))) == [("unvoided", {})]


def test_a_snooze_that_is_over_opens_the_conversation_and_says_so() -> None:
    decision = awoken(replace(OPEN, status=Status.SNOOZED), "2026-03-10T11:00:00Z")
    assert events(decision)[0][1]["to"] == "open"
    assert said(decision) == "The snooze is over: it is open again."


@pytest.mark.parametrize(("member", "internal"), [("U0NOBODY", True), ("U0ALICE", False)])
def test_s8_a_press_by_anybody_else_does_nothing_and_only_they_hear_so(member: str, internal: bool) -> None:
    decision = asked("resolve", pressed=True, member=member, internal=internal)
    assert decision.outcome is Outcome.STORED
    assert decision.message is None
    assert decision.ownership is None
    assert events(decision) == [("button_refused", {"verb": "resolve"})]
    [told] = decision.deliveries
    assert told.outgoing.only_for == member
    assert plain(told.outgoing.text).startswith("Not done: only listed agents can resolve.")


@pytest.mark.parametrize("value", ["ask.more", "yes:1", "/onevoice latency today", "ask.more:"])
def test_a_press_that_asks_for_no_verb_is_ignored(value: str) -> None:
    inbound = Inbound(
        kind=InboundKind.BUTTON,
        channel="desk",
        address="C1",
        sender=Sender(identity=IdentityKey("slack", "U0ALICE"), internal=True),
        remote_id="action:1",
        thread=Thread(ref="C1:1.0"),
        value=value,
    )
    assert decide(Snapshot(proof=OPEN, now=NOW), inbound, RULES).outcome is Outcome.IGNORED


def test_a_button_of_a_customers_channel_asks_for_nothing() -> None:
    inbound = Inbound(
        kind=InboundKind.BUTTON,
        channel="tg",
        address="4711",
        sender=Sender(identity=IdentityKey("telegram", "4711")),
        remote_id="b",
        value="ask.more:resolve",
    )
    assert decide(Snapshot(proof=OPEN, now=NOW), inbound, RULES).outcome is Outcome.IGNORED
