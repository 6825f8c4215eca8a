"""Patterns as data: RE2 (linear time) over normalised text, with macros, and banks that look for many at once.

Macros in a pattern: {gap} up to 8 characters of the same clause, {number} a number in digits or Chinese numerals,
{range} the same with an optional upper end, as groups `n` and `m`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import re2

from router.consistency.numerals import NUMBER, RANGE
from router.consistency.scripts import is_han, simplified
from router.consistency.text import Haystack, Normal, Span, normalise

_UNANCHORED = re2._Anchor.UNANCHORED
_FULL = re2._Anchor.ANCHOR_BOTH
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
_MACRO = re.compile(r"\{([a-z]\w*)\}")
_MACROS = {"gap": r"[^。!?;,\n]{0,8}", "number": NUMBER, "range": RANGE}
_BANK = 20  # patterns a combined look-up; measured: 10 costs twice as much, 50 twice the memory


class BadPattern(ValueError):
    """A pattern that RE2 does not read or whose own examples fail; the text names the pattern and the reason."""


@dataclass(frozen=True, slots=True)
class Hit:
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


def _expanded(source: str, macros: Mapping[str, str]) -> str:
    def macro(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in macros:
            raise BadPattern(f"unknown macro {{{name}}} in {source!r}; known are {', '.join(sorted(macros))}")
        return macros[name]

    return _MACRO.sub(macro, source)


class Pattern:
    """One compiled pattern. Over normalised text by default; `raw` patterns see the original and mind case."""

    __slots__ = ("_names", "_regexp", "compiled", "source")

    def __init__(self, source: str, *, macros: Mapping[str, str] | None = None, raw: bool = False) -> None:
        self.source = source
        self.compiled = source if raw else _expanded(_folded_source(source), {**_MACROS, **(macros or {})})
        self._regexp = _compile(self.compiled, raw)
        self._names = tuple((name.decode(), index) for name, index in self._regexp.NamedCapturingGroups())

    def _hit(self, hay: Haystack, spans: Sequence[Span]) -> Hit:
        groups = {
            name: (hay.char(spans[index][0]), hay.char(spans[index][1]))
            for name, index in self._names
            if spans[index][0] >= 0
        }
        return Hit(hay.char(spans[0][0]), hay.char(spans[0][1]), groups)

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

    def hits(self, hay: Haystack) -> Iterator[Hit]:
        """All matches that do not overlap, from left to right; empty ones are left out."""
        at, end = 0, len(hay.utf8)
        while at < end:
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


@lru_cache(maxsize=4096)
def _compile(source: str, raw: bool) -> "re2._re2.RE2":
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = raw
    compiled = re2._re2.RE2(source.encode(), options)
    if not compiled.ok():
        raise BadPattern(f"RE2 does not read {source!r}: {compiled.error()}")
    return compiled


def any_of(sources: Iterable[str], macros: Mapping[str, str] | None = None) -> Pattern:
    """One pattern that matches where any of these does."""
    return Pattern("|".join(f"(?:{source})" for source in sources) or r"[^\s\S]", macros=macros)


class Bank:
    """Many patterns looked for at once: one combined look-up for twenty of them, single ones only where it hits."""

    __slots__ = ("_groups", "patterns")

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self._groups = [
            (_combined(patterns[at : at + _BANK]), range(at, min(at + _BANK, len(patterns))))
            for at in range(0, len(patterns), _BANK)
        ]

    def present(self, hay: Haystack) -> list[int]:
        """Indices of the patterns that match somewhere, in order."""
        return [
            index
            for combined, indices in self._groups
            if combined.found(hay)
            for index in indices
            if self.patterns[index].found(hay)
        ]


def _combined(patterns: Sequence[Pattern]) -> Pattern:
    sources = [_GROUP_NAME.sub("(?:", pattern.compiled) for pattern in patterns]
    combined = object.__new__(Pattern)
    combined.source = combined.compiled = "|".join(f"(?:{source})" for source in sources)
    combined._regexp = _compile(combined.compiled, False)
    combined._names = ()
    return combined


def overlaps(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def excepted(hit: Span, exceptions: Pattern | None, normal: Normal) -> bool:
    """True when an exception covers part of this hit (滚筒 for 滚)."""
    return exceptions is not None and any(overlaps(hit, (each.start, each.end)) for each in exceptions.hits(normal))


def shows(pattern: Pattern, example: str) -> bool:
    """True when the pattern matches this example, the way it would match a message."""
    return pattern.found(normalise(example))
