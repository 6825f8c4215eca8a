"""The configuration in its compiled, pure form: channels, agents, teams, routes, and the look-ups the rules need.

`gateway.settings.to_rulebook` makes it from the file; nothing here reads, checks or changes one.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from router.model import Capabilities, ChannelType


class Role(StrEnum):
    """All of them may speak to customers."""

    AGENT = "agent"
    LEAD = "lead"
    MANAGER = "manager"
    ADMIN = "admin"


class ReplyMode(StrEnum):
    """What a plain message in a desk thread is (S9, decisions 22)."""

    REPLY = "reply"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    id: str
    type: ChannelType
    capabilities: Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Somebody who may speak to customers. `email` is lower-cased. Without a `slack` user id the Slack member with
    that e-mail address is meant. Empty `channels` or `languages`: all of them. `capacity` is in units of load, `skills`
    are levels 1-3."""

    id: str
    name: str
    email: str = ""
    slack: str | None = None
    role: Role = Role.AGENT
    teams: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capacity: int = 12
    skills: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    id: str
    name: str
    lead: str | None = None
    overflow: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What routes ask about an inbound message that opens a conversation. `text` is subject and text; it may be empty
    when `Rulebook.reads_text` is False."""

    channel: str
    to: str = ""
    language: str | None = None
    text: str = ""
    verification: int = 0
    tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Conditions of a route; all that are given must hold, and one value of each is enough.

    `channel` holds channel ids, `to` lower-cased addresses written to, `language` lower-cased tags of which "zh" also
    means "zh-tw", `keyword` words as `folded` makes them, `tier` tiers of the contact. `verified`: True wants a sender
    of verification 1 or 2, False one of 0. A condition that was not given is empty or None.
    """

    channel: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()
    language: frozenset[str] = frozenset()
    keyword: tuple[str, ...] = ()
    tier: frozenset[str] = frozenset()
    verified: bool | None = None

    @property
    def always(self) -> bool:
        """True without any condition."""
        return self == ALWAYS

    def holds(self, traits: Traits, text: str) -> bool:
        """Whether every condition holds; `text` is the folded text of the traits."""
        return (
            (not self.channel or traits.channel in self.channel)
            and (not self.to or traits.to.lower() in self.to)
            and (not self.language or _speaks(traits.language, self.language))
            and (not self.tier or traits.tier in self.tier)
            and (self.verified is None or self.verified == (traits.verification > 0))
            and (not self.keyword or any(word in text for word in self.keyword))
        )

    def __str__(self) -> str:
        given = (
            ("channel", sorted(self.channel)),
            ("to", sorted(self.to)),
            ("language", sorted(self.language)),
            ("keyword", self.keyword),
            ("tier", sorted(self.tier)),
            ("verified", () if self.verified is None else ("yes" if self.verified else "no",)),
        )
        return ", ".join(f"{name} {'|'.join(values)}" for name, values in given if values) or "no condition"


ALWAYS = When()


def folded(text: str) -> str:
    """Text as keywords are compared: without differences of case and of full-width letters."""
    return unicodedata.normalize("NFKC", text).casefold()


def _speaks(language: str | None, wanted: frozenset[str]) -> bool:
    tag = (language or "").lower()
    return tag in wanted or tag.partition("-")[0] in wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the agents are: a channel of type slack and the Slack channels in it ("#support-1" or "C0123ABCD") over
    which conversations are spread."""

    channel: str
    slack: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a new conversation goes. `hold` overrides the channel's undo window (decisions 16)."""

    id: str
    desk: Desk
    when: When = ALWAYS
    team: str | None = None
    agent: str | None = None
    reply_mode: ReplyMode = ReplyMode.REPLY
    hold: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Everything the rules may know of the configuration. The last of `routes` has no condition, so that one always
    matches. `revision` names this content and goes into every decision. `reads_text`: some route has a keyword."""

    channels: Mapping[str, ChannelRules]
    agents: Mapping[str, Agent]
    teams: Mapping[str, Team]
    routes: tuple[Route, ...]
    revision: str
    reads_text: bool = field(init=False, repr=False, compare=False)
    _by_slack: Mapping[str, Agent] = field(init=False, repr=False, compare=False)
    _by_email: Mapping[str, Agent] = field(init=False, repr=False, compare=False)
    _by_route: Mapping[str, Route] = field(init=False, repr=False, compare=False)
    _members: Mapping[str, tuple[Agent, ...]] = field(init=False, repr=False, compare=False)
    _desks: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        everybody = tuple(self.agents.values())
        found: dict[str, object] = {
            "_by_slack": {agent.slack: agent for agent in everybody if agent.slack},
            "_by_email": {agent.email: agent for agent in everybody if agent.email and not agent.slack},
            "_by_route": {route.id: route for route in self.routes},
            "_members": {team: tuple(a for a in everybody if team in a.teams) for team in self.teams},
            "_desks": frozenset(route.desk.channel for route in self.routes),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def agent_by_slack(self, user_id: str, email: str | None = None) -> Agent | None:
        """The agent behind a Slack member, None for anybody who is not listed (S8).

        The e-mail address counts only for agents whose Slack id is not configured: nobody can take the place of a
        listed id by changing an address.
        """
        return self._by_slack.get(user_id) or self._by_email.get((email or "").lower())

    def route(self, traits: Traits) -> tuple[Route, str]:
        """The first route whose conditions hold, and a sentence that says so."""
        text = folded(traits.text) if self.reads_text else ""
        route = next(route for route in self.routes if route.when.holds(traits, text))
        return route, f"route {route.id} is the first that matches ({route.when})"

    def route_by_id(self, route_id: str) -> Route | None:
        """The route of that id; None when it is no longer configured."""
        return self._by_route.get(route_id)

    def is_desk(self, channel: str) -> bool:
        """Whether the agents are on that channel."""
        return self.channels[channel].type is ChannelType.SLACK

    def members(self, team: str) -> tuple[Agent, ...]:
        """The agents of a team in the order of the file; empty for an unknown team."""
        return self._members.get(team, ())
