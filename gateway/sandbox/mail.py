"""A mail provider on loopback: an SMTP submission server, an IMAP mailbox, and customers who write and read mail.

Everything it accepted is written down with its bytes, so that a test can compare what was seen with what was meant.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import cached_property
from hashlib import sha256
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from connectors.base import Clock
from gateway.sandbox.mail_imap import ImapFault as ImapFault
from gateway.sandbox.mail_imap import ImapServer, Mailbox

AUTHSERV_ID = "mx.sandbox.example"
USER, PASSWORD = "help", "stand-in-password"
SIZE_LIMIT = 35 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the next SMTP transaction meets at a stage (connect, ehlo, auth, mail, rcpt, data, dot).

    `reply` is said instead of the normal answer. `drop` closes without an answer; at the dot `accept` takes the mail
    first. `late` seconds pass before anything else.
    """

    reply: str = ""
    drop: bool = False
    accept: bool = False
    late: float = 0.0


@dataclass(frozen=True)
class Accepted:
    """A mail the shop handed in: the truth about what left, whatever the shop was told."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: datetime

    @cached_property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @cached_property
    def sha256(self) -> str:
        return sha256(self.raw).hexdigest()

    @property
    def message_id(self) -> str:
        """Without angle brackets."""
        return str(self.message["Message-ID"] or "").strip("<> ")

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The plain text a customer's mail program shows."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()).replace("\r\n", "\n").rstrip("\n") if part is not None else ""

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""

    @property
    def attachments(self) -> list[tuple[str, bytes]]:
        """(name, content) of each file."""
        return [(part.get_filename() or "", part.get_content()) for part in self.message.iter_attachments()]


class MailStandIn:
    """The provider of one shop address. `door`: host and port of the shop's own SMTP listener; None: mail goes into
    the IMAP mailbox."""

    def __init__(
        self,
        clock: Clock,
        address: str = "help@shop.example",
        user: str = USER,
        password: str = PASSWORD,
        door: tuple[str, int] | None = None,
    ) -> None:
        self.clock = clock
        self.address = address
        self.user = user
        self.password = password
        self.door = door
        self.host = ""
        self.smtp_port = 0
        self.inbox = Mailbox()
        self.imap = ImapServer(self.inbox, user, password)
        self.accepted: list[Accepted] = []
        self.sessions = 0
        self._inboxes: dict[str, list[Accepted]] = {}
        self._sent: list[bytes] = []
        self._faults: dict[str, deque[Fault]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._server: asyncio.Server | None = None
        self._protocols: set[_Submission] = set()

    @property
    def imap_port(self) -> int:
        return self.imap.port

    async def start(
        self,
        host: str = "127.0.0.1",
        smtp_port: int = 0,
        imap_port: int = 0,
        starttls: ssl.SSLContext | None = None,
        imap_tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen on loopback; ports 0 are chosen by the system and readable afterwards."""
        self.host = host
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Submission(self, loop, starttls), host, smtp_port)
        self.smtp_port = self._server.sockets[0].getsockname()[1]
        await self.imap.start(host, imap_port, imap_tls)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for protocol in list(self._protocols):
            protocol.cut()
        await self.imap.stop()
        while self._protocols:
            await asyncio.sleep(0.005)

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def until(self, holds: Callable[[], bool], within: float = 30.0) -> None:
        """Wait for a condition; raises TimeoutError."""
        changed = asyncio.Event()
        unwatch = self.watch(changed.set)
        try:
            async with asyncio.timeout(within):
                while not holds():
                    await changed.wait()
                    changed.clear()
        finally:
            unwatch()

    def _change(self) -> None:
        for listener in list(self._listeners):
            listener()

    # As the customer.

    async def send(
        self,
        sender: str,
        text: str = "",
        *,
        subject: str = "",
        name: str = "",
        html: str | None = None,
        attachments: Sequence[tuple[str, str, bytes]] = (),
        in_reply_to: str | None = None,
        references: Sequence[str] = (),
        to: str | None = None,
        headers: Mapping[str, str] | None = None,
        verified: bool = True,
    ) -> str:
        """Write a mail to the shop; returns its Message-ID without brackets.

        `attachments`: (name, content type, bytes). `to`: another address than the shop's own (a Reply-To with its
        token). `verified`: the provider found DMARC to pass and says so under AUTHSERV_ID.
        """
        at = self.clock()
        domain = sender.rpartition("@")[2] or "customer.example"
        message_id = f"{at:%Y%m%d%H%M%S%f}.{len(self._sent)}@{domain}"
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = formataddr((name, sender))
        message["To"] = to or self.address
        message["Subject"] = subject
        message["Date"] = format_datetime(at.replace(microsecond=0))
        message["Message-ID"] = f"<{message_id}>"
        if in_reply_to:
            message["In-Reply-To"] = f"<{in_reply_to}>"
            message["References"] = " ".join(f"<{each}>" for each in (*references, in_reply_to))
        for header, value in (headers or {}).items():
            message[header] = value
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
        for file_name, content_type, content in attachments:
            main, _, sub = content_type.partition("/")
            message.add_attachment(content, maintype=main, subtype=sub, filename=file_name)
        await self.put(message.as_bytes(), sender=sender, recipient=to or self.address, verified=verified)
        return message_id

    async def reply(self, customer: str, text: str, *, quote: bool = True) -> str:
        """Answer the newest mail the shop sent to this customer, as a mail program does; returns the Message-ID."""
        last = self.mailbox(customer)[-1]
        quoted = "\n".join(f"> {line}" for line in last.text.split("\n"))
        head = f"On {last.at:%a, %d %b %Y at %H:%M} {self.address} wrote:"
        return await self.send(
            customer,
            f"{text}\n\n{head}\n{quoted}\n" if quote else text,
            subject=last.subject if last.subject.lower().startswith("re:") else f"Re: {last.subject}",
            in_reply_to=last.message_id,
            references=[each.strip("<>") for each in str(last.message["References"] or "").split()],
            to=str((last.message["Reply-To"] or last.message["From"]).addresses[0].addr_spec),
        )

    async def bounce(self, mail: Accepted, status: str = "5.1.1", action: str = "failed") -> None:
        """Return a delivery report for a mail of the shop to its envelope sender (RFC 3464)."""
        boundary = "=_report"
        headers = mail.raw.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
        report = (
            f"From: Mail Delivery System <mailer-daemon@{AUTHSERV_ID}>\r\nTo: {mail.sender}\r\n"
            f"Subject: Undelivered Mail Returned to Sender\r\nDate: {format_datetime(self.clock())}\r\n"
            f"Message-ID: <bounce.{mail.sha256[:20]}.{status}@{AUTHSERV_ID}>\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\r\n\r\n'
            f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered.\r\n"
            f"--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {AUTHSERV_ID}\r\n\r\n"
            f"Final-Recipient: rfc822; {mail.recipients[0]}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
            f"--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n{headers}\r\n--{boundary}--\r\n"
        )
        await self.put(report.encode(), sender="", recipient=mail.sender, verified=False)

    async def put(self, raw: bytes, *, sender: str = "", recipient: str = "", verified: bool = False) -> None:
        """Hand any bytes to the shop, by its SMTP door or into its IMAP mailbox with the provider's own headers."""
        recipient = recipient or self.address
        self._sent.append(raw)
        if self.door is not None:
            await self._by_smtp(raw, sender, recipient)
        else:
            at = self.clock()
            domain = sender.rpartition("@")[2]
            verdict = f"dmarc=pass header.from={domain}" if verified else "dmarc=none"
            trace = (
                f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n"
                f"Authentication-Results: {AUTHSERV_ID}; {verdict}\r\n"
                f"Received: from customer by {AUTHSERV_ID}; {format_datetime(at.replace(microsecond=0))}\r\n"
            )
            self.inbox.add(trace.encode() + raw, at)
            self.imap.announce()
        self._change()

    async def _by_smtp(self, raw: bytes, sender: str, recipient: str) -> None:
        assert self.door is not None
        host, port = self.door
        client = aiosmtplib.SMTP(hostname=host, port=port, start_tls=False, timeout=20, local_hostname=AUTHSERV_ID)
        async with client:
            await client.sendmail(sender, [recipient], raw)

    def mailbox(self, address: str) -> list[Accepted]:
        """The mails the shop sent to a customer, oldest first."""
        return self._inboxes.get(address.lower(), [])

    # As the provider.

    def fail(self, stage: str, *faults: Fault) -> None:
        """The next visits of an SMTP stage meet these, one each. IMAP faults: `imap.fail(stage, ImapFault(...))`."""
        self._faults.setdefault(stage, deque()).extend(faults)

    def fault(self, stage: str) -> Fault | None:
        waiting = self._faults.get(stage)
        return waiting.popleft() if waiting else None

    def accept(self, sender: str, recipients: Sequence[str], raw: bytes) -> None:
        mail = Accepted(sender, tuple(recipients), raw, self.clock())
        self.accepted.append(mail)
        for recipient in recipients:
            self._inboxes.setdefault(recipient.lower(), []).append(mail)
        self._change()

    def joined(self, protocol: "_Submission") -> None:
        self.sessions += 1
        self._protocols.add(protocol)

    def left(self, protocol: "_Submission") -> None:
        self._protocols.discard(protocol)


class _Submission(SMTP):
    """One SMTP connection of the shop: the real protocol, with login, and faults where they are asked for."""

    def __init__(
        self, stand_in: MailStandIn, loop: asyncio.AbstractEventLoop, tls_context: ssl.SSLContext | None
    ) -> None:
        self._stand_in = stand_in
        super().__init__(
            self,
            data_size_limit=SIZE_LIMIT,
            hostname=AUTHSERV_ID,
            ident="stand-in",
            tls_context=tls_context,
            require_starttls=tls_context is not None,
            auth_require_tls=tls_context is not None,
            auth_exclude_mechanism=["LOGIN"],
            authenticator=self._authenticate_user,
            loop=loop,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._original_transport is None:
            self._stand_in.joined(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._stand_in.left(self)
        super().connection_lost(error)

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]  # is a Transport

    async def handle_exception(self, error: Exception) -> str:
        return "451 4.3.0 the stand-in failed"

    async def push(self, status: Any) -> None:
        if isinstance(status, str) and status.startswith("220 ") and self.session and not self.session.host_name:
            fault = await self._met("connect")
            if fault and fault.reply:
                status = fault.reply
        await super().push(status)

    async def _met(self, stage: str) -> Fault | None:
        fault = self._stand_in.fault(stage)
        if fault is None:
            return None
        await asyncio.sleep(fault.late)
        if fault.drop and not fault.accept:
            self.cut()
            await asyncio.sleep(3600)  # cancelled by the end of the connection
        return fault

    def _authenticate_user(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        fault = self._stand_in.fault("auth")
        good = (data.login, data.password) == (self._stand_in.user.encode(), self._stand_in.password.encode())
        if fault is not None:
            return AuthResult(success=False, handled=False, message=fault.reply)
        return AuthResult(success=good, handled=False)

    async def handle_EHLO(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        fault = await self._met("ehlo")
        session.host_name = hostname
        return [fault.reply] if fault and fault.reply else responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = await self._met("mail")
        if fault and fault.reply:
            return fault.reply
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = await self._met("rcpt")
        if fault and fault.reply:
            return fault.reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        fault = await self._met("data")
        if fault and fault.reply:
            await self.push(fault.reply)
            return
        await super().smtp_DATA(arg)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = await self._met("dot")
        if fault and fault.reply:
            return fault.reply
        assert isinstance(envelope.content, bytes)
        sender = envelope.mail_from or ""
        self._stand_in.accept("" if sender == "<>" else sender, envelope.rcpt_tos, envelope.content)
        if fault and fault.drop:
            self.cut()
            await asyncio.sleep(3600)
        return "250 2.0.0 OK queued"
