"""The rich-text tree every message is written in (F1): what the channels' parsers build and their renderers read.

A tree is a tuple of blocks; a block holds inlines or further blocks. Styles are flags on a span and not nodes,
so the same text has one representation only. No markup string of any channel ever appears here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntFlag


class Style(IntFlag):
    """How a span looks; CODE excludes the others in most channels, renderers decide."""

    NONE = 0
    BOLD = 1
    ITALIC = 2
    STRIKE = 4
    CODE = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters with one style; with `link` it is the label of that URL. Holds no line break."""

    text: str
    style: Style = Style.NONE
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A line break inside a paragraph."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A person named in the text: `name` is shown, `ref` is the provider's id and never shown to a customer."""

    name: str
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Emoji:
    """An emoji: `char` is its Unicode form, or ":name:" where Unicode has none; `name` is the Slack short name."""

    char: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FileRef:
    """A place in the text where an attachment belongs: `index` into the message's attachments, `name` as shown."""

    index: int
    name: str


Inline = Span | Break | Mention | Emoji | FileRef


@dataclass(frozen=True, slots=True)
class Paragraph:
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Pre:
    """Preformatted text, line breaks included as `\\n`."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class ListBlock:
    """A list; every item is a tuple of blocks, so lists nest. `start` is the first number of an ordered one."""

    items: tuple[tuple["Block", ...], ...]
    ordered: bool = False
    start: int = 1


Block = Paragraph | Pre | Quote | ListBlock


@dataclass(frozen=True, slots=True)
class RichText:
    blocks: tuple[Block, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.blocks)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled in its stored form, in a third of the time: every mail comes from a parser process."""
        return of_json, (to_json(self),)


EMPTY = RichText()


def of_text(text: str) -> RichText:
    """Plain text as a tree: an empty line parts paragraphs, a single line end is a Break."""
    if not text:
        return EMPTY
    if "\n" not in text and "\r" not in text:
        return RichText((Paragraph((Span(text),)),))
    paragraphs: list[Block] = []
    lines: list[Inline] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if lines:
                paragraphs.append(Paragraph(tuple(lines)))
                lines = []
            continue
        if lines:
            lines.append(Break())
        lines.append(Span(line))
    if lines:
        paragraphs.append(Paragraph(tuple(lines)))
    return RichText(tuple(paragraphs))


def normalise(text: RichText) -> RichText:
    """The canonical form: adjacent spans of one look joined, empty spans, paragraphs and lists dropped."""
    return RichText(_normal_blocks(text.blocks))


def _normal_blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    normal: list[Block] = []
    for block in blocks:
        match block:
            case Paragraph(children):
                if joined := _joined(children):
                    normal.append(Paragraph(joined))
            case Pre(text):
                if text:
                    normal.append(block)
            case Quote(inner):
                if kept := _normal_blocks(inner):
                    normal.append(Quote(kept))
            case ListBlock(items):
                kept_items = tuple(item for each in items if (item := _normal_blocks(each)))
                if kept_items:
                    normal.append(replace(block, items=kept_items))
    return tuple(normal)


def _joined(children: Iterable[Inline]) -> tuple[Inline, ...]:
    joined: list[Inline] = []
    for child in children:
        if isinstance(child, Span):
            if not child.text:
                continue
            last = joined[-1] if joined else None
            if isinstance(last, Span) and (last.style, last.link) == (child.style, child.link):
                joined[-1] = replace(last, text=last.text + child.text)
                continue
        joined.append(child)
    return tuple(joined)


def inlines(blocks: Iterable[Block]) -> Iterator[Inline]:
    """What the blocks hold, in the order it is read; preformatted text as a span."""
    for block in blocks:
        match block:
            case Paragraph(children):
                yield from children
            case Pre(text):
                yield Span(text)
            case Quote(inner):
                yield from inlines(inner)
            case ListBlock(items):
                for item in items:
                    yield from inlines(item)


def plain(text: RichText) -> str:
    """The visible characters (F2): what a reader sees when every style is taken away.

    Blocks are parted by an empty line, list items start with "- " or "1. ", quoted lines with "> ",
    a link whose label differs from its URL is followed by the URL in parentheses.
    """
    if len(text.blocks) == 1 and isinstance(block := text.blocks[0], Paragraph):
        return _plain_inlines(block.children)
    return "\n\n".join(_plain_block(block) for block in text.blocks)


def _plain_block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return _plain_inlines(children)
        case Pre(text):
            return text
        case Quote(blocks):
            inner = plain(RichText(blocks))
            return "\n".join(f"> {line}" if line else ">" for line in inner.split("\n"))
        case ListBlock(items, ordered, start):
            lines: list[str] = []
            for number, item in enumerate(items, start):
                mark = f"{number}. " if ordered else "- "
                first, *rest = "\n".join(_plain_block(each) for each in item).split("\n")
                lines.append(mark + first)
                lines.extend(" " * len(mark) + line for line in rest)
            return "\n".join(lines)


def _plain_inlines(children: tuple[Inline, ...]) -> str:
    if len(children) == 1 and isinstance(only := children[0], Span) and only.link is None:
        return only.text
    parts: list[str] = []
    for child in children:
        match child:
            case Span(text, _, link):
                parts.append(text if link is None or link == text else f"{text} ({link})")
            case Break():
                parts.append("\n")
            case Mention(name):
                parts.append(f"@{name}")
            case Emoji(char):
                parts.append(char)
            case FileRef(_, name):
                parts.append(f"[{name}]")
    return "".join(parts)


# The stored form: JSON-ready lists, shortest for the commonest case (one unstyled paragraph is a bare string).

Json = str | int | None | list["Json"]


def to_json(text: RichText) -> list[Json]:
    """The tree as JSON-ready lists; `of_json` is its inverse."""
    return [_block_json(block) for block in text.blocks]


def _block_json(block: Block) -> Json:
    match block:
        case Paragraph((Span(text, Style.NONE, None),)):
            return text
        case Paragraph(children):
            return ["p", *(_inline_json(child) for child in children)]
        case Pre(text, language):
            return ["pre", text, language]
        case Quote(blocks):
            return ["quote", *(_block_json(each) for each in blocks)]
        case ListBlock(items, ordered, start):
            first: list[Json] = [start] if start != 1 else []
            return ["ol" if ordered else "ul", *first, *([_block_json(each) for each in item] for item in items)]


def _inline_json(inline: Inline) -> Json:
    match inline:
        case Span(text, Style.NONE, None):
            return text
        case Span(text, style, link):
            return ["s", text, int(style), link]
        case Break():
            return ["br"]
        case Mention(name, ref):
            return ["@", name, ref]
        case Emoji(char, name):
            return ["e", char, name]
        case FileRef(index, name):
            return ["f", index, name]


def of_json(stored: list[Json]) -> RichText:
    """The inverse of `to_json`; raises ValueError for a form it does not know."""
    return RichText(tuple(_block_of(each) for each in stored))


def _block_of(stored: Json) -> Block:
    match stored:
        case str(text):
            return Paragraph((Span(text),))
        case ["p", *children]:
            return Paragraph(tuple(_inline_of(child) for child in children))
        case ["pre", str(text), None | str() as language]:
            return Pre(text, language)
        case ["quote", *blocks]:
            return Quote(tuple(_block_of(each) for each in blocks))
        case ["ol" | "ul" as kind, *items]:
            return ListBlock(
                tuple(tuple(_block_of(each) for each in item) for item in items if isinstance(item, list)),
                ordered=kind == "ol",
                start=items[0] if items and isinstance(items[0], int) else 1,
            )
    raise ValueError(f"not a stored rich-text block: {stored!r}")


def _inline_of(stored: Json) -> Inline:
    match stored:
        case str(text):
            return Span(text)
        case ["s", str(text), int(style), None | str() as link]:
            return Span(text, Style(style), link)
        case ["br"]:
            return Break()
        case ["@", str(name), None | str() as ref]:
            return Mention(name, ref)
        case ["e", str(char), None | str() as name]:
            return Emoji(char, name)
        case ["f", int(index), str(name)]:
            return FileRef(index, name)
    raise ValueError(f"not a stored rich-text inline: {stored!r}")
