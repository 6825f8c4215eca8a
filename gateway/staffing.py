"""The assignment rules' view of a situation: every agent's state, what a conversation needs, how long it waits."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from router.agent_state import AgentState, Shift
from router.assignment_inputs import Inputs, Needs, PastOwner
from router.calendars import Calendar
from router.model import Priority
from router.openings import to_micros
from router.queue_order import Waiting
from router.rulebook import Agent, Rulebook
from router.targets import Metric, elapsed_micros
from router.workload import Work, load
from storage.agents import AgentRow
from storage.assignments import Held, Past, Queued, Situation

SHIFTS_AHEAD = timedelta(days=8)
"""How far ahead shifts are known: the next one is sought in it."""

_COMPLAINTS = frozenset({Priority.COMPLAINT, Priority.URGENT})


class Staff:
    """Agents as assignment sees them. A state is built anew only when something about the agent changed: building two
    hundred of them costs more than a decision."""

    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules
        self._channels = frozenset(rules.channels) - {route.desk.channel for route in rules.routes}
        self._languages = frozenset(each.lower() for agent in rules.agents.values() for each in agent.languages)
        self._everyone = any(not agent.languages for agent in rules.agents.values())
        self._kept: dict[str, tuple[object, AgentState]] = {}

    def speaks(self, language: str | None) -> str | None:
        """The language to look for; None when nobody claims to speak it, so that it tells nobody apart."""
        if language is None:
            return None
        language = language.lower()
        if self._everyone and language not in self._languages:
            self._languages |= {language}
            self._kept.clear()
        known = language in self._languages or language.partition("-")[0] in self._languages
        return language if known else None

    def states(self, situation: Situation) -> dict[str, AgentState]:
        """Every configured agent, with what they carry now; an open offer counts as carried."""
        work: dict[str, list[Work]] = {}
        for held in situation.held:
            work.setdefault(held.agent, []).append(work_of(held, self._rules))
        return {
            agent.id: self._state(agent, situation, work.get(agent.id, ())) for agent in self._rules.agents.values()
        }

    def _state(self, agent: Agent, situation: Situation, work: Sequence[Work]) -> AgentState:
        row = situation.agents.get(agent.id)
        units = load(work, situation.now, agent.weights) if work else 0
        window = situation.given.get(agent.id, 0)
        day = None if agent.shifts is None else situation.now.date()
        key = (row, units, window, day)
        kept = self._kept.get(agent.id)
        if kept is not None and kept[0] == key:
            return kept[1]
        state = self._build(agent, row, units, window, situation.now)
        self._kept[agent.id] = (key, state)
        return state

    def _build(self, agent: Agent, row: AgentRow | None, units: int, window: int, now: datetime) -> AgentState:
        return AgentState(
            id=agent.id,
            name=agent.name,
            teams=frozenset(agent.teams),
            channels=frozenset(agent.channels) or self._channels,
            languages=frozenset(each.lower() for each in agent.languages) or self._languages,
            skills=agent.skills,
            capacity=agent.capacity,
            weights=agent.weights,
            on_call=agent.on_call,
            ooo_until=None if row is None else row.ooo_until,
            shifts=None if agent.shifts is None else _shifts(agent.shifts, now),
            status=self._rules.assignment.default_status if row is None else row.status,
            status_at=None if row is None else row.since,
            last_assigned_at=None if row is None else row.last_assigned_at,
            load=units,
            window_count=window,
        )


def _shifts(calendar: Calendar, now: datetime) -> tuple[Shift, ...]:
    """The working time from yesterday on; made anew every day."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    spans = calendar.stretches(midnight - timedelta(days=1), midnight + SHIFTS_AHEAD)
    return tuple(Shift(start_at=begin, end_at=end) for begin, end in spans)


def work_of(held: Held, rules: Rulebook) -> Work:
    return Work(
        conversation=held.id.hex,
        channel_type=rules.channel(held.channel).type,
        complaint=held.priority in _COMPLAINTS,
        open_round=held.waiting_since is not None,
        last_public_at=held.last_public_at,
    )


def owner_state(agent: str, states: Mapping[str, AgentState]) -> AgentState:
    """Whoever is not configured any more is deactivated."""
    return states.get(agent) or AgentState(id=agent, deactivated=True)


def waiting_of(queued: Queued) -> Waiting:
    return Waiting(
        id=queued.id.hex,
        priority=queued.priority,
        start=queued.waiting_since,
        deadline=None if queued.running is None else queued.running.deadline,
    )


def consumed(queued: Queued, now: datetime, rules: Rulebook) -> Fraction:
    """Which share of the first or next target is used, on the target's own clock; 0 without one."""
    running = queued.running
    if running is None:
        return Fraction(0)
    policy = rules.terms.policies.get((running.policy, running.policy_version))
    target = None if policy is None else policy.targets.get(Metric(running.metric))
    if policy is None or target is None:
        return Fraction(0)
    start, end = to_micros(running.start_at), to_micros(running.deadline)
    whole = elapsed_micros(target, start, end, policy.calendar)
    return Fraction(elapsed_micros(target, start, to_micros(now), policy.calendar), whole) if whole else Fraction(1)


def inputs_of(
    queued: Queued,
    past: Past,
    staff: Staff,
    states: Mapping[str, AgentState],
    rules: Rulebook,
    now: datetime,
    share: Fraction,
    trigger: str,
) -> Inputs:
    """Everything one decision reads. Agents of other teams are left out: no level lets them pass F1. The version of the
    configuration is a number made of its revision."""
    route = rules.route(queued.route)
    team = None if queued.team is None else rules.teams.get(queued.team)
    named = None if route is None else route.agent
    needs = Needs(
        conversation=queued.id.hex,
        channel=queued.channel,
        channel_type=rules.channel(queued.channel).type,
        assign_to=named,
        route=queued.route,
        team=None if team is None else team.id,
        team_name="" if team is None else team.name,
        overflow_team=None if team is None else team.overflow,
        language=staff.speaks(queued.language),
        language_fallback=route is not None and route.language_fallback,
        topic=queued.topic,
        complaint=queued.priority in _COMPLAINTS,
        required_skills=frozenset(() if route is None else route.required_skills),
        preferred_skills=frozenset(() if route is None else route.preferred_skills),
        excluded=tuple(past.exclusions),
        target_consumed=share,
    )
    history = tuple(owner for conversation, owner in past.owners if conversation != queued.id)
    return Inputs(
        now=now,
        needs=needs,
        agents=tuple(_eligible(needs, states.values())),
        history=_last_of_each(history),
        settings=rules.assignment.settings,
        trigger=trigger,
        config_version=zlib.crc32(rules.revision.encode()),
    )


def _eligible(needs: Needs, states: Iterable[AgentState]) -> Iterable[AgentState]:
    if needs.team is None:
        return states
    teams = {needs.team, needs.overflow_team}
    return (state for state in states if not teams.isdisjoint(state.teams) or state.id == needs.assign_to)


def _last_of_each(history: Iterable[PastOwner]) -> tuple[PastOwner, ...]:
    """Of a customer with a long past only what counts: each agent's last time with each topic."""
    last: dict[tuple[str, str | None], PastOwner] = {}
    for past in history:
        known = last.get((past.agent, past.topic))
        if known is None or past.at > known.at:
            last[past.agent, past.topic] = past
    return tuple(last.values())
