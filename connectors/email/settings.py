"""The keys of a mail channel in the configuration (contracts.md, section 3)."""

from datetime import date, timedelta
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connectors.email import addresses
from connectors.lists import Texts, several


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Tls = bool | Literal["starttls"]


def _is_here(host: str) -> bool:
    """Whether a name or an address is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _safe(value: Tls, info: ValidationInfo) -> Tls:
    """No password and no mail crosses a network in clear text."""
    host = info.data.get("host")
    if value is False and host is not None and not _is_here(host):
        raise ValueError(f"false is for a server on this machine only, and {host} is another; write true or starttls")
    return value


class ImapSettings(_Section):
    """A mailbox to be read. `tls`: true from the first byte (993), "starttls" (143), false only for a local server."""

    host: str
    port: int = Field(993, ge=1, le=65535)
    tls: Tls = True
    ca_file: str | None = None
    user: str
    password: SecretStr
    folder: str = "INBOX"
    since: date | None = Field(None, description="mail that came before this day is left alone")
    max_size: int = Field(25 * 1024 * 1024, ge=1024, description="of a larger mail only the headers are fetched (I10)")
    poll: float = Field(60, ge=1, le=600, description="seconds between two looks even when IDLE is silent (I6)")
    idle: float = Field(540, ge=1, le=1740, description="seconds after which IDLE is renewed (I6)")

    _check_tls = field_validator("tls")(_safe)


class SmtpListenSettings(_Section):
    """Our own SMTP door. Mail for `domains` is taken when its local part is one of ours (M12)."""

    listen: str = Field(description="host:port")
    domains: Texts = ()
    hostname: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    require_tls: bool = False
    max_size: int = Field(25 * 1024 * 1024, ge=1024)
    max_connections: int = Field(1000, ge=1)
    max_connections_per_host: int = Field(50, ge=1)
    max_recipients: int = Field(100, ge=1)

    @property
    def endpoint(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @field_validator("listen")
    @classmethod
    def _is_host_and_port(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not (colon and host and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"listen is host:port, for example 0.0.0.0:2525, and not {value!r}")
        return value

    @model_validator(mode="after")
    def _has_both_tls_files(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both files or neither")
        if self.require_tls and self.tls_cert is None:
            raise ValueError("require_tls needs tls_cert and tls_key")
        return self


class SmtpSettings(_Section):
    """The relay our mail leaves by. `max_size` is used when the relay announces no SIZE (O6)."""

    host: str
    port: int = Field(587, ge=1, le=65535)
    tls: Tls = "starttls"
    ca_file: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    max_size: int = Field(25 * 1024 * 1024, ge=1024)
    timeout: float = Field(20, gt=0, le=25)

    _check_tls = field_validator("tls")(_safe)


class EmailSettings(_Section):
    """One mail channel: at least one way in (imap, smtp_listen) or out (smtp)."""

    id: str
    type: Literal["email"]
    address: str
    name: str = ""
    aliases: Texts = ()
    imap: ImapSettings | None = None
    smtp_listen: SmtpListenSettings | None = None
    smtp: SmtpSettings | None = None
    token_secret: SecretStr | None = None
    old_token_secrets: Annotated[tuple[SecretStr, ...], BeforeValidator(several)] = ()
    authserv_ids: Texts = ()
    hold: timedelta = timedelta(seconds=10)

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return addresses.to_envelope(value)

    @field_validator("aliases")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(addresses.normalise(value) for value in values)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.imap is None and self.smtp_listen is None and self.smtp is None:
            raise ValueError(
                f"channel {self.id!r} can neither receive nor send: add imap or smtp_listen (in) and smtp (out)"
            )
        return self

    @property
    def own(self) -> frozenset[str]:
        """Every address that is this channel itself, normalised (L4)."""
        own = {addresses.normalise(self.address), *self.aliases}
        if self.smtp_listen is not None:
            local = addresses.split(self.address)[0].lower()
            own.update(f"{local}@{addresses.host_name(domain)}" for domain in self.smtp_listen.domains)
        return frozenset(own)
