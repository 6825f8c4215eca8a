"""Who a visitor is and which file he may have, as sealed expiring tokens; and the shop's own JWTs (W1, W2).

Tokens are Fernet (AES and HMAC-SHA256) under keys derived from the channel's secret, so that a token of another
channel or another kind never opens; nothing in them can be read or guessed.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from connectors.base import Clock
from connectors.webchat.protocol import Refused, shown_name
from router.addresses import mail_address
from router.model import LONGEST_TIER, Attachment, Blob, IdentityKey, Sender

LONGEST_IDENTITY = timedelta(hours=24)
_LEEWAY = 60  # seconds a shop's clock may be off


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody at the widget: an anonymous one has a random id of 128 bits, a known one that of his account, with the
    `tier` the shop says and the mail address it has verified."""

    id: str
    account: str | None = None
    name: str = ""
    language: str | None = None
    tier: str | None = None
    email: str | None = None
    consent: str = ""
    issued_at: datetime
    expires_at: datetime

    def sender(self) -> Sender:
        """As the model knows him; a typed name is a label and proves nothing (A9). Who gave none gets one agents can
        tell from the next."""
        if self.account is None:
            return Sender(identity=IdentityKey("web", self.id), name=self.name or f"Visitor {self.id[-4:]}")
        return Sender(
            identity=IdentityKey("account", self.account),
            name=self.name,
            verification=2,
            tier=self.tier,
            proven=(IdentityKey("email", self.email),) if self.email is not None else (),
        )


def _is_tier(claim: object) -> bool:
    return isinstance(claim, str) and len(claim) <= LONGEST_TIER and claim.isprintable()


def _verified_address(claims: Mapping[str, object]) -> str | None:
    """What the shop only has been told is a label like any other (A9)."""
    said = claims.get("email")
    return mail_address(said) if isinstance(said, str) and claims.get("email_verified") is True else None


def denied() -> Refused:
    """The one answer to every token that does not hold, whatever is wrong with it (W1)."""
    return Refused("webchat.token", 401, "The token is not valid here or has expired: say hello without it.")


class Tokens:
    """Makes and opens the tokens of one channel. `keys` are the channel's secrets, the current one first."""

    def __init__(self, channel: str, keys: Sequence[bytes], clock: Clock) -> None:
        self._channel = channel
        self._keys = keys
        self._clock = clock
        self._visitors = self._box("visitor")
        self._files = self._box("file")

    def _box(self, purpose: str) -> MultiFernet:
        label = f"onevoice webchat {purpose} {self._channel}".encode()
        derived = (hmac.new(key, label, hashlib.sha256).digest() for key in self._keys)
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])

    def newcomer(self, lifetime: timedelta) -> Visitor:
        """An anonymous visitor nobody has seen before."""
        now = self._clock()
        return Visitor(id=f"v-{secrets.token_urlsafe(18)}", issued_at=now, expires_at=now + lifetime)

    def seal(self, visitor: Visitor) -> str:
        """The token that brings this visitor back; it lives as long as `visitor.expires_at`."""
        fields = {
            "v": visitor.id,
            "a": visitor.account,
            "n": visitor.name,
            "l": visitor.language,
            "t": visitor.tier,
            "m": visitor.email,
            "c": visitor.consent,
            "e": int(visitor.expires_at.timestamp()),
        }
        return self._visitors.encrypt_at_time(orjson.dumps(fields), int(self._clock().timestamp())).decode()

    def open(self, token: str) -> Visitor:
        """The visitor of a token; raises Refused (`webchat.token`) when it is altered, foreign or expired."""
        try:
            fields = orjson.loads(self._visitors.decrypt(token))
            issued = self._visitors.extract_timestamp(token)
        except InvalidToken as error:
            raise denied() from error
        expires_at = datetime.fromtimestamp(fields["e"], UTC)
        if expires_at <= self._clock():
            raise denied()
        return Visitor(
            id=fields["v"],
            account=fields["a"],
            name=fields["n"],
            language=fields["l"],
            tier=fields.get("t"),  # sealed before there were any
            email=fields.get("m"),
            consent=fields["c"],
            issued_at=datetime.fromtimestamp(issued, UTC),
            expires_at=expires_at,
        )

    def known(self, identity: str) -> Visitor:
        """The visitor a shop's JWT names: HS256 only, `aud` our channel, `sub`, `iat`, `exp` within 24 h (W2); with
        `name`, `tier` and `email` if it says them, the last only where `email_verified` is true."""
        # Imported here: most visitors are anonymous and the library costs 3 MB and 40 ms at start.
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import OctKey

        now = self._clock()
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY,
            aud={"essential": True, "value": self._channel},
            sub={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )
        for key in self._keys:
            try:
                claims = jwt.decode(identity, OctKey.import_key(key), algorithms=["HS256"]).claims
                registry.validate(claims)
            except (JoseError, ValueError, TypeError):
                continue
            account, name, tier = claims["sub"], claims.get("name") or "", claims.get("tier")
            issued, expires = claims["iat"], claims["exp"]
            if not isinstance(account, str) or not 1 <= len(account) <= 200 or not isinstance(name, str):
                break
            if not account.isprintable() or (tier is not None and not _is_tier(tier)):
                break
            if expires - issued > LONGEST_IDENTITY.total_seconds() or expires <= now.timestamp() - _LEEWAY:
                break
            return Visitor(
                id=f"a-{account}",
                account=account,
                name=shown_name(name)[:80],
                tier=tier,
                email=_verified_address(claims),
                issued_at=datetime.fromtimestamp(issued, UTC),
                expires_at=datetime.fromtimestamp(expires, UTC) + timedelta(seconds=_LEEWAY),
            )
        raise denied()

    def seal_file(self, attachment: Attachment, visitor: str, lifetime: timedelta) -> str:
        """A link to a stored file: random to look at, expiring, bound to the visitor it was made for (W13)."""
        assert attachment.blob is not None, "only stored files have links"
        fields = {
            "b": attachment.blob.sha256.hex(),
            "s": attachment.blob.size,
            "n": attachment.name,
            "t": attachment.content_type,
            "v": visitor,
            "e": int((self._clock() + lifetime).timestamp()),
        }
        return self._files.encrypt_at_time(orjson.dumps(fields), int(self._clock().timestamp())).decode()

    def open_file(self, token: str, visitor: str | None = None) -> Attachment:
        """The file of a link; with `visitor` only if the link was made for him. Raises Refused (`webchat.file`)."""
        refused = Refused("webchat.file", 404, "There is no such file, or its link has expired.")
        try:
            fields = orjson.loads(self._files.decrypt(token))
        except InvalidToken as error:
            raise refused from error
        if fields["e"] <= self._clock().timestamp() or visitor not in (None, fields["v"]):
            raise refused
        blob = Blob(sha256=bytes.fromhex(fields["b"]), size=fields["s"])
        return Attachment(name=fields["n"], content_type=fields["t"], size=blob.size, blob=blob)
