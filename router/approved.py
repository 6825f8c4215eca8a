"""The approved sentence of a finding, put where the reply says something else (`service.md` 4.3, 4.5, 4.7)."""

from collections.abc import Sequence

from router.consistency.findings import Finding, Level, Words
from router.consistency.language import Language, language
from router.consistency.ledger import LEDGER_RULES

INCIDENT = "ANSWER-INCIDENT"
_ENDS = frozenset("!?;\n\u3002\uff01\uff1f\uff1b")
_COMMAS = frozenset(",\uff0c")
_LEADING = (":", ": ", ",", "\uff1a", "\uff0c")
"""A sentence that ends so is put in front of what it is about."""


def insertable(finding: Finding) -> bool:
    """Whether it brings words that can take the place of what was said. What contradicts the ledger leaves as a
    correction instead."""
    if finding.rule == INCIDENT:
        return bool(finding.approved)
    return bool(finding.suggestion) and not (finding.rule in LEDGER_RULES and finding.level is Level.BLOCK)


def with_approved(text: str, findings: Sequence[Finding]) -> str:
    """The reply with every approved sentence in its place: instead of the clause it is about, or at the end where the
    reply lacks it. The official answer of an incident takes the place of the whole."""
    chinese = language(text) in (Language.SIMPLIFIED, Language.TRADITIONAL)
    wanted = [each for each in findings if insertable(each)]
    if (whole := next((each for each in wanted if each.rule == INCIDENT), None)) is not None:
        return whole.approved
    done = len(text) + 1  # from the back: the places before stay what they were
    for each in sorted(wanted, key=lambda finding: finding.span, reverse=True):
        sentence = _word(each.suggestion, chinese)
        if each.span == (0, 0):
            text = _joined(text, sentence)
            continue
        start, end = _clause(text, each.span)
        if end <= done:
            text, done = _replaced(text, start, end, sentence), start
    return text


def _word(words: Words, chinese: bool) -> str:
    return (words.zh or words.en) if chinese else (words.en or words.zh)


def _joined(text: str, sentence: str) -> str:
    if sentence.endswith(_LEADING):
        return f"{sentence}{text}"
    return f"{text}{'' if not text or not sentence.isascii() else ' '}{sentence}"


def _replaced(text: str, start: int, end: int, sentence: str) -> str:
    if sentence.endswith(_LEADING):
        return f"{text[:start]}{sentence}{text[start:]}"
    before, after = text[:start], text[end:]
    if before.rstrip().endswith(tuple(_COMMAS)) and sentence[:1].isascii() and sentence[:2] != "I ":
        sentence = sentence[:1].lower() + sentence[1:]
    if after[:1] in _COMMAS or after[:1] in _ENDS or after[:1] == ".":
        sentence = sentence.rstrip(".\u3002")
    return f"{before}{sentence}{after}"


def _clause(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """The clause around a place, without the sign that ends it and the space before it."""
    start, end = span[0], max(span[1], span[0])
    while start > 0 and not _is_border(text, start - 1):
        start -= 1
    while start < span[0] and text[start].isspace():
        start += 1
    while end < len(text) and not _is_border(text, end):
        end += 1
    return start, end


def _is_border(text: str, at: int) -> bool:
    """Commas and full stops inside numbers, and full stops inside names of sites, are none."""
    if text[at] in _ENDS or text[at] == "\uff0c":
        return True
    after = text[at + 1 : at + 2]
    return text[at] in ".," and not (after.isascii() and after.isalnum())
