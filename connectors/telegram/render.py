"""The rich-text tree as Telegram's text and entities: never markup strings, so nothing needs escaping (T18, F3)."""

from collections.abc import Iterable
from typing import Any

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

ENTITY_LIMIT = 100  # Telegram ignores further ones (T16)
LINKABLE = ("http://", "https://")  # tg:// and the others act inside the customer's app (J8)
STYLES = ((Style.BOLD, "bold"), (Style.ITALIC, "italic"), (Style.STRIKE, "strikethrough"))
INDENT = "  "

Entity = dict[str, Any]


def utf16_length(text: str) -> int:
    """How long Telegram counts a text: in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def to_text(text: RichText) -> tuple[str, list[Entity]]:
    """The text and its entities, never longer than `richtext.plain` and never crossing each other."""
    match text.blocks:
        case (Paragraph((Span(only, Style.NONE, None),)),):
            return only, []
    writer = _Writer()
    writer.blocks(text.blocks)
    return "".join(writer.parts), writer.entities[:ENTITY_LIMIT]


class _Writer:
    """Appends pieces and remembers where they begin; `at` is in UTF-16 code units."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.entities: list[Entity] = []
        self.at = 0

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.at += utf16_length(text)

    def mark(self, kind: str, start: int, **extra: str) -> None:
        if self.at > start:
            self.entities.append({"type": kind, "offset": start, "length": self.at - start, **extra})

    def blocks(self, blocks: Iterable[Block], *, quoted: bool = False) -> None:
        before: Block | None = None
        for block in blocks:
            if before is not None:
                self.write("\n" if _boxed(before) or _boxed(block) else "\n\n")
            self.block(block, quoted=quoted)
            before = block

    def block(self, block: Block, *, quoted: bool) -> None:
        start = self.at
        match block:
            case Paragraph(children):
                self.inlines(children)
            case Pre(text, language):
                self.write(text)
                self.mark("pre", start, **({"language": language} if language else {}))
            case Quote(blocks) if quoted:  # a quote cannot hold a quote there
                self.write("\n".join(f"> {line}" for line in plain(RichText(blocks)).split("\n")))
            case Quote(blocks):
                position = len(self.entities)
                self.blocks(blocks, quoted=True)
                if self.at > start:  # the outer entity comes first
                    outer = {"type": "blockquote", "offset": start, "length": self.at - start}
                    self.entities.insert(position, outer)
            case ListBlock(items, ordered):
                self.items(items, ordered=ordered, indent="")

    def items(self, items: tuple[tuple[Block, ...], ...], *, ordered: bool, indent: str) -> None:
        """A list's lines. The caller has written the indent of the first one."""
        for number, item in enumerate(items, 1):
            if number > 1:
                self.write(f"\n{indent}")
            self.write(f"{number}. " if ordered else "• ")
            deeper = indent + INDENT
            for position, block in enumerate(item):
                match block:
                    case ListBlock(inner, inner_ordered):
                        if position:
                            self.write(f"\n{deeper}")
                        self.items(inner, ordered=inner_ordered, indent=deeper)
                    case _:
                        if position:
                            self.write("\n")
                        self.block(block, quoted=True)

    def inlines(self, children: tuple[Inline, ...]) -> None:
        for child in children:
            match child:
                case Span(text, style, link):
                    self.span(text, style, link)
                case Break():
                    self.write("\n")
                case Mention(name):
                    self.write(f"@{name}")
                case Emoji(char):
                    self.write(char)
                case FileRef(_, name):
                    self.write(f"[{name}]")

    def span(self, text: str, style: Style, link: str | None) -> None:
        start = self.at
        self.write(text)
        if link is not None and link.lower().startswith(LINKABLE):
            self.mark("text_link", start, url=link)
        elif Style.CODE in style:  # code excludes every other look there
            self.mark("code", start)
            return
        for flag, kind in STYLES:
            if flag in style:
                self.mark(kind, start)


def _boxed(block: Block) -> bool:
    """Pre and quotes are drawn as boxes: one line end parts them from their neighbours."""
    return isinstance(block, Pre | Quote)
