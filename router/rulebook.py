"""The configuration in its compiled, pure form: channels, agents, teams, routes, and the look-ups the rules need.

`gateway.settings.to_rulebook` makes it from the file; nothing here reads, checks or changes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from router.agent_state import AgentStatus, Skill
from router.alerting import Alerting
from router.assignment_inputs import AssignmentSettings
from router.calendars import Calendar
from router.canned_replies import NO_REPLIES, Replies
from router.consistency.reply import Standards
from router.consistency.workdays import BusinessCalendar
from router.digests import DigestRules
from router.model import Capabilities, CaseType, ChannelType
from router.offers import TIMEOUTS
from router.recognition import Recognition
from router.standard_messages import Messages
from router.targets import Policy
from router.terms import Terms


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
    that e-mail address is meant. Empty `channels` or `languages`: all of them. `capacity` is in units of load.
    `weights`: units of a channel type, or of "complaint", that differ from the usual. `on_call`: may be called outside
    the shifts when everybody else is gone. `shifts`: the working time; None: always."""

    id: str
    name: str
    email: str = ""
    slack: str | None = None
    role: Role = Role.AGENT
    teams: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capacity: int = 12
    skills: Mapping[str, Skill] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    on_call: bool = False
    shifts: Calendar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    id: str
    name: str
    lead: str | None = None
    overflow: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Conditions of a route; all that are given must hold, and one value of each is enough.

    `channel` holds channel ids, `to` lower-cased addresses written to, `language` lower-cased tags ("zh", "zh-tw"),
    `keyword` case-folded words looked for in subject and text, `tier` tiers of the contact, `topic` topics by
    keywords, `case` kinds of case, `hours` calendars of which one is open. `verified`: True wants a sender of
    verification 1 or 2, False one of 0. A condition that was not given is empty or None.
    """

    channel: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()
    language: frozenset[str] = frozenset()
    keyword: tuple[str, ...] = ()
    tier: frozenset[str] = frozenset()
    topic: frozenset[str] = frozenset()
    case: frozenset[CaseType] = frozenset()
    hours: tuple[Calendar, ...] = ()
    verified: bool | None = None


ALWAYS = When()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the agents are: a channel of type slack and the Slack channels in it ("#support-1" or "C0123ABCD") over
    which conversations are spread."""

    channel: str
    slack: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a new conversation goes. `hold` overrides the channel's undo window (decisions 16). `preferred_skills` rank
    agents, `required_skills` exclude those without. `language_fallback`: rather an agent who does not speak the
    customer's language than too late."""

    id: str
    desk: Desk
    when: When = ALWAYS
    team: str | None = None
    agent: str | None = None
    reply_mode: ReplyMode = ReplyMode.REPLY
    hold: timedelta | None = None
    required_skills: tuple[str, ...] = ()
    preferred_skills: tuple[str, ...] = ()
    language_fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRules:
    """How conversations find their owners. `default_status` is that of an agent who never said one."""

    settings: AssignmentSettings = field(default_factory=AssignmentSettings)
    offer_timeouts: Mapping[ChannelType, timedelta] = field(default_factory=lambda: TIMEOUTS)
    default_status: AgentStatus = AgentStatus.AVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What replies are checked by. The lead hears of a held one after `lead_after_chat` or `lead_after_mail`."""

    standards: Standards
    calendar: BusinessCalendar
    lead_after_chat: timedelta = timedelta(minutes=3)
    lead_after_mail: timedelta = timedelta(minutes=30)


RESOLUTIONS = ("solved", "answered", "refunded", "returned", "exchanged", "repaired", "no_reply", "duplicate", "other")
"""How a matter may have ended, for a shop that says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Everything the rules may know of the configuration. The last of `routes` has no condition, so that one always
    matches. `alerts`: what policies want done when a deadline comes near, by their ids. `revision` names this
    content and goes into every decision. `policies` are the response-time policies in force, in order, `terms` every
    version that logs may name. `recognition`: None recognises no matter. `messages`: None says nothing
    automatically. `voice`: None checks nothing. `resolutions`: how a matter may end, `replies`: those written
    beforehand. `pulls`: the channels with a feed.
    """

    channels: Mapping[str, ChannelRules]
    agents: Mapping[str, Agent]
    teams: Mapping[str, Team]
    routes: tuple[Route, ...]
    revision: str
    policies: tuple[Policy, ...] = ()
    alerts: Mapping[str, Alerting] = field(default_factory=dict)
    digests: tuple[DigestRules, ...] = ()
    terms: Terms = field(default_factory=Terms)
    voice: Voice | None = None
    recognition: Recognition | None = None
    messages: Messages | None = None
    assignment: AssignmentRules = AssignmentRules()
    resolutions: tuple[str, ...] = RESOLUTIONS
    replies: Replies = NO_REPLIES
    _by_slack: Mapping[str, Agent] = field(init=False, repr=False, compare=False)
    _by_email: Mapping[str, Agent] = field(init=False, repr=False, compare=False)
    _by_route: Mapping[str, Route] = field(init=False, repr=False, compare=False)
    _members: Mapping[str, tuple[Agent, ...]] = field(init=False, repr=False, compare=False)
    _desks: frozenset[str] = field(init=False, repr=False, compare=False)
    pulls: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        everybody = tuple(self.agents.values())
        found: dict[str, object] = {
            "_by_slack": {agent.slack: agent for agent in everybody if agent.slack},
            "_by_email": {agent.email: agent for agent in everybody if agent.email and not agent.slack},
            "_by_route": {route.id: route for route in self.routes},
            "_members": {team: tuple(a for a in everybody if team in a.teams) for team in self.teams},
            "_desks": frozenset(route.desk.channel for route in self.routes),
            "pulls": frozenset(each.id for each in self.channels.values() if each.capabilities.pulls),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def channel(self, channel: str) -> ChannelRules:
        """What is known of a channel. One that is not configured any more counts as a chat; what is for it waits."""
        known = self.channels.get(channel)
        return known or ChannelRules(id=channel, type=ChannelType.WEBCHAT, capabilities=Capabilities())

    def agent_by_slack(self, user_id: str, email: str | None = None) -> Agent | None:
        """The agent behind a Slack member, None for anybody who is not listed (S8).

        The e-mail address counts only for agents whose Slack id is not configured: nobody can take the place of a
        listed id by changing an address.
        """
        return self._by_slack.get(user_id) or self._by_email.get((email or "").lower())

    def route(self, route_id: str) -> Route | None:
        """The route of that id; None when it is no longer configured."""
        return self._by_route.get(route_id)

    @property
    def desks(self) -> frozenset[str]:
        """The channels on which the agents of some route are."""
        return self._desks

    def is_desk(self, channel: str) -> bool:
        """Whether the agents of some route are on that channel."""
        return channel in self._desks

    def is_lead(self, agent: Agent, team: str | None) -> bool:
        """Whether the agent may decide what others in the team may not: a lead or above, or the team's own lead."""
        return agent.role is not Role.AGENT or (
            team is not None and team in self.teams and self.teams[team].lead == agent.id
        )

    def members(self, team: str) -> tuple[Agent, ...]:
        """The agents of a team in the order of the file; empty for an unknown team."""
        return self._members.get(team, ())
