"""What a client may ask of the channel, whichever way it asks: sockets and the HTTP fallback share this (W6)."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from connectors.base import Arrival, Clock, Cursor, Fate, FeedItem, Ports, Receipt
from connectors.webchat import protocol
from connectors.webchat.limits import Bucket, Buckets
from connectors.webchat.parse import to_arrival
from connectors.webchat.presence import Ending, Presence
from connectors.webchat.protocol import Hello, Refused, Send
from connectors.webchat.render import to_event
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.tokens import Tokens, Visitor, denied
from router.model import Attachment, Sender, Visibility

PAGE = 200  # feed entries read at once


class Chat:
    """The channel's rules over its ports. `files_url` is the origin files are served from, "" for our own (W13)."""

    def __init__(self, settings: WebchatSettings, ports: Ports, clock: Clock, files_url: str) -> None:
        keys = [settings.identity_secret, *([settings.previous_secret] if settings.previous_secret else [])]
        self.settings = settings
        self.ports = ports
        self.clock = clock
        self.tokens = Tokens(settings.id, [key.get_secret_value().encode() for key in keys], clock)
        self.consent_version = hashlib.sha256(settings.consent.encode()).hexdigest()[:12] if settings.consent else ""
        limits = settings.limits
        self.presence = Presence(limits.sockets_per_visitor)
        self._visitors = Buckets(limits.messages_per_second, limits.burst)
        self._newcomers = Buckets(limits.visitors_per_second, limits.visitors_burst)
        self._files_url = files_url.rstrip("/")
        self._link_life = timedelta(hours=settings.link_hours)
        self._token_life = timedelta(days=settings.token_days)

    def bucket(self, visitor: str) -> Bucket:
        """The visitor's rate, shared by all his sockets and requests."""
        return self._visitors.of(visitor)

    async def admit(self, hello: Hello, address: str) -> Visitor:
        """Who says hello, from IP address `address`; raises Refused for a token that does not hold (W1, W2)."""
        if hello.consent != self.consent_version and self.consent_version:
            raise Refused("webchat.consent", 403, "Accept the current consent text before saying hello.")
        if hello.identity is not None:
            visitor = self.tokens.known(hello.identity)
        elif hello.token is not None:
            visitor = self.tokens.open(hello.token)
        else:
            if wait := self._newcomers.of(address).take():
                raise Refused("webchat.rate", 429, "Too many new visitors from this address.", retry_after=wait)
            return self._described(self.tokens.newcomer(self._token_life), hello)
        await self._refuse_signed_out(visitor)
        if visitor.account is None:  # an active visitor's token never runs out
            visitor = replace(visitor, expires_at=self.clock() + self._token_life)
        return self._described(visitor, hello)

    @staticmethod
    def _described(visitor: Visitor, hello: Hello) -> Visitor:
        return replace(
            visitor,
            name=visitor.name if visitor.account and visitor.name else hello.name or visitor.name,
            language=hello.language or visitor.language,
            consent=hello.consent or visitor.consent,
        )

    async def bearer(self, token: str) -> Visitor:
        """The visitor of a request's token; raises Refused."""
        visitor = self.tokens.open(token)
        await self._refuse_signed_out(visitor)
        return visitor

    async def _refuse_signed_out(self, visitor: Visitor) -> None:
        signed_out = await self.ports.cursor(self._signed_out(visitor))
        if signed_out is not None and visitor.issued_at.timestamp() <= float(signed_out):
            raise denied()

    async def sign_out(self, visitor: Visitor) -> None:
        """Make every token of this visitor issued until now worthless, on every node (W2)."""
        now = str(self.clock().timestamp())
        await self.ports.intake([], Cursor(self._signed_out(visitor), now))
        self.presence.dismiss(visitor, Ending(4401, "signed out"))

    def _signed_out(self, visitor: Visitor) -> str:
        return f"webchat/{self.settings.id}/signed-out/{visitor.id}"

    def welcome(self, hello: Hello, visitor: Visitor) -> bytes:
        """The answer to a hello: the token to come back with, and what may be sent."""
        return protocol.ack(
            hello.id,
            None,
            visitor=visitor.id,
            known=visitor.account is not None,
            token=self.tokens.seal(visitor),
            expires=int(visitor.expires_at.timestamp() * 1000),
            limits={
                "text": self.settings.text_limit,
                "files": self.settings.files_per_message,
                "file_bytes": self.settings.file_limit,
            },
        )

    def arrival(self, visitor: Visitor, sender: Sender, send: Send) -> Arrival:
        """A send frame ready for intake; raises Refused when it is too long or names files that are not his."""
        if len(send.text) > self.settings.text_limit:
            text = f"A message may have {self.settings.text_limit} characters."
            raise Refused("webchat.too_long", 413, text, frame=send.id)
        if not send.files:
            return to_arrival(self.settings.id, visitor, sender, send)
        if len(send.files) > self.settings.files_per_message:
            text = f"A message may have {self.settings.files_per_message} files."
            raise Refused("webchat.too_many_files", 413, text, frame=send.id)
        return to_arrival(self.settings.id, visitor, sender, send, self._attachments(visitor, send))

    def _attachments(self, visitor: Visitor, send: Send) -> Sequence[Attachment]:
        try:
            return [self.tokens.open_file(token, visitor.id) for token in send.files]
        except Refused as refused:
            refused.frame = send.id
            raise

    @staticmethod
    def answer(send: Send, receipt: Receipt) -> bytes:
        """What the sender is told after the commit (X1); raises Refused when the id names something else (W4)."""
        if receipt.fate is Fate.CONFLICT:
            text = "Another message was already sent under this id: use a new UUID."
            raise Refused("webchat.conflict", 409, text, frame=send.id)
        return protocol.ack(send.id, receipt.feed_seq, message=receipt.message.hex if receipt.message else None)

    def event(self, item: FeedItem, visitor: Visitor) -> bytes | None:
        """The frame of a feed entry; None for what a customer must never see (INV8)."""
        if item.message.visibility is Visibility.NOTE:
            return None
        return to_event(item, lambda attachment: self.link(attachment, visitor))

    def link(self, attachment: Attachment, visitor: Visitor) -> str:
        """The URL of a stored file for this visitor."""
        token = self.tokens.seal_file(attachment, visitor.id, self._link_life)
        return f"{self._files_url}/webchat/{self.settings.id}/files/{token}"

    async def after(self, visitor: Visitor, seq: int) -> tuple[bool, list[FeedItem]]:
        """The feed after a cursor, and whether the cursor is one of this feed; if not, the feed from its start.

        The entry at the cursor is read too: it is gone after an erasure or when the cursor belongs to another
        feed, and then only a fresh start shows the truth (W3).
        """
        if seq == 0:
            return True, await self.ports.history(visitor.id, 0, PAGE)
        items = await self.ports.history(visitor.id, seq - 1, PAGE)
        if items and items[0].seq == seq:
            return True, items[1:]
        return False, await self.ports.history(visitor.id, 0, PAGE)
