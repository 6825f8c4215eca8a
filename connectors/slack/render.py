"""RichText -> Slack blocks. Text is put into rich_text elements, where nothing in it can mention, link or format
(S23); sizes keep below what Slack accepts in practice (S11 of the findings, S22)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from connectors.slack import emojis
from router.model import AuthorKind, Outgoing
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
    plain,
)

Json = dict[str, Any]

BLOCKS_LIMIT = 11_000
"""Characters of a whole block payload; Slack refuses somewhere above 12,000."""
FALLBACK_LIMIT = 3_000
"""Characters of the `text` beside the blocks: notifications and search show it, nobody reads it in full."""
CONTEXT_LIMIT = 300

_STYLES = {Style.BOLD: "bold", Style.ITALIC: "italic", Style.STRIKE: "strike", Style.CODE: "code"}
_CODE = re.compile(r"`([^`\n]+)`")
_USER = re.compile(r"[UW][A-Z0-9]{2,}\Z")


def escape(text: str) -> str:
    """For `text` arguments: the three characters Slack gives a meaning to."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def message(outgoing: Outgoing, part: int = 1, parts: int = 1) -> Json:
    """The `text` and `blocks` of a message: who wrote it, then what. The author is named on the first part only."""
    inert = outgoing.author_kind is AuthorKind.CUSTOMER
    line = " · ".join(each for each in (outgoing.author if part == 1 else "", _place(part, parts)) if each)
    body = rich_text(outgoing.text, inert=inert)
    blocks = [*([context([line])] if line else []), *([body] if body["elements"] else [])]
    if _size(blocks) > BLOCKS_LIMIT:
        return bare(outgoing, part, parts)
    shown = plain(outgoing.text)
    return {"text": _fallback(f"{outgoing.author}: {shown}" if outgoing.author else shown), "blocks": blocks}


def bare(outgoing: Outgoing, part: int = 1, parts: int = 1) -> Json:
    """The same without any formatting, for what Slack refused or is too large as blocks."""
    line = " · ".join(each for each in (outgoing.author if part == 1 else "", _place(part, parts)) if each)
    text = escape("\n".join(each for each in (line, plain(outgoing.text)) if each))
    return {"text": text, "blocks": []}


def notice(outgoing: Outgoing) -> Json:
    """Something the system tells the desk; set apart by a context line of its own (X17)."""
    shown = plain(outgoing.text)
    body = rich_text(_with_code(outgoing.text), inert=False)
    blocks = [context([f"\N{BELL} {outgoing.author or 'Onevoice'}"]), body]
    if _size(blocks) > BLOCKS_LIMIT:
        blocks = []
    return {"text": _fallback(shown) if blocks else escape(shown), "blocks": blocks}


def _with_code(text: RichText) -> RichText:
    """What stands between backticks as code: in rich_text, Slack shows the backticks themselves."""
    return RichText(
        tuple(
            replace(block, children=tuple(piece for child in block.children for piece in _in_code(child)))
            if isinstance(block, Paragraph)
            else block
            for block in text.blocks
        )
    )


def _in_code(child: Inline) -> Iterator[Inline]:
    if not isinstance(child, Span) or child.link is not None:
        yield child
        return
    for number, piece in enumerate(_CODE.split(child.text)):
        if piece:
            yield replace(child, text=piece, style=child.style | Style.CODE if number % 2 else child.style)


def continued(number: int) -> Json:
    """The root of a thread that takes the place of a deleted one (S29)."""
    said = f"#{number}: the earlier thread of this conversation is gone from Slack. It continues here."
    return {"text": escape(said), "blocks": [_section(said)]}


def _place(part: int, parts: int) -> str:
    return f"{part}/{parts}" if parts > 1 else ""


def _section(text: str, style: Style = Style.NONE) -> Json:
    text = clip(text, FALLBACK_LIMIT)
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [_text(text, style)]}]}


def context(texts: Sequence[str]) -> Json:
    """Small grey texts beside one another."""
    return {
        "type": "context",
        "elements": [{"type": "plain_text", "text": clip(text, CONTEXT_LIMIT), "emoji": False} for text in texts],
    }


def _fallback(text: str) -> str:
    return escape(clip(text, FALLBACK_LIMIT))


def clip(text: str, limit: int) -> str:
    """At most so many characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _size(blocks: Sequence[Json]) -> int:
    return len(orjson.dumps(blocks).decode())


# The rich_text block.


def rich_text(text: RichText, *, inert: bool = True) -> Json:
    """One rich_text block. `inert`: a customer's words, whose links show where they lead, whose mentions are text
    and whose emoji are characters."""
    return {"type": "rich_text", "elements": list(_elements(text.blocks, inert))}


def _elements(blocks: Sequence[Block], inert: bool) -> Iterator[Json]:
    """Paragraphs in a row share a section; Slack shows no space between two of them."""
    section: list[Json] = []
    for block in blocks:
        if isinstance(block, Paragraph):
            if section:
                section.append(_text("\n\n"))
            section.extend(_inlines(block.children, inert))
            continue
        if section:
            yield {"type": "rich_text_section", "elements": section}
            section = []
        match block:
            case Pre(text):
                yield {"type": "rich_text_preformatted", "elements": [_text(text)]}
            case Quote(inner):
                yield {"type": "rich_text_quote", "elements": list(_flowing(inner, inert))}
            case ListBlock():
                yield from _list(block, 0, inert)
    if section:
        yield {"type": "rich_text_section", "elements": section}


def _list(block: ListBlock, indent: int, inert: bool) -> Iterator[Json]:
    """A list inside an item becomes a list of its own, one deeper, and the outer one goes on behind it."""
    rows: list[Json] = []
    done = 0
    for item in block.items:
        lists = [each for each in item if isinstance(each, ListBlock)]
        words = [each for each in item if not isinstance(each, ListBlock)]
        rows.append({"type": "rich_text_section", "elements": list(_flowing(words, inert))})
        if lists:
            yield _rows(block, rows, indent, done)
            done, rows = done + len(rows), []
            for inner in lists:
                yield from _list(inner, indent + 1, inert)
    if rows:
        yield _rows(block, rows, indent, done)


def _rows(block: ListBlock, rows: list[Json], indent: int, done: int) -> Json:
    element: Json = {
        "type": "rich_text_list",
        "style": "ordered" if block.ordered else "bullet",
        "indent": indent,
        "elements": rows,
    }
    if done and block.ordered:
        element["offset"] = done
    return element


def _flowing(blocks: Sequence[Block], inert: bool) -> Iterator[Json]:
    """Blocks where Slack allows inlines only; what has no inline form becomes its plain text."""
    for number, block in enumerate(blocks):
        if number:
            yield _text("\n\n")
        if isinstance(block, Paragraph):
            yield from _inlines(block.children, inert)
        else:
            yield _text(plain(RichText((block,))))


def _inlines(children: Sequence[Inline], inert: bool) -> Iterator[Json]:
    for child in children:
        match child:
            case Span(text, style, None):
                if text:
                    yield _text(text, style)
            case Span(text, style, str(url)):
                yield from _link(text, url, style, inert)
            case Break():
                yield _text("\n")
            case Mention(name, ref):
                known = not inert and ref is not None and _USER.match(ref)
                yield {"type": "user", "user_id": ref} if known else _text(f"@{name}")
            case Emoji(char, name):
                name = name or emojis.to_name(char)
                yield _text(char) if inert or name is None else _emoji(char, name)
            case FileRef(_, name):
                yield _text(f"[{name}]")


def _link(text: str, url: str, style: Style, inert: bool) -> Iterator[Json]:
    if not url.lower().startswith(("http://", "https://", "mailto:", "tel:")):
        yield _text(text if text == url else f"{text} ({url})", style)
        return
    if inert or not text or text == url:
        if text and text != url:
            yield _text(f"{text} (", style)
        yield _styled({"type": "link", "url": url}, style)
        if text and text != url:
            yield _text(")", style)
        return
    yield _styled({"type": "link", "url": url, "text": text}, style)


def _emoji(char: str, name: str) -> Json:
    element: Json = {"type": "emoji", "name": name}
    if not char.startswith(":"):
        element["unicode"] = "-".join(f"{ord(point):x}" for point in char)
    return element


def _text(text: str, style: Style = Style.NONE) -> Json:
    return _styled({"type": "text", "text": text}, style)


def _styled(element: Json, style: Style) -> Json:
    if style:
        element["style"] = {name: True for flag, name in _STYLES.items() if flag in style}
    return element
