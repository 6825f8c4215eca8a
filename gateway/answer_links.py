"""Signed links to the outage page: each names one conversation and one agent, and expires.

They are bearer secrets: whoever has one may read that conversation and answer it once, in the agent's name.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

_PURPOSE = b"onevoice outage answers"
_NONCE = 8
_TIME = 6
_MAC = 20
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a good link says. `id` names it in the store, where the link itself never is."""

    id: str
    conversation: UUID
    agent: str
    expires: datetime


class AnswerLinks:
    """Makes and reads links below `url` with a key derived from the gateway's secret."""

    def __init__(self, secret: bytes, url: str) -> None:
        self._key = hmac.digest(secret, _PURPOSE, hashlib.sha256)
        self._url = url

    def make(self, conversation: UUID, agent: str, expires: datetime, nonce: bytes) -> str:
        """The address of the page; `nonce` (8 bytes) makes each link one of its own."""
        if len(nonce) != _NONCE:
            raise ValueError(f"a nonce has {_NONCE} bytes")
        said = nonce + conversation.bytes + int(expires.timestamp()).to_bytes(_TIME, "big") + agent.encode()
        token = base64.urlsafe_b64encode(self._mac(said) + said).rstrip(b"=").decode()
        return f"{self._url}/answer/{token}"

    def read(self, token: str) -> Link | None:
        """What a token says, expired or not; None for one we never made."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, said = raw[:_MAC], raw[_MAC:]
        if len(said) <= _NONCE + 16 + _TIME or not hmac.compare_digest(mac, self._mac(said)):
            return None
        conversation, rest = said[_NONCE : _NONCE + 16], said[_NONCE + 16 :]
        return Link(
            id=hashlib.sha256(raw).hexdigest()[:32],
            conversation=UUID(bytes=conversation),
            agent=rest[_TIME:].decode(),
            expires=datetime.fromtimestamp(int.from_bytes(rest[:_TIME], "big"), UTC),
        )

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_MAC]
