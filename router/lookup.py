"""What only some verbs look at, loaded for them alone: the customer's other conversations, addresses, what was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from router.model import AuthorKind, Contact, IdentityKey, Status
from router.richtext import RichText
from router.told import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One conversation of a customer; `last_at`: when they wrote last, or when it was opened."""

    number: int
    channels: Sequence[str]
    opened_at: datetime
    last_at: datetime
    status: Status
    owner: str | None = None
    subject: str = ""
    merged_into: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The newest conversations of a customer over all channels, and how many there are."""

    newest: Sequence[Past] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """An address on which the customer has written, in any conversation, latest first in a list."""

    channel: str
    address: str
    contact: UUID
    identity: IdentityKey | None = None
    last_remote_id: str | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A public message as the customer has it; `files` are the names of what came with it."""

    at: datetime
    author_kind: AuthorKind
    author: str
    channel: str
    text: RichText
    files: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What was loaded for the verb of an item. `other`: the contact of an address that the verb names. `edited`:
    the reply whose new words are meant, `corrected`: they have been sent as a correction."""

    history: History = History()
    reach: Sequence[Reach] = ()
    said: Sequence[Said] = ()
    other: Contact | None = None
    edited: Target | None = None
    corrected: bool = False


NOTHING = Lookup()
