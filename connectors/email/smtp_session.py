"""One SMTP connection: aiosmtpd's protocol, bounded and made safe to rely on (M2, M7-M10, M12, M13).

What the parent class lacks is replaced here: its DATA reader keeps no bound, its errors are permanent and tell too
much, its address reader accepts every relay trick and costs more CPU than the rest of a session.
"""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog
from aiosmtpd.smtp import SMTP, TLSSetupException

from connectors.email.arrivals import HEADER_LIMIT

if TYPE_CHECKING:
    from connectors.email.smtp import Door

log = structlog.get_logger(__name__)

SESSION_SECONDS = 1800.0
IDLE_SECONDS = 300.0
DATA_SILENCE_SECONDS = 180.0
DATA_GRACE_SECONDS = 60.0
DATA_BYTES_A_SECOND = 1024
CHUNK = 32 * 1024
LINE_LIMIT = 2 * 1024 * 1024  # RFC 5321 says 998; some programs write a whole file as one line of base64
COMMANDS = {"*": 20, "MAIL": 1000, "RCPT": 10_000, "DATA": 1000, "RSET": 1000, "NOOP": 100}

NOT_NOW = "451 4.3.0 Temporary failure"
CLOSING = "421 4.3.2 Service shutting down, try again later"
BUSY = "421 4.7.0 Too many connections, try again later"
TOO_BIG = "552 5.3.4 Message too big"
TOO_MUCH = "452 4.3.1 Too much mail at once, try again later"
TOO_SLOW = "421 4.4.2 Timeout"
UNKNOWN_USER = "550 5.1.1 No such user here"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"

_END = b"\r\n.\r\n"


class Session(SMTP):
    """One connection. Everything its parent works out by reflection was worked out once for the whole listener."""

    line_length_limit = CHUNK
    _refused = False

    def __init__(self, door: "Door", parent: dict[str, Any]) -> None:
        vars(self).update(parent)
        asyncio.StreamReaderProtocol.__init__(
            self,
            asyncio.StreamReader(limit=CHUNK, loop=self.loop),
            client_connected_cb=self._cb_client_connected,
            loop=self.loop,
        )
        self._smtp_methods = {name: getattr(self, f"smtp_{name}") for name in _COMMANDS}
        self._door = door
        self._host = ""
        self._ends_at = self._deadline = self.loop.time() + SESSION_SECONDS
        self._busy = False
        self._held = 0  # bytes of a mail that is being received or stored

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._original_transport is None:  # not the second time, after STARTTLS
            peer = transport.get_extra_info("peername")
            self._host = str(peer[0]) if peer else ""
            if self._door.draining or not self._door.admit(self, self._host):
                last_word = CLOSING if self._door.draining else BUSY
                transport.write(f"{last_word}\r\n".encode())  # type: ignore[attr-defined]  # is a Transport
                transport.close()
                self._refused = True
                return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._refused:
            return
        self._door.leave(self, self._host)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return False if self._refused else super().eof_received()

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def dismiss(self) -> None:
        """End an idle session with 421; one in the middle of a mail may finish it."""
        if not self._busy and self.transport is not None and not self.transport.is_closing():
            self.transport.write((CLOSING + "\r\n").encode())  # type: ignore[attr-defined]  # is a Transport
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]  # is a Transport

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Move the deadline; the timer itself stays and looks again when it fires (one timer a session, not ten)."""
        self._deadline = min(self.loop.time() + (duration or IDLE_SECONDS), self._ends_at)
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
        elif self._deadline < self._timeout_handle.when():
            self._timeout_handle.cancel()
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.loop.time() < self._deadline:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
        else:
            super()._timeout_cb()  # type: ignore[no-untyped-call]

    async def handle_exception(self, error: Exception) -> str:
        """Our own trouble is never the sender's, and its text is never told (M2)."""
        if not isinstance(error, TLSSetupException):
            log.error("smtp.session_failed", error=type(error).__name__, exc_info=error)
        return NOT_NOW

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Address and rest of `<address> parameters`; ("<>", rest) for the null sender, (None, None) if malformed.

        Lenient, since any sender may write to us; whether a recipient is ours is asked strictly afterwards.
        """
        arg = arg.strip()
        if arg.startswith("<"):
            address, end, rest = arg[1:].partition(">")
            if not end:
                return None, None
        else:
            address, _, rest = arg.partition(" ")
        if not address:
            return "<>", rest
        if len(address) > 320 or not address.isprintable() or " " in address or "<" in address:
            return None, None
        return address, rest

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802  aiosmtpd's name
        if not hostname:
            await self.push("501 Syntax: EHLO hostname")
            return
        self._set_rset_state()  # type: ignore[no-untyped-call]
        assert self.session is not None
        self.session.extended_smtp = True
        self.session.host_name = hostname
        self.command_size_limits["MAIL"] = 1024
        starttls = "250-STARTTLS\r\n" if self.tls_context and not self._tls_protocol else ""
        await self.push(
            f"250-{self.hostname}\r\n250-SIZE {self.data_size_limit}\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
            f"{starttls}250 SMTPUTF8"
        )

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802  aiosmtpd's name
        if self._door.draining:
            await self._leave(CLOSING)
            return
        await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802  aiosmtpd's name
        assert self.session is not None
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        self._busy = True
        self._reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]  # so that a first line "." is an end too
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            content = await self._content()
            if isinstance(content, str):
                self._release()
                await self._leave(content, listening=True)
                return
            mail_from = self.envelope.mail_from
            reply = await self._door.take(
                content, "" if mail_from in (None, "<>") else mail_from, self.envelope.rcpt_tos, self._host
            )
        finally:
            self._busy = False
            self._release()
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        if reply.startswith("421"):
            await self._leave(reply)
            return
        await self.push(reply)
        if self._door.draining:
            await self._leave(CLOSING)

    def _release(self) -> None:
        """The bytes of this mail are no longer held."""
        self._door.receiving -= self._held
        self._held = 0

    async def _content(self) -> bytes | str:
        """The mail up to CRLF.CRLF (M9), or the reply it is refused with once it is too big or too slow (M7, M8)."""
        assert self.data_size_limit is not None
        started = monotonic()
        parts: list[bytes] = []
        size = line = 0
        self._reset_timeout(DATA_SILENCE_SECONDS)
        while True:
            try:
                part = await self._reader.readuntil(_END)
                ended = True
            except asyncio.LimitOverrunError as overrun:  # more than the reader holds: take what is certain
                part = await self._reader.read(overrun.consumed)
                ended = False
            size += len(part)
            self._held += len(part)
            self._door.receiving += len(part)
            if self._door.receiving > self._door.receiving_limit:
                return TOO_MUCH
            line = len(part) - 1 - part.rfind(b"\n") if b"\n" in part else line + len(part)
            if line > LINE_LIMIT:
                return TOO_BIG
            if size > self.data_size_limit + len(_END):
                return TOO_BIG
            if monotonic() - started > DATA_GRACE_SECONDS + size / DATA_BYTES_A_SECOND:
                return TOO_SLOW
            parts.append(part)
            if ended:
                break
            self._reset_timeout(DATA_SILENCE_SECONDS)
        stuffed = b"".join(parts)
        if len(stuffed) > HEADER_LIMIT and not any(
            stuffed.find(mark, 0, HEADER_LIMIT) >= 0 for mark in (b"\r\n\r\n", b"\n\n")
        ):
            return TOO_BIG
        return stuffed[:-3].replace(b"\r\n.", b"\r\n")[2:]

    async def _leave(self, reply: str, *, listening: bool = False) -> None:
        """Say the last word and close. `listening`: a client in the middle of sending hears it only when what it
        sends is still taken; that is thrown away, for a moment."""
        await self.push(reply)
        if self.transport is None:
            return
        if listening and self.session is not None and self.session.ssl is None:
            self._writer.write_eof()
            try:
                async with asyncio.timeout(2):
                    for _ in range(256):
                        if not await self._reader.read(CHUNK):
                            break
            except TimeoutError:
                pass
        if self.transport is not None:
            self.transport.close()

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802  aiosmtpd's name
        assert self.envelope is not None
        if len(self.envelope.rcpt_tos) >= self._door.settings.max_recipients:
            await self.push(TOO_MANY_RECIPIENTS)
            return
        await super().smtp_RCPT(arg)

    async def _call_handler_hook(self, command: str, *args: Any) -> Any:
        if command == "RCPT" and not self._door.expects(args[0]):
            return UNKNOWN_USER
        return await super()._call_handler_hook(command, *args)


_COMMANDS = ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY", "HELP", "STARTTLS")
"""What is understood; no AUTH: nobody logs in here (O4 is the relay's business, not the door's)."""
