"""What follows when a delivery ends: events, marks and notices for the agents (X6, X17, T12). Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from router.automatic import SAID
from router.decision import Decision, NewEvent, Outcome, Planned, Reason
from router.instants import optional_to_text
from router.model import AuthorKind, Conversation, Delivery, DeliveryKind, DeliveryState
from router.planning import notice, reaction
from router.record import Record

SENT_MARK = "white_check_mark"
FAILED_MARK = "warning"


@dataclass(frozen=True, slots=True)
class Said:
    """Who wrote the message a delivery carries, when (D11), the remote id of the agent's own post of it, whether it
    only asks for patience (D10), and the files it left without: names and reasons."""

    author_kind: AuthorKind
    author: str
    composed_at: datetime | None
    post: str | None
    holding: bool = False
    missing: tuple[tuple[str, str], ...] = ()


def after_delivery(
    delivery: Delivery,
    state: DeliveryState,
    error: str | None,
    conversation: Conversation,
    said: Said,
    *,
    closes_leg: bool = False,
) -> Decision | None:
    """What to record and whom to tell about a message that was `said`; None when nothing."""
    if any(
        leg.desk and leg.channel == delivery.channel and leg.address == delivery.address for leg in conversation.legs
    ):
        return None
    what = "An automatic message" if said.author in SAID else _WHAT.get(delivery.kind)
    if what is None or said.author_kind is AuthorKind.CUSTOMER:
        return None
    match state:
        case DeliveryState.SENT:
            return _sent(delivery, conversation, said)
        case DeliveryState.FAILED | DeliveryState.DEAD:
            return _failed(delivery, state, error, conversation, said.post, what, closes_leg=closes_leg)
        case DeliveryState.WITHDRAWN:
            payload = {"message": _message(delivery), "channel": delivery.channel}
            decision = _decision(conversation, NewEvent(type="delivery_withdrawn", payload=payload), ())
            nothing_left = delivery.kind is DeliveryKind.MESSAGE and delivery.part == 1
            return replace(decision, record=Record(message=delivery.message, unsaid=True) if nothing_left else None)
        case DeliveryState.READY | DeliveryState.SENDING | DeliveryState.UNKNOWN:
            return None


_WHAT = {
    DeliveryKind.MESSAGE: "The reply",
    DeliveryKind.EDIT: "The edit of a reply",
    DeliveryKind.DELETE: "The deletion of a reply",
}


def _sent(delivery: Delivery, conversation: Conversation, said: Said) -> Decision | None:
    if delivery.kind is not DeliveryKind.MESSAGE or delivery.part < delivery.parts:
        return None
    event = NewEvent(
        type="message_sent",
        actor=said.author,
        payload={
            "message": _message(delivery),
            "channel": delivery.channel,
            "composed_at": optional_to_text(said.composed_at),
            "holding": said.holding,
        },
    )
    return _decision(conversation, event, _shown(conversation, said))


def _shown(conversation: Conversation, said: Said) -> tuple[Planned, ...]:
    """A mark on the agent's own post, or a small line where nobody posted anything. What left without its files must
    not look as if all of it had left (X17)."""
    if said.missing:
        files = "; ".join(f"file {name}, {problem}" for name, problem in said.missing)
        marks = reaction(conversation, said.post, FAILED_MARK) if said.post else ()
        return (*notice(conversation, f"The reply was delivered, but not all of it: {files}."), *marks)
    if said.post:
        return reaction(conversation, said.post, SENT_MARK)
    return notice(conversation, SAID[said.author]) if said.author in SAID else ()


def _failed(
    delivery: Delivery,
    state: DeliveryState,
    error: str | None,
    conversation: Conversation,
    post: str | None,
    what: str,
    *,
    closes_leg: bool,
) -> Decision:
    verb = "may have been sent, but this could not be found out" if state is DeliveryState.DEAD else "was not delivered"
    sentence = f"{what} {verb}: {error or 'no reason was given'}."
    event = NewEvent(
        type="delivery_failed" if delivery.kind is DeliveryKind.MESSAGE else "change_failed",
        payload={"message": _message(delivery), "channel": delivery.channel, "reason": error or ""},
    )
    leg = next(
        (
            leg
            for leg in conversation.legs
            if closes_leg and (leg.channel, leg.address) == (delivery.channel, delivery.address)
        ),
        None,
    )
    marks = reaction(conversation, post, FAILED_MARK) if post else ()
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("X17", sentence),),
        conversation=conversation,
        events=(event,),
        deliveries=(*notice(conversation, sentence), *marks),
        close_leg=leg,
        record=Record(message=delivery.message, unsaid=True) if _is_unsaid(delivery, state) else None,
    )


def _is_unsaid(delivery: Delivery, state: DeliveryState) -> bool:
    """A part of the reply itself has failed; one that may have left counts as told."""
    return delivery.kind is DeliveryKind.MESSAGE and state is DeliveryState.FAILED


def still_unknown(delivery: Delivery, conversation: Conversation) -> Decision:
    """Nobody could find out for a while whether a delivery left (C2)."""
    sentence = (
        f"It is not known whether a message to {delivery.address} on {delivery.channel} was delivered. "
        "Onevoice goes on looking; an administrator can settle it: `onevoice deadletters sent` or `retry`."
    )
    return _decision(
        conversation,
        NewEvent(type="delivery_unknown", payload={"message": _message(delivery), "channel": delivery.channel}),
        notice(conversation, sentence),
    )


def _message(delivery: Delivery) -> str:
    return delivery.message.hex if delivery.message is not None else ""


def _decision(conversation: Conversation, event: NewEvent, deliveries: tuple[Planned, ...]) -> Decision:
    return Decision(
        outcome=Outcome.STORED,
        reasons=(),
        conversation=conversation,
        events=(event,),
        deliveries=deliveries,
    )
