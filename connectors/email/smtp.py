"""Our own SMTP door: who may come in, and where accepted mail goes (M1-M5, M8, M12, L5).

The protocol itself is in `smtp_session.py`.
"""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

from connectors.base import Arrival, Clock, NotStored
from connectors.email import addresses
from connectors.email.arrivals import HEADER_LIMIT, to_arrival
from connectors.email.settings import SmtpListenSettings
from connectors.email.smtp_session import CLOSING, COMMANDS, IDLE_SECONDS, NOT_NOW, Session

log = structlog.get_logger(__name__)

Store = Callable[[Arrival], Awaitable[object]]
"""Commits one arrival; returns after the commit or raises NotStored."""

HOP_LIMIT = 30
RECEIVING_LIMIT = 256 * 1024 * 1024
STORE_PATIENCE = timedelta(seconds=60)

NOT_STORED = "451 4.3.1 Cannot store mail now, try again later"
FULL = "452 4.3.1 Insufficient system storage, try again later"
LOOP = "554 5.4.6 Too many hops"

_RECEIVED = re.compile(rb"^received[ \t]*:", re.I | re.M)


class Door:
    """One listener: who may come in, who is inside, and where accepted mail goes."""

    def __init__(
        self,
        settings: SmtpListenSettings,
        own: frozenset[str],
        store: Store,
        clock: Clock,
        patience: timedelta = STORE_PATIENCE,
    ) -> None:
        self.settings = settings
        self._patience = patience.total_seconds()
        self.store = store
        self.clock = clock
        self.draining = False
        self.receiving = 0  # bytes of mails that are not stored yet, all connections together
        self.receiving_limit = max(RECEIVING_LIMIT, 2 * settings.max_size)
        self.sessions: set[Session] = set()
        self._hosts: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()
        self._welcome = own | {f"postmaster@{address.rpartition('@')[2]}" for address in own}
        self._server: asyncio.Server | None = None
        self._parent: dict[str, Any] = {}

    @property
    def port(self) -> int:
        """The port it listens on (useful when the configured one is 0)."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def listening(self) -> bool:
        return self._server is not None and self._server.is_serving()

    async def open(self) -> None:
        """Bind and listen; raises OSError when the address cannot be had, or the certificate, which it names."""
        loop = asyncio.get_running_loop()
        host, port = self.settings.endpoint
        prototype = SMTP(
            object(),
            data_size_limit=self.settings.max_size,
            enable_SMTPUTF8=True,
            hostname=self.settings.hostname or sorted(self._welcome)[0].rpartition("@")[2],
            ident="ESMTP",
            tls_context=self._tls(),
            require_starttls=self.settings.require_tls,
            timeout=IDLE_SECONDS,
            command_call_limit=COMMANDS,
            loop=loop,
        )
        self._parent = vars(prototype)
        self._server = await loop.create_server(lambda: Session(self, self._parent), host, port, backlog=512)

    def _tls(self) -> ssl.SSLContext | None:
        if self.settings.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.settings.tls_cert, self.settings.tls_key)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"tls_cert {self.settings.tls_cert} with its key") from error
        return context

    def admit(self, session: Session, host: str) -> bool:
        """Count a connection in; False over a limit (M8)."""
        if len(self.sessions) >= self.settings.max_connections:
            return False
        if self._hosts[host] >= self.settings.max_connections_per_host:
            return False
        self.sessions.add(session)
        self._empty.clear()
        self._hosts[host] += 1
        return True

    def leave(self, session: Session, host: str) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
            if not self.sessions:
                self._empty.set()

    def expects(self, address: str) -> bool:
        """Whether mail for this envelope recipient is ours to take (M12)."""
        if address.lower() == "postmaster":  # without a domain, RFC 5321 4.5.1
            return bool(self._welcome)
        try:
            return addresses.base(address) in self._welcome
        except addresses.BadAddress:
            return False

    async def take(self, content: bytes, mail_from: str, recipients: list[str], peer: str) -> str:
        """Store one mail and say how it went, as an SMTP reply; 250 only after the commit (M1-M4)."""
        if _hops(content) > HOP_LIMIT:
            return LOOP
        arrival = to_arrival(
            content,
            {
                "mail_from": mail_from,
                "rcpts": " ".join(recipients),
                "peer": peer,
                "received_at": self.clock().isoformat(),
            },
        )
        try:
            async with asyncio.timeout(self._patience):  # cancels the commit: it must never happen later (M4)
                await self.store(arrival)
        except TimeoutError:
            log.warning("smtp.commit_timed_out", key=arrival.key)
            return NOT_NOW
        except NotStored as error:
            log.warning("smtp.not_stored", reason=str(error))
            if error.draining:
                return CLOSING
            return FULL if error.full else NOT_STORED
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the client has gone, or we are being closed
                raise
            return NOT_NOW
        return "250 2.0.0 OK"

    async def close(self, within: float) -> None:
        """Stop listening, send 421 to whoever is not in the middle of a mail, wait for the others (2.7)."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.dismiss()
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            for session in list(self.sessions):
                session.abort()
            await self._empty.wait()


def _hops(content: bytes) -> int:
    """How many mail servers it came through; counted exactly only when a quick count finds too many (L5)."""
    if content.count(b"eceived:") <= HOP_LIMIT:
        return 0
    end = content.find(b"\r\n\r\n", 0, HEADER_LIMIT)
    return len(_RECEIVED.findall(content, 0, end if end >= 0 else HEADER_LIMIT))
