"""Merging conversations by an agent's word, and undoing it: a pointer from the absorbed one to its survivor, whose
rounds are those of both logs (decisions 5, D25)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Outcome, Planned, Reason
from router.events import EventType
from router.handing import offer_end, offer_events
from router.instants import optional_from_text, optional_to_text
from router.links import conversation_number
from router.model import Conversation, DeliveryKind, Priority, Status, Visibility
from router.ownership import OfferEnd, OfferState, OpenOffer, Ownership
from router.planning import notice
from router.queue_order import CLASSES
from router.regrouping import Merge, Unmerge
from router.richtext import Paragraph, RichText, Span
from router.tagging import joined as joined_tags
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
        f"Merged into conversation #{number}, which goes on. Replies written here still reach the customer and are "
        "shown there; what the customer writes is shown there only. `@onevoice unmerge` here undoes it.",
        *offer_events(asked.snapshot, None, asked.actor),
        event,
    )
    made = Merge(absorbed=own.id, survivor=named.conversation.id, actor=asked.actor, reason=reason)
    return replace(decision, regrouping=made, ownership=Ownership(offer_end=offer_end(asked.snapshot, None)))


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


def absorbs(
    made: Merge,
    absorbed: Before,
    survivor: Before,
    union: Timeline,
    name: str,
    offer: OpenOffer | None,
    legs: Mapping[str, object],
) -> tuple[Decision, Conversation]:
    """What the survivor records and its thread is told, and the survivor as it is afterwards.

    `name` names the merge, `offer` is the survivor's open one, `legs` is what an unmerge needs to know of them. The
    events after the first settle what the union of two logs leaves open, and are void after an unmerge.
    """
    one, other = absorbed.conversation, survivor.conversation
    waiting = list(_dropped(absorbed.figures, survivor.figures, union))
    joined = _joined(one, other, waits=bool(waiting) or union.waiting is not None)
    because = f": {made.reason}" if made.reason else ""
    payload = {
        "conversation": one.id.hex,
        "number": one.number,
        "merge": name,
        "reason": made.reason,
        "before": _state(other),
        "after": _state(joined),
        "legs": legs,
        "why": [["D25", f"it absorbed conversation {one.number}{because}"]],
    }
    end = None
    if joined.owner != other.owner and offer is not None:
        end = OfferEnd(offer=offer, agent=offer.agent, state=OfferState.WITHDRAWN, reason="merged")
    decision = Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D25", f"it absorbs conversation {one.number}"),),
        conversation=other,
        events=(
            NewEvent(type=EventType.CONVERSATION_ABSORBED, actor=made.actor, payload=payload),
            *_settled(waiting, joined, one, other, union, name),
        ),
        deliveries=notice(
            other,
            f"Conversation #{one.number} was merged into this one{because}. Who waited there waits here now.",
        ),
        ownership=Ownership(offer_end=end) if end is not None else None,
    )
    return decision, joined


def _joined(one: Conversation, other: Conversation, *, waits: bool) -> Conversation:
    """The survivor: open when somebody waits, else its own status, or that of the absorbed one where it was resolved;
    with its own owner, or the absorbed one's; about what both are about."""
    status = other.status if other.status is not Status.RESOLVED else one.status
    if waits:
        status = Status.OPEN
    return replace(
        other,
        status=status,
        resolved_at=other.resolved_at if status is other.status else None,
        owner=other.owner or one.owner,
        topic=other.topic or one.topic,
        orders=(*other.orders, *(each for each in one.orders if each not in other.orders)),
        tags=joined_tags(other.tags, one.tags),
        priority=min(one.priority, other.priority, key=CLASSES.__getitem__),
        last_word_ours=one.last_word_ours and other.last_word_ours,
    )


def _settled(
    waiting: list[str], joined: Conversation, one: Conversation, other: Conversation, union: Timeline, name: str
) -> Iterator[NewEvent]:
    """Who waited before still waits, also where the other conversation was resolved meanwhile; policy, status and owner
    are those of the survivor, whatever came first or last in the union."""
    for message in waiting:
        yield _settling(EventType.NEED_CHANGED, name, message=message, needs_reply=True)
    if other.policy is not None and (other.policy, other.policy_version) != (one.policy, one.policy_version):
        yield _settling(EventType.POLICY_CHANGED, name, policy=other.policy, policy_version=other.policy_version)
    shown = union.cycles[-1].resolution.state if union.cycles else other.status
    if waiting:
        shown = Status.OPEN  # D21
    if joined.status is not shown or joined.status is not other.status:
        yield _settling(EventType.STATUS_CHANGED, name, to=joined.status.value, rule="D25")
    yield _settling(EventType.ASSIGNED, name, agent=joined.owner, team=joined.team)


def _settling(kind: EventType, name: str, **payload: object) -> NewEvent:
    return NewEvent(type=kind, actor=SYSTEM, payload={**payload, "merge": name})


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


def _state(conversation: Conversation) -> dict[str, object]:
    """What a merge may change of its survivor, as JSON."""
    return {
        "status": conversation.status.value,
        "resolved_at": optional_to_text(conversation.resolved_at),
        "owner": conversation.owner,
        "topic": conversation.topic,
        "orders": list(conversation.orders),
        "tags": list(conversation.tags),
        "priority": conversation.priority.value,
        "last_word_ours": conversation.last_word_ours,
    }


def restored(conversation: Conversation, payload: Mapping[str, object]) -> Conversation:
    """The survivor after an unmerge: what is still as the merge left it is as it was before."""
    before, after = (cast(Mapping[str, Any], payload[key]) for key in ("before", "after"))
    now = _state(conversation)
    back: dict[str, Any] = {
        key: before[key] if key in after and value == after[key] else value for key, value in now.items()
    }
    if back["status"] == now["status"]:
        back["resolved_at"] = now["resolved_at"]
    return replace(
        conversation,
        status=Status(back["status"]),
        resolved_at=optional_from_text(back["resolved_at"]),
        owner=back["owner"],
        topic=back["topic"],
        orders=tuple(back["orders"]),
        tags=tuple(back["tags"]),
        priority=Priority(back["priority"]),
        last_word_ours=back["last_word_ours"],
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
    if decision.conversation is None or decision.conversation.id == other.id:
        return decision
    told = [
        replace(copy, thread_of=other.id, outgoing=replace(copy.outgoing, only_for=each.outgoing.only_for))
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
