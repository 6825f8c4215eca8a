"""Sentences and clauses of a normalised text, with what makes one of them undecided: questions and conditions."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from router.consistency.patterns import Pattern
from router.consistency.text import Haystack, Normal, Span

_QUESTION = Pattern(
    r"吗|呢$|是否|是不是|能否|可否|能不能|可不可以|会不会|要不要|有没有|什么时候|多久|为什么"
    r"|^\s*(?:can|could|may|do|does|did|is|are|would|should|shall)\s(?:i|you|he|she|they|it|this|that|there)\b"
)
_TAG = Pattern(r"^\s*(?:对吗|是吗|是吧|对吧|对不对|是不是|好吗|right|correct|isn't it|is that so)\s*\??$")
_PLEASE_TELL = Pattern(r"请问|想问|问一下|想知道")
_CONDITION = Pattern(
    r"如果|若(?:[^干]|$)|假如|假设|倘|要是|万一|除非|一旦|只要|的话|如(?:有|需|遇|未|不|无|超过|仍|您(?:需|要|有|想|不))"
    r"|\b(?:if|unless|in case|provided that|as long as|should you|whether)\b"
)
_MARKS = re.compile(r"[。!?;\n,.]")
_ABBREVIATION = ("a.m", "p.m", " no", " nr", "e.g", "i.e", " mr", " ms", "mrs")


class Clause:
    """A clause: `start`..`end` of its text, `sentence` numbers the sentences. What it means is found when asked for:
    most clauses hold nothing that anybody asks about."""

    __slots__ = ("_anywhere", "_follows", "_has", "_whole", "after", "before", "hay", "sentence", "start")

    def __init__(
        self,
        whole: Haystack,
        anywhere: dict[Pattern, bool],
        span: Span,
        sentence: int,
        before: "Clause | None",
    ) -> None:
        start, end = span
        self.hay = Haystack(whole.text[start:end].rstrip("\n"))
        self._whole = whole
        self._anywhere = anywhere  # shared by the clauses of a text: whether a pattern matches at all
        self.start = start
        self.sentence = sentence
        self.before = before  # the clause before it in its sentence
        self.after: Clause | None = None
        self._has: dict[Pattern, bool] = {}
        self._follows: dict[Pattern, bool] = {}

    @property
    def text(self) -> str:
        return self.hay.text

    @property
    def end(self) -> int:
        return self.start + len(self.hay.text)

    def has(self, pattern: Pattern) -> bool:
        """Whether a pattern matches in it; looked for once."""
        known = self._has.get(pattern)
        if known is None:
            known = self._has[pattern] = self._possible(pattern) and pattern.found(self.hay)
        return known

    def _possible(self, pattern: Pattern) -> bool:
        """False when the whole text has no match: what does not depend on a text's ends is then not here either."""
        if pattern.anchored:
            return True
        known = self._anywhere.get(pattern)
        if known is None:
            known = self._anywhere[pattern] = pattern.found(self._whole)
        return known

    def follows(self, pattern: Pattern) -> bool:
        """Whether a pattern matches in it or before it in its sentence; each clause is looked at once."""
        passed: list[Clause] = []
        at: Clause | None = self
        answer = False
        while at is not None:
            if pattern in at._follows:
                answer = at._follows[pattern]
                break
            passed.append(at)
            if at.has(pattern):
                answer = True
                break
            at = at.before
        for clause in passed:
            clause._follows[pattern] = answer
        return answer

    @property
    def question(self) -> bool:
        """It asks, by itself, by a tag behind it (..., 对吗?) or by 请问 before it."""
        if self.hay.text.endswith("?") or self.has(_QUESTION) or self.follows(_PLEASE_TELL):
            return True
        return self.after is not None and self.after.has(_TAG)

    @property
    def conditional(self) -> bool:
        """An "if" stands in it or before it in its sentence."""
        return self.follows(_CONDITION)


class Clauses:
    """The clauses of a text in order, found by place."""

    def __init__(self, normal: Normal) -> None:
        self.all = _clauses(normal)
        self._starts = [each.start for each in self.all]

    def __iter__(self) -> Iterator[Clause]:
        return iter(self.all)

    def at(self, place: int) -> Clause:
        """The clause a place of the text is in."""
        return self.all[max(0, bisect_right(self._starts, place) - 1)]

    def over(self, span: Span) -> list[Clause]:
        """The clauses a span touches."""
        first = max(0, bisect_right(self._starts, span[0]) - 1)
        last = bisect_right(self._starts, max(span[0], span[1] - 1))
        return self.all[first : max(last, first + 1)]

    def decided(self, span: Span) -> bool:
        """Nothing the span touches asks or depends on a condition."""
        return not any(each.question or each.conditional for each in self.over(span))


def _clauses(normal: Normal) -> list[Clause]:
    """Split at 。!?; line ends and commas (`service.md` 4.10); marks inside numbers and abbreviations do not split."""
    text = normal.text
    anywhere: dict[Pattern, bool] = {}
    found: list[Clause] = []
    at = sentence = 0
    before: Clause | None = None
    for match in _MARKS.finditer(text):
        index = match.start()
        if not _splits(text, index):
            continue
        clause = Clause(normal, anywhere, (at, index + 1), sentence, before)
        if before is not None:
            before.after = clause
        found.append(clause)
        before = clause
        at = index + 1
        if text[index] != ",":
            sentence += 1
            before = None
    if at < len(text) or not found:
        clause = Clause(normal, anywhere, (at, len(text)), sentence, before)
        if before is not None:
            before.after = clause
        found.append(clause)
    return found


def _splits(text: str, index: int) -> bool:
    mark, following = text[index], text[index + 1 : index + 4]
    if mark == ",":
        inside = text[index - 1 : index].isdigit() and len(following) == 3 and following.isdigit()
        return not inside and not following.startswith(" 20")  # 1,024 and March 15, 2026
    if mark == ".":
        return following[:1] in ("", " ", "\n") and not text[max(0, index - 3) : index].endswith(_ABBREVIATION)
    return following[:1] not in ("!", "?")  # of "?!" the last one ends the sentence
