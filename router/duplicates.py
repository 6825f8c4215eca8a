"""The same question again: from the same customer elsewhere, or from many at once (`service.md` 4.3)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from uuid import UUID

from router.consistency.patterns import Pattern
from router.consistency.scripts import is_han
from router.consistency.text import Haystack, close_set, normalise

Features = frozenset[str]

WINDOW = timedelta(hours=72)
"""How far back the same question of one customer counts."""
_SOON = timedelta(minutes=30)
_TOKEN = Pattern(r"[\p{Latin}\d][\p{Latin}\d'_-]*|[^\s\p{P}\p{S}]")
_ASCII_TOKEN = re.compile(r"[a-z0-9][a-z0-9'_-]*")
"""The same in a normalised text without other letters."""
_LONGEST = 4000  # characters looked at: nobody's question is longer, and the rest is history or a log


def features(text: str, ignored: Collection[str] = ()) -> Features:
    """Bigrams of Chinese characters, other words as they are; greetings and stop words (`ignored`) are taken out."""
    normal = normalise(close_set(text[:_LONGEST])).text
    if normal.isascii():
        return frozenset(_ASCII_TOKEN.findall(normal)).difference(ignored)
    longest = max(map(len, ignored), default=0)
    words: set[str] = set()
    run: list[str] = []
    for token in _tokens(normal):
        if len(token) == 1 and is_han(token):
            run.append(token)
            continue
        if run:
            _close(run, words, ignored, longest)
        if token and token not in ignored:
            words.add(token)
    _close(run, words, ignored, longest)
    return frozenset(words)


def _tokens(normal: str) -> list[str]:
    """Latin words and numbers, single Han characters, and a break for everything between them."""
    tokens: list[str] = []
    for han, characters in groupby(normal, is_han):
        piece = "".join(characters)
        if han:
            tokens += piece
        elif piece.isascii():
            tokens += _ASCII_TOKEN.findall(piece) or ([""] if piece.strip() else [])
        else:
            tokens += _other_tokens(piece)
    return tokens


def _other_tokens(piece: str) -> list[str]:
    """The same for any script, a look-up a token: dear."""
    tokens: list[str] = []
    at = 0
    for hit in _TOKEN.hits(Haystack(piece), most=_LONGEST):
        if piece[at : hit.start].strip():
            tokens.append("")
        tokens.append(piece[hit.start : hit.end])
        at = hit.end
    return tokens + ([""] if piece[at:].strip() else [])


def _close(run: list[str], words: set[str], ignored: Collection[str], longest: int) -> None:
    """Bigrams of a run of Chinese characters, cut at the words to ignore (longest first)."""
    at = 0
    piece: list[str] = []
    while at < len(run):
        for size in range(min(longest, len(run) - at), 0, -1):
            if "".join(run[at : at + size]) in ignored:
                _bigrams(piece, words)
                piece = []
                at += size
                break
        else:
            piece.append(run[at])
            at += 1
    _bigrams(piece, words)
    run.clear()


def _bigrams(piece: Sequence[str], words: set[str]) -> None:
    words.update(one + other for one, other in pairwise(piece))


def jaccard(one: Features, other: Features) -> float:
    """Shared features over all features; 0 when there are none."""
    shared = len(one & other)
    union = len(one) + len(other) - shared
    return shared / union if union else 0.0


def containment(one: Features, other: Features) -> float:
    """Shared features over those of the smaller text."""
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike two questions are and whether that makes them one: `rule` names which of the three conditions held."""

    duplicate: bool
    similarity: float
    rule: str = ""


def likeness(
    one: Features,
    other: Features,
    apart: timedelta,
    *,
    same_order: bool = False,
    same_topic: bool = False,
    other_order: bool = False,
) -> Likeness:
    """Whether two messages of one customer are the same question; greetings alone (no features) never are.

    `other_order`: each names an order and they differ. Then like words do not make one question.
    """
    similarity = jaccard(one, other)
    smaller = min(len(one), len(other))
    shared = containment(one, other)
    rule = ""
    if abs(apart) <= WINDOW and not other_order:
        if same_order and same_topic:
            rule = "same order and topic"
        elif smaller >= 6 and (similarity >= 0.5 or shared >= 0.8):
            rule = "same words within 72 h"
        elif abs(apart) <= _SOON and smaller >= 3 and (similarity >= 0.6 or shared >= 0.9):
            rule = "same words within 30 min"
    return Likeness(duplicate=bool(rule), similarity=similarity, rule=rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One customer's question, as the incident rule sees it."""

    contact: UUID
    at: datetime
    features: Features


INCIDENT_WINDOW = timedelta(minutes=60)
INCIDENT_CUSTOMERS = 5
INCIDENT_LIKENESS = 0.5


def incident(new: Report, earlier: Sequence[Report]) -> frozenset[UUID]:
    """The customers, at least five, who asked like this within the hour before; empty when it is no incident.

    The cluster is everybody at least half alike (Jaccard) to the new question, not to each other: one look-up a
    message, and the order of arrival does not matter for who is compared with it.
    """
    alike = {new.contact}
    for each in earlier:
        recent = timedelta(0) <= new.at - each.at <= INCIDENT_WINDOW
        if recent and jaccard(new.features, each.features) >= INCIDENT_LIKENESS:
            alike.add(each.contact)
    return frozenset(alike) if len(alike) >= INCIDENT_CUSTOMERS else frozenset()


_REUSE = 0.5


def deviates(text: Features, answer: Features) -> bool:
    """Whether a reply says something else than an approved answer: less than half alike."""
    return bool(answer) and jaccard(text, answer) < _REUSE
