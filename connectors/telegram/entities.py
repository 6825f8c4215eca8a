"""Telegram's text and entities (UTF-16 offsets, nested) as the rich-text tree (T18, F1).

Underline and spoiler have no place in the tree; mentions, hashtags, addresses and commands are their own text.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from router.richtext import Block, Break, Inline, Paragraph, Pre, Quote, RichText, Span, Style, normalise, of_text

STYLES = {"bold": Style.BOLD, "italic": Style.ITALIC, "strikethrough": Style.STRIKE, "code": Style.CODE}
LINKS = frozenset({"url", "text_link"})
QUOTES = frozenset({"blockquote", "expandable_blockquote"})
MEANT = LINKS | QUOTES | STYLES.keys() | {"pre"}
ENTITY_LIMIT = 300  # Telegram itself keeps 100; reading takes their number squared
SCHEMES = ("http://", "https://")

Look = tuple[int, int, Style, str | None]


def to_rich_text(text: str, entities: Iterable[Mapping[str, Any]] = ()) -> RichText:
    """The tree of a message's text. Entities that lie outside the text or make no sense are left out."""
    if not isinstance(text, str):
        raise TypeError(f"a text that is of type {type(text).__name__}")
    kept = [entity for entity in entities if entity["type"] in MEANT][:ENTITY_LIMIT]
    if not kept:
        return of_text(text)
    return _Reader(text, kept).read()


class _Reader:
    """Cuts one text at its entities. Positions are UTF-16 code units, two bytes each."""

    def __init__(self, text: str, entities: Iterable[Mapping[str, Any]]) -> None:
        self._units = text.encode("utf-16-le", "surrogatepass")
        self._end = len(self._units) // 2
        self._looks: list[Look] = []
        self._blocks: list[tuple[int, int, Mapping[str, Any]]] = []
        for entity in entities:
            start = max(0, int(entity["offset"]))
            end = min(self._end, start + int(entity["length"]))
            if start >= end or self._inside_symbol(start) or self._inside_symbol(end):
                continue
            kind = entity["type"]
            if kind in STYLES:
                self._looks.append((start, end, STYLES[kind], None))
            elif kind in LINKS:
                link = str(entity["url"]) if kind == "text_link" else self._cut(start, end)
                if kind == "text_link" or link.startswith(SCHEMES):
                    self._looks.append((start, end, Style.NONE, link))
            else:
                self._blocks.append((start, end, entity))
        self._blocks.sort(key=lambda block: (block[0], -block[1]))

    def _inside_symbol(self, at: int) -> bool:
        """Whether a position parts a surrogate pair."""
        return 0xDC <= self._units[2 * at + 1] <= 0xDF if at < self._end else False

    def _cut(self, start: int, end: int) -> str:
        return self._units[2 * start : 2 * end].decode("utf-16-le", "replace").replace("\r", "")

    def read(self) -> RichText:
        return normalise(RichText(self._within(0, self._end, self._blocks)))

    def _within(self, start: int, end: int, blocks: list[tuple[int, int, Mapping[str, Any]]]) -> tuple[Block, ...]:
        found: list[Block] = []
        at = start
        for index, (first, last, entity) in enumerate(blocks):
            if first < at or last > end:
                continue  # inside the quote just read, or crossing its border
            found += self._paragraphs(at, first)
            if entity["type"] == "pre":
                found.append(Pre(self._cut(first, last), str(entity.get("language") or "") or None))
            else:
                inner = [block for block in blocks[index + 1 :] if block[2]["type"] == "pre"]
                if quoted := self._within(first, last, inner):
                    found.append(Quote(quoted))
            at = last
        return (*found, *self._paragraphs(at, end))

    def _paragraphs(self, start: int, end: int) -> list[Block]:
        """Paragraphs between two positions: an empty line parts them, as in `richtext.of_text`."""
        looks = [look for look in self._looks if look[0] < end and look[1] > start]
        cuts = sorted({start, end, *(min(max(at, start), end) for look in looks for at in look[:2])})
        paragraphs: list[Block] = []
        lines: list[Inline] = []
        line: list[Inline] = []

        def end_line() -> None:
            if line:
                if lines:
                    lines.append(Break())
                lines.extend(line)
                line.clear()
            elif lines:
                paragraphs.append(Paragraph(tuple(lines)))
                lines.clear()

        for first, last in pairwise(cuts):
            style, link = _look(looks, first)
            for index, text in enumerate(self._cut(first, last).split("\n")):
                if index:
                    end_line()
                if text:
                    line.append(Span(text, style, link))
        end_line()
        end_line()
        return paragraphs


def _look(looks: list[Look], at: int) -> tuple[Style, str | None]:
    style, link = Style.NONE, None
    for start, end, adds, url in looks:
        if start <= at < end:
            style |= adds
            link = link or url
    return style, link
