"""A reply to the customer as deliveries, and what it says for the record once it leaves."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from router.consistency.findings import Level
from router.consistency.ledger import settle
from router.consistency.pipeline import Checked
from router.consistency.promises import Deed, PromiseKind, is_slip, keeps, state_after
from router.consistency.statements import Slot
from router.decision import Planned
from router.desk_view import DeskView
from router.model import Attachment, AuthorKind, Conversation, Leg, Outgoing, Promise
from router.planning import parts_to
from router.record import NewPromise, Record
from router.richtext import RichText
from router.rulebook import Agent, Rulebook
from router.splitting import split


def planned_reply(
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
    """The parts of a reply on the customer's leg. `hold` in the place of the undo window of route or channel."""
    capabilities = rules.channels[leg.channel].capabilities
    route = rules.route(conversation.route)
    if hold is None:
        hold = route.hold if route is not None and route.hold is not None else capabilities.hold
    return parts_to(
        split(text, capabilities.text_limit, capabilities.text_unit),
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
    own = [each for each in desk.told if message is not None and each.message == message]
    settlement = settle(
        checked.reading.told,
        [each for each in desk.told if each not in own],
        contact=conversation.contact,
        conversation=conversation.id,
        said_at=desk.now,
        channel=channel,
        agent=agent.id,
        message=message,
    )
    ended = {each.id: each.state for each in settlement.superseded if each.id is not None}
    ended |= {each.id: "retracted" for each in own if each.id is not None}
    promises, ended_promises = _promises(checked, desk, conversation, agent, message)
    return Record(
        message=message,
        standards=standards,
        actor=f"agent:{agent.id}",
        logged=tuple(each for each in checked.findings if each.level in (Level.LOG, Level.SHADOW)),
        statements=settlement.added,
        ended_statements=ended,
        promises=promises,
        ended_promises=ended_promises,
    )


def _promises(
    checked: Checked, desk: DeskView, conversation: Conversation, agent: Agent, message: UUID | None
) -> tuple[tuple[NewPromise, ...], Mapping[UUID, str]]:
    """New promises, and the state of the open ones after this message (4.10)."""
    made = checked.reading.promises
    ended: dict[UUID, str] = {}
    slips: set[PromiseKind] = set()
    only_holding = bool(made) and all(each.kind is PromiseKind.HOLDING for each in made)
    deeds = [*(() if only_holding else (Deed.MESSAGE,))]
    if any(each.slot is Slot.TRACKING_NO for each in checked.reading.told):
        deeds.append(Deed.TRACKING)
    for old in desk.promises:
        if old.id is None:
            continue
        kind = PromiseKind(old.kind)
        again = [each.due_at for each in made if each.kind is kind]
        if message is not None and old.message == message:
            ended[old.id] = "cancelled"
        elif again:
            ended[old.id] = "cancelled"
            if is_slip(old.due_at, max(again)):
                slips.add(kind)
        elif any(keeps(deed, kind) for deed in deeds):
            ended[old.id] = state_after(old.due_at, desk.now, desk.now)
    new = tuple(
        NewPromise(
            promise=Promise(
                conversation=conversation.id,
                message=message,
                kind=each.kind.value,
                due_at=each.due_at,
                span=each.span,
                owner=agent.id,
            ),
            slip=each.kind in slips,
        )
        for each in made
    )
    return new, ended


def withdrawn(desk: DeskView, message: UUID) -> Record:
    """A reply that was taken back or deleted: what it said and promised is so no longer."""
    return Record(
        message=message,
        ended_statements={
            each.id: "retracted" for each in desk.told if each.id is not None and each.message == message
        },
        ended_promises={
            each.id: "cancelled" for each in desk.promises if each.id is not None and each.message == message
        },
    )
