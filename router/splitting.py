"""Cuts a rich text into parts that a channel can carry: deterministic, never inside a grapheme cluster (X7, X8).

Every part is a valid tree of its own: a cut quote is two quotes, cut code two code blocks, a link is whole in one
part. A cut falls on the best border that leaves the part at least a quarter full: paragraph, line, word, character.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from router.richtext import (
    Block,
    Break,
    Inline,
    ListBlock,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    of_text,
    plain,
)

SMALLEST = 16  # below it not even one emoji with its modifiers could be placed

_CHARACTER, _WORD, _LINE, _PARAGRAPH = range(4)
_WIDEST = {"utf16": 2, "utf8": 4, "chars": 1}  # units of the widest character
_WORD_END = regex.compile(r"\s+|[。！？；，、：…」』）]+")
_CLUSTER = regex.compile(r"\X")
_CONTEXT = 64  # characters before a border that tell whether it parts a cluster


def measure(text: str, unit: str) -> int:
    """The length of a string in "utf16" code units (Telegram), "utf8" bytes or "chars"."""
    match unit:
        case "utf16":
            return len(text.encode("utf-16-le", "surrogatepass")) // 2
        case "utf8":
            return len(text.encode("utf-8", "surrogatepass"))
        case "chars":
            return len(text)
    raise ValueError(f"unknown unit {unit!r}: use utf16, utf8 or chars")


def split(text: RichText, limit: int, unit: str) -> tuple[RichText, ...]:
    """The text in parts of at most `limit` units each, measured on `plain`; always at least one part.

    White space at a cut is dropped, nothing else is. A link or mention that is too long for a part becomes plain
    text. Raises ValueError for a limit below SMALLEST and for an unknown unit.
    """
    whole = plain(text)
    if len(whole) * _WIDEST.get(unit, 4) <= limit or measure(whole, unit) <= limit:
        return (text,)
    if limit < SMALLEST:
        raise ValueError(f"cannot split text into parts of {limit}: the smallest limit is {SMALLEST}")
    blocks = _fitted(text.blocks, limit, unit)
    if max(_depths(blocks)) > limit // 4:  # more marks than text: only the text matters then
        blocks = of_text(whole).blocks
    parts: list[RichText] = []
    while measure(plain(RichText(blocks)), unit) > limit:
        head, blocks = _cut(blocks, _best(blocks, limit, unit))
        parts.append(RichText(head))
    parts.append(RichText(blocks))
    return tuple(part for part in parts if plain(part).strip()) or (text,)


# What cannot be cut must fit.


def _fitted(blocks: tuple[Block, ...], limit: int, unit: str) -> tuple[Block, ...]:
    """Links, mentions and file names longer than half a part turned into text that can be cut."""
    return tuple(_fitted_block(block, limit, unit) for block in blocks)


def _fitted_block(block: Block, limit: int, unit: str) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(tuple(_fitted_inline(child, limit, unit) for child in children))
        case Quote(blocks):
            return Quote(_fitted(blocks, limit, unit))
        case ListBlock(items):
            return replace(block, items=tuple(_fitted(item, limit, unit) for item in items))
        case Pre():
            return block


def _fitted_inline(inline: Inline, limit: int, unit: str) -> Inline:
    if _is_atom(inline) and measure(shown := _shown(inline), unit) > limit // 2:
        return Span(shown, inline.style if isinstance(inline, Span) else Span("").style)
    return inline


def _is_atom(inline: Inline) -> bool:
    """A link's label belongs to its address, a name to its mark: neither is cut."""
    return not isinstance(inline, Span | Break) or (isinstance(inline, Span) and inline.link is not None)


def _shown(inline: Inline) -> str:
    return plain(RichText((Paragraph((inline,)),)))


def _depths(blocks: tuple[Block, ...]) -> Iterator[int]:
    """The widths of the marks ("> ", "- ") before the blocks' lines."""
    yield 0
    for block in blocks:
        match block:
            case Quote(inner):
                yield from (2 + depth for depth in _depths(inner))
            case ListBlock(items, ordered, start):
                mark = len(f"{start + len(items)}. ") if ordered else 2
                yield from (mark + depth for item in items for depth in _depths(item))


# Where a cut may fall.


@dataclass(frozen=True, slots=True)
class _Border:
    """A place between two characters: indexes down the tree, the last one into children or text.

    `seen` is the number of characters before it, marks left out: never more than its part will measure.
    """

    path: tuple[int, ...]
    rank: int
    seen: int


_Borders = Generator[_Border, None, int]  # returns what has been seen after the last one


def _best(blocks: tuple[Block, ...], limit: int, unit: str) -> tuple[int, ...]:
    """The path of the best cut whose head fits into `limit`."""

    def size(border: _Border) -> int:
        return measure(plain(RichText(_cut(blocks, border.path)[0])), unit)

    nearest: tuple[int, ...] | None = None
    for text_borders in (_word_ends, _cluster_ends, _point_ends):
        borders = [*takewhile(lambda border: border.seen <= limit, _borders(blocks, (), 0, text_borders))]
        fitting = borders[: bisect_right(borders, limit, key=size)]
        full = fitting[bisect_left(fitting, limit, key=lambda border: size(border) * 4) :]
        if full:
            return max(full, key=lambda border: (border.rank, border.seen, border.path)).path
        nearest = fitting[-1].path if fitting else nearest
    if nearest is None:
        raise ValueError(f"cannot split this text into parts of {limit} {unit}")
    return nearest


def _borders(blocks: tuple[Block, ...], path: tuple[int, ...], seen: int, ends: "_TextBorders") -> _Borders:
    for index, block in enumerate(blocks):
        here = (*path, index)
        if index:
            yield _Border(here, _PARAGRAPH if not path else _LINE, seen)
        match block:
            case Paragraph(children):
                seen = yield from _inline_borders(children, here, seen, ends)
            case Pre(text):
                for end in ends(text):
                    rank = _LINE if text[end - 1] == "\n" else _WORD
                    yield _Border((*here, end), rank, seen + end)
                seen += len(text)
            case Quote(inner):
                seen = yield from _borders(inner, here, seen, ends)
            case ListBlock(items):
                for number, item in enumerate(items):
                    if number:
                        yield _Border((*here, number), _LINE, seen)
                    seen = yield from _borders(item, (*here, number), seen, ends)
    return seen


def _inline_borders(children: tuple[Inline, ...], path: tuple[int, ...], seen: int, ends: "_TextBorders") -> _Borders:
    before = ""
    for index, child in enumerate(children):
        shown = "\n" if isinstance(child, Break) else _shown(child)
        if isinstance(child, Break):
            if index:
                yield _Border((*path, index), _LINE, seen)
        elif before and before != "\n" and _parts_clusters(before, shown):
            yield _Border((*path, index), _WORD if before[-1].isspace() else _CHARACTER, seen)
        if isinstance(child, Span) and child.link is None:
            for end in ends(shown):
                rank = _WORD if _WORD_END.fullmatch(shown[end - 1]) else _CHARACTER
                yield _Border((*path, index, end), rank, seen + end)
        seen += len(shown)
        before = shown if isinstance(child, Break) else (before + shown)[-_CONTEXT:]
    return seen


_TextBorders = Callable[[str], Iterator[int]]
"""The offsets inside a text at which it may be cut, in order, without its start and end."""


def _word_ends(text: str) -> Iterator[int]:
    for match in _WORD_END.finditer(text):
        if (end := match.end()) < len(text) and _parts_clusters(text[max(0, end - _CONTEXT) : end], text[end:]):
            yield end


def _cluster_ends(text: str) -> Iterator[int]:
    for match in _CLUSTER.finditer(text):
        if (end := match.end()) < len(text):
            yield end


def _point_ends(text: str) -> Iterator[int]:
    yield from range(1, len(text))


def _parts_clusters(before: str, after: str) -> bool:
    """True when what a reader sees as one character is not cut in two here."""
    if not after or after[0].isascii():
        return after[:1] != "\n" or before[-1] != "\r"
    return any(match.end() == len(before) for match in _CLUSTER.finditer(before + after[:_CONTEXT]))


# Cutting.


def _cut(blocks: tuple[Block, ...], path: tuple[int, ...]) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """The trees before and after a border, without the white space that the cut replaces."""
    index, rest = path[0], path[1:]
    before, after = blocks[:index], blocks[index + 1 :]
    if not rest:
        return before, blocks[index:]
    match block := blocks[index]:
        case Paragraph(children):
            first, second = _cut_inlines(children, rest)
            return (*before, Paragraph(first)), (*((Paragraph(second),) if second else ()), *after)
        case Pre(text):
            at = rest[0]
            first_text, second_text = text[:at].removesuffix("\n"), text[at:]
            return (*before, replace(block, text=first_text)), (*(replace(block, text=second_text),), *after)
        case Quote(inner):
            upper, lower = _cut(inner, rest)
            return (*before, Quote(upper)), (Quote(lower), *after)
        case ListBlock(items):
            return _cut_list(before, block, rest, after, items)


def _cut_list(
    before: tuple[Block, ...],
    block: ListBlock,
    path: tuple[int, ...],
    after: tuple[Block, ...],
    items: tuple[tuple[Block, ...], ...],
) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """An item that is cut goes on without a second mark, the list after it with the right number."""
    number, rest = path[0], path[1:]
    if not rest:
        lower = replace(block, items=items[number:], start=block.start + number)
        return (*before, replace(block, items=items[:number])), (lower, *after)
    upper, loose = _cut(items[number], rest)
    left = items[number + 1 :]
    others = (replace(block, items=left, start=block.start + number + 1),) if left else ()
    return (*before, replace(block, items=(*items[:number], upper))), (*loose, *others, *after)


def _cut_inlines(children: tuple[Inline, ...], path: tuple[int, ...]) -> tuple[tuple[Inline, ...], tuple[Inline, ...]]:
    index = path[0]
    child = children[index]
    if len(path) == 1:
        return children[:index], children[index + isinstance(child, Break) :]
    assert isinstance(child, Span), "only text has borders inside"
    first, second = replace(child, text=child.text[: path[1]]), replace(child, text=child.text[path[1] :])
    return (*children[:index], first), (second, *children[index + 1 :])
