"""How one round is judged: its target through every change of policy, its breach, and who it belongs to (2.3.7-2.3.10).

It looks at the history of policies and owners; what belongs to a round is decided in `router.rounds`.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from router.calendars import NoOpenTime
from router.model import Round
from router.openings import to_instant, to_micros
from router.targets import Metric, Policy, Target, deadline_micros
from router.timeline import Outcome, Sla

BEGINNING = datetime.min.replace(tzinfo=UTC)
POLICY_CHANGE = "policy_change"

Position = tuple[datetime, int]
"""A place in the log: instant and sequence number."""


class Waiting(NamedTuple):
    """A customer message without an answer: its effective time, then its place in the log."""

    start: datetime
    received: datetime
    seq: int
    message: str
    channel: str


class Reply(NamedTuple):
    """What ends a round: who wrote it, when it was composed, and whether it was logged by hand."""

    author: str
    team: str | None
    composed: datetime
    seq: int
    holding: bool
    manual: bool

    def answers(self, message: Waiting) -> bool:
        """D11: only what was visible when it was composed."""
        return (message.received, message.seq) < (self.composed, self.seq)


class Ownership(NamedTuple):
    """From `since`: the owner and team. `steady` is when this agent's uninterrupted ownership began."""

    since: datetime
    agent: str | None
    team: str | None
    steady: datetime


@dataclass(slots=True)
class History:
    """Who owned the conversation and which policy applied, in the order of the log."""

    owners: list[Ownership] = field(default_factory=list)
    owned_since: list[datetime] = field(default_factory=list)
    policies: list[tuple[Position, Policy]] = field(default_factory=list)

    def assign(self, at: datetime, agent: str | None, team: str | None) -> None:
        last = self.owners[-1] if self.owners else None
        steady = last.steady if last is not None and last.agent == agent else at
        self.owners.append(Ownership(at, agent, team, steady))
        self.owned_since.append(at)

    def owner(self, at: datetime) -> Ownership | None:
        """The assignment in force at an instant: one made exactly then counts."""
        index = bisect_right(self.owned_since, at)
        return self.owners[index - 1] if index else None

    def first_owner(self, begin: datetime, end: datetime) -> datetime:
        """When somebody first owned it between two instants; the end when nobody did."""
        index = bisect_right(self.owned_since, begin)
        if index and self.owners[index - 1].agent is not None:
            return begin
        for step in self.owners[index:]:
            if step.since > end:
                break
            if step.agent is not None:
                return step.since
        return end

    def in_force(self, known: Position, end: Position) -> Iterator[tuple[Position | None, Policy]]:
        """The policy in force when something became known, then every later one before its end (2.3.7)."""
        begin = bisect_right(self.policies, known, key=_position) - 1 if len(self.policies) > 1 else 0
        yield None, self.policies[begin][1]
        for position, policy in self.policies[begin + 1 :]:
            if position > end:
                return
            yield position, policy


def _position(step: tuple[Position, Policy]) -> Position:
    return step[0]


class Verdict(NamedTuple):
    """The policy a round is judged by at its end, and its breach."""

    policy: Policy
    target: Target | None
    due: datetime | None
    breached_at: datetime | None
    reason: str | None
    problem: str | None


def verdict(history: History, metric: Metric, start: datetime, known: Position, end: Position) -> Verdict:
    """D17 and D27: deadlines run from the start; a breach stands; at most one; a new deadline that is already past
    breaches at the change."""
    due: datetime | None = None
    breached: datetime | None = None
    reason: str | None = None
    problem: str | None = None
    begin = to_micros(start)
    for changed, policy in history.in_force(known, end):
        if changed is not None and breached is None and due is not None and changed[0] > due:
            breached = due
        target = policy.targets.get(metric)
        due = problem = None
        if target is not None:
            try:
                due = to_instant(deadline_micros(target, begin, policy.calendar))
            except NoOpenTime:
                problem = "no_open_time"
        if changed is not None and breached is None and due is not None and due < changed[0]:
            breached, reason = changed[0], POLICY_CHANGE
    if breached is None and due is not None and end[0] > due:
        breached = due
    return Verdict(policy, target, due, breached, reason, problem)


def judge(
    messages: list[Waiting],
    end: Position,
    outcome: Outcome,
    history: History,
    *,
    conversation: UUID,
    cycle: int,
    metric: Metric,
    reply: Reply | None = None,
) -> Round:
    """The round of some messages that ends at a place in the log (D1)."""
    if len(messages) == 1:
        opener = messages[0]
        known: Position = (opener.received, opener.seq)
        channels: tuple[str, ...] = (opener.channel,)
    else:
        opener = min(messages)
        known = min((each.received, each.seq) for each in messages)
        channels = tuple(dict.fromkeys(each.channel for each in messages))
    start, end_at = opener.start, end[0]
    judged = verdict(history, metric, start, known, end)
    calendar = judged.policy.calendar
    begin, finish = to_micros(start), to_micros(end_at)
    blamed = None if judged.breached_at is None else history.owner(judged.breached_at)
    owned = history.owner(start)
    return Round(
        conversation=conversation,
        cycle=cycle,
        kind=metric.value,
        start_at=start,
        opener=UUID(opener.message),
        end_at=end_at,
        outcome=outcome.value,
        author=None if reply is None else reply.author,
        policy=judged.policy.id,
        deadline=judged.due,
        breached_at=judged.breached_at,
        sla=_sla(judged, outcome).value,
        business=calendar.business(start, end_at),
        out_of_hours=not calendar.is_open_micros(begin),
        calendar_uncertain=calendar.is_uncertain_micros(begin, finish)
        or (judged.due is not None and calendar.is_uncertain_micros(begin, to_micros(judged.due))),
        channel=opener.channel,
        channels=channels,
        owner=None if owned is None else owned.agent,
        team=None if owned is None else owned.team,
        author_team=None if reply is None else reply.team,
        manual=reply is not None and reply.manual,
        received_at=opener.received,
        owned_at=None if reply is None else history.first_owner(opener.received, reply.composed),
        composed_at=None if reply is None else reply.composed,
        worked_from=None if reply is None else _worked_from(history, reply, start),
        policy_version=judged.policy.version,
        calendar=calendar.id,
        calendar_version=calendar.version,
        target=judged.target,
        breach_agent=None if blamed is None else blamed.agent,
        breach_team=None if blamed is None else blamed.team,
        breach_reason=judged.reason,
        problem=judged.problem,
    )


def _sla(judged: Verdict, outcome: Outcome) -> Sla:
    if judged.breached_at is not None:
        return Sla.BREACHED
    if judged.due is None:
        return Sla.NONE
    match outcome:
        case Outcome.ANSWERED:
            return Sla.MET
        case Outcome.CLOSED_NO_REPLY:
            return Sla.CANCELLED
        case Outcome.OPEN:
            return Sla.RUNNING


def _worked_from(history: History, reply: Reply, start: datetime) -> datetime:
    """The later of the round's start and the author's own ownership; the start for anybody else (2.3.10)."""
    owned = history.owner(reply.composed)
    if owned is None or owned.agent != reply.author:
        return start
    return max(start, owned.steady)
