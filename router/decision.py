"""What a decision is made of: the snapshot the rules look at and the values they answer with. No rule is here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from router.desk_view import DeskView
from router.lookup import NOTHING, Lookup
from router.model import (
    UNKNOWN,
    Attachment,
    AuthorKind,
    Contact,
    Conversation,
    DeliveryKind,
    Identity,
    IdentityKey,
    Leg,
    Matter,
    Outgoing,
    Visibility,
)
from router.ownership import Ownership, Standing
from router.record import Record
from router.regrouping import Movable, Named, Regrouping
from router.richtext import EMPTY, RichText
from router.told import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A customer's earlier message as the duplicate rule sees it (4.3)."""

    conversation: UUID
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What storage knows around one inbound item.

    `identity` and `contact` of the sender (None: a stranger, or somebody of the desk); `linked` the contacts that are
    the same customer as far as conversations go (`identity.answered_together`); `proof` the conversation its thread
    names; `proof_contact` that conversation's customer; `open` the customer's open conversations, latest first,
    `recent` those resolved lately; `now` the instant of the decision.
    `desk` is what a post or an edit of ours is checked against, `standing` how the thread's conversation stands with
    the agents (only for posts of the desk). `absorbed`: the thread or message belongs to this one, which `proof`
    absorbed. `named` is what a "merge" names, `movable` are the latest messages of the customer for a "split", oldest
    first. `asked` is what the customer asked lately in the open conversations, loaded where one of them is on another
    address only. `lookup` is what only its verb looks at.
    """

    identity: Identity | None = None
    contact: Contact | None = None
    linked: frozenset[UUID] = frozenset()
    proof: Conversation | None = None
    proof_contact: Contact | None = None
    open: tuple[Conversation, ...] = ()
    recent: tuple[Conversation, ...] = ()
    now: datetime | None = None
    target: Target | None = None
    desk: DeskView | None = None
    standing: Standing | None = None
    absorbed: Conversation | None = None
    named: Named | None = None
    movable: tuple[Movable, ...] = ()
    asked: tuple[Question, ...] = ()
    lookup: Lookup = NOTHING


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of an explanation: the rule id it follows and a sentence."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reroute:
    """The team a conversation is for by what it is about now, and why."""

    team: str
    reason: Reason


class Outcome(StrEnum):
    STORED = "stored"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a customer is to be reached because an agent said so; `name` is theirs where they are not known yet."""

    channel: str
    address: str
    identity: IdentityKey | None = None
    last_remote_id: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A conversation to be opened, with its desk; `contact` None: for the sender, or whoever is at `to`. `to`: an agent
    writes to this customer first."""

    subject: str
    route: str
    team: str | None
    desk_channel: str
    desk_address: str
    policy: str | None = None
    policy_version: int = 0
    matter: Matter = UNKNOWN
    contact: UUID | None = None
    to: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    author_kind: AuthorKind
    author: str
    author_name: str
    visibility: Visibility
    channel: str
    text: RichText
    full_text: RichText | None = None
    attachments: tuple[Attachment, ...] = ()
    remote_id: str | None = None
    sent_at: datetime | None = None
    composed_at: datetime | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """`at` None: now."""

    type: str
    actor: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A delivery to be queued. `order` is its place in the lane in microseconds of time (None: now), `hold` how long
    it may still be taken back (decisions 16), `of_message`: it carries the stored message. `thread_of`: for the desk
    thread of this conversation, not of the decision's."""

    kind: DeliveryKind
    channel: str
    address: str
    desk: bool
    outgoing: Outgoing
    part: int = 1
    parts: int = 1
    hold: timedelta = timedelta(0)
    order: int | None = None
    of_message: bool = False
    thread_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A new version of a stored message, or its tombstone. `note`: from now on it is one (decisions 22). `order` is the
    provider's, of the edit. `composed_at`: an answer that was finished anew then (D11)."""

    message: UUID
    text: RichText = EMPTY
    attachments: tuple[Attachment, ...] = ()
    deleted: bool = False
    note: bool = False
    order: int = 0
    composed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`contact` is the same person as `other`, or as the new contact of an address that nobody has written from;
    without both its last link is undone. `apart`: they are two people."""

    contact: UUID
    other: UUID | None
    actor: str
    reason: str
    stranger: IdentityKey | None = None
    apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """The language a contact wants; None: the one of their words."""

    contact: UUID
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiered:
    """The tier a contact has from now on; None: none."""

    contact: UUID
    tier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """What a lead says about an incident: its official answer, or without one that it is over."""

    incident: UUID
    actor: str
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What should happen about one inbound item; storage carries it out in one transaction (R1).

    A message goes to `conversation`, or to the conversation `opening` makes. `withdraw` names queued deliveries to be
    taken back, `rewrite` queued deliveries and what they say instead (R8). `leg_in`: the customer wrote something on
    that channel and address. `close_leg`/`reopen_leg`: the customer blocked or unblocked us there, for all their
    conversations (T12). `record` is what checking a reply left behind; `carries`: the deliveries carry this message (a
    held reply that is released).
    `link`: two contacts become one, or are two again. `ownership`: owner, offer or an agent's status change.
    `matter`: what the conversation is about from now on. `regrouping`: conversations are merged, unmerged or split.
    `tags` are those from now on. `spoken`: the customer's language. `tiered`: their tier. `choose`: answers go there
    now. `incident`: it has an official answer, or is over. `settles`: notices about these lose their buttons and say
    this from now on. `sealed`: no later edit of this reply is for the customer. `reroute`: another team's, if nobody
    has it.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    conversation: Conversation | None = None
    opening: Opening | None = None
    message: NewMessage | None = None
    revision: Revision | None = None
    events: tuple[NewEvent, ...] = ()
    deliveries: tuple[Planned, ...] = ()
    withdraw: tuple[UUID, ...] = ()
    rewrite: Mapping[UUID, Revision] = field(default_factory=dict)
    leg_in: bool = False
    close_leg: Leg | None = None
    reopen_leg: Leg | None = None
    record: Record | None = None
    carries: UUID | None = None
    link: Link | None = None
    ownership: Ownership | None = None
    matter: Matter | None = None
    tags: tuple[str, ...] | None = None
    spoken: Spoken | None = None
    tiered: Tiered | None = None
    choose: Address | None = None
    regrouping: Regrouping | None = None
    incident: IncidentChange | None = None
    settles: Mapping[str, RichText] = field(default_factory=dict)
    sealed: UUID | None = None
    reroute: Reroute | None = None
