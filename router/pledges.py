"""Reminders of what was promised to a customer (`service.md` 4.10)."""

from router.decision import Decision, NewEvent, Outcome, Planned, Reason
from router.directs import pinged
from router.instants import to_text
from router.model import Conversation, Promise
from router.planning import notice
from router.promised import WHAT, promise_buttons, promise_subject
from router.richtext import Inline, Paragraph, RichText, Span
from router.rulebook import Agent

DUE = 100
"""Percent of the time given at which a promise is due."""


def reminder(
    conversation: Conversation, promise: Promise, owner: Agent | None, lead: Agent | None, percent: int
) -> Decision:
    """Tell the owner that a promise comes due; when it is late, the lead as well."""
    what = WHAT.get(promise.kind, promise.kind)
    at = to_text(promise.due_at)
    late = percent >= DUE
    sentence = f": late: {what} was promised for {at}." if late else f": {what} is promised for {at}."
    people = [each for each in (owner, lead if late and lead != owner else None) if each is not None]
    children: list[Inline] = []
    for each in people:
        children += [Span(" "), pinged(each)] if children else [pinged(each)]
    children.append(Span(sentence if people else sentence.removeprefix(": ").capitalize()))
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("promise", sentence.removeprefix(": ")),),
        conversation=conversation,
        events=(
            NewEvent(
                type="promise_late" if late else "promise_reminded",
                actor="system:promises",
                payload={"kind": promise.kind, "due_at": at, "owner": promise.owner or ""},
            ),
        ),
        deliveries=_asking(conversation, promise, RichText((Paragraph(tuple(children)),))),
    )


def _asking(conversation: Conversation, promise: Promise, said: RichText) -> tuple[Planned, ...]:
    if promise.id is None:
        return notice(conversation, said)
    return notice(conversation, said, about=promise_subject(promise.id), buttons=promise_buttons(promise.id))
