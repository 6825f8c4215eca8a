"""How a stored conversation began, decided again: by which route, and by which policy. Nothing of it is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from router.model import Matter, Priority
from router.routes import Traits, match
from router.rulebook import Route, Rulebook
from router.targets import Policy, first_match

_OF_ROUTES = frozenset({"to", "verification"})
"""Traits that policies cannot ask about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What is stored of it. `traits` is what routes and policies looked at then, empty for a conversation from before
    that was kept: `language`, `tier` and `verification` of today then stand in, and `to` if the raw item has it. `text`
    is that of the first message."""

    conversation: UUID
    number: int
    opened_at: datetime
    channel: str
    text: str
    route: str
    policy: str | None
    policy_version: int
    subject: str = ""
    priority: Priority = Priority.NORMAL
    topic: str | None = None
    language: str | None = None
    tier: str | None = None
    verification: int = 0
    to: str | None = None
    traits: Mapping[str, str | int]


def route(beginning: Beginning, rules: Rulebook) -> tuple[Route, str]:
    """The route the rules choose and why."""
    known = beginning.traits
    attributes = attributes_of(beginning, rules)
    matter = Matter(topic=attributes.get("topic"), priority=Priority(attributes.get("priority", Priority.NORMAL)))
    return match(
        rules,
        Traits(
            channel=beginning.channel,
            to=str(known.get("to", beginning.to or "")),
            language=attributes.get("language"),
            text=lambda: f"{beginning.subject}\n{beginning.text}",
            verification=int(known.get("verification", beginning.verification)),
            tier=attributes.get("tier"),
            topic=matter.topic,
            case=matter.case,
            at=beginning.opened_at,
        ),
    )


def policy(beginning: Beginning, rules: Rulebook) -> Policy | None:
    """The policy the rules choose (D26)."""
    return first_match(rules.policies, attributes_of(beginning, rules))


def attributes_of(beginning: Beginning, rules: Rulebook) -> dict[str, str]:
    """What policies may ask about."""
    if beginning.traits:
        return {name: str(value) for name, value in beginning.traits.items() if name not in _OF_ROUTES}
    channel = rules.channels.get(beginning.channel)
    attributes = {
        "channel": beginning.channel,
        "channel_type": channel.type.value if channel is not None else "",
        "priority": beginning.priority.value,
        "topic": beginning.topic or "",
        "language": beginning.language or "",
        "tier": beginning.tier or "",
    }
    return {name: value for name, value in attributes.items() if value}


def unknown(beginning: Beginning, chosen: Route, rules: Rulebook) -> tuple[str, ...]:
    """What was not stored although the choice of that route depended on it."""
    if "to" in beginning.traits or beginning.to is not None:
        return ()
    asked = rules.routes[: rules.routes.index(chosen) + 1]
    return ("to",) if any(each.when.to for each in asked) else ()
