"""The way out: one SMTP relay, its connection kept for a while, every ending classified by stage (O2, O4, 2.3)."""

import asyncio
import re
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any

import aiosmtplib
from aiosmtplib import SMTPResponse

from connectors.base import AccountDown, NotSent, Outcome, Rejected, Sent, Unknown
from connectors.email.render import Envelope
from connectors.email.settings import SmtpSettings

IDLE_SECONDS = 20.0
_SES = re.compile(r"email-smtp\.([a-z0-9-]+)\.amazonaws\.com")
_SES_ID = re.compile(r"\bOk ([0-9a-f]{12,}-[0-9a-f-]{20,})")
_ACCOUNT = {530, 534, 535, 538}


class _Client(aiosmtplib.SMTP):
    """Remembers whether the mail itself was begun: from there on its fate is unknown when the line breaks."""

    begun = False

    async def data(self, *args: Any, **kwargs: Any) -> SMTPResponse:
        self.begun = True
        return await super().data(*args, **kwargs)


class Relay:
    """One account at one relay. Sends one mail at a time over one connection."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client: _Client | None = None
        self._used_at = 0.0
        self._turn = asyncio.Lock()
        self._region = match[1] if (match := _SES.fullmatch(settings.host.lower())) else None

    @property
    def renames(self) -> bool:
        """Whether the relay replaces Message-IDs (H5)."""
        return self._region is not None

    async def send(self, envelope: Envelope, holds: Callable[[], bool]) -> Outcome:
        """Send one mail; `holds` is asked right before the transaction begins (R4)."""
        async with self._turn:
            try:
                client = await self._connected()
            except aiosmtplib.SMTPAuthenticationError as error:
                return self._refused_login(error)
            except aiosmtplib.SMTPException as error:
                return NotSent(self._trouble(error))
            except (OSError, TimeoutError) as error:
                return NotSent(self._trouble(error))
            if not self._fits(client, envelope):
                return Rejected(f"the mail is larger than {self._settings.host} takes: send a link instead of the file")
            if not holds():
                return NotSent("this delivery is no longer ours to send")
            client.begun = False
            return await self._transact(client, envelope)

    async def _transact(self, client: _Client, envelope: Envelope) -> Outcome:
        try:
            _, answer = await client.send_message(
                envelope.message, sender=envelope.sender, recipients=[envelope.recipient]
            )
        except aiosmtplib.SMTPNotSupported as error:
            return Rejected(f"{self._settings.host} cannot send to {envelope.recipient}: {error}")
        except aiosmtplib.SMTPRecipientsRefused as error:
            return self._answered(error.recipients[0], alone=True)
        except aiosmtplib.SMTPResponseException as error:
            return self._answered(error)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            self._drop()
            return Unknown(self._trouble(error)) if client.begun else NotSent(self._trouble(error))
        except ValueError as error:
            return Rejected(f"this mail cannot be sent: {error}")
        except asyncio.CancelledError:
            self._drop()
            raise
        self._used_at = monotonic()
        return Sent((envelope.message_id, *self._renamed(answer)))

    def _answered(self, error: aiosmtplib.SMTPResponseException, *, alone: bool = False) -> Outcome:
        """A reply of the relay: 4xx again later, 5xx never, and what says the account is at fault. `alone`: it is about
        the recipient."""
        said = f"{self._settings.host} answered {error.code} {_one_line(error.message)}"
        if error.code == 421 or error.code < 400:
            self._drop()
        if error.code in _ACCOUNT:
            return AccountDown(f"{said}: check user and password of the relay")
        return Rejected(said) if error.code >= 500 else NotSent(said, alone=alone and error.code != 421)

    def _refused_login(self, error: aiosmtplib.SMTPAuthenticationError) -> Outcome:
        said = f"{self._settings.host} refused the login: {error.code} {_one_line(error.message)}"
        if 400 <= error.code < 500:
            return NotSent(said)
        return AccountDown(f"{said}: check user and password of the relay")

    def _trouble(self, error: BaseException) -> str:
        said = _one_line(str(error)) or type(error).__name__
        return f"no mail through {self._settings.host}:{self._settings.port}: {said}"

    def _fits(self, client: _Client, envelope: Envelope) -> bool:
        announced = client.esmtp_extensions.get("size", "") if client.is_ehlo_or_helo_needed is False else ""
        limit = int(announced) if announced.isdigit() and int(announced) else self._settings.max_size
        return len(envelope.raw) <= limit

    def _renamed(self, answer: str) -> tuple[str, ...]:
        match = _SES_ID.search(answer) if self._region else None
        if match is None:
            return ()
        domain = "email.amazonses.com" if self._region == "us-east-1" else f"{self._region}.amazonses.com"
        return (f"{match[1]}@{domain}",)

    async def _connected(self) -> _Client:
        client = self._client
        if client is not None and client.is_connected and monotonic() - self._used_at < IDLE_SECONDS:
            return client
        self._drop()
        settings = self._settings
        client = _Client(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout,
            use_tls=settings.tls is True,
            start_tls=settings.tls == "starttls",
            tls_context=self._tls() if settings.tls else None,
            username=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            local_hostname="onevoice.invalid",
        )
        await client.connect()
        self._client = client
        self._used_at = monotonic()
        return client

    def _tls(self) -> ssl.SSLContext:
        """Certificates are always verified; trouble is temporary and never answered with plain text (O4)."""
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def probe(self) -> str | None:
        """Log in and say NOOP; a sentence when that fails."""
        async with self._turn:
            try:
                client = await self._connected()
                await client.noop()
            except aiosmtplib.SMTPAuthenticationError as error:
                return self._refused_login(error).reason  # type: ignore[union-attr]  # never Sent
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                self._drop()
                return self._trouble(error)
        return None

    async def close(self) -> None:
        async with self._turn:
            client, self._client = self._client, None
            if client is not None and client.is_connected:
                try:
                    await client.quit(timeout=2)
                except (aiosmtplib.SMTPException, OSError, TimeoutError):
                    client.close()


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
