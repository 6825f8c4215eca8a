"""What passes the one door in: raw items with their dedupe keys, cursors, leases, and the receipt for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from router.model import Inbound, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One raw item with its dedupe key, unique in the channel (decisions 2).

    Exactly one of three: `inbound` (parsed), `problem` (could not be parsed: kept in quarantine with this
    reason, X2), or neither (parsed later in a worker by the connector's `parser`, decisions 7). `meta` is what
    the parser needs beside the bytes (envelope, INTERNALDATE).
    """

    key: str
    raw: bytes
    inbound: Inbound | None = None
    problem: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


class Fate(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # the key is known with other content (W4)
    QUARANTINED = "quarantined"
    EARLY = "early"  # nothing was kept: what it answers is still on its way out, so it must come again


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one arrival, after the commit. `feed_seq` is its place in the visitor's feed (pull channels)."""

    fate: Fate
    message: UUID | None = None
    feed_seq: int | None = None


class LeaseLost(Exception):
    """Another node took over this poller: stop, without acknowledging (N1)."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A poller's right to poll; its `fence` goes into every cursor it commits."""

    resource: str
    fence: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """A poller's place, committed with the rows it covers; raises LeaseLost there when the fence is old."""

    name: str
    value: str
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One entry of a visitor's feed (pull channels). `kind` is message, edit or delete; an edit carries the whole
    new message. `seq` grows by one an entry."""

    seq: int
    kind: str
    message: Message
    author_name: str


class BlobTooLarge(Exception):
    """A stream went over its cap; nothing was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskThread:
    """A thread colleagues may write in. `read_to`: when the newest post in it that we know was written, else when the
    conversation began."""

    ref: str
    read_to: datetime
