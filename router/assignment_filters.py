"""Who may get a conversation: the filters F1-F11 in their fixed order and what each relaxation level lets pass.

`service.md` 3.3, steps 4 and 5. F2, F3, F4, F7, F8 and F10 hold at every level.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from router.agent_state import AgentState, AgentStatus
from router.assignment_inputs import AssignmentSettings, Needs
from router.instants import to_text
from router.workload import is_real_time, weight


class Filter(StrEnum):
    TEAM = "F1"
    DEACTIVATED = "F2"
    CHANNEL = "F3"
    OUT_OF_OFFICE = "F4"
    OFF_SHIFT = "F5"
    PRESENCE = "F6"
    EXCLUDED = "F7"
    SKILL = "F8"
    LANGUAGE = "F9"
    CAPACITY = "F10"
    FAIRNESS = "F11"


_FILTERS = tuple(Filter)

LEVEL_SHARES = (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1))
"""From which consumed share of the first/next target each level is allowed; a timer at each may decide anew."""

LAST_LEVEL = len(LEVEL_SHARES) - 1

RELAXED: tuple[tuple[Filter, ...], ...] = (
    (),
    (Filter.FAIRNESS,),
    (Filter.TEAM,),
    (Filter.PRESENCE, Filter.LANGUAGE),
    (Filter.OFF_SHIFT,),
)
"""The filters whose verdict a level can change against the level before."""


def allowed_level(consumed: Fraction) -> int:
    """The highest relaxation level once this share of the target is used (0.5 is half)."""
    return max(0, bisect_right(LEVEL_SHARES, consumed) - 1)


class Excluded(NamedTuple):
    """The first filter an agent failed. A tuple and no dataclass: a decision makes hundreds of them.

    `what` is the word behind it: the status, the skill, the language, the reason.
    """

    agent: AgentState
    filter: Filter
    what: str
    detail: str


class Sieve:
    """The filters of one decision. Each is asked once for all agents still in: two hundred agents, eleven loops."""

    def __init__(self, needs: Needs, settings: AssignmentSettings, now: datetime) -> None:
        self._needs = needs
        self._settings = settings
        self._now = now
        self._real_time = is_real_time(needs.channel_type)
        self._kept_away = {entry.agent: entry.reason for entry in reversed(needs.excluded) if entry.holds(now)}
        self._required = sorted(needs.required_skills)
        self._units = weight(needs.channel_type, needs.complaint, {})

    def kept_away(self, agent: str) -> str | None:
        """Why F7 keeps this agent away, None when it does not."""
        return self._kept_away.get(agent)

    def units(self, agent: AgentState) -> int:
        """What the conversation would cost this agent."""
        return agent.weight(self._needs.channel_type, self._needs.complaint) if agent.weights else self._units

    def split(
        self, agents: Iterable[AgentState], level: int, *, any_team: bool = False
    ) -> tuple[list[AgentState], list[Excluded]]:
        """Those whom all filters let pass at `level`, and the others with the first filter that does not.

        `any_team`: F1 is not asked, because a route names the agent before a team is found (step 2).
        """
        passing = list(agents)
        excluded: list[Excluded] = []
        for asked in _FILTERS[1:] if any_team else _FILTERS:
            failing = self._failing(asked, passing, level)
            if failing:
                excluded += self._with_reasons(asked, failing, level)
                gone = {agent.id for agent in failing}
                passing = [agent for agent in passing if agent.id not in gone]
        return passing, excluded

    def _failing(self, asked: Filter, agents: list[AgentState], level: int) -> list[AgentState]:
        needs, now = self._needs, self._now
        match asked:
            case Filter.TEAM:
                team, overflow = needs.team, needs.overflow_team if level >= 2 else None
                return [one for one in agents if team not in one.teams and overflow not in one.teams] if team else []
            case Filter.DEACTIVATED:
                return [one for one in agents if one.deactivated]
            case Filter.CHANNEL:
                channel = needs.channel
                return [one for one in agents if channel not in one.channels]
            case Filter.OUT_OF_OFFICE:
                return [one for one in agents if one.ooo_until is not None and one.out_of_office(now)]
            case Filter.OFF_SHIFT:
                off = [one for one in agents if one.shifts is not None and not one.on_shift(now)]
                return [one for one in off if level < 4 or not one.on_call]
            case Filter.PRESENCE:
                available = AgentStatus.AVAILABLE
                suspects = [one for one in agents if one.status is not available or one.do_not_disturb]
                return [one for one in suspects if self._absence(one, level)]
            case Filter.EXCLUDED:
                return [one for one in agents if one.id in self._kept_away] if self._kept_away else []
            case Filter.SKILL:
                lacking = {one.id for skill in self._required for one in agents if not one.level_of(skill, now)}
                return [one for one in agents if one.id in lacking] if lacking else []
            case Filter.LANGUAGE:
                language = needs.language
                if language is None or (level >= 3 and needs.language_fallback):
                    return []
                return [one for one in agents if language not in one.languages and not one.speaks(language)]
            case Filter.CAPACITY:
                usual = self._units
                return [
                    one
                    for one in agents
                    if one.load + (self.units(one) if one.weights else usual) > one.capacity or one.capacity <= 0
                ]
            case Filter.FAIRNESS:
                if level >= 1:
                    return []
                usual_limit = self._settings.window_limit
                own = [one for one in agents if one.window_limit is not None or one.window_count >= usual_limit]
                return [one for one in own if one.window_count >= self._window_limit(one)]

    def _with_reasons(self, asked: Filter, failing: list[AgentState], level: int) -> list[Excluded]:
        needs = self._needs
        match asked:
            case Filter.TEAM:
                detail = f"not in team {needs.team}"
                return [Excluded(one, asked, "", detail) for one in failing]
            case Filter.DEACTIVATED:
                return [Excluded(one, asked, "", "deactivated") for one in failing]
            case Filter.CHANNEL:
                detail = f"may not use channel {needs.channel}"
                return [Excluded(one, asked, needs.channel, detail) for one in failing]
            case Filter.OUT_OF_OFFICE:
                return [Excluded(one, asked, "", f"out of office{_until(one.ooo_until)}") for one in failing]
            case Filter.OFF_SHIFT:
                now = self._now
                return [Excluded(one, asked, "", f"off shift{_until(one.next_shift_at(now))}") for one in failing]
            case Filter.PRESENCE:
                absences = [(one, self._absence(one, level)) for one in failing]
                return [Excluded(one, asked, absence, absence.replace("_", " ")) for one, absence in absences]
            case Filter.EXCLUDED:
                return [Excluded(one, asked, self._kept_away[one.id], self._kept_away[one.id]) for one in failing]
            case Filter.SKILL:
                return [self._without_skill(one) for one in failing]
            case Filter.LANGUAGE:
                language = needs.language or ""
                return [Excluded(one, asked, language, f"does not speak {language}") for one in failing]
            case Filter.CAPACITY:
                return [
                    Excluded(one, asked, "", f"load {one.load}+{self.units(one)} > {one.capacity}") for one in failing
                ]
            case Filter.FAIRNESS:
                window = f"new in {self._settings.window // timedelta(minutes=1)} min, limit"
                return [
                    Excluded(one, asked, "", f"{one.window_count} {window} {self._window_limit(one)}")
                    for one in failing
                ]

    def _without_skill(self, agent: AgentState) -> Excluded:
        skill = self._missing_skill(agent)
        detail = f"certificate for {skill} has expired" if skill in agent.skills else f"lacks skill {skill}"
        return Excluded(agent, Filter.SKILL, skill, detail)

    def _absence(self, agent: AgentState, level: int) -> str:
        """F6: offline everywhere; away, break and do-not-disturb only where the customer waits in real time."""
        # Whoever is on call and called in off shift is not expected to have a status.
        if level >= 4 and agent.on_call and not agent.on_shift(self._now):
            return ""
        if agent.status is AgentStatus.OFFLINE:
            return AgentStatus.OFFLINE
        if not self._real_time:
            return ""
        if agent.status is AgentStatus.BREAK or (agent.status is AgentStatus.AWAY and level < 3):
            return agent.status
        return "do_not_disturb" if agent.do_not_disturb else ""

    def _missing_skill(self, agent: AgentState) -> str:
        """The first required skill, in order of name, that the agent does not have or whose certificate expired."""
        for skill in self._required:
            if not agent.level_of(skill, self._now):
                return skill
        return ""

    def _window_limit(self, agent: AgentState) -> int:
        return self._settings.window_limit if agent.window_limit is None else agent.window_limit


def _until(at: datetime | None) -> str:
    """Only the date for a time that is midnight UTC."""
    return "" if at is None else f" until {to_text(at).removesuffix('T00:00:00Z')}"
