"""The wording standard: forbidden phrases, and the elements a reply must have (`service.md` 4.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from router.consistency.findings import Finding, Level, Place, Rule
from router.consistency.patterns import Bank, Pattern, spans_of
from router.consistency.text import Haystack, Normal


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRule:
    """A rule with its patterns; an exception that covers part of a hit takes it back."""

    rule: Rule
    patterns: Sequence[Pattern]
    exceptions: Pattern | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRules:
    version: int
    rules: Sequence[WordingRule]
    bank: Bank
    owners: Sequence[tuple[WordingRule, Pattern]]

    @classmethod
    def of(cls, rules: Sequence[WordingRule], version: int = 1) -> "WordingRules":
        """Index all patterns once; a clean text then costs one look-up for twenty patterns."""
        owners = tuple((rule, pattern) for rule in rules for pattern in rule.patterns)
        return cls(version=version, rules=rules, bank=Bank([pattern for _, pattern in owners]), owners=owners)


def phrases(normal: Normal, original: str, rules: WordingRules, place: Place) -> list[Finding]:
    """A finding for the first hit of each rule in a text without quotes (the first that no exception covers).

    A template that was approved is exempt from wording rules at sending: its rules' levels say so.
    """
    found: dict[str, Finding] = {}
    for index in rules.bank.present(normal):
        owner, pattern = rules.owners[index]
        level = owner.rule.level_at(place)
        if level is Level.OFF:
            continue
        exceptions = spans_of(owner.exceptions, normal)
        for hit in pattern.hits(normal):
            if exceptions.overlap((hit.start, hit.end)):
                continue
            span = normal.original(hit.start, hit.end)
            finding = owner.rule.finding(place, span, said=original[slice(*span)], level=level)
            known = found.get(owner.rule.id)
            if known is None or span < known.span:
                found[owner.rule.id] = finding
            break
    return list(found.values())


class Stage(StrEnum):
    """What a reply is in its cycle: it decides which elements it must have."""

    NONE = ""
    FIRST = "first"
    FIRST_COMPLAINT = "first_complaint"
    LATER_COMPLAINT = "later_complaint"  # the first since the customer complains, after others
    RESOLVE = "resolve"


_WANTED = {
    Stage.NONE: (),
    Stage.FIRST: ("greeting",),
    Stage.FIRST_COMPLAINT: ("greeting", "empathy"),
    Stage.LATER_COMPLAINT: ("empathy",),
    Stage.RESOLVE: ("closing",),
}
_OPENING = 40  # a greeting counts in the first 40 characters
_RULE = {"greeting": "W-GREET", "empathy": "W-EMPATHY", "closing": "W-CLOSE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredElements:
    """Patterns of greeting, empathy and closing."""

    version: int
    elements: Mapping[str, Pattern]


def missing(normal: Normal, stage: Stage, required: RequiredElements) -> list[str]:
    """Names of the required elements that a text does not have, in the order they are wanted."""
    return [name for name in _WANTED[stage] if not has(normal, name, required)]


def has(normal: Normal, name: str, required: RequiredElements) -> bool:
    """Whether a text has an element; a greeting only where it begins."""
    text = Haystack(normal.text[:_OPENING]) if name == "greeting" else normal
    return required.elements[name].found(text)


def incomplete(
    normal: Normal, stage: Stage, required: RequiredElements, place: Place, checks: Mapping[str, Rule]
) -> list[Finding]:
    """W-GREET, W-EMPATHY and W-CLOSE for what is missing."""
    return [checks[_RULE[name]].finding(place) for name in missing(normal, stage, required)]


_CODE_MARKS = frozenset("0123456789_/@")
_FEWEST_CAPITALS = 8  # "OK" is no shouting
_MOST_MARKS = 3


def shouting(original: str, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    """W-SHOUT: more than 60 % capitals (codes and links left out), or three exclamation marks."""
    upper = lower = 0
    for word in original.split():
        if _CODE_MARKS.intersection(word):
            continue
        for char in word:
            if char.isupper():
                upper += 1
            elif char.islower():
                lower += 1
    marks = original.count("!") + original.count("！")
    if marks < _MOST_MARKS and (upper < _FEWEST_CAPITALS or upper <= 0.6 * (upper + lower)):
        return []
    return [checks["W-SHOUT"].finding(place, (0, len(original)))]
