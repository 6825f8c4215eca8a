"""A raw mail as an Arrival: its dedupe key, worked out linearly in the loop without a mail parser (M5)."""

import hashlib
import re
from collections.abc import Mapping

from connectors.base import Arrival

STABLE = (
    b"message-id", b"from", b"sender", b"reply-to", b"to", b"cc", b"date", b"subject", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding",
)  # fmt: skip
"""Headers no relay rewrites: a mail that comes a second time, by another way, has the same ones."""

_HEADER = re.compile(rb"^(" + b"|".join(STABLE) + rb")[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.I | re.M)
_GAP = re.compile(rb"\s+")


def to_arrival(raw: bytes, meta: Mapping[str, str]) -> Arrival:
    """The mail as one item of the inbox, to be parsed in a worker later (decision 7)."""
    return Arrival(key=key_of(raw, meta), raw=raw, meta=meta)


def key_of(raw: bytes, meta: Mapping[str, str]) -> str:
    """SHA-256 over the body and the stable headers, Message-ID among them; without a Message-ID over the envelope
    too. The same Message-ID with other content has another key (M5)."""
    end = _end_of_headers(raw)
    digest = hashlib.sha256()
    named = False
    for name, value in sorted((match[1].lower(), _GAP.sub(b" ", match[2])) for match in _HEADER.finditer(raw, 0, end)):
        named = named or (name == b"message-id" and len(value) > 1)
        digest.update(name + b":" + value + b"\n")
    if not named:
        digest.update(f"{meta.get('mail_from', '')}\n{meta.get('rcpts', '')}\n".encode())
    digest.update(b"\n")
    digest.update(memoryview(raw)[end:])
    return digest.hexdigest()


def _end_of_headers(raw: bytes) -> int:
    """Where the body starts: the first empty line, in whichever line ends the mail is written."""
    ends = [at for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark, 0, 262_144)) >= 0]
    return min(ends, default=min(len(raw), 262_144))
