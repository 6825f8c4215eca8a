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


def match(rules: Rulebook, traits: Traits) -> tuple[Route, str]:
    """The first matching route and why it is that one; the last route always matches."""
    folded: str | None = None
    for route in rules.routes:
        when = route.when
        if when.keyword and folded is None:
            folded = traits.text().casefold()
        if why := _holds(when, traits, folded or ""):
            return route, f"route {route.id}: {why}"
    raise ValueError("the rulebook has no route without conditions")


def _holds(when: When, traits: Traits, folded: str) -> str | None:
    """Why the conditions hold, None when one of them does not."""
    if when.always:
        return "it takes everything"
    held: list[str] = []
    for name, wanted, value in (
        ("channel", when.channel, traits.channel),
        ("to", when.to, traits.to.lower()),
        ("tier", when.tier, traits.tier or ""),
    ):
        if wanted:
            if value not in wanted:
                return None
            held.append(f"{name} is {value}")
    if when.language:
        language = (traits.language or "").lower()
        if language not in when.language and language.partition("-")[0] not in when.language:
            return None
        held.append(f"language is {language}")
    if when.verified is not None:
        if when.verified != (traits.verification > 0):
            return None
        held.append("the sender is verified" if when.verified else "the sender is not verified")
    if when.keyword:
        found = next((word for word in when.keyword if word in folded), None)
        if found is None:
            return None
        held.append(f"it says {found!r}")
    return ", ".join(held)


def shard(route: Route, address: str) -> str:
    """Which of the route's desk channels takes the conversations of an address: always the same one (S18)."""
    channels = route.desk.slack
    return channels[zlib.crc32(address.encode()) % len(channels)]
