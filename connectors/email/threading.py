"""Which conversation a mail belongs to: HMAC'd tokens in our addresses and Message-IDs (H1-H5). Pure.

A token is base32 of: key id (1 byte), conversation (16), participant tag (3), in Message-IDs a delivery tag (4),
and 10 bytes of HMAC-SHA-256 over the rest. Tags are HMACs too, so that nobody can look for a collision.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from router.model import Thread

_REPLY, _MESSAGE = b"reply", b"message"
_REPLY_BYTES, _MESSAGE_BYTES, _MAC_BYTES = 30, 34, 10
_MESSAGE_CHARS = 55
LOCAL_PART_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """HMAC keys, newest first: the first one signs, the others are still believed (rotation)."""

    secrets: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not self.secrets or min(map(len, self.secrets)) < 16:
            raise ValueError("a mail token key has at least 16 bytes")

    @property
    def newest(self) -> bytes:
        return self.secrets[0]

    def of_id(self, key_id: int) -> list[bytes]:
        return [secret for secret in self.secrets if _key_id(secret) == key_id]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a token of ours proves. `participant`: the address in question is the one it was made for."""

    conversation: UUID
    participant: bool


def _key_id(secret: bytes) -> int:
    return hashlib.sha256(b"onevoice key id\0" + secret).digest()[0]


def _mac(secret: bytes, purpose: bytes, content: bytes, size: int) -> bytes:
    return hmac.digest(secret, purpose + b"\0" + content, "sha256")[:size]


def _text(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()


def _sealed(secret: bytes, purpose: bytes, conversation: UUID, participant: str, extra: bytes = b"") -> str:
    tag = _mac(secret, b"participant", participant.lower().encode(), 3)
    content = bytes([_key_id(secret)]) + conversation.bytes + tag + extra
    return _text(content + _mac(secret, purpose, content, _MAC_BYTES))


def reply_token(keys: Keys, conversation: UUID, participant: str) -> str:
    """48 characters naming a conversation and the customer's address."""
    return _sealed(keys.newest, _REPLY, conversation, participant)


def message_token(keys: Keys, conversation: UUID, participant: str, delivery: UUID) -> str:
    """55 characters, another for every delivery: the local part of its Message-ID and the detail of its VERP."""
    tag = _mac(keys.newest, b"delivery", delivery.bytes, 4)
    return _sealed(keys.newest, _MESSAGE, conversation, participant, tag)


def opened(keys: Keys, token: str, participant: str) -> Proof | None:
    """What a token proves about mail from `participant`; None unless one of our keys made exactly this token."""
    match len(token):
        case 48:
            purpose, size = _REPLY, _REPLY_BYTES
        case 55:
            purpose, size = _MESSAGE, _MESSAGE_BYTES
        case _:
            return None
    try:
        content = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        return None
    if len(content) != size or _text(content) != token.lower():  # spare bits of the last character count too
        return None
    for secret in keys.of_id(content[0]):
        if hmac.compare_digest(_mac(secret, purpose, content[:-_MAC_BYTES], _MAC_BYTES), content[-_MAC_BYTES:]):
            tag = _mac(secret, b"participant", participant.lower().encode(), 3)
            return Proof(UUID(bytes=content[1:17]), hmac.compare_digest(tag, content[17:20]))
    return None


def with_token(address: str, token: str) -> str | None:
    """`help+token@shop.example`, or None when the local part would grow over 64 octets (H1)."""
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0]
    return f"{local}+{token}@{domain}" if len(local) + 1 + len(token) <= LOCAL_PART_LIMIT else None


def token_of(address: str) -> str:
    """The "+detail" of an address, empty when it has none."""
    return address.rpartition("@")[0].rpartition("+")[2] if "+" in address else ""


def bounced_id(keys: Keys, recipients: Iterable[str]) -> str | None:
    """The Message-ID a bounce to one of our VERP addresses is about (L6), without angle brackets."""
    for address in recipients:
        token = token_of(address)
        if len(token) == _MESSAGE_CHARS and opened(keys, token, "") is not None:
            return f"{token.lower()}@{address.rpartition('@')[2].lower()}"
    return None


def prove(keys: Keys, recipients: Iterable[str], remote_ids: Sequence[str], sender: str) -> Thread:
    """The thread of a mail: a token among its recipients, else one of our Message-IDs among the ids it refers to
    (newest last), else those ids alone (H2). A subject proves nothing.

    `participant` is the sender when the token was made for him, and "" when it was made for somebody else (H3).
    """
    tokens = [token_of(address) for address in recipients]
    tokens += [each.partition("@")[0] for each in reversed(remote_ids)]
    for token in tokens:
        if token and (proof := opened(keys, token, sender)) is not None:
            return Thread(
                conversation=proof.conversation,
                participant=sender if proof.participant else "",
                remote_ids=tuple(remote_ids),
            )
    return Thread(remote_ids=tuple(remote_ids))
