"""A mail channel: SMTP door and IMAP mailbox in, relay out."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence

from aiohttp.web import AbstractRouteDef

from connectors.base import Arrival, Clock, NotSent, Outcome, Ports, Receipt, Rejected, Sent
from connectors.email import addresses
from connectors.email.imap import Inbox
from connectors.email.relay import Relay
from connectors.email.render import Letterhead, Unsendable, to_mail, to_notice
from connectors.email.settings import EmailSettings
from connectors.email.smtp import Door
from connectors.email.threading import Keys
from router.model import Attachment, Capabilities, ChannelType, Delivery, DeliveryKind

DRAIN_SECONDS = 10.0
_TEXT_LIMIT = 1_000_000
_SAID_OF = {
    DeliveryKind.EDIT: "a mail that is out cannot be edited: send a new one",
    DeliveryKind.DELETE: "a mail that is out cannot be taken back",
    DeliveryKind.REACTION: "a mail cannot carry a reaction",
    DeliveryKind.ROOT: "a mail channel is no desk: it cannot hold a thread",
    DeliveryKind.CARD: "a mail channel is no desk: it shows no card",
    DeliveryKind.DIRECT: "a mail channel is no desk: it has no agents",
}


class EmailConnector:
    """One configured mail account. `secret` makes its token keys unless the channel has its own (`token_secret`).

    `parser_context` is what `parse.inbound` needs to know of this channel, in a form that travels to a worker process.
    """

    parser: str | None = "connectors.email.parse:inbound"
    channel_type = ChannelType.EMAIL

    def __init__(self, settings: EmailSettings, ports: Ports, clock: Clock, secret: bytes) -> None:
        self.settings = settings
        self._ports = ports
        self._clock = clock
        self._keys = _keys(settings, secret)
        self._relay = Relay(settings.smtp) if settings.smtp else None
        self._inbox = Inbox(settings.imap, settings.id, ports, clock) if settings.imap else None
        self.door: Door | None = None
        self.parser_context: Mapping[str, str] = {
            "channel": settings.id,
            "address": addresses.normalise(settings.address),
            "own": " ".join(sorted(settings.own)),
            "keys": " ".join(secret.hex() for secret in self._keys.secrets),
            "authserv_ids": " ".join(settings.authserv_ids),
        }

    @property
    def channel(self) -> str:
        return self.settings.id

    @property
    def capabilities(self) -> Capabilities:
        limit = self.settings.smtp.max_size if self.settings.smtp else 0
        return Capabilities(
            text_limit=_TEXT_LIMIT,
            text_unit="chars",
            files=True,
            file_limit=int(limit / 1.4),  # base64 and its line ends (O6)
            hold=self.settings.hold,
            lookups=1,
        )

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self) -> None:
        """Receive by every configured way until cancelled."""
        await self.open()
        try:
            if self._inbox is not None:
                await self._inbox.run()
            elif self.door is not None:
                await asyncio.Event().wait()
        finally:
            if self.door is not None:
                await self.door.close(DRAIN_SECONDS)

    @property
    def deaf(self) -> str | None:
        """Why nothing in the mailbox reaches us; None while it does, and where no mailbox is read."""
        return None if self._inbox is None else self._inbox.trouble.reason

    async def open(self) -> None:
        """Open the SMTP door, if there is one that is not open; raises OSError, which names it."""
        settings = self.settings.smtp_listen
        if settings is None or (self.door is not None and self.door.listening):
            return
        self.door = Door(settings, self.settings.own, self._store, self._clock)
        try:
            await self.door.open()
        except OSError as error:
            named = f"smtp_listen of channel {self.channel}: {error.filename or settings.listen}"
            raise OSError(error.errno, error.strerror, named) from error

    async def _store(self, arrival: Arrival) -> Receipt:
        receipts = await self._ports.intake([arrival])
        return receipts[0]

    async def deliver(self, delivery: Delivery) -> Outcome:
        if delivery.kind not in (DeliveryKind.MESSAGE, DeliveryKind.NOTICE):
            return Rejected(_SAID_OF[delivery.kind])
        if self._relay is None:
            return Rejected(f"channel {self.channel} has no smtp section: it can receive but not send")
        if self._is_own(delivery.address):
            return Rejected(f"{delivery.address} is this desk's own address (L4)")
        head = Letterhead(
            address=self.settings.address, name=self.settings.name, keys=self._keys, names_itself=self._relay.renames
        )
        try:
            contents = await self._contents(delivery.outgoing.attachments)
            envelope = (
                to_notice(delivery, head) if delivery.kind is DeliveryKind.NOTICE else to_mail(delivery, head, contents)
            )
        except Unsendable as error:
            return Rejected(str(error))
        except OSError as error:
            return NotSent(f"an attachment cannot be read: {error}")
        outcome = await self._relay.send(envelope, lambda: self._ports.holds(delivery))
        if isinstance(outcome, Sent) and delivery.kind is DeliveryKind.NOTICE:
            return Sent((f"notice:{delivery.id.hex}",))  # by its Message-ID a reply would get into the conversation
        return outcome

    async def _contents(self, attachments: Sequence[Attachment]) -> list[bytes]:
        missing = [attachment.name for attachment in attachments if attachment.blob is None]
        if missing:
            raise Unsendable(f"the file {missing[0]!r} was never fetched: attach it again")
        paths = [self._ports.blobs.path(attachment.blob) for attachment in attachments if attachment.blob is not None]
        if not paths:
            return []
        return await asyncio.to_thread(lambda: [path.read_bytes() for path in paths])

    def _is_own(self, address: str) -> bool:
        try:
            return addresses.base(address) in self.settings.own
        except addresses.BadAddress:
            return False

    async def reconcile(self, delivery: Delivery) -> Outcome:
        """Nobody can look into a relay: repeating the same bytes under the same Message-ID is the answer (2.3)."""
        return NotSent("a mail of unknown outcome is sent again, byte by byte the same")

    async def probe(self) -> str | None:
        """Log in wherever the channel logs in; a sentence for the first side that fails."""
        for side in (self._inbox, self._relay):
            if side is not None and (trouble := await side.probe()) is not None:
                return trouble
        return None

    async def probe_out(self) -> str | None:
        """A mailbox that cannot be read keeps no reply from leaving (B1)."""
        return await self._relay.probe() if self._relay is not None else None

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Attachments of a mail are inside it: there is nothing to fetch."""
        raise FileNotFoundError(f"{attachment.name} came with its mail and has no remote copy")
        yield b""

    async def close(self) -> None:
        if self._relay is not None:
            await self._relay.close()


def _keys(settings: EmailSettings, secret: bytes) -> Keys:
    texts = [settings.token_secret, *settings.old_token_secrets]
    given = [text.get_secret_value().encode() for text in texts if text is not None]
    if settings.token_secret is None:
        given.insert(0, secret)
    return Keys(tuple(hmac.digest(each, b"onevoice mail tokens", hashlib.sha256) for each in given))
