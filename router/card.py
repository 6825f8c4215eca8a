"""The card of a conversation: what its root in the desk shows, and the buttons that fit how it stands (S30)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.events import EventType
from router.forms import ASKS
from router.model import (
    Card,
    CardButton,
    CardLeg,
    CardLine,
    ChannelType,
    Conversation,
    Leg,
    Promise,
    Statement,
    Status,
)
from router.ownership import OpenOffer
from router.planning import customer_leg, is_chosen
from router.rulebook import Rulebook
from router.statuses import AFTER

TOLD = 3
PROMISED = 5

SILENT = frozenset(
    {
        EventType.MESSAGE_RECEIVED,
        EventType.RECEIPT_SUPPRESSED,
        "note_added",
        "reply_composed",
        "message_deleted",
        "delivery_unknown",
        "stranger_held",
        "button_refused",
        EventType.JUDGED_AGAIN,
        "agent_status_changed",
        "agent_absence_changed",
    }
)
"""Event types that by themselves change nothing that a card shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Somebody who is at work on an answer; `agent` is their id (4.4)."""

    agent: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When the customer who waits must have an answer, in the zone of the policy's calendar."""

    at: datetime
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known of a conversation when its card is sent. `verification` is that of the address answers go to;
    `told` the active statements to the customer, newest first; `promises` the open ones, earliest due first."""

    conversation: Conversation
    contact: str
    now: datetime
    tier: str | None = None
    verification: int = 0
    offer: OpenOffer | None = None
    due: Due | None = None
    told: Sequence[Statement] = ()
    promises: Sequence[Promise] = ()
    lease: Lease | None = None
    snoozed_until: datetime | None = None
    void: bool = False
    merged_into: int | None = None


def changes_card(kinds: Iterable[str]) -> bool:
    """Whether events of these types may have changed what a card shows. A message that makes its customer wait does
    too, which its type does not tell."""
    return not SILENT.issuperset(kinds)


def card_of(view: View, rules: Rulebook) -> Card:
    """The card as it must look now."""
    conversation = view.conversation
    legs = [leg for leg in conversation.legs if not leg.desk]
    current = customer_leg(conversation) or next(iter(legs), None)
    shown = sorted(legs, key=lambda leg: (leg is not current, leg.channel, leg.address))
    team = rules.teams.get(conversation.team or "")
    return Card(
        number=conversation.number,
        contact=view.contact,
        verification=view.verification,
        channel=current.channel if current else "",
        channel_type=_type(current, rules),
        address=current.address if current else "",
        status=conversation.status,
        subject=conversation.subject,
        team=team.name if team is not None else conversation.team,
        owner=_name(conversation.owner, rules) if conversation.owner else None,
        legs=tuple(
            CardLeg(
                channel=leg.channel,
                channel_type=_type(leg, rules),
                address=leg.address,
                current=leg is current,
                closed=leg.closed,
                chosen=leg is current and is_chosen(leg),
            )
            for leg in shown
        ),
        tier=view.tier,
        topic=conversation.topic,
        orders=conversation.orders,
        tags=conversation.tags,
        priority=conversation.priority,
        offer=CardLine(text=_name(view.offer.agent, rules), at=view.offer.until) if view.offer else None,
        clock=_clock(view),
        snoozed=CardLine(text="Snoozed until", at=view.snoozed_until)
        if view.snoozed_until is not None and conversation.status is Status.SNOOZED
        else None,
        lease=CardLine(text=_name(view.lease.agent, rules), at=view.lease.since) if view.lease else None,
        told=tuple(_told(each, rules) for each in view.told[:TOLD]),
        promises=tuple(_promised(each, view.now, rules) for each in view.promises[:PROMISED]),
        void=view.void,
        merged_into=view.merged_into,
        buttons=_buttons(view),
        more=_more(view),
    )


def _type(leg: Leg | None, rules: Rulebook) -> ChannelType:
    return rules.channel(leg.channel if leg is not None else "").type


def _name(agent: str, rules: Rulebook) -> str:
    known = rules.agents.get(agent)
    return known.name if known is not None else agent


def _clock(view: View) -> CardLine | None:
    due = view.due
    if due is None:
        return None
    late = view.now > due.at  # exactly on time is met (D17)
    return CardLine(text="Overdue since" if late else "Answer due", at=due.at, zone=due.zone, alarming=late)


def _told(statement: Statement, rules: Rulebook) -> CardLine:
    what = statement.slot.replace("_", " ")
    order = f" for {statement.order}" if statement.order else ""
    said = f"{what}{order}: {statement.value}{f' {statement.unit}' if statement.unit else ''}"
    return CardLine(text=f"{said} ({_name(statement.agent, rules)}, {statement.channel})", at=statement.said_at)


def _promised(promise: Promise, now: datetime, rules: Rulebook) -> CardLine:
    who = f" ({_name(promise.owner, rules)})" if promise.owner else ""
    return CardLine(text=f"{promise.kind}{who}", at=promise.due_at, alarming=now > promise.due_at)


_TAKE = CardButton(line="take", label="Take")
_WHY = CardButton(line="why", label="Why")
_OPEN_AGAIN = CardButton(line="open", label="Open again")
_PASS = CardButton(line=f"pass{ASKS}", label="Pass")
_UNMERGE = CardButton(line="unmerge", label="Take it out again")
_HISTORY = CardButton(line="history", label="History of the customer")
_TRANSCRIPT = CardButton(line=f"transcript{ASKS}", label="Send a transcript…")
_START = CardButton(line=f"start{ASKS}", label="New conversation…")
_AFTERWARDS = (_HISTORY, _TRANSCRIPT, _START)
_OFTEN = (
    CardButton(line=f"replies{ASKS}", label="Canned replies…"),
    CardButton(line=f"assign{ASKS}", label="Assign…"),
)
_RARER = (
    CardButton(line=f"resolve{ASKS}", label="Resolve as…"),
    CardButton(line=f"priority{ASKS}", label="Priority…"),
    CardButton(line=f"tag{ASKS}", label="Add tags…"),
    CardButton(line=f"via{ASKS}", label="Answer by another way…"),
    _HISTORY,
    CardButton(line=f"language{ASKS}", label="Language of the customer…"),
    CardButton(line=f"tier{ASKS}", label="Tier of the customer…"),
    CardButton(line=f"link{ASKS}", label="Link the customer…"),
    CardButton(line=f"merge{ASKS}", label="Merge…"),
    CardButton(line=f"split{ASKS}", label="Split off…"),
    _TRANSCRIPT,
    _START,
)


def _buttons(view: View) -> tuple[CardButton, ...]:
    conversation = view.conversation
    if view.merged_into is not None:
        return (_WHY,)
    if view.void:
        return (CardButton(line="unspam", label="Not spam"), _WHY)
    if conversation.status is Status.RESOLVED:
        return (_OPEN_AGAIN, _WHY)
    found = [CardButton(line="resolve", label="Resolve"), _WHY]
    if conversation.owner is not None:
        return (_TAKE, _PASS, *found)
    if view.offer is not None:
        accept = CardButton(line="accept", label="Accept", primary=True)
        return (accept, _PASS, _TAKE, *found)
    return (_TAKE, *found)


def _more(view: View) -> tuple[CardButton, ...]:
    """What is already so is not offered."""
    status = view.conversation.status
    if view.merged_into is not None:
        return (_UNMERGE,)
    if view.void:
        return ()
    if status is Status.RESOLVED:
        return _AFTERWARDS
    found: list[CardButton] = [*_OFTEN] if status is Status.OPEN else [_OPEN_AGAIN, *_OFTEN]
    found += [CardButton(line=f"snooze {word}", label=f"Snooze {label}") for word, label in AFTER.items()]
    found.append(CardButton(line=f"snooze{ASKS}", label="Snooze until…"))
    if status is not Status.ON_HOLD:
        found.append(CardButton(line="hold", label="On hold"))
    if status is not Status.PENDING:
        found.append(CardButton(line="pending", label="Pending"))
    if view.promises:
        found.append(CardButton(line="promises", label="Open promises"))
    if view.conversation.tags:
        found.append(CardButton(line=f"untag{ASKS}", label="Take tags away…"))
    return (*found, *_RARER, CardButton(line="spam", label="Spam"))
