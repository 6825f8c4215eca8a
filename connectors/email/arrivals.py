"""A raw mail as an Arrival: its dedupe key, worked out linearly in the loop without a mail parser (M5)."""

import hashlib
from collections.abc import Mapping

from connectors.base import Arrival

STABLE = frozenset(
    b"message-id from sender reply-to to cc date subject in-reply-to references mime-version content-type"
    b" content-transfer-encoding".split()
)
"""Headers no relay rewrites: a mail that comes a second time, by another way, has the same ones."""

HEADER_LIMIT = 256 * 1024


def to_arrival(raw: bytes, meta: Mapping[str, str]) -> Arrival:
    """The mail as one item of the inbox, to be parsed in a worker later (decision 7)."""
    return Arrival(key=key_of(raw, meta), raw=raw, meta=meta)


def key_of(raw: bytes, meta: Mapping[str, str]) -> str:
    """SHA-256 over the body and the stable headers, Message-ID among them; without a Message-ID over the envelope
    too. The same Message-ID with other content has another key (M5)."""
    end = _end_of_headers(raw)
    fields = _stable_fields(raw[:end])
    digest = hashlib.sha256(b"\n".join(sorted(fields)))
    if not any(field.startswith(b"message-id:") and len(field) > 12 for field in fields):
        digest.update(f"\n\n{meta.get('mail_from', '')}\n{meta.get('rcpts', '')}".encode())
    digest.update(b"\n\n")
    digest.update(memoryview(raw)[end:])
    return digest.hexdigest()


def _stable_fields(head: bytes) -> list[bytes]:
    """`name: value` of every stable header, unfolded, with single spaces."""
    fields: list[bytes] = []
    stable = False
    for line in head.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if stable:
                fields[-1] += b" " + b" ".join(line.split())
            continue
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        stable = name in STABLE
        if stable:
            fields.append(name + b":" + b" ".join(value.split()))
    return fields


def _end_of_headers(raw: bytes) -> int:
    """Where the body starts: the first empty line, in whichever line ends the mail is written."""
    ends = [at for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark, 0, HEADER_LIMIT)) >= 0]
    return min(ends, default=min(len(raw), HEADER_LIMIT))
