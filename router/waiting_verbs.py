"""What an agent knows better than the log: a customer was answered elsewhere, or waits for nothing, or for something
after all (D2, D5)."""

from collections.abc import Mapping

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent
from router.events import EventType
from router.model import Status
from router.statuses import changed_to

NOBODY_WAITS = "Nobody waits for an answer here."


def answered_elsewhere(asked: Asked) -> Decision:
    """On the telephone, say: whoever waits has been answered now, and the figures call it `manual`."""
    if asked.conversation.waiting_since is None:
        return answered(asked, NOBODY_WAITS)
    event = NewEvent(type=EventType.EXTERNAL_REPLY, actor=asked.actor)
    return answered(asked, "Noted: the customer was answered elsewhere. Nothing was sent.", event)


def no_reply_needed(asked: Asked) -> Decision:
    """What the customer wrote last asks for nothing."""
    if asked.conversation.waiting_since is None:
        return answered(asked, NOBODY_WAITS)
    flipped = _flipped(asked, needs_reply=False)
    if not flipped:
        return answered(
            asked, "It is an edit of an answered message that waits: `@onevoice answered-elsewhere` ends it."
        )
    return answered(asked, "Noted: no answer is needed.", *flipped)


def needs_reply(asked: Asked) -> Decision:
    """It was taken for a thank-you and is a question: its clock runs since it came."""
    if asked.conversation.waiting_since is not None:
        return answered(asked, "The customer waits for an answer already.")
    flipped = _flipped(asked, needs_reply=True)
    if not flipped:
        return answered(asked, "What the customer wrote last has been answered.")
    opened = () if asked.conversation.status is Status.OPEN else (changed_to(asked, Status.OPEN),)
    return answered(asked, "Noted: the customer waits for an answer since they wrote.", *flipped, *opened)


def _flipped(asked: Asked, *, needs_reply: bool) -> tuple[NewEvent, ...]:
    desk = asked.snapshot.desk
    unanswered = desk.unanswered if desk is not None else ()
    chosen = unanswered[:1] if needs_reply else unanswered
    return tuple(
        NewEvent(
            type=EventType.NEED_CHANGED, actor=asked.actor, payload={"message": each.hex, "needs_reply": needs_reply}
        )
        for each in chosen
    )


VERBS: Mapping[str, Answer] = {
    "answered-elsewhere": answered_elsewhere,
    "needs-reply": needs_reply,
    "no-reply-needed": no_reply_needed,
}
