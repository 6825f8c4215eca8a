"""A raw mail as a value: headers decoded once, parts sorted, text chosen, history cut (P1-P9, L1, L6).

Knows nothing of channels, conversations or keys; `parse.py` turns it into an Inbound, `parse-mail` prints it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from functools import cached_property

from connectors.email import markup, quotes, scan
from connectors.email.automatic import Bounce, is_automatic, to_bounce
from connectors.email.bounds import CHARACTERS, PIECES, bounded
from connectors.email.headers import Mailbox, to_date, to_header_text, to_ids, to_mailboxes, unfold
from connectors.email.parts import Body, Content, File, to_content
from router.richtext import (
    Block,
    Break,
    FileRef,
    Inline,
    Paragraph,
    Quote,
    RichText,
    Span,
    of_text,
    plain,
)

Unparseable = scan.Unparseable

_STUB = re.compile(
    r"view (?:this|it) (?:e-?mail |message )?in (?:your|a) browser|enable html|html[- ]?(?:e-?mail|mail|message|format)"
    r"|does not (?:support|display) html|不支持\s*html|html\s*格式|在浏览器中(?:查看|打开)|網頁版"
    r"|im browser (?:ansehen|anzeigen)|dans votre navigateur|en su navegador",
    re.I,
)
_FORWARD = re.compile(r"\s*(?:fwd?|wg|tr|rv|enc|i|doorst|转发|轉寄|轉發|转寄)\s*[:：]", re.I)


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One parsed mail. `text` is its new part and `full_text` the whole; message ids have no angle brackets."""

    fields: tuple[tuple[str, str], ...]
    senders: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None
    text: RichText
    full_text: RichText
    bodies: tuple[Body, ...]
    files: tuple[File, ...]
    notes: tuple[str, ...]
    automatic: bool
    bounce: Bounce | None
    problems: tuple[str, ...]

    @cached_property
    def html(self) -> str:
        """The HTML as it came, unsafe: it is read, never shown."""
        return "".join(body.html for body in self.bodies if body.html)

    def all(self, name: str) -> list[str]:
        """Every raw value of a header, unfolded, top first."""
        return [value for each, value in self.fields if each == name]


def read_mail(raw: bytes, mail_from: str | None = None) -> Mail:
    """Parse a mail; raises Unparseable for one that would cost too much (P1) or that the parser cannot read.

    `mail_from`: the envelope sender, "" for the null sender, None when nobody knows it (IMAP).
    """
    scan.check(raw)
    try:
        message = message_from_bytes(raw)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unparseable(f"the mail parser gave up: {type(error).__name__}") from error
    fields = tuple((name.lower(), unfold(value)) for name, value in message.raw_items())
    headers = dict(reversed(fields))  # the topmost of each name
    content = to_content(message)
    senders = tuple(to_mailboxes(headers.get("from", "")))
    sender = senders[0].address if senders else ""
    subject = to_header_text(headers.get("subject", ""))
    automatic = is_automatic(headers, message.get_content_type(), mail_from, sender)
    readable = _readable(content)
    words = "\n".join(plain(each)[:20_000] for each in readable) if automatic else ""
    decoded = {**headers, "subject": subject}
    bounce = to_bounce(decoded, content.report, content.original_headers, words, sender, mail_from)
    full, new = _texts(readable, content.bodies, forwarded=bool(_FORWARD.match(subject)))
    tail = _tail(content, bool(full))
    return Mail(
        fields=fields,
        senders=senders,
        to=tuple(box for value in _values(fields, "to") for box in to_mailboxes(value)),
        cc=tuple(box for value in _values(fields, "cc") for box in to_mailboxes(value)),
        subject=subject,
        message_id=next(iter(to_ids(headers.get("message-id", ""))), ""),
        in_reply_to=tuple(to_ids(headers.get("in-reply-to", ""))),
        references=tuple(to_ids(headers.get("references", ""))),
        date=to_date(headers["date"]) if "date" in headers else None,
        text=RichText(new.blocks + tail),
        full_text=RichText(full.blocks + tail),
        bodies=tuple(content.bodies),
        files=tuple(content.files),
        notes=tuple(content.notes),
        automatic=automatic,
        bounce=bounce,
        problems=_problems(content, senders, headers),
    )


def _values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in fields if each == name]


def _problems(content: Content, senders: Sequence[Mailbox], headers: Mapping[str, str]) -> tuple[str, ...]:
    problems = list(content.problems)
    if len(senders) != 1:
        problems.append("no sender in From" if not senders else "more than one sender in From: not identified (M15)")
    if "message-id" not in headers:
        problems.append("no Message-ID")
    if content.encrypted:
        problems.append("encrypted")
    return tuple(problems)


def _readable(content: Content) -> list[RichText]:
    """Every body as rich text: the plain form, or the HTML when there is no plain one or only a stub (P3)."""
    shown = set().union(*(markup.referenced(body.html) for body in content.bodies if body.html))
    files: dict[str, tuple[int, str]] = {}
    for index, file in enumerate(content.files):
        key = (file.content_id or "").lower()
        if key and key in shown and file.content_type.startswith("image/"):
            files.setdefault(key, (index, file.name))
    content.files[:] = [
        _placed(file, inline=(file.content_id or "").lower() in files or (file.inline and not file.content_id))
        for file in content.files
    ]
    return [_to_rich_text(body, files) for body in content.bodies]


def _placed(file: File, *, inline: bool) -> File:
    return file if file.inline == inline else File(file.name, file.content_type, file.content, file.content_id, inline)


def _to_rich_text(body: Body, files: Mapping[str, tuple[int, str]]) -> RichText:
    text = body.text or ""
    if body.html is not None and not _has_text(body) and (shown := markup.to_rich_text(body.html, files)):
        return bounded(shown) if len(body.html) > PIECES else shown
    return bounded(of_lines(text[: CHARACTERS + 1])) if len(text) > PIECES else of_lines(text)


def _has_text(body: Body) -> bool:
    """Whether the plain form says something, and not only that one should look at the other (P3)."""
    text = (body.text or "").strip()
    return bool(text) and (body.html is None or len(text) > 400 or _STUB.search(text) is None)


def of_lines(text: str) -> RichText:
    """Plain text as rich text, with white lines empty and no space at line ends but that of a signature's mark."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").split("\n")
    return of_text("\n".join(line if line == "-- " else line.rstrip() for line in lines))


def _texts(readable: Sequence[RichText], bodies: Sequence[Body], *, forwarded: bool) -> tuple[RichText, RichText]:
    """The whole text and its new part; the new part is the whole when the cutter would leave nothing (decision 20)."""
    if len(bodies) == 1 and _has_text(bodies[0]) and quotes.is_all_new(bodies[0].text or ""):
        return readable[0], readable[0]
    full = RichText(tuple(block for text in readable for block in text.blocks))
    return full, new_part(full, forwarded=forwarded)


def new_part(text: RichText, *, forwarded: bool = False) -> RichText:
    """The text without quoted history and signature; the whole when nothing would be left."""
    lines: list[str] = []
    units: list[tuple[int, list[Inline] | None]] = []  # block, and the inlines of one line of a paragraph
    for index, block in enumerate(text.blocks):
        if index:
            lines.append("")
            units.append((index, []))
        if isinstance(block, Paragraph):
            for line in _lines(block):
                lines.append(_visible(line))
                units.append((index, line))
        elif isinstance(block, Quote):
            quoted = plain(RichText((block,))).split("\n")
            lines += quoted
            units += [(index, None)] * len(quoted)
        else:
            lines.append(plain(RichText((block,))).partition("\n")[0] or "-")
            units.append((index, None))
    show = quotes.shown(lines, forwarded=forwarded)
    if all(show):
        return text
    kept: dict[int, list[list[Inline]] | None] = {}
    for (index, inlines), visible in zip(units, show, strict=True):
        if not visible:
            continue
        if inlines is None:
            kept[index] = None
        elif inlines and (lines_kept := kept.setdefault(index, [])) is not None:
            lines_kept.append(inlines)
    blocks: list[Block] = []
    for index, block in enumerate(text.blocks):
        if index in kept:
            remaining = kept[index]
            blocks.append(block if remaining is None else _paragraph(remaining))
    return RichText(tuple(blocks)) if blocks else text


def _lines(block: Paragraph) -> list[list[Inline]]:
    lines: list[list[Inline]] = [[]]
    for child in block.children:
        if isinstance(child, Break):
            lines.append([])
        else:
            lines[-1].append(child)
    return lines


def _visible(line: Sequence[Inline]) -> str:
    return "".join(child.text if isinstance(child, Span) else plain(RichText((Paragraph((child,)),))) for child in line)


def _paragraph(lines: Sequence[Sequence[Inline]]) -> Paragraph:
    children: list[Inline] = []
    for line in lines:
        if children:
            children.append(Break())
        children += line
    return Paragraph(tuple(children))


def _tail(content: Content, has_text: bool) -> tuple[Block, ...]:
    """What stands below the text: placeholders, and the files' names when there is no text at all (X9)."""
    tail: list[Block] = [Paragraph((Span(note),)) for note in content.notes]
    if not has_text and not tail:
        tail += [Paragraph((FileRef(index, file.name),)) for index, file in enumerate(content.files)]
    if not has_text and not tail:
        tail.append(Paragraph((Span("[empty mail]"),)))
    return tuple(tail)
