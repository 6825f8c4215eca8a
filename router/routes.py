"""Which route a new conversation takes: the first whose conditions all hold."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from router.rulebook import Route, Rulebook, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What routes may ask about. `text` is made only when a route looks for keywords."""

    channel: str
    to: str
    language: str | None
    text: Callable[[], str]
    verification: int
    tier: str | None
    topic: str | None = None


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
        or (when.language and when.language.isdisjoint(tags))
        or (when.verified is not None and when.verified != (traits.verification > 0))
        or (when.keyword and not any(word in folded for word in when.keyword))
    )


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
