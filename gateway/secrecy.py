"""Secrets: the one this installation makes itself, the configured ones for redaction, and those nobody may use."""

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from gateway.settings import GatewaySettings, Settings

KEY_BYTES = 32
SECRET_KEY = re.compile(r"(?:^|_)(?:tokens?|secrets?|passwords?)$")
EXAMPLE = re.compile(
    r"change[-_ ]?(?:me|this|it)|your[-_ ]|example|placeholder|x{6,}|\.\.\.$|^<.*>$|^123456(?:789)?0?(?::ABC.*)?$|"
    r"^(?:secret|password|passwd|token|test|admin|default|todo|none)$",
    re.IGNORECASE,
)


def gateway_secret(gateway: GatewaySettings) -> bytes:
    """The key of this installation's signatures: the configured one, else a file that only its owner can read.

    The file is made at the first start; without it old mail threads can no longer be proven.
    """
    if gateway.secret is not None:
        return gateway.secret.get_secret_value().encode()
    path = gateway.data / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    """Write a new key; whole or not at all, and never over one that another process has made meanwhile."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def secrets_of(settings: Settings) -> frozenset[str]:
    """Every configured secret in clear text, for redaction only (Z1)."""
    found = {secret.get_secret_value() for secret in _secrets(settings)}
    if password := urlsplit(settings.gateway.database).password:
        found |= {password, unquote(password)}
    return frozenset(found - {""})


def is_secret_key(key: str) -> bool:
    """Whether the value of a key is a secret, by its name: `bot_token`, `password`, `signing_secret`."""
    return SECRET_KEY.search(key) is not None


def is_example(secret: str) -> bool:
    """Whether a secret is one that people copy from documentation (Z18)."""
    return EXAMPLE.search(secret) is not None


def _secrets(value: object) -> Iterator[SecretStr]:
    match value:
        case SecretStr():
            yield value
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
        case tuple() | list():
            for item in value:
                yield from _secrets(item)
        case Mapping():
            for item in value.values():
                yield from _secrets(item)
