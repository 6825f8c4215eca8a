"""Patterns as data: RE2 (linear time) over normalised text, with macros, and banks that look for many at once.

Macros in a pattern: {gap} up to 8 characters of the same clause, {number} a number in digits or Chinese numerals,
{range} the same with an optional upper end, as groups `n` and `m`.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import re2

from router.consistency.numerals import NUMBER, RANGE
from router.consistency.scripts import is_han, simplified
from router.consistency.text import Haystack, Span

_UNANCHORED = re2._Anchor.UNANCHORED
_FULL = re2._Anchor.ANCHOR_BOTH
_ANCHOR = re.compile(r"(?:^|[^\[\\])\^|(?:^|[^\\])\$")
_MACRO = re.compile(r"\{([a-z]\w*)\}")
_MACROS = {"gap": r"[^。!?;,\n]{0,8}", "number": NUMBER, "range": RANGE}
MOST_HITS = 1000
"""Matches of one pattern that anybody looks at: a flood of them must not cost more than 50 ms."""
_MEMORY = 64 << 20
"""Bytes a compiled pattern or set may come to use: a set that runs out of it finds nothing, without a word."""
_BANK = 50  # patterns a set; measured: 20 cost twice as much, 400 do not fit into the memory RE2 allows itself


class BadPattern(ValueError):
    """A pattern that RE2 does not read or whose own examples fail; the text names the pattern and the reason."""


class Hit(NamedTuple):
    """A match in character offsets of the haystack; `groups` holds the named groups that took part."""

    start: int
    end: int
    groups: Mapping[str, Span]


def _folded_source(source: str) -> str:
    """Literal characters as `norm` would leave them, so that a pattern may be written in either script."""
    folded: list[str] = []
    for char in source:
        plain = unicodedata.normalize("NFKC", char)
        if is_han(char):
            folded.append(simplified(char))
        elif plain != char:
            folded.append(re.escape(plain))
        else:
            folded.append({"’": "'", "‘": "'", "–": "-"}.get(char, char))
    return "".join(folded)


def _expanded(source: str) -> str:
    def macro(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in _MACROS:
            raise BadPattern(f"unknown macro {{{name}}} in {source!r}; known are {', '.join(sorted(_MACROS))}")
        return _MACROS[name]

    return _MACRO.sub(macro, source)


class Pattern:
    """One compiled pattern. Over normalised text by default; `raw` patterns see the original and mind case."""

    __slots__ = ("_names", "_regexp", "anchored", "compiled", "source")

    def __init__(self, source: str, *, raw: bool = False, ready: bool = False) -> None:
        """`ready`: the source has been through here before (folded, without macros)."""
        self.source = source
        self.compiled = source if raw or ready else _expanded(_folded_source(source))
        self._regexp = _compile(self.compiled, raw)
        self.anchored = _ANCHOR.search(self.compiled) is not None  # what it finds depends on where a text ends
        self._names = tuple((name.decode(), index) for name, index in self._regexp.NamedCapturingGroups())

    def _hit(self, hay: Haystack, spans: Sequence[Span]) -> Hit:
        whole = spans[0]
        start, end = hay.char(whole[0]), hay.char(whole[1])
        groups: dict[str, Span] = {}
        for name, index in self._names:
            span = spans[index]
            if span == whole:
                groups[name] = (start, end)
            elif span[0] >= 0:
                groups[name] = (hay.char(span[0]), hay.char(span[1]))
        return Hit(start, end, groups)

    def search(self, hay: Haystack) -> Hit | None:
        """The first match."""
        spans = self._regexp.Match(_UNANCHORED, hay.utf8, 0, len(hay.utf8))
        return None if spans[0][0] < 0 else self._hit(hay, spans)

    def found(self, hay: Haystack) -> bool:
        return bool(self._regexp.Match(_UNANCHORED, hay.utf8, 0, len(hay.utf8))[0][0] >= 0)

    def full(self, hay: Haystack) -> Hit | None:
        """A match of the whole text."""
        spans = self._regexp.Match(_FULL, hay.utf8, 0, len(hay.utf8))
        return None if spans[0][0] < 0 else self._hit(hay, spans)

    def hits(self, hay: Haystack, most: int = MOST_HITS) -> Iterator[Hit]:
        """The matches that do not overlap, from left to right, `most` of them; empty ones are left out."""
        at, end = 0, len(hay.utf8)
        while at < end and most > 0:
            most -= 1
            spans = self._regexp.Match(_UNANCHORED, hay.utf8, at, end)
            if spans[0][0] < 0:
                return
            if spans[0][1] > spans[0][0]:
                yield self._hit(hay, spans)
                at = spans[0][1]
            else:
                at = spans[0][1] + 1
                while at < end and hay.utf8[at] & 0xC0 == 0x80:
                    at += 1


def _options(raw: bool) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = raw
    return options


def _compile(source: str, raw: bool) -> "re2._re2.RE2":
    compiled = re2._re2.RE2(source.encode(), _options(raw))
    if not compiled.ok():
        raise BadPattern(f"RE2 does not read {source!r}: {compiled.error()}")
    return compiled


def any_of(patterns: Iterable[Pattern]) -> Pattern:
    """One pattern that matches where any of these does; nowhere without any."""
    return Pattern("|".join(f"(?:{each.compiled})" for each in patterns) or r"[^\s\S]", ready=True)


def named(groups: Mapping[str, Pattern]) -> Pattern:
    """Patterns as one with a named group each; the first that fits at a place wins."""
    return Pattern("|".join(f"(?P<{name}>{each.compiled})" for name, each in groups.items()), ready=True)


class Bank:
    """Many patterns over normalised text looked for at once: RE2 says in one pass which of a set are there."""

    __slots__ = ("_sets", "patterns")

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Raises BadPattern for one that is too large for RE2."""
        self.patterns = tuple(patterns)
        self._sets = [
            found for at in range(0, len(patterns), _BANK) for found in _sets(self.patterns[at : at + _BANK], at)
        ]

    def present(self, hay: Haystack) -> list[int]:
        """Indices of the patterns that match somewhere, in order."""
        return [at + index for at, each in self._sets for index in sorted(each.Match(hay.utf8))]


def _sets(patterns: Sequence[Pattern], at: int) -> Iterator[tuple[int, "re2._re2.Set"]]:
    """The patterns, of which the first is number `at`: one set, or several where one would need too much memory."""
    found = re2._re2.Set(_UNANCHORED, _options(raw=False))
    for each in patterns:
        found.Add(each.compiled.encode())
    if found.Compile():
        yield at, found
    elif len(patterns) == 1:
        raise BadPattern(f"RE2 has no room for {patterns[0].source!r}")
    else:
        half = len(patterns) // 2
        yield from _sets(patterns[:half], at)
        yield from _sets(patterns[half:], at + half)


class Spans:
    """Spans that do not overlap, kept in order, so that one more is judged without looking at all of them."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for span in spans:
            self.add(span)

    def overlap(self, span: Span) -> bool:
        """Whether one of them shares a character with this one."""
        after = bisect_left(self._starts, span[1])
        return after > 0 and self._ends[after - 1] > span[0]

    def add(self, span: Span) -> None:
        """Take one in; what overlaps is left out, the first stays."""
        if not self.overlap(span):
            at = bisect_left(self._starts, span[0])
            self._starts.insert(at, span[0])
            self._ends.insert(at, span[1])


NO_SPANS = Spans()


def spans_of(pattern: Pattern | None, hay: Haystack) -> Spans:
    """Where a pattern matches; nowhere without one."""
    return NO_SPANS if pattern is None else Spans((hit.start, hit.end) for hit in pattern.hits(hay))
