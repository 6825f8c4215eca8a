"""One agent at one instant, as assignment sees it: configuration, status and load together (`service.md` 3.2).

Build a new state only when something about the agent changed: its digest is kept with it, and hashing two hundred
states anew costs more than the decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

import orjson

from router.instants import from_text, optional_from_text, optional_to_text, to_text
from router.model import ChannelType
from router.workload import weight


class AgentStatus(StrEnum):
    """Set by the agent, never guessed from a chat's presence (decisions 24)."""

    AVAILABLE = "available"
    AWAY = "away"
    OFFLINE = "offline"
    BREAK = "break"


SPOKEN: Mapping[str, AgentStatus] = {**{each.value: each for each in AgentStatus}, "busy": AgentStatus.AWAY}
"""What agents may call their status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Level 1-3; with a certificate it holds before `certified_until` and not from then on (TR-4)."""

    level: int = 1
    certified_until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.certified_until is None or now < self.certified_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Working time, the start included and the end not: nobody is on shift a minute early."""

    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """`load` is in units and leaves out the conversation being decided.

    `shifts` None: always on shift. `status_at`: since when the status holds. `window_count`: automatic assignments
    in the last window, `window_limit` None: the limit of the settings. `last_assigned_at`: the last automatic one.
    """

    id: str
    name: str = ""
    teams: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    skills: Mapping[str, Skill] = field(default_factory=dict)
    capacity: int = 12
    weights: Mapping[str, int] = field(default_factory=dict)
    on_call: bool = False
    deactivated: bool = False
    ooo_from: datetime | None = None
    ooo_until: datetime | None = None
    shifts: tuple[Shift, ...] | None = None
    status: AgentStatus = AgentStatus.AVAILABLE
    status_at: datetime | None = None
    do_not_disturb: bool = False
    load: int = 0
    last_assigned_at: datetime | None = None
    window_count: int = 0
    window_limit: int | None = None
    _digest: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def label(self) -> str:
        """The name people know; the id where none is set."""
        return self.name or self.id

    def out_of_office(self, now: datetime) -> bool:
        if self.ooo_until is None or now >= self.ooo_until:
            return False
        return self.ooo_from is None or now >= self.ooo_from

    def on_shift(self, now: datetime) -> bool:
        if self.shifts is None:
            return True
        for shift in self.shifts:  # noqa: SIM110 - runs for every agent of every decision, any() takes five times as long
            if shift.start_at <= now < shift.end_at:
                return True
        return False

    def next_shift_at(self, now: datetime) -> datetime | None:
        """When the next shift starts, None when no later one is known."""
        return min((shift.start_at for shift in self.shifts or () if shift.start_at > now), default=None)

    def shift_end(self, now: datetime) -> datetime | None:
        """When the shift ends that runs now, None between shifts."""
        return max((shift.end_at for shift in self.shifts or () if shift.start_at <= now < shift.end_at), default=None)

    def level_of(self, skill: str, now: datetime) -> int:
        """0 without the skill or with an expired certificate."""
        known = self.skills.get(skill)
        return known.level if known is not None and known.holds(now) else 0

    def speaks(self, language: str) -> bool:
        """An agent of `zh` speaks every `zh-...`; one of `zh-TW` only that."""
        return language in self.languages or language.partition("-")[0] in self.languages

    def weight(self, channel_type: ChannelType, complaint: bool) -> int:
        """Units a conversation would cost this agent."""
        return weight(channel_type, complaint, self.weights)

    def taken(self, units: int, now: datetime) -> Self:
        """The same agent after an automatic assignment at `now`."""
        return replace(self, load=self.load + units, window_count=self.window_count + 1, last_assigned_at=now)

    def to_json(self) -> dict[str, Any]:
        """Everything assignment reads, as JSON; instants are RFC 3339 in UTC."""
        return {
            "id": self.id,
            "name": self.name,
            "teams": sorted(self.teams),
            "channels": sorted(self.channels),
            "languages": sorted(self.languages),
            "skills": {
                name: {"level": skill.level, "certified_until": optional_to_text(skill.certified_until)}
                for name, skill in self.skills.items()
            },
            "capacity": self.capacity,
            "weights": {str(key): units for key, units in self.weights.items()},
            "on_call": self.on_call,
            "deactivated": self.deactivated,
            "ooo_from": optional_to_text(self.ooo_from),
            "ooo_until": optional_to_text(self.ooo_until),
            "shifts": None
            if self.shifts is None
            else [{"start_at": to_text(shift.start_at), "end_at": to_text(shift.end_at)} for shift in self.shifts],
            "status": self.status,
            "status_at": optional_to_text(self.status_at),
            "do_not_disturb": self.do_not_disturb,
            "load": self.load,
            "last_assigned_at": optional_to_text(self.last_assigned_at),
            "window_count": self.window_count,
            "window_limit": self.window_limit,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; keys left out take their default. Raises KeyError, TypeError or ValueError."""
        values = dict(data)
        for name in ("teams", "channels", "languages"):
            values[name] = frozenset(values.get(name, ()))
        for name in ("ooo_from", "ooo_until", "status_at", "last_assigned_at"):
            values[name] = optional_from_text(values.get(name))
        values["skills"] = {
            name: Skill(level=skill["level"], certified_until=optional_from_text(skill.get("certified_until")))
            for name, skill in values.get("skills", {}).items()
        }
        if values.get("shifts") is not None:
            values["shifts"] = tuple(
                Shift(start_at=from_text(shift["start_at"]), end_at=from_text(shift["end_at"]))
                for shift in values["shifts"]
            )
        values["status"] = AgentStatus(values.get("status", AgentStatus.AVAILABLE))
        return cls(**values)

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON; made once and kept, which does not show outside."""
        if self._digest is None:
            canonical = orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS)
            object.__setattr__(self, "_digest", sha256(canonical).digest())
        assert self._digest is not None
        return self._digest
