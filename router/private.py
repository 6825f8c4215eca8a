"""Answers that only the one who asked sees, with buttons of what can be done next."""

from dataclasses import replace

from router.asked import Asked, answered
from router.decision import Decision, NewEvent
from router.model import CardButton
from router.richtext import RichText


def told_alone(asked: Asked, said: str | RichText, *events: NewEvent, buttons: tuple[CardButton, ...] = ()) -> Decision:
    """Like `answered`, in private."""
    decision = answered(asked, said, *events)
    who = asked.inbound.sender.identity.value
    return replace(
        decision,
        deliveries=tuple(
            replace(each, outgoing=replace(each.outgoing, only_for=who, buttons=buttons))
            for each in decision.deliveries
        ),
    )
