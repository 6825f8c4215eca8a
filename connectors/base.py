"""The seam between Onevoice and the world: what a connector is, what it is given, and how a delivery ends.

A connector translates. It acknowledges to its provider only after `Ports.intake` returned (X1), calls
`Ports.holds` right before each write that cannot be taken back (R4), and answers every delivery with a value.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

from aiohttp.web import AbstractRouteDef

from router.arrivals import Arrival as Arrival
from router.arrivals import BlobTooLarge as BlobTooLarge
from router.arrivals import Cursor as Cursor
from router.arrivals import DeskThread as DeskThread
from router.arrivals import Fate as Fate
from router.arrivals import FeedItem as FeedItem
from router.arrivals import Lease as Lease
from router.arrivals import LeaseLost as LeaseLost
from router.arrivals import Receipt as Receipt
from router.forms import Form, Wish
from router.model import Attachment, Blob, Capabilities, ChannelType, Delivery, Sender
from router.sheets import Sheet

Clock = Callable[[], datetime]
"""Reads the time, aware and in UTC; connectors get theirs from the gateway."""


# How a delivery ends.


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider accepted it; `remote_ids` are its ids there, at least one unless the channel pulls. An edit changes
    the first, so that is the one with the text; a deletion takes all of them away.

    `thread` is the desk thread it is in when that is not the delivery's own: the old one was gone, and the leg and
    the deliveries behind this one move to the new (S29).
    """

    remote_ids: tuple[str, ...]
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly not out (refused connection, 429, our own lease gone): try again.

    `retry_after` is the provider's own wish and is kept exactly (X13). `limited`: a rate answer, not a failure
    (B2); it pauses the delivery's address, with `account_wide` the whole channel. `alone`: the provider works and puts
    off nothing but this delivery (a mailbox that is full, greylisting).
    """

    reason: str
    retry_after: timedelta | None = None
    limited: bool = False
    account_wide: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have left: `reconcile` looks before anything is repeated. `unreachable`: it could not look, the provider
    did not answer."""

    reason: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refuses this message for good. `closes_leg`: the customer is unreachable there (T12)."""

    reason: str
    closes_leg: bool = False


@dataclass(frozen=True, slots=True)
class AccountDown:
    """The account cannot send (revoked token, missing scope): pause it, keep its rows (S28)."""

    reason: str


@dataclass(frozen=True, slots=True)
class PlaceDown:
    """This address cannot be written to, others of the account can (archived channel, removed bot): pause it alone,
    keep its rows (S28)."""

    reason: str


Outcome = Sent | NotSent | Unknown | Rejected | AccountDown | PlaceDown


class NotStored(Exception):
    """Nothing was stored and nothing may be acknowledged: the provider must send it again (X15).

    `draining`: we are shutting down. `full`: the disk is full. The text is for logs, never for the sender.
    """

    def __init__(self, reason: str, *, draining: bool = False, full: bool = False, retry_after: float = 5.0) -> None:
        super().__init__(reason)
        self.draining = draining
        self.full = full
        self.retry_after = retry_after


class Blobs(Protocol):
    """Content-addressed files (X16): streamed, capped, durable before `put` returns."""

    async def put(self, chunks: AsyncIterator[bytes], limit: int) -> Blob:
        """Store a stream; raises BlobTooLarge past `limit` bytes, NotStored when the disk is full."""
        ...

    def path(self, blob: Blob) -> Path:
        """The file that holds it, to be read and never written."""
        ...


class Ports(Protocol):
    """What the gateway gives a connector. Everything it may ask for is here."""

    @property
    def blobs(self) -> Blobs: ...

    async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        """Store arrivals and cursor in one transaction; returns after the commit, one receipt an arrival.

        Raises NotStored (acknowledge nothing) and LeaseLost.
        """
        ...

    async def cursor(self, name: str) -> str | None:
        """The committed cursor value of that name; raises NotStored when the store cannot be read."""
        ...

    def lease(self, name: str) -> AbstractAsyncContextManager[Lease]:
        """Wait for and hold the lease of a poller; the body is cancelled when it cannot be renewed."""
        ...

    def holds(self, delivery: Delivery) -> bool:
        """True while this delivery is still ours with time to spare; ask right before the write (R4)."""
        ...

    async def checkpoint(self, delivery: Delivery, state: str) -> None:
        """Store the connector's own progress with the delivery (an upload's file id, S26)."""
        ...

    async def history(self, address: str, after: int, limit: int = 200) -> list[FeedItem]:
        """A visitor's feed after a cursor, in order; raises NotStored when the store cannot be read."""
        ...

    async def threads(self, since: datetime) -> list[DeskThread]:
        """The desk threads of this channel whose conversation is open or said something since, latest first (S13).

        Raises NotStored when the store cannot be read.
        """
        ...

    async def posts(self, thread: str, since: datetime) -> list[str]:
        """The remote ids of what people wrote in the conversation of a desk thread since, deleted posts left out.

        Raises NotStored when the store cannot be read.
        """
        ...

    async def sheet(self, sender: Sender, line: str) -> Sheet:
        """What the desk answers to a line that was said outside of any thread, "home" for a member's Home; nothing is
        stored.

        Raises NotStored when the store cannot be read.
        """
        ...

    async def form(self, wish: Wish) -> Form | str:
        """The form of a verb as things are now, or a sentence why there is none; nothing is stored.

        Raises NotStored when the store cannot be read.
        """
        ...

    def watch(self, address: str) -> AbstractAsyncContextManager[AsyncIterator[int | None]]:
        """Hints that a visitor's feed may have grown; may be late or doubled, `history` is the truth.

        A hint is the highest `seq` known to be committed, or None where that is not known: a client that has
        been told as far already need not look.
        """
        ...


@runtime_checkable
class Listener(Protocol):
    """A connector that can tell whether it hears."""

    @property
    def deaf(self) -> str | None:
        """Why nothing reaches us; None while it does."""
        ...


@runtime_checkable
class Host(Protocol):
    """A connector with a door of its own, beside the gateway's HTTP listener."""

    async def open(self) -> None:
        """Listen, unless it does already; `run` closes the door. Raises OSError with the address as its file name."""
        ...


@runtime_checkable
class Rereader(Protocol):
    """A connector that can read again what it was not told of."""

    def reached_again(self) -> None:
        """An address that could not be written to can be again: nothing may have been heard from there either."""
        ...

    def thread_found(self, thread: DeskThread) -> None:
        """It was made some time ago and nobody knew: what was said in it may have been told in vain."""
        ...


@runtime_checkable
class TwoSided(Protocol):
    """A connector that may be unable to receive and still send, through another account or with fewer rights."""

    async def probe_out(self) -> str | None:
        """`probe` of the side that sends."""
        ...


class Connector(Protocol):
    """One configured channel. Built with its settings and its ports; `run` receives until cancelled."""

    @property
    def channel(self) -> str: ...

    @property
    def channel_type(self) -> ChannelType: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def parser(self) -> str | None:
        """ "module:function" that turns raw bytes into an Inbound in a worker process; None: parses itself."""
        ...

    def routes(self) -> Sequence[AbstractRouteDef]:
        """HTTP routes it answers on the gateway's listener."""
        ...

    async def run(self) -> None:
        """Log in and receive until cancelled; returns only when there is nothing to wait for."""
        ...

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Send one delivery within 30 s; never raises for what the provider may do."""
        ...

    async def reconcile(self, delivery: Delivery) -> Outcome:
        """What became of a delivery of unknown outcome: Sent, NotSent (not there) or Unknown (ask again)."""
        ...

    async def probe(self) -> str | None:
        """None when the account works, else one sentence saying what is wrong and what to do (B1: a read)."""
        ...

    def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of an attachment that has only a `remote` reference. Raises FileNotFoundError when it cannot be
        had any more, ConnectionError when it may be later."""
        ...

    async def close(self) -> None:
        """Release what `run` and `deliver` opened."""
        ...
