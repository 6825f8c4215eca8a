"""The parts of a mail: which are its text, which are files, which images belong inside (P2-P6, P8, P9)."""

import re
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from email.message import Message

from connectors.email.charsets import codec_of, to_text
from connectors.email.filenames import to_file_name
from connectors.email.headers import to_header_text

_EXTENSIONS = {
    "text/calendar": ".ics", "message/rfc822": ".eml", "application/pdf": ".pdf", "image/png": ".png",
    "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "text/html": ".html", "text/plain": ".txt",
    "text/rfc822-headers": ".txt",
    "application/pkcs7-mime": ".p7m", "application/pkcs7-signature": ".p7s", "application/pgp-signature": ".asc",
    "application/ms-tnef": ".dat", "text/vcard": ".vcf", "application/zip": ".zip",
}  # fmt: skip
_ENCRYPTED = {"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"}
_CALENDAR_LINE = re.compile(
    r"^(SUMMARY|DTSTART|DTEND|LOCATION|ORGANIZER|METHOD)((?:;[^:\r\n]{0,200})?):(.{0,300})", re.M
)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")  # RFC 6838
_TZID = re.compile(r"TZID=([^;:]{1,60})")


@dataclass(frozen=True, slots=True)
class File:
    """One attachment with its bytes."""

    name: str
    content_type: str
    content: bytes
    content_id: str | None = None
    inline: bool = False


@dataclass(slots=True)
class Body:
    """One place of the mail's text, in up to two forms."""

    text: str | None = None
    html: str | None = None


@dataclass(slots=True)
class Content:
    """Everything below the headers. `notes` are placeholders to be shown (X9), `report` the delivery status part."""

    bodies: list[Body] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    report: str | None = None
    original_headers: str = ""
    encrypted: bool = False


def to_content(message: Message) -> Content:
    """Sort the parts of a parsed mail, in their order and without recursion."""
    content = Content()
    pending: list[tuple[Message, Body | None, str]] = [(message, None, "")]
    while pending:
        part, alternative, parent = pending.pop()
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind == "message/rfc822" or (kind == "message/global" and isinstance(payload, list)):
            _message(content, part, parent)
        elif kind.startswith("multipart/") and isinstance(payload, list):
            if kind == "multipart/encrypted":
                content.encrypted = True
            inner = alternative
            if kind == "multipart/alternative" and alternative is None:
                inner = Body()
                content.bodies.append(inner)
            elif kind != "multipart/related" and kind != "multipart/alternative":
                inner = None if kind == "multipart/mixed" else alternative
            pending.extend((each, inner, kind) for each in reversed(payload) if isinstance(each, Message))
        elif kind.startswith("message/") and isinstance(payload, list):
            _report(content, part, kind)
        else:
            _leaf(content, part, kind, alternative)
    if content.encrypted:
        content.notes.append("[encrypted mail: its text can only be read with the recipient's key]")
    return content


def _leaf(content: Content, part: Message, kind: str, alternative: Body | None) -> None:
    disposition, name = _disposition(part)
    if kind in ("text/plain", "text/html") and disposition != "attachment" and not name:
        text = to_text(_bytes(content, part), _charset(content, part))
        body = alternative
        if body is None:
            body = Body()
            content.bodies.append(body)
        if kind == "text/plain":
            body.text = text if body.text is None else f"{body.text}\n{text}"
        else:
            body.html = text if body.html is None else body.html + text
        return
    if kind == "text/rfc822-headers":
        content.original_headers = to_text(_bytes(content, part), None)
    raw = _bytes(content, part)
    if kind == "text/calendar":
        content.notes.append(_calendar(to_text(raw, part.get_content_charset() or "utf-8")))
    elif kind in _ENCRYPTED and "signed" not in str(part.get_param("smime-type", "")).lower():
        content.encrypted = True
    elif kind in ("application/ms-tnef", "application/vnd.ms-tnef"):
        content.notes.append("[winmail.dat: Outlook's own format; the original is attached]")
    content_id = to_header_text(str(part.get("Content-ID", ""))).strip("<> ") or None
    content.files.append(
        File(
            name=to_file_name(name, _EXTENSIONS.get(kind, "")),
            content_type=kind if _TYPE.fullmatch(kind) else "application/octet-stream",
            content=raw,
            content_id=content_id,
            inline=disposition == "inline" or content_id is not None,
        )
    )


def _message(content: Content, part: Message, parent: str) -> None:
    """A whole mail inside: a file; in a report its headers name the mail that came back."""
    inner = part.get_payload(0) if part.is_multipart() else None
    try:
        raw = inner.as_bytes() if isinstance(inner, Message) else _bytes(content, part)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        raw = b""
        content.problems.append("an attached mail could not be written out; see the raw mail")
    if parent == "multipart/report" and isinstance(inner, Message):
        content.original_headers = "\n".join(f"{name}: {value}" for name, value in inner.raw_items())
    subject = to_header_text(str(inner.get("Subject", ""))) if isinstance(inner, Message) else ""
    name = _disposition(part)[1] or (f"{subject[:80]}.eml" if subject else "")
    content.files.append(File(name=to_file_name(name, ".eml"), content_type="message/rfc822", content=raw))


def _report(content: Content, part: Message, kind: str) -> None:
    """A delivery status or disposition notification: its fields as text, and as a file."""
    blocks = [each for each in part.get_payload() if isinstance(each, Message)]
    text = "\n\n".join("\n".join(f"{name}: {value}" for name, value in each.raw_items()) for each in blocks)
    text = to_text(text.encode("utf-8", "surrogateescape"), None)
    if kind in ("message/delivery-status", "message/global-delivery-status"):
        content.report = text
    content.files.append(File(name="report.txt", content_type=kind, content=text.encode()))


def _bytes(content: Content, part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (LookupError, ValueError, TypeError, AssertionError, Base64Error):
        payload = None
        content.problems.append("a part could not be decoded; see the raw mail")
    return payload if isinstance(payload, bytes) else b""


def _charset(content: Content, part: Message) -> str | None:
    try:
        label = part.get_content_charset()
    except (LookupError, ValueError, TypeError):
        label = None
    if label and codec_of(label) is None:
        content.problems.append(f"unknown charset {label[:40]}: read as well as possible")
    return label


def _disposition(part: Message) -> tuple[str, str]:
    """Content-Disposition and the file name, decoded (RFC 2231, 2047 or raw)."""
    for header, raw in part.raw_items():
        if not raw.isascii() and header.lower() in ("content-disposition", "content-type"):
            part.replace_header(header, to_header_text(raw))  # undeclared bytes, which the parser would give up
    try:
        disposition = (part.get_content_disposition() or "").lower()
        name = part.get_filename("")
    except (LookupError, ValueError, TypeError):
        return "attachment", ""
    return disposition, to_header_text(name)


def _calendar(text: str) -> str:
    """A calendar item in words: what, when with its zone, where, who (P6). Nothing is ever answered to it."""
    unfolded = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
    start = unfolded.find("BEGIN:VEVENT")
    fields = {
        name: (params, value) for name, params, value in reversed(_CALENDAR_LINE.findall(unfolded, max(start, 0)))
    }
    method = next((value for name, _, value in _CALENDAR_LINE.findall(unfolded) if name == "METHOD"), "").strip()
    parts = [fields["SUMMARY"][1].replace("\\,", ",").replace("\\;", ";").strip()] if "SUMMARY" in fields else []
    for name, word in (("DTSTART", "from"), ("DTEND", "to")):
        if name in fields:
            params, value = fields[name]
            zone = _TZID.search(params)
            parts.append(f"{word} {_moment(value.strip())}{f' ({zone[1]})' if zone else ''}")
    if "LOCATION" in fields:
        parts.append(f"at {fields['LOCATION'][1].strip()}")
    if "ORGANIZER" in fields:
        parts.append(f"by {fields['ORGANIZER'][1].strip().removeprefix('mailto:').removeprefix('MAILTO:')}")
    return f"[calendar{f' {method.lower()}' if method else ''}: {', '.join(parts) or 'see the attached file'}]"


def _moment(value: str) -> str:
    """20260102T030405Z -> 2026-01-02 03:04 UTC; anything else as it is."""
    if len(value) >= 15 and value[8] == "T":
        return f"{value[:4]}-{value[4:6]}-{value[6:8]} {value[9:11]}:{value[11:13]}{' UTC' if value[-1] == 'Z' else ''}"
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}" if len(value) == 8 else value
