"""Header values, decoded once and linearly: encoded words, address lists, message ids, dates (RFC 2047, 5322)."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.email.charsets import to_text

_FOLD = re.compile(r"[\r\n]+[ \t]*")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_ID = re.compile(r"<([^<>\s]{1,500})>")
_SPACE = re.compile(r"\s+")
_ADDRESS_LIMIT = 200
_ID_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address as a header gave them, decoded; the address may be anything."""

    name: str
    address: str


def unfold(raw: str) -> str:
    return _FOLD.sub(" ", raw) if "\n" in raw or "\r" in raw else raw


def to_header_text(raw: str) -> str:
    """A header value for people: unfolded, encoded words and raw 8-bit bytes decoded, on one line."""
    value = unfold(raw)
    if "=?" not in value:
        return _raw_text(value).strip()
    parts: list[str] = []
    run: bytearray = bytearray()
    charset = ""
    at = 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        label = word[1].partition("*")[0].lower()  # RFC 2231: charset*language
        if run and (between.strip() or label != charset):
            parts.append(to_text(bytes(run), charset))
            run.clear()
        if between.strip() or at == 0:
            parts.append(_raw_text(between))
        charset = label
        run += _word_bytes(word[2], word[3])  # bytes first: senders cut characters in two between words
        at = word.end()
    if run:
        parts.append(to_text(bytes(run), charset))
    parts.append(_raw_text(value[at:]))
    return _SPACE.sub(" ", "".join(parts)).strip()


def _word_bytes(encoding: str, text: str) -> bytes:
    content = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return a2b_qp(content, header=True)
    try:
        return a2b_base64(content + b"=" * (-len(content) % 4))
    except Base64Error:
        return content


def _raw_text(value: str) -> str:
    """Undeclared bytes in a header: usually UTF-8, in China often GB 18030."""
    if value.isascii():
        return to_text(value.encode(), None)
    return to_text(value.encode("utf-8", "surrogateescape"), None)


def to_mailboxes(raw: str) -> list[Mailbox]:
    """The addresses of a From, To, Cc or Reply-To value, in order; quotes, comments and groups understood.

    One pass without recursion: a comment nested a million deep costs as much as any other text of its length.
    """
    value = unfold(raw)
    found: list[Mailbox] = []
    phrase: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth, at = 0, 0
    while at < len(value) and len(found) < _ADDRESS_LIMIT:
        char = value[at]
        at += 1
        if depth:
            if char == "\\":
                comment.append(value[at : at + 1])
                at += 1
                continue
            depth += (char == "(") - (char == ")")
            if depth:
                comment.append(char)
        elif char == "(":
            depth = 1
        elif char == '"':
            at = _quoted(value, at, phrase)
        elif char == "<":
            end = value.find(">", at)
            end = len(value) if end < 0 else end
            angle = value[at:end]
            at = end + 1
        elif char == ":":
            phrase.clear()  # the name of a group
        elif char in ",;":
            _flush(found, phrase, comment, angle)
            angle = None
        else:
            phrase.append(char)
    _flush(found, phrase, comment, angle)
    return found


def _quoted(value: str, at: int, phrase: list[str]) -> int:
    while at < len(value):
        char = value[at]
        at += 1
        if char == '"':
            break
        if char == "\\":
            char = value[at : at + 1]
            at += 1
        phrase.append(char)
    return at


def _flush(found: list[Mailbox], phrase: list[str], comment: list[str], angle: str | None) -> None:
    words, remark = "".join(phrase).strip(), "".join(comment).strip()
    phrase.clear()
    comment.clear()
    if angle is None:
        if not words:
            return
        found.append(Mailbox(to_header_text(remark), _SPACE.sub("", _raw_text(words))))
    else:
        found.append(Mailbox(to_header_text(words or remark), _SPACE.sub("", _raw_text(angle))))


def to_ids(raw: str) -> list[str]:
    """Message ids without angle brackets, in order; a bare one is taken too."""
    value = unfold(raw)
    ids = _ID.findall(value)[:_ID_LIMIT]
    if not ids:
        ids = [word for word in value.split()[:1] if "@" in word and len(word) <= 500]
    return [to_text(each.encode("utf-8", "surrogateescape"), None) for each in ids]


def to_date(raw: str) -> datetime | None:
    """A Date value as an aware instant in UTC; None when it is none (a client's clock, D15)."""
    try:
        date = parsedate_to_datetime(unfold(raw))
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
