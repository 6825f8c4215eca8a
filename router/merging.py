"""Merging conversations by an agent's word, and undoing it: a pointer from the absorbed one to its survivor, whose
rounds are those of both logs (decisions 5, D25)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Outcome, Planned, Reason
from router.events import EventType
from router.links import conversation_number
from router.model import Conversation, DeliveryKind, Status, Visibility
from router.ownership import OfferEnd, OfferState, OpenOffer, OwnerChange, Ownership
from router.planning import notice
from router.regrouping import Merge, Unmerge
from router.richtext import Paragraph, RichText, Span
from router.timeline import Outcome as RoundOutcome
from router.timeline import Timeline

SYSTEM = "system:merge"


def merge(asked: Asked) -> Decision:
    """ "merge #12 <reason>": conversation 12 absorbs this one."""
    number = conversation_number(asked.verb.rest)
    if number is None:
        return answered(asked, "Say which conversation goes on: `@onevoice merge #12 <reason>`.")
    own, named = asked.conversation, asked.snapshot.named
    if (absorbed := asked.snapshot.absorbed) is not None:
        sentence = f"Conversation #{absorbed.number} was merged into #{own.number} already."
        return answered(asked, sentence if number == own.number else f"{sentence} Say `@onevoice unmerge` first.")
    if named is None:
        return answered(asked, f"There is no conversation #{number}.")
    if named.conversation.id == own.id:
        return answered(asked, f"This is conversation #{number} itself.")
    if named.survivor.id == own.id:
        return answered(asked, f"Conversation #{number} was merged into this one already.")
    if named.survivor.id != named.conversation.id:
        survivor = named.survivor.number
        return answered(
            asked, f"Conversation #{number} was merged into #{survivor}: say `@onevoice merge #{survivor}`."
        )
    people = asked.snapshot.desk.contacts if asked.snapshot.desk is not None else frozenset({own.contact})
    if named.conversation.contact not in people:
        return answered(
            asked,
            f"Conversation #{number} is of another customer. If it is the same person, "
            f"say `@onevoice link #{number} <reason>` first.",
        )
    reason = _rest(asked)
    why = f"{asked.agent.name} merged it into conversation {number}{f': {reason}' if reason else ''}"
    event = NewEvent(
        type="conversation_merged",
        actor=asked.actor,
        payload={"into": number, "conversation": named.conversation.id.hex, "reason": reason, "why": [["D25", why]]},
    )
    decision = answered(
        asked,
        f"Merged into conversation #{number}, which goes on. What is written here still reaches the customer and is "
        "shown there; what the customer writes is shown there only. `@onevoice unmerge` here undoes it.",
        event,
    )
    made = Merge(absorbed=own.id, survivor=named.conversation.id, actor=asked.actor, reason=reason)
    return replace(decision, regrouping=made)


def unmerge(asked: Asked) -> Decision:
    """Said in the thread of an absorbed conversation: it stands by itself again."""
    absorbed = asked.snapshot.absorbed
    if absorbed is None:
        return answered(
            asked, "This conversation was not merged into another. Say it in the thread of the one that was."
        )
    reason, survivor = asked.verb.rest.strip(), asked.conversation.number
    why = f"{asked.agent.name} took it out of conversation {survivor}{f': {reason}' if reason else ''}"
    event = NewEvent(
        type="conversation_unmerged",
        actor=asked.actor,
        payload={"from": survivor, "reason": reason, "why": [["D25", why]]},
    )
    decision = answered(
        replace(asked, conversation=absorbed),
        f"Conversation #{absorbed.number} stands by itself again, as it was before it was merged. What was said since "
        f"then stays with #{survivor}.",
        event,
    )
    return replace(decision, regrouping=Unmerge(absorbed=absorbed.id, actor=asked.actor, reason=reason))


def _rest(asked: Asked) -> str:
    """What was written after the number."""
    return asked.verb.rest.strip().partition(" ")[2].strip()


VERBS: Mapping[str, Answer] = {"merge": merge, "unmerge": unmerge}


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A conversation before the merge, with its figures."""

    conversation: Conversation
    figures: Timeline


def settled(made: Merge, absorbed: Before, survivor: Before, union: Timeline, name: str) -> tuple[NewEvent, ...]:
    """What the union of two logs leaves open, settled for the survivor by events that are void after an unmerge.

    Who waited before still waits, also if the other conversation was resolved meanwhile; the survivor keeps its owner
    (the absorbed one's, if it has none) and its status: open when a customer waits.
    """
    extra: dict[str, object] = {"merge": name}
    events = [
        NewEvent(
            type=EventType.NEED_CHANGED,
            actor=SYSTEM,
            payload={"message": message, "needs_reply": True, **extra},
        )
        for message in _dropped(absorbed.figures, survivor.figures, union)
    ]
    status, after = status_after(absorbed, survivor, union, waits=bool(events)), _status(union)
    if events:
        after = Status.OPEN  # D21
    if status is not (after or status) or status is not survivor.conversation.status:
        events.append(
            NewEvent(type=EventType.STATUS_CHANGED, actor=SYSTEM, payload={"to": status.value, "rule": "D25", **extra})
        )
    owner = survivor.conversation.owner or absorbed.conversation.owner
    payload = {"agent": owner, "team": survivor.conversation.team, **extra}
    events.append(NewEvent(type=EventType.ASSIGNED, actor=SYSTEM, payload=payload))
    return tuple(events)


def status_after(absorbed: Before, survivor: Before, union: Timeline, *, waits: bool) -> Status:
    """The survivor's status: open when somebody waits, else its own; a resolved one takes over the absorbed one's."""
    if waits or union.waiting is not None:
        return Status.OPEN
    own = survivor.conversation.status
    return absorbed.conversation.status if own is Status.RESOLVED else own


def _dropped(absorbed: Timeline, survivor: Timeline, union: Timeline) -> Iterator[str]:
    """Messages that waited in one of the two, and that only the resolving of the other one ended."""
    for message in sorted((absorbed.unanswered | survivor.unanswered) - union.unanswered):
        before = absorbed.waiting if message in absorbed.unanswered else survivor.waiting
        if before is not None and any(
            each.outcome == RoundOutcome.CLOSED_NO_REPLY
            and each.end_at is not None
            and each.start_at <= before.start_at <= each.end_at
            for each in union.rounds
        ):
            yield message


def _status(figures: Timeline) -> Status | None:
    return figures.cycles[-1].resolution.state if figures.cycles else None


def absorbs(
    made: Merge,
    absorbed: Before,
    survivor: Before,
    union: Timeline,
    name: str,
    offer: OpenOffer | None,
    legs: Mapping[str, object],
) -> Decision:
    """What the survivor records, and what its thread is told. `name` names the merge, `offer` is the survivor's open
    one, `legs` is what an unmerge needs to know of them."""
    one, other = absorbed.conversation, survivor.conversation
    events = settled(made, absorbed, survivor, union, name)
    waits = any(event.type == EventType.NEED_CHANGED for event in events)
    status = status_after(absorbed, survivor, union, waits=waits)
    inherits = other.owner is None and one.owner is not None
    payload = {
        "conversation": one.id.hex,
        "number": one.number,
        "merge": name,
        "reason": made.reason,
        "status": [other.status.value, status.value],
        "owner": [other.owner, one.owner if inherits else other.owner],
        "legs": legs,
        "why": [["D25", f"it absorbed conversation {one.number}{f': {made.reason}' if made.reason else ''}"]],
    }
    end = None
    if inherits and offer is not None:
        end = OfferEnd(offer=offer, agent=offer.agent, state=OfferState.WITHDRAWN, reason="merged")
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D25", f"it absorbs conversation {one.number}"),),
        conversation=other,
        events=(NewEvent(type=EventType.CONVERSATION_ABSORBED, actor=made.actor, payload=payload), *events),
        deliveries=notice(
            other,
            f"Conversation #{one.number} was merged into this one{f': {made.reason}' if made.reason else ''}. "
            "Both are one now: whoever waits there waits here.",
        ),
        ownership=Ownership(owner=OwnerChange(agent=one.owner), offer_end=end) if inherits else None,
    )


def parts(made: Unmerge, absorbed: Conversation, holder: Conversation, survivor: Conversation, name: str) -> Decision:
    """What `holder`, which absorbed it, records, and what the survivor's thread is told."""
    why = f"conversation {absorbed.number} was taken out{f': {made.reason}' if made.reason else ''}"
    payload = {"conversation": absorbed.id.hex, "number": absorbed.number, "merge": name, "reason": made.reason}
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D25", why),),
        conversation=holder,
        events=(
            NewEvent(type=EventType.CONVERSATION_PARTED, actor=made.actor, payload={**payload, "why": [["D25", why]]}),
        ),
        deliveries=tuple(
            replace(each, thread_of=survivor.id)
            for each in notice(survivor, f"Conversation #{absorbed.number} is not part of this one any more.")
        ),
    )


def told_in(decision: Decision, other: Conversation) -> Decision:
    """The notices of a decision, told in the thread of this conversation as well."""
    told = [
        replace(copy, thread_of=other.id)
        for each in decision.deliveries
        if each.kind is DeliveryKind.NOTICE and each.thread_of is None
        for copy in notice(other, each.outgoing.text)
    ]
    return replace(decision, deliveries=(*decision.deliveries, *told))


def in_both_threads(decision: Decision, absorbed: Conversation | None) -> Decision:
    """A post in the thread of an absorbed conversation: answered there as well, and a reply is shown in the
    survivor's thread, where its answer will come."""
    survivor = decision.conversation
    if absorbed is None or survivor is None or survivor.id == absorbed.id:
        return decision
    both = told_in(decision, absorbed)
    message = decision.message
    if message is None or message.visibility is not Visibility.PUBLIC or not _leaves(decision.deliveries):
        return both
    head = Paragraph((Span(f"{message.author_name} answered in the thread of #{absorbed.number}:"),))
    return replace(both, deliveries=(*both.deliveries, *notice(survivor, RichText((head, *message.text.blocks)))))


def _leaves(deliveries: tuple[Planned, ...]) -> bool:
    return any(not each.desk for each in deliveries)
