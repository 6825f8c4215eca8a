"""Which route a new conversation takes: the first whose conditions all hold."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from router.calendars import Calendar
from router.model import CaseType
from router.rulebook import Route, Rulebook, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What routes may ask about. `text` is made only when a route looks for keywords; without `at` no hours are
    open."""

    channel: str
    to: str
    language: str | None
    text: Callable[[], str]
    verification: int
    tier: str | None
    topic: str | None = None
    case: CaseType | None = None
    at: datetime | None = None


def match(rules: Rulebook, traits: Traits) -> tuple[Route, str]:
    """The first matching route and why it is that one; the last route always matches."""
    folded: str | None = None
    tags = _tags(traits.language)
    for route in rules.routes:
        when = route.when
        if when.keyword and folded is None:
            folded = traits.text().casefold()
        if _holds(when, traits, tags, folded or ""):
            return route, f"route {route.id}: {_why(when, traits, folded or '')}"
    raise ValueError("the rulebook has no route without conditions")


def _tags(language: str | None) -> frozenset[str]:
    """What routes may call a language: "zh-tw" and "zh" for "zh-TW"."""
    lower = (language or "").lower()
    return frozenset({lower, lower.partition("-")[0]})


def _holds(when: When, traits: Traits, tags: frozenset[str], folded: str) -> bool:
    return not (
        (when.channel and traits.channel not in when.channel)
        or (when.to and traits.to.lower() not in when.to)
        or (when.tier and traits.tier not in when.tier)
        or (when.topic and traits.topic not in when.topic)
        or (when.case and traits.case not in when.case)
        or (when.hours and _open(when, traits) is None)
        or (when.language and when.language.isdisjoint(tags))
        or (when.verified is not None and when.verified != (traits.verification > 0))
        or (when.keyword and not any(word in folded for word in when.keyword))
    )


def _open(when: When, traits: Traits) -> Calendar | None:
    """The first of the calendars that is open then."""
    at = traits.at
    return None if at is None else next((each for each in when.hours if each.is_open(at)), None)


def _why(when: When, traits: Traits, folded: str) -> str:
    """The conditions that hold, in words."""
    held: list[str] = []
    if when.channel:
        held.append(f"channel is {traits.channel}")
    if when.to:
        held.append(f"to is {traits.to.lower()}")
    if when.tier:
        held.append(f"tier is {traits.tier}")
    if when.topic:
        held.append(f"topic is {traits.topic}")
    if when.case:
        held.append(f"case is {traits.case}")
    if (calendar := _open(when, traits)) is not None:
        held.append(f"{calendar.id} is open")
    if when.language:
        held.append(f"language is {(traits.language or '').lower()}")
    if when.verified is not None:
        held.append("the sender is verified" if when.verified else "the sender is not verified")
    if when.keyword:
        held.append(f"it says {next(word for word in when.keyword if word in folded)!r}")
    return ", ".join(held) or "it takes everything"


def shard(route: Route, address: str) -> str:
    """Which of the route's desk channels takes the conversations of an address: always the same one (S18)."""
    channels = route.desk.slack
    return channels[zlib.crc32(address.encode()) % len(channels)]
