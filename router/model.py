"""The conversation model: every noun of Onevoice as a typed, frozen value.

Instants are aware datetimes in UTC, ids are UUIDs made by storage. `channel` is always the configured id of a
channel ("mail", "tg"), `channel_type` its kind. Nothing here knows a provider's wire format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from router.richtext import EMPTY, RichText
from router.targets import Target


class ChannelType(StrEnum):
    EMAIL = "email"
    TELEGRAM = "telegram"
    WEBCHAT = "webchat"
    SLACK = "slack"
    PHONE = "phone"


class AuthorKind(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"


class Visibility(StrEnum):
    """A note never reaches a customer (S9, INV8)."""

    PUBLIC = "public"
    NOTE = "note"


class Status(StrEnum):
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Priority(StrEnum):
    NORMAL = "normal"
    VIP = "vip"
    COMPLAINT = "complaint"
    URGENT = "urgent"


class CaseType(StrEnum):
    """What kind of case a matter is (`service.md` 3.3)."""

    COMPLAINT = "complaint"
    RETURN = "return"
    EXCHANGE = "exchange"
    REPAIR = "repair"
    REFUND = "refund"


class DeliveryState(StrEnum):
    """`channels.md` 2.2; a retry is `ready` with a later `not_before`. What is withdrawn was taken back before it
    left."""

    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"


class InboundKind(StrEnum):
    """What arrived. ECHO is our own message coming back: it proves a delivery (X5)."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    REACTION = "reaction"
    BUTTON = "button"
    TYPING = "typing"
    READ = "read"
    BOUNCE = "bounce"
    MEMBERSHIP = "membership"
    ECHO = "echo"


class DeliveryKind(StrEnum):
    """What leaves. ROOT opens a desk thread and CARD refreshes it; NOTICE tells the desk something (X17). DIRECT is for
    one member of the desk, or for a channel of it outside of every thread."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    ROOT = "root"
    CARD = "card"
    NOTICE = "notice"
    DIRECT = "direct"
    REACTION = "reaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can do and bear; the rules plan deliveries by it and name no channel.

    `text_limit` counts in `text_unit` ("utf16" Telegram, "utf8" bytes, "chars"). Rates are messages a second.
    `lookups` is how many times `reconcile` must answer NotSent, `lookup_gap` apart, before a delivery of unknown
    outcome is sent again (S20). `pulls`: the customer's client fetches by cursor, delivery is our own commit (W3).
    With `change_rate` changes of what is posted have a rate of their own, and marks on it too, `change_burst` at once.
    """

    text_limit: int = 4000
    text_unit: str = "chars"
    edits: bool = False
    deletes: bool = False
    files: bool = True
    file_limit: int = 20 * 1024 * 1024
    pulls: bool = False
    hold: timedelta = timedelta(seconds=2)
    rate_per_address: float | None = None
    rate_per_account: float | None = None
    lookups: int = 1
    lookup_gap: timedelta = timedelta(seconds=10)
    change_rate: float | None = None
    change_burst: int = 1


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """Who somebody is on one kind of channel: type ("email", "telegram", "web", "slack", "account", "phone")
    and normalised value."""

    type: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    key: IdentityKey
    contact: UUID
    name: str = ""
    verification: int = 0
    evidence: str = ""


LONGEST_TIER = 40
"""Characters of the name of a tier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    id: UUID
    name: str = ""
    language: str | None = None
    tier: str | None = None
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Stored bytes: SHA-256 (32 bytes) of the content and its size in bytes."""

    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message. `blob` is None until fetched; `remote` is what the connector's `fetch` understands
    (a Telegram file id, a Slack file id), never a URL with a secret in it (T17)."""

    name: str
    content_type: str = "application/octet-stream"
    size: int = 0
    blob: Blob | None = None
    remote: str | None = None
    inline: bool = False
    content_id: str | None = None

    @property
    def likeness(self) -> tuple[str, str, int]:
        """What tells it from the other files of a message: providers give one file several ids."""
        return self.name, self.content_type, self.size

    @property
    def elsewhere(self) -> bool:
        """Whether it must be fetched before it can be sent."""
        return self.blob is None and self.remote is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whoever wrote an inbound item. `verification` 0-2 as in `service.md` 4.1; `internal`: a human member of the
    desk's home workspace (S8); `email` helps to find a listed agent whose Slack id is not configured. `tier` is what
    the shop says of its customer: "" that they have none, None nothing. `proven` are further keys that are theirs."""

    identity: IdentityKey
    name: str = ""
    verification: int = 0
    internal: bool = False
    email: str | None = None
    tier: str | None = None
    proven: tuple[IdentityKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What an inbound item proves about the conversation it belongs to, strongest first (H2).

    `conversation`: named by our own HMAC (mail token or Message-ID), `participant`: the address that HMAC was made
    for. `ref`: the desk thread ("C1:1700.1"). `remote_ids`: provider ids it refers to (References, reply-to).
    `apart`: what is said at its address is one conversation and no part of another (a thread that others read too);
    without `opens` it only goes on with one that is there.
    """

    conversation: UUID | None = None
    participant: str | None = None
    ref: str | None = None
    remote_ids: tuple[str, ...] = ()
    apart: bool = False
    opens: bool = True


NO_THREAD = Thread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Everything that arrives, whoever wrote it: a customer's mail and an agent's Slack reply take the same road.

    `address` is where an answer goes (chat id, mail address, visitor id, Slack channel id). `remote_id` is the
    provider's id of this item, unique in the channel. `target` is the remote id an edit, delete, reaction, read
    or bounce is about; `value` its detail (emoji, button, bounce status; for ECHO the hex id of our delivery).
    `sent_at` is the provider's own receipt time (D14), `claimed_at` a client's clock (D15), `order` the
    provider's order inside the address (Slack ts in microseconds, Telegram message id). `replaced` is what an edit
    replaced, where the provider says so. `full_text` is the text with what was cut out of it (a quoted mail); None:
    nothing was.
    """

    kind: InboundKind
    channel: str
    address: str
    sender: Sender
    remote_id: str
    thread: Thread = NO_THREAD
    text: RichText = EMPTY
    full_text: RichText | None = None
    attachments: tuple[Attachment, ...] = ()
    subject: str = ""
    to: str = ""
    target: str | None = None
    value: str = ""
    automatic: bool = False
    language: str | None = None
    sent_at: datetime | None = None
    claimed_at: datetime | None = None
    order: int = 0
    replaced: RichText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """An address a conversation is reachable at. A desk leg is the agents' side: `thread` is set once its root is
    posted. Replies go to the leg on which the customer wrote last, or to one an agent chose later (`chosen_at`)."""

    id: UUID
    conversation: UUID
    channel: str
    address: str
    desk: bool = False
    thread: str | None = None
    identity: IdentityKey | None = None
    last_in_at: datetime | None = None
    chosen_at: datetime | None = None
    last_remote_id: str | None = None
    closed: bool = False

    def is_customers_at(self, channel: str, address: str) -> bool:
        """Whether the customer is reached by it, there."""
        return not self.desk and (self.channel, self.address) == (channel, address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What something is about: a topic (None: not recognised), order numbers in capitals, and the class it is served
    in."""

    topic: str | None = None
    orders: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL

    @property
    def is_unknown(self) -> bool:
        return self.topic is None and not self.orders

    @property
    def case(self) -> CaseType | None:
        """A complaint whatever it is about, else by the topic."""
        if self.priority in {Priority.COMPLAINT, Priority.URGENT}:
            return CaseType.COMPLAINT
        return CaseType(self.topic) if self.topic in set(CaseType) else None

    def agrees(self, other: "Matter") -> bool:
        """Neither the topics nor the orders tell the two apart."""
        topics = None in (self.topic, other.topic) or self.topic == other.topic
        return topics and (not self.orders or not other.orders or not set(self.orders).isdisjoint(other.orders))


UNKNOWN = Matter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`last_word_ours`: the newest public message is not the customer's."""

    id: UUID
    number: int
    contact: UUID
    status: Status = Status.OPEN
    topic: str | None = None
    orders: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    subject: str = ""
    owner: str | None = None
    team: str | None = None
    route: str = ""
    policy: str | None = None
    policy_version: int = 0
    waiting_since: datetime | None = None
    legs: tuple[Leg, ...] = ()
    opened_at: datetime
    last_in_at: datetime | None = None
    resolved_at: datetime | None = None
    merged_into: UUID | None = None
    last_word_ours: bool = False
    version: int = 1

    @property
    def matter(self) -> Matter:
        return Matter(topic=self.topic, orders=self.orders, priority=self.priority)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; an edit makes a new `version`, a delete a tombstone (X11). `seq` orders the conversation (X10)."""

    id: UUID
    conversation: UUID
    seq: int
    author_kind: AuthorKind
    author: str
    visibility: Visibility
    channel: str
    text: RichText
    attachments: tuple[Attachment, ...] = ()
    remote_id: str | None = None
    received_at: datetime
    sent_at: datetime | None = None
    composed_at: datetime | None = None
    version: int = 1
    deleted: bool = False
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a conversation's append-only log; rounds, reports and explanations are folds of it."""

    conversation: UUID
    seq: int
    type: str
    version: int = 1
    at: datetime
    actor: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where the wall-clock time of an answered round went (2.3.9)."""

    ingest: timedelta
    assign: timedelta
    agent: timedelta
    delivery: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """From the oldest unanswered customer message to the next qualifying human reply (D1), measured and judged.

    `kind` is first or next; `outcome` answered, closed_no_reply or open; `sla` met, breached, cancelled, running or
    none. An open round ends now. `owner` and `team` are those at the start (D32), `breach_agent` and `breach_team`
    those at the breach (D8). `channel` is the opener's, `channels` all of them (D25). `received_at`, `owned_at` and
    `composed_at` cut an answered round into its parts (2.3.9); `worked_from` is where the author's own time begins
    (2.3.10). `business` is counted on the policy's calendar. `problem` says why there is no deadline. `revision` is how
    many times it has been judged (D30). `topic` is that of the conversation now: no log has it, whoever reads stored
    rounds does.
    """

    conversation: UUID
    cycle: int
    kind: str
    start_at: datetime
    opener: UUID | None = None
    end_at: datetime | None = None
    outcome: str = "open"
    author: str | None = None
    policy: str | None = None
    deadline: datetime | None = None
    breached_at: datetime | None = None
    sla: str = "none"
    business: timedelta = timedelta(0)
    out_of_hours: bool = False
    calendar_uncertain: bool = False
    channel: str = ""
    channels: tuple[str, ...] = ()
    topic: str | None = None
    owner: str | None = None
    team: str | None = None
    author_team: str | None = None
    manual: bool = False
    received_at: datetime | None = None
    owned_at: datetime | None = None
    composed_at: datetime | None = None
    worked_from: datetime | None = None
    policy_version: int = 0
    calendar: str = ""
    calendar_version: int = 0
    target: Target | None = None
    breach_agent: str | None = None
    breach_team: str | None = None
    breach_reason: str | None = None
    problem: str | None = None
    revision: int = 1

    @property
    def wall(self) -> timedelta:
        """How long the customer waited, or has waited until now."""
        return (self.end_at or self.start_at) - self.start_at

    @property
    def agent_time(self) -> timedelta | None:
        """The author's own share of an answered round (2.3.10)."""
        if self.composed_at is None or self.worked_from is None:
            return None
        return self.composed_at - self.worked_from

    @property
    def parts(self) -> Parts | None:
        """Where the time of an answered round went; they add up to `wall` (2.3.9)."""
        if self.end_at is None or self.received_at is None or self.owned_at is None or self.composed_at is None:
            return None
        return Parts(
            ingest=self.received_at - self.start_at,
            assign=self.owned_at - self.received_at,
            agent=self.composed_at - self.owned_at,
            delivery=self.end_at - self.composed_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Something an agent said they would do; `id` is given by storage."""

    id: UUID | None = None
    conversation: UUID
    message: UUID | None = None
    kind: str
    due_at: datetime
    span: tuple[int, int]
    owner: str | None = None
    state: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Something a customer was told: an amount, a decision, a date (ledger, `service.md` 4.6). `id` is given by
    storage."""

    id: UUID | None = None
    contact: UUID
    conversation: UUID
    slot: str
    value: str
    unit: str = ""
    order: str | None = None
    said_at: datetime
    channel: str = ""
    agent: str = ""
    message: UUID | None = None
    state: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An approved answer with its scope and time of validity (`service.md` 4.5)."""

    key: str
    type: str
    value: str
    scope: Mapping[str, str] = field(default_factory=dict)
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The same question from many customers (4.3). `question` is one of them as it was asked, `since` when the first
    asked, `answer` the official one, empty while there is none. `customers` asked so far, in `conversations`."""

    id: UUID
    number: int
    question: str
    since: datetime
    opened_at: datetime
    customers: int = 0
    conversations: int = 0
    answer: str = ""
    set_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLeg:
    """A way to the customer; `current`: answers go there, `chosen` by an agent."""

    channel: str
    channel_type: ChannelType
    address: str
    current: bool = False
    closed: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLine:
    """A line of a card with the instant it is about; `zone` is where that is read when nobody's own is known."""

    text: str
    at: datetime
    zone: str = "UTC"
    alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardButton:
    """`line` is what an agent would say to Onevoice instead: "take", "snooze 1h"."""

    line: str
    label: str
    primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the root of a desk thread shows. Every string may come from a customer and must be inert (S23).

    `team`, `owner` and those named in lines are names. `clock`: when an answer is due, or since when it is overdue;
    `told` the latest statements, newest first. `more` are the rarer actions.
    """

    number: int
    contact: str
    verification: int
    channel: str
    channel_type: ChannelType
    address: str
    status: Status
    subject: str = ""
    team: str | None = None
    owner: str | None = None
    legs: tuple[CardLeg, ...] = ()
    tier: str | None = None
    topic: str | None = None
    orders: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    offer: CardLine | None = None
    clock: CardLine | None = None
    snoozed: CardLine | None = None
    lease: CardLine | None = None
    told: tuple[CardLine, ...] = ()
    promises: tuple[CardLine, ...] = ()
    void: bool = False
    merged_into: int | None = None
    buttons: tuple[CardButton, ...] = ()
    more: tuple[CardButton, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """The frozen content of a delivery (R8): a retry sends the same.

    `author` is the name shown. `in_reply_to` and `references` are remote ids of the customer's channel, oldest
    first. `automatic`: written by no human (L2). `target` is the remote id an edit, delete or reaction is about.
    `only_for`: the member of the desk who alone sees a notice. The card of a root or a refresh is put in when it is
    sent. `buttons` and `about` are those of a notice that asks something: what it is about; once that is decided, an
    edit that `replaces` the notice's delivery says so in its place.
    """

    text: RichText = EMPTY
    author: str = ""
    author_kind: AuthorKind = AuthorKind.SYSTEM
    attachments: tuple[Attachment, ...] = ()
    subject: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    automatic: bool = False
    target: str | None = None
    reaction: str | None = None
    card: Card | None = None
    only_for: str | None = None
    buttons: tuple[CardButton, ...] = ()
    about: str | None = None
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An outbox row as its connector sees it: one part of one message to one leg or desk thread.

    `thread` is the desk thread's ref, None while it has none (a ROOT makes it). `checkpoint` is whatever the
    connector stored for it before (S26: an upload's file id). `attempt` starts at 1.
    """

    id: UUID
    channel: str
    kind: DeliveryKind
    conversation: UUID
    number: int
    message: UUID | None
    part: int
    parts: int
    address: str
    thread: str | None
    outgoing: Outgoing
    attempt: int
    created_at: datetime
    started_at: datetime | None = None
    checkpoint: str | None = None
