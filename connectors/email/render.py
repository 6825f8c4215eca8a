"""A delivery as a mail: the same delivery gives the same bytes, for ever (O1, O3, O5, H4, L2)."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from connectors.email import addresses, threading
from connectors.email.filenames import to_file_name
from router.model import Delivery
from router.richtext import (
    Block,
    Break,
    Emoji,
    FileRef,
    Inline,
    ListBlock,
    Mention,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
)

_CONTROL = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")
_ID = re.compile(r"(?!.*=\?)[!-;=?-~]{1,500}")
_FIELD = re.compile(rb"^([!-9;-~]+):", re.M)
_REFERENCES_BYTES = 900
_REFERENCES_KEPT = 10


class Unsendable(ValueError):
    """This delivery can never become a mail; the text is fit for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A rendered mail and where it goes: `sender` is the VERP address, or "" for automatic mail."""

    message: EmailMessage
    raw: bytes
    message_id: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What all our mail has in common. `names_itself`: the relay replaces Message-IDs, so References name ours (H5)."""

    address: str
    name: str
    keys: threading.Keys
    names_itself: bool = False


def to_mail(delivery: Delivery, head: Letterhead, contents: Sequence[bytes]) -> Envelope:
    """Render a message delivery; `contents` are the bytes of its attachments. Raises Unsendable.

    Date is the delivery's creation, Message-ID and boundaries are HMACs of its id: a repeat is byte-identical.
    """
    try:
        recipient = addresses.to_envelope(delivery.address)
    except addresses.BadAddress as error:
        raise Unsendable(f"{error}: correct the customer's address") from error
    outgoing = delivery.outgoing
    participant = recipient.lower()
    domain = head.address.rpartition("@")[2]
    token = threading.message_token(head.keys, delivery.conversation, participant, delivery.id)
    message_id = f"{token}@{domain}"
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(outgoing.author or head.name, head.address)
    message["To"] = _mailbox("", recipient)
    reply_to = threading.with_token(head.address, threading.reply_token(head.keys, delivery.conversation, participant))
    if reply_to:
        message["Reply-To"] = _mailbox(head.name, reply_to)
    message["Subject"] = one_line(outgoing.subject) or f"#{delivery.number}"
    message["Date"] = to_date(delivery.created_at)
    message["Message-ID"] = f"<{message_id}>"
    previous = [each for each in outgoing.references if _ID.fullmatch(each)]
    answered = outgoing.in_reply_to if outgoing.in_reply_to and _ID.fullmatch(outgoing.in_reply_to) else None
    if answered:
        message["In-Reply-To"] = f"<{answered}>"
        previous = [each for each in previous if each != answered] + [answered]
    if head.names_itself:
        previous.append(message_id)
    if previous:
        message["References"] = to_references(previous)
    if outgoing.automatic:
        message["Auto-Submitted"] = "auto-replied"
        message["X-Auto-Response-Suppress"] = "All"
        message["Precedence"] = "auto_reply"
    _fill(message, outgoing.text)
    for attachment, content in zip(outgoing.attachments, contents, strict=True):
        main, _, sub = attachment.content_type.partition("/")
        if not re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}", attachment.content_type, re.I) or main in (
            "multipart",
            "message",
        ):
            main, sub = "application", "octet-stream"
        message.add_attachment(
            content, maintype=main, subtype=sub, filename=to_file_name(attachment.name), cte="base64"
        )
    _set_boundaries(message, token)
    sender = threading.with_token(head.address, token) or reply_to or head.address
    raw = message.as_bytes()
    if [name.decode() for name in _FIELD.findall(raw, 0, raw.index(b"\r\n\r\n") + 2)] != list(message.keys()):
        raise Unsendable("a header of this mail would hold another header: change its subject or names")
    return Envelope(
        message=message,
        raw=raw,
        message_id=message_id,
        sender="" if outgoing.automatic else sender,
        recipient=recipient,
    )


def to_notice(delivery: Delivery, head: Letterhead) -> Envelope:
    """A mail to a colleague about a conversation. It proves nothing: what is replied to it is no part of the
    conversation, and whoever gets hold of it cannot write into one. Raises Unsendable."""
    try:
        recipient = addresses.to_envelope(delivery.address)
    except addresses.BadAddress as error:
        raise Unsendable(f"{error}: correct the agent's address") from error
    domain = head.address.rpartition("@")[2]
    name = sha256(b"notice" + delivery.id.bytes).hexdigest()[:32]
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(head.name, head.address)
    message["To"] = _mailbox("", recipient)
    message["Subject"] = one_line(delivery.outgoing.subject) or f"#{delivery.number}"
    message["Date"] = to_date(delivery.created_at)
    message["Message-ID"] = f"<{name}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    _fill(message, delivery.outgoing.text)
    _set_boundaries(message, name)
    return Envelope(
        message=message, raw=message.as_bytes(), message_id=f"{name}@{domain}", sender="", recipient=recipient
    )


def _fill(message: EmailMessage, text: RichText) -> None:
    """multipart/alternative: the text for every reader, HTML for the rest; seven-bit, so no relay changes a byte."""
    words = f"{to_text(text)}\n"
    message.set_content(words, cte="quoted-printable" if words.isascii() else "base64")
    markup = f"<!DOCTYPE html><html><body>{to_html(text)}</body></html>\n"
    message.add_alternative(markup, subtype="html", cte="quoted-printable" if markup.isascii() else "base64")


def _set_boundaries(message: EmailMessage, token: str) -> None:
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{sha256(f'{token} {number}'.encode()).hexdigest()[:40]}")


def one_line(text: str) -> str:
    """Text as it may stand in a header: one line, no control characters, nothing that looks like an encoded word.

    Python decodes such words in what it is given, and 3.11.7 writes the line ends inside them as they are (O3).
    """
    return " ".join(_CONTROL.sub(" ", text).replace("=?", "= ?").split())[:900]


def _mailbox(name: str, address: str) -> Address | str:
    local, _, domain = address.rpartition("@")
    return Address(display_name=one_line(name)[:100], username=local, domain=domain)


def to_date(instant: datetime) -> str:
    """RFC 5322 date, to the second."""
    return format_datetime(instant.replace(microsecond=0))


def to_references(ids: Sequence[str]) -> str:
    """First and last ten ids, oldest first, at most 900 octets (H4)."""
    kept = list(dict.fromkeys(ids))
    if len(kept) > _REFERENCES_KEPT + 1:
        kept = [kept[0], *kept[-_REFERENCES_KEPT:]]
    while len(kept) > 1 and sum(len(each) + 3 for each in kept) > _REFERENCES_BYTES:
        del kept[1 if len(kept) > 2 else 0]
    return " ".join(f"<{each}>" for each in kept)


# Plain text: the same characters with marks a reader of plain text knows (F table).


def to_text(text: RichText) -> str:
    return "\n\n".join(_text_block(block) for block in text.blocks)


def _text_block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return "".join(_text_inline(child) for child in children)
        case Pre(text):
            return "\n".join(f"    {line}" for line in text.split("\n"))
        case Quote(blocks):
            inner = to_text(RichText(blocks))
            return "\n".join(f"> {line}" if line else ">" for line in inner.split("\n"))
        case ListBlock(items, ordered):
            lines: list[str] = []
            for number, item in enumerate(items, 1):
                mark = f"{number}. " if ordered else "- "
                first, *rest = "\n".join(_text_block(each) for each in item).split("\n")
                lines.append(mark + first)
                lines += [" " * len(mark) + line for line in rest]
            return "\n".join(lines)


def _text_inline(inline: Inline) -> str:
    match inline:
        case Span(text, style, link):
            marked = text
            for flag, mark in ((Style.BOLD, "*"), (Style.ITALIC, "_"), (Style.STRIKE, "~")):
                if style & flag and text.strip() == text:
                    marked = f"{mark}{marked}{mark}"
            return marked if link is None or link == text else f"{marked} ({link})"
        case Break():
            return "\n"
        case Mention(name):
            return f"@{name}"
        case Emoji(char):
            return char
        case FileRef(_, name):
            return f"[{name}]"


# HTML: escaped here and nowhere else (F3).

_TAGS = ((Style.CODE, "code"), (Style.STRIKE, "s"), (Style.ITALIC, "i"), (Style.BOLD, "b"))


def to_html(text: RichText) -> str:
    return "".join(_html_block(block) for block in text.blocks)


def _html_block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return f"<p>{''.join(_html_inline(child) for child in children)}</p>\n"
        case Pre(text):
            return f"<pre>\n{html.escape(text)}</pre>\n"
        case Quote(blocks):
            return f"<blockquote>{to_html(RichText(blocks))}</blockquote>\n"
        case ListBlock(items, ordered):
            tag = "ol" if ordered else "ul"
            inner = "".join(f"<li>{to_html(RichText(item))}</li>\n" for item in items)
            return f"<{tag}>\n{inner}</{tag}>\n"


def _html_inline(inline: Inline) -> str:
    match inline:
        case Span(text, style, link):
            marked = _kept_spaces(html.escape(text))
            for flag, tag in _TAGS:
                if style & flag:
                    marked = f"<{tag}>{marked}</{tag}>"
            return f'<a href="{html.escape(link)}">{marked}</a>' if link else marked
        case Break():
            return "<br>\n"
        case Mention(name):
            return html.escape(f"@{name}")
        case Emoji(char):
            return html.escape(char)
        case FileRef(_, name):
            return html.escape(f"[{name}]")


def _kept_spaces(escaped: str) -> str:
    """Runs of spaces as HTML would show them collapsed."""
    return escaped.replace("  ", "&nbsp; ").replace("\t", "&nbsp; &nbsp; ")
