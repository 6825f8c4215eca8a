"""Everything one assignment decision reads, as values that go to JSON and back without loss (`service.md` 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from operator import attrgetter
from typing import Any, Self

import orjson

from router.agent_state import AgentState
from router.instants import from_text, optional_from_text, optional_to_text, to_text
from router.model import ChannelType

_ID = attrgetter("id")


class Mode(StrEnum):
    """How the chosen one gets the conversation; with `pull` nobody is chosen, agents take from the queue."""

    OFFER = "offer"
    ASSIGN = "assign"
    PULL = "pull"


class Strategy(StrEnum):
    """`round_robin` ranks without the load."""

    BALANCED = "balanced"
    ROUND_ROBIN = "round_robin"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentSettings:
    """The `assignment:` section of the configuration; `affinity_max_load` is a share of the capacity, exact."""

    mode: Mode = Mode.OFFER
    strategy: Strategy = Strategy.BALANCED
    affinity_days: int = 30
    affinity_max_load: Fraction = Fraction(9, 10)
    window_limit: int = 5
    window: timedelta = timedelta(minutes=10)

    def to_json(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "strategy": self.strategy,
            "affinity_days": self.affinity_days,
            "affinity_max_load": str(self.affinity_max_load),
            "window_limit": self.window_limit,
            "window_seconds": self.window // timedelta(seconds=1),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            mode=Mode(data["mode"]),
            strategy=Strategy(data["strategy"]),
            affinity_days=data["affinity_days"],
            affinity_max_load=Fraction(data["affinity_max_load"]),
            window_limit=data["window_limit"],
            window=timedelta(seconds=data["window_seconds"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """This agent must not get this conversation (F7) before `until`; None: never (complained about, conflict)."""

    agent: str
    reason: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOwner:
    """Somebody who owned an earlier conversation of the same customer, last at `at`."""

    agent: str
    at: datetime
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the conversation asks for.

    `blocked`: why it takes no part in assignment ("resolved", "void", "bot", "hold_assignment"; decision step 0),
    None when it does. `team` comes from the first matching route rule (`route`) or is the default team; None means
    any. `assign_to`: the agent a route names. `target_consumed`: used share of the first/next target, 0 when there
    is none. `channel` is the configured id, `channel_type` its kind.
    """

    conversation: str
    channel: str
    channel_type: ChannelType
    blocked: str | None = None
    owner: str | None = None
    assign_to: str | None = None
    route: str = ""
    team: str | None = None
    team_name: str = ""
    overflow_team: str | None = None
    language: str | None = None
    language_fallback: bool = False
    topic: str | None = None
    complaint: bool = False
    required_skills: frozenset[str] = frozenset()
    preferred_skills: frozenset[str] = frozenset()
    excluded: tuple[Exclusion, ...] = ()
    target_consumed: Fraction = Fraction(0)

    def to_json(self) -> dict[str, Any]:
        return {
            "conversation": self.conversation,
            "channel": self.channel,
            "channel_type": self.channel_type,
            "blocked": self.blocked,
            "owner": self.owner,
            "assign_to": self.assign_to,
            "route": self.route,
            "team": self.team,
            "team_name": self.team_name,
            "overflow_team": self.overflow_team,
            "language": self.language,
            "language_fallback": self.language_fallback,
            "topic": self.topic,
            "complaint": self.complaint,
            "required_skills": sorted(self.required_skills),
            "preferred_skills": sorted(self.preferred_skills),
            "excluded": [
                {"agent": entry.agent, "reason": entry.reason, "until": optional_to_text(entry.until)}
                for entry in self.excluded
            ],
            "target_consumed": str(self.target_consumed),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        values = dict(data)
        values["channel_type"] = ChannelType(values["channel_type"])
        values["required_skills"] = frozenset(values["required_skills"])
        values["preferred_skills"] = frozenset(values["preferred_skills"])
        values["excluded"] = tuple(
            Exclusion(agent=entry["agent"], reason=entry["reason"], until=optional_from_text(entry["until"]))
            for entry in values["excluded"]
        )
        values["target_consumed"] = Fraction(values["target_consumed"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """One decision's inputs. Agents and history are kept in a fixed order, whatever order they came in.

    Raises ValueError for two agents with one id.
    """

    now: datetime
    needs: Needs
    agents: tuple[AgentState, ...]
    history: tuple[PastOwner, ...] = ()
    settings: AssignmentSettings = AssignmentSettings()
    trigger: str = "new_round"
    config_version: int = 0

    def __post_init__(self) -> None:
        agents = tuple(sorted(self.agents, key=_ID))
        twice = [one.id for one, other in pairwise(agents) if one.id == other.id]
        if twice:
            raise ValueError(f"agent {twice[0]!r} is listed twice: an agent id stands for one person")
        history = tuple(sorted(self.history, key=lambda past: (past.at, past.agent, past.topic or "")))
        object.__setattr__(self, "agents", agents)
        object.__setattr__(self, "history", history)

    def to_json(self) -> dict[str, Any]:
        """What is stored to replay the decision."""
        return {**self.without_agents(), "agents": [agent.to_json() for agent in self.agents]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            now=from_text(data["now"]),
            needs=Needs.from_json(data["needs"]),
            agents=tuple(AgentState.from_json(agent) for agent in data["agents"]),
            history=tuple(
                PastOwner(agent=past["agent"], at=from_text(past["at"]), topic=past["topic"])
                for past in data["history"]
            ),
            settings=AssignmentSettings.from_json(data["settings"]),
            trigger=data["trigger"],
            config_version=data["config_version"],
        )

    def sha256(self) -> str:
        """Hex digest over the inputs without agents, then each agent's own digest in order of id.

        Two levels, so that an unchanged agent is never serialised again and a store may keep each state once.
        """
        whole = sha256(orjson.dumps(self.without_agents(), option=orjson.OPT_SORT_KEYS))
        whole.update(b"".join([agent.digest() for agent in self.agents]))
        return whole.hexdigest()

    def without_agents(self) -> dict[str, Any]:
        """`to_json` but for the agents: a store keeps each of their states once, by its digest."""
        return {
            "now": to_text(self.now),
            "needs": self.needs.to_json(),
            "history": [{"agent": past.agent, "at": to_text(past.at), "topic": past.topic} for past in self.history],
            "settings": self.settings.to_json(),
            "trigger": self.trigger,
            "config_version": self.config_version,
        }
