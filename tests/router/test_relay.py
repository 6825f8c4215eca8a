"""Edits that cannot be shown where the message is: the agents read a customer's, an agent hears of their own."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from router.decision import Decision, Snapshot
from router.model import (
    AuthorKind,
    Conversation,
    DeliveryKind,
    DeliveryState,
    Inbound,
    InboundKind,
    Leg,
    Message,
    Sender,
    Status,
    Visibility,
)
from router.model import IdentityKey as Key
from router.recognition import Recognition
from router.richtext import of_text, plain
from router.routing import decide
from router.told import Target, TargetDelivery
from tests.router.shipped_standards import standards
from tests.storage.inbounds import RULES

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
ID = UUID(int=1)
DESK = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
CHAT = Leg(id=UUID(int=3), conversation=ID, channel="tg", address="42", last_in_at=NOW)
BOOK = replace(RULES, recognition=Recognition(topics=standards().topics, thanks=standards().thanks))
CONVERSATION = Conversation(id=ID, number=7, contact=UUID(int=4), legs=(DESK, CHAT), opened_at=NOW)


def edited(
    text: str, *remote_ids: str, parts: int = 1, conversation: Conversation = CONVERSATION, deleted: bool = False
) -> Decision:
    """A customer edits or deletes a message whose posts in the thread have these remote ids."""
    message = Message(
        id=UUID(int=5),
        conversation=ID,
        seq=2,
        author_kind=AuthorKind.CUSTOMER,
        author="telegram:42",
        visibility=Visibility.PUBLIC,
        channel="tg",
        text=of_text("I want a reed one"),
        remote_id="42:7",
        received_at=NOW,
    )
    post = TargetDelivery(
        id=UUID(int=6),
        kind=DeliveryKind.MESSAGE,
        channel="desk",
        address="C1",
        state=DeliveryState.SENT if remote_ids else DeliveryState.SENDING,
        part=1,
        parts=parts,
        remote_ids=remote_ids,
        desk=True,
    )
    inbound = Inbound(
        kind=InboundKind.DELETE if deleted else InboundKind.EDIT,
        channel="tg",
        address="42",
        sender=Sender(identity=Key("telegram", "42"), name="Tom", verification=1),
        remote_id="42:8",
        target="42:7",
        text=of_text(text),
        sent_at=NOW,
    )
    return decide(Snapshot(proof=conversation, target=Target(message=message, deliveries=(post,))), inbound, BOOK)


def bounced(status: str) -> Decision:
    """The customer's mail server returns an agent's reply, or says that it is delayed."""
    reply = Message(
        id=UUID(int=7),
        conversation=ID,
        seq=3,
        author_kind=AuthorKind.AGENT,
        author="agent:alice",
        visibility=Visibility.PUBLIC,
        channel="desk",
        text=of_text("It left today."),
        remote_id="C1:1.5",
        received_at=NOW,
    )
    inbound = Inbound(
        kind=InboundKind.BOUNCE,
        channel="mail",
        address="mailer-daemon@there.example",
        sender=Sender(identity=Key("email", "mailer-daemon@there.example")),
        remote_id="<bounce@there.example>",
        target="<ours@shop.example>",
        value=status,
        automatic=True,
    )
    return decide(Snapshot(proof=CONVERSATION, target=Target(message=reply, deliveries=())), inbound, RULES)


def marks(decision: Decision) -> list[tuple[str | None, str | None]]:
    reactions = [each.outgoing for each in decision.deliveries if each.kind is DeliveryKind.REACTION]
    return [(each.target, each.reaction) for each in reactions]


def shown(decision: Decision) -> list[tuple[DeliveryKind, str]]:
    return [(each.kind, plain(each.outgoing.text)) for each in decision.deliveries]


def test_x11_a_customers_edit_is_shown_where_the_message_is() -> None:
    assert shown(edited("I want a red one", "C1:1.2")) == [(DeliveryKind.EDIT, "I want a red one")]


def test_x11_a_customers_edit_of_a_post_under_way_is_told_in_words() -> None:
    told = [(DeliveryKind.NOTICE, "The customer has edited this. It reads now:\nI want a red one")]
    assert shown(edited("I want a red one")) == told
    assert shown(edited("I want a red one", "C1:1.2", parts=2)) == told


def test_x11_of_several_posts_the_first_is_edited_and_all_are_deleted() -> None:
    changed = edited("I want a red one", "C1:1.2", "C1:1.3").deliveries
    assert [(each.kind, each.outgoing.target) for each in changed] == [(DeliveryKind.EDIT, "C1:1.2")]
    gone = edited("", "C1:1.2", "C1:1.3", deleted=True).deliveries
    assert [(each.kind, each.outgoing.target) for each in gone] == [
        (DeliveryKind.DELETE, "C1:1.2"),
        (DeliveryKind.DELETE, "C1:1.3"),
    ]


OTHER = "Please send two green lamps to my office"


def test_d9_what_asks_for_something_else_is_like_a_new_message_and_told_with_the_old_words() -> None:
    decision = edited(OTHER, "C1:1.2")
    assert shown(decision) == [
        (DeliveryKind.EDIT, OTHER),
        (DeliveryKind.NOTICE, f"The customer has changed what they asked.\nBefore: I want a reed one\nNow: {OTHER}"),
    ]
    (event,) = decision.events
    assert (event.payload["material"], event.payload["sent_at"]) == (True, "2026-03-10T09:00:00Z")
    assert decision.leg_in


def test_d9_before_the_answer_an_edit_is_told_but_the_customer_wrote_last_where_and_when_they_did() -> None:
    waiting = replace(CONVERSATION, waiting_since=NOW)
    decision = edited(OTHER, "C1:1.2", conversation=waiting)
    assert [kind for kind, _ in shown(decision)] == [DeliveryKind.EDIT, DeliveryKind.NOTICE]
    assert not decision.leg_in


@pytest.mark.parametrize("status", [Status.PENDING, Status.ON_HOLD, Status.SNOOZED, Status.RESOLVED])
def test_d21_what_asks_for_something_else_opens_the_conversation_again(status: Status) -> None:
    decision = edited(OTHER, "C1:1.2", conversation=replace(CONVERSATION, status=status))
    assert [event.type for event in decision.events] == ["message_edited", "status_changed"]
    assert decision.events[-1].payload == {"to": "open", "rule": "D21"}


@pytest.mark.parametrize("text", ["I want a red one", "Thank you"])
def test_d9_other_edits_and_thanks_make_nobody_wait(text: str) -> None:
    resolved = replace(CONVERSATION, status=Status.RESOLVED, last_word_ours=True)
    decision = edited(text, "C1:1.2", conversation=resolved)
    assert [event.type for event in decision.events] == ["message_edited"]
    assert "material" not in decision.events[0].payload
    assert shown(decision) == [(DeliveryKind.EDIT, text)]
    assert not decision.leg_in


def test_d9_what_an_edit_is_about_counts() -> None:
    decision = edited("Please cancel order US-20260301-99, I want to complain", "C1:1.2")
    assert decision.matter is not None
    assert decision.matter.orders == ("US-20260301-99",)
    assert decision.matter.priority == "complaint"


def test_a_very_long_edit_is_told_in_part() -> None:
    ((_, text),) = shown(edited("x" * 9000))
    assert len(text) < 3100
    assert text.endswith("(the rest is stored)")


def test_l6_a_reply_that_came_back_is_no_sent_one_any_more() -> None:
    decision = bounced("5.1.1")
    assert [(event.type, event.payload["message"]) for event in decision.events] == [
        ("delivery_failed", UUID(int=7).hex)
    ]
    assert "Not delivered: the customer's mail server returned the reply (5.1.1)." in [
        text for _, text in shown(decision)
    ]
    assert marks(decision) == [("C1:1.5", "-white_check_mark"), ("C1:1.5", "warning")]


def test_l6_a_delay_is_told_and_fails_nothing() -> None:
    decision = bounced("4.4.1")
    assert decision.events == ()
    assert [kind for kind, _ in shown(decision)] == [DeliveryKind.NOTICE]
