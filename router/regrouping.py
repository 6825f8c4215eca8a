"""What agents do with whole conversations: one absorbs another, lets it go again, or gives up some of its messages."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from router.model import Attachment, Conversation, Leg
from router.richtext import RichText


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The conversation a "merge" names; `survivor` is the one that absorbed it, or itself."""

    conversation: Conversation
    survivor: Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Movable:
    """A customer's message that a "split" may move. `origin` is the conversation that has it, `leg` the one it came on
    (None: not known any more), `verification` that of its author."""

    id: UUID
    origin: UUID
    channel: str
    leg: Leg | None
    author_name: str
    verification: int = 0
    remote_id: str | None = None
    text: RichText
    attachments: tuple[Attachment, ...] = ()
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """`absorbed` points to `survivor` from now on (decisions 5)."""

    absorbed: UUID
    survivor: UUID
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmerge:
    """`absorbed` stands by itself again."""

    absorbed: UUID
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """The messages, oldest first, go from `source` to a new conversation of the same contact (D25). `told`: the
    conversations whose threads are told."""

    source: UUID
    messages: tuple[Movable, ...]
    subject: str
    actor: str
    told: tuple[UUID, ...]


Regrouping = Merge | Unmerge | Division
