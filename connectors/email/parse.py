"""The worker's entry: raw mail in, Inbound out (decision 7). No network, no storage, no clock."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.email import addresses, threading
from connectors.email.authentication import dmarc_passes
from connectors.email.mail import Mail, Unparseable, read_mail
from router.model import Attachment, IdentityKey, Inbound, InboundKind, Sender

__all__ = ["Parsed", "Unparseable", "inbound"]

NOBODY = "unknown@sender.invalid"
"""Stands for a sender that gave no address at all."""
_BODY_HEADER = re.compile(
    rb"^(?:content-[a-z-]{1,40}|mime-version)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n", re.I | re.M
)
_ENVELOPE_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """An Inbound and the bytes of its attachments, in their order; the worker stores them as blobs."""

    inbound: Inbound
    contents: tuple[bytes, ...]


def inbound(raw: bytes, meta: Mapping[str, str], context: Mapping[str, str]) -> Parsed:
    """Parse one mail; raises Unparseable with a sentence for the quarantine.

    `meta`: mail_from, rcpts (by spaces), received_at or internaldate (ISO 8601), oversize; `context`: the
    connector's `parser_context`.
    """
    if "oversize" in meta:
        raw = _with_placeholder(raw, int(meta["oversize"]))
    mail = read_mail(raw, meta.get("mail_from"))
    own = frozenset(context["own"].split())
    keys = threading.Keys(tuple(bytes.fromhex(key) for key in context["keys"].split()))
    sender = _sender(mail, meta, context)
    address = sender.identity.value
    recipients = _recipients(mail, meta)
    remote_ids = tuple(dict.fromkeys((*mail.references, *mail.in_reply_to)))
    thread = threading.prove(keys, recipients, remote_ids, address)
    kind, target, value = InboundKind.MESSAGE, None, ""
    if mail.bounce is not None:
        kind, value = InboundKind.BOUNCE, mail.bounce.status
        target = _bounced(keys, mail, recipients)
        if target is not None and thread.conversation is None:
            thread = threading.prove(keys, recipients, (target,), address)
    attachments = tuple(
        Attachment(
            name=file.name,
            content_type=file.content_type,
            size=len(file.content),
            inline=file.inline,
            content_id=file.content_id,
        )
        for file in mail.files
    )
    received = meta.get("internaldate") or meta.get("received_at")
    return Parsed(
        inbound=Inbound(
            kind=kind,
            channel=context["channel"],
            address=address,
            sender=sender,
            remote_id=mail.message_id or hashlib.sha256(raw).hexdigest(),
            thread=thread,
            text=mail.text,
            full_text=mail.full_text if mail.full_text != mail.text else None,
            attachments=attachments,
            subject=mail.subject[:500],
            to=next((each for each in recipients if _is_own(each, own)), context["address"]),
            target=target,
            value=value,
            automatic=mail.automatic or _is_own(address, own),
            sent_at=datetime.fromisoformat(received) if received else None,
            claimed_at=mail.date,
        ),
        contents=tuple(file.content for file in mail.files),
    )


def _with_placeholder(headers: bytes, size: int) -> bytes:
    """A mail too large to fetch: its headers, and a text that says so (I10)."""
    kept = _BODY_HEADER.sub(b"", headers).rstrip(b"\r\n")
    note = f"[mail of {max(size // 1_000_000, 1)} MB, too large to fetch: open it in the mailbox]"
    return kept + b"\r\nContent-Type: text/plain\r\n\r\n" + note.encode() + b"\r\n"


def _sender(mail: Mail, meta: Mapping[str, str], context: Mapping[str, str]) -> Sender:
    """Who wrote it: the one address in From and never Reply-To (M15); verified only by a trusted DMARC pass (M14).

    Without a From that is an address, the envelope sender stands in, unverified.
    """
    box = mail.senders[0] if mail.senders else None
    address = _normalised(box.address if box else "")
    single = len(mail.senders) == 1 and len(mail.all("from")) == 1
    verified = (
        bool(address)
        and single
        and dmarc_passes(mail.fields, context.get("authserv_ids", "").split(), address.rpartition("@")[2])
    )
    return Sender(
        identity=IdentityKey("email", address or _normalised(meta.get("mail_from", "")) or NOBODY),
        name=box.name[:200] if box else "",
        verification=int(verified),
        email=address or None,
    )


def _normalised(address: str) -> str:
    try:
        return addresses.normalise(address) if address else ""
    except addresses.BadAddress:
        return ""


def _recipients(mail: Mail, meta: Mapping[str, str]) -> list[str]:
    """Where it was sent, the envelope first (H2); without one what the headers tell."""
    found = meta.get("rcpts", "").split()
    if not found:
        found = [value.strip("<> ") for name in _ENVELOPE_HEADERS[:3] for value in mail.all(name)]
        found += [box.address for box in (*mail.to, *mail.cc)]
    return [each.lower() for each in found if "@" in each]


def _is_own(address: str, own: frozenset[str]) -> bool:
    try:
        return addresses.base(address) in own
    except addresses.BadAddress:
        return False


def _bounced(keys: threading.Keys, mail: Mail, recipients: list[str]) -> str | None:
    """The id of the mail that came back, only when our own HMAC proves it (L6)."""
    if (target := threading.bounced_id(keys, recipients)) is not None:
        return target
    original = mail.bounce.original if mail.bounce else None
    if original and threading.opened(keys, original.partition("@")[0], "") is not None:
        return original
    return None
