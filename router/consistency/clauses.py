"""Sentences and clauses of a normalised text, with what makes one of them undecided: questions and conditions."""

from collections.abc import Callable
from dataclasses import dataclass

from router.consistency.patterns import Pattern
from router.consistency.text import Haystack, Normal

_QUESTION = Pattern(
    r"吗|呢$|是否|是不是|能否|可否|能不能|可不可以|会不会|要不要|有没有|什么时候|多久|为什么"
    r"|^\s*(?:can|could|may|do|does|did|is|are|would|should|shall)\s(?:i|you|he|she|they|it|this|that|there)\b"
)
_TAG = Pattern(r"^\s*(?:对吗|是吗|是吧|对吧|对不对|是不是|好吗|right|correct|isn't it|is that so)\s*\??$")
_PLEASE_TELL = Pattern(r"请问|想问|问一下|想知道")
CONDITION = Pattern(
    r"如果|若(?:[^干]|$)|假如|假设|倘|要是|万一|除非|一旦|只要|的话|如(?:有|需|遇|未|不|无|超过|仍|您(?:需|要|有|想|不))"
    r"|\b(?:if|unless|in case|provided that|as long as|should you|whether)\b"
)
_ABBREVIATION = ("a.m", "p.m", " no", " nr", "e.g", "i.e", " mr", " ms", "mrs")


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause at `start` of its text. `question` asks; `conditional`: an "if" stands in it or before it in its
    sentence; `sentence` numbers the sentences of the text."""

    start: int
    hay: Haystack
    sentence: int
    question: bool
    conditional: bool

    @property
    def text(self) -> str:
        return self.hay.text

    @property
    def end(self) -> int:
        return self.start + len(self.hay.text)


def clauses(normal: Normal) -> list[Clause]:
    """Split at 。!?; line ends and commas (`service.md` 4.10); commas and dots inside numbers do not split."""
    found: list[Clause] = []
    for number, (begin, end) in enumerate(sentences(normal.text)):
        found += _of_sentence(normal.text, begin, end, number)
    return found


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences; the final mark belongs to its sentence."""
    return _split(text, 0, len(text), _ends_sentence)


def _split(text: str, begin: int, end: int, ends: Callable[[str, int], bool]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = begin
    for index in range(begin, end):
        if ends(text, index):
            spans.append((at, index + 1))
            at = index + 1
    if at < end:
        spans.append((at, end))
    return spans


def _ends_sentence(text: str, index: int) -> bool:
    char = text[index]
    if char in "。!?;\n":
        following = text[index + 1 : index + 2]
        return following not in ("!", "?") or following == ""
    if char == ".":
        following = text[index + 1 : index + 2]
        return following in ("", " ", "\n") and not text[max(0, index - 3) : index].endswith(_ABBREVIATION)
    return False


def _ends_clause(text: str, index: int) -> bool:
    if text[index] != ",":
        return False
    return not (text[index - 1 : index].isdigit() and text[index + 1 : index + 4].isdigit() and index + 3 < len(text))


def _of_sentence(text: str, begin: int, end: int, number: int) -> list[Clause]:
    spans = _split(text, begin, end, _ends_clause)
    hays = [Haystack(text[start:stop].rstrip(" \n")) for start, stop in spans]
    asked = [_QUESTION.found(hay) or hay.text.endswith("?") for hay in hays]
    asking = conditional = False
    found: list[Clause] = []
    for index, ((start, _), hay) in enumerate(zip(spans, hays, strict=True)):
        asking = asking or _PLEASE_TELL.found(hay)
        conditional = conditional or CONDITION.found(hay)
        tagged = index + 1 < len(hays) and _TAG.found(hays[index + 1])
        found.append(Clause(start, hay, number, asked[index] or asking or tagged, conditional))
    return found
