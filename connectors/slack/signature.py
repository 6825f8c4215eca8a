"""Slack's request signature. The SDK's verifier raises on garbage; this one only ever says yes or no (S15)."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}\Z")

TOLERANCE = timedelta(seconds=300)


def is_plausible(timestamp: str, signature: str, now: datetime) -> bool:
    """Could these headers be Slack's at all? Asked before the body is read."""
    if not _TIMESTAMP.match(timestamp) or not _SIGNATURE.match(signature):
        return False
    return abs(now.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()


def is_genuine(secret: str, timestamp: str, signature: str, body: bytes) -> bool:
    """HMAC over the raw body, compared in constant time; for headers that are plausible."""
    return hmac.compare_digest(sign(secret, timestamp, body), signature)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature Slack makes: `v0:timestamp:body` under the signing secret."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
