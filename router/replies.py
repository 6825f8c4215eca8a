"""A reply to the customer as deliveries, and what it says for the record once it leaves."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from router.consistency.findings import Level
from router.consistency.ledger import settle
from router.consistency.pipeline import Checked
from router.consistency.promises import Deed, PromiseKind, is_slip, keeps, state_after
from router.consistency.statements import Slot, Told
from router.decision import Planned, Snapshot
from router.desk_view import DeskView
from router.letters import letter
from router.model import Attachment, AuthorKind, Conversation, Leg, Outgoing, Promise, Statement
from router.planning import cut, parts_to
from router.record import NewPromise, Record
from router.richtext import RichText
from router.rulebook import Agent, Rulebook


def planned_reply(
    snapshot: Snapshot,
    conversation: Conversation,
    leg: Leg,
    text: RichText,
    attachments: tuple[Attachment, ...],
    agent: Agent,
    rules: Rulebook,
    *,
    hold: timedelta | None = None,
    order: int | None = None,
) -> tuple[Planned, ...]:
    """The parts of a reply on the customer's leg, by mail as a letter. `hold` in the place of the undo window of route
    or channel."""
    capabilities = rules.channel(leg.channel).capabilities
    route = rules.route(conversation.route)
    if hold is None:
        hold = route.hold if route is not None and route.hold is not None else capabilities.hold
    return parts_to(
        cut(letter(snapshot, conversation, leg.channel, text, agent.name, rules), attachments, capabilities),
        Outgoing(
            author=agent.name,
            author_kind=AuthorKind.AGENT,
            attachments=attachments,
            subject=conversation.subject,
            in_reply_to=leg.last_remote_id,
            references=(leg.last_remote_id,) if leg.last_remote_id else (),
        ),
        channel=leg.channel,
        address=leg.address,
        desk=False,
        hold=hold,
        order=order,
    )


def leaving(
    checked: Checked,
    desk: DeskView,
    conversation: Conversation,
    channel: str,
    agent: Agent,
    standards: str,
    *,
    message: UUID | None = None,
) -> Record:
    """What a reply that leaves says: findings that hold nothing, statements, promises, and what those replace.

    `message` is its id once it is stored: then what an earlier version of it said is taken back.
    """
    promises = [
        Promise(
            conversation=conversation.id,
            message=message,
            kind=each.kind.value,
            due_at=each.due_at,
            span=each.span,
            owner=agent.id,
        )
        for each in checked.reading.promises
    ]
    said = _said(checked.reading.told, promises, desk, conversation, channel, agent.id, message)
    return replace(
        said,
        standards=standards,
        logged=tuple(each for each in checked.findings if each.level in (Level.LOG, Level.SHADOW)),
    )


def said_again(
    statements: Sequence[Statement],
    promises: Sequence[Promise],
    desk: DeskView,
    conversation: Conversation,
    channel: str,
    agent: str,
    message: UUID,
) -> Record:
    """What a reply that failed says when it is sent again: what it said then, after all that was said meanwhile."""
    told = [Told(slot=Slot(each.slot), value=each.value, unit=each.unit, order=each.order) for each in statements]
    return _said(told, promises, desk, conversation, channel, agent, message)


def _said(
    told: Sequence[Told],
    promises: Sequence[Promise],
    desk: DeskView,
    conversation: Conversation,
    channel: str,
    agent: str,
    message: UUID | None,
) -> Record:
    own = [each for each in desk.told if message is not None and each.message == message]
    settlement = settle(
        told,
        [each for each in desk.told if each not in own],
        contact=conversation.contact,
        conversation=conversation.id,
        said_at=desk.now,
        channel=channel,
        agent=agent,
        message=message,
    )
    ended = {each.id: each.state for each in settlement.superseded if each.id is not None}
    ended |= {each.id: "retracted" for each in own if each.id is not None}
    slips, ended_promises = _ended(told, promises, desk, message)
    return Record(
        message=message,
        actor=f"agent:{agent}",
        statements=settlement.added,
        ended_statements=ended,
        promises=tuple(NewPromise(promise=each, slip=each.kind in slips) for each in promises),
        ended_promises=ended_promises,
    )


def _ended(
    told: Sequence[Told], made: Sequence[Promise], desk: DeskView, message: UUID | None
) -> tuple[AbstractSet[str], Mapping[UUID, str]]:
    """The kinds of promises that slip, and the state of the open ones after this message (4.10)."""
    ended: dict[UUID, str] = {}
    slips: set[str] = set()
    deeds = deeds_of({each.kind for each in made}, tells_tracking=any(each.slot is Slot.TRACKING_NO for each in told))
    for old in desk.promises:
        if old.id is None:
            continue
        again = [each.due_at for each in made if each.kind == old.kind]
        if message is not None and old.message == message:
            ended[old.id] = "cancelled"
        elif again:
            ended[old.id] = "cancelled"
            if is_slip(old.due_at, max(again)):
                slips.add(old.kind)
        elif any(keeps(deed, PromiseKind(old.kind)) for deed in deeds):
            ended[old.id] = state_after(old.due_at, desk.now, desk.now)
    return slips, ended


def deeds_of(promised: AbstractSet[str], *, tells_tracking: bool) -> frozenset[Deed]:
    """What a reply does that keeps promises, by the kinds it `promised` itself: "one moment" is no answer."""
    deeds = set() if promised == {PromiseKind.HOLDING} else {Deed.MESSAGE}
    return frozenset(deeds | {Deed.TRACKING} if tells_tracking else deeds)
