"""How one round is judged: its target through every change of policy, its breach, and who it belongs to (2.3.7-2.3.10).

It looks at the history of policies and owners; what belongs to a round is decided in `router.rounds`.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from router.calendars import Calendar, NoOpenTime
from router.model import Round
from router.openings import to_instant, to_micros
from router.targets import Metric, Policy, Target, deadline_micros
from router.timeline import Outcome, Sla

BEGINNING = datetime.min.replace(tzinfo=UTC)
LAST = 1 << 62
"""A sequence number after every other one: the end of an instant."""

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

    def was_seen(self, composed: Position) -> bool:
        """D11: a reply answers only what was visible when it was composed."""
        return (self.received, self.seq) < composed


class Reply(NamedTuple):
    """What ends a round: who wrote it, when it was composed, and whether it was logged by hand."""

    author: str
    team: str | None
    composed: datetime
    seq: int
    holding: bool
    manual: bool

    def answers(self, message: Waiting) -> bool:
        return message.was_seen((self.composed, self.seq))


class Owner(NamedTuple):
    """From a place in the log on: the owner and team. `steady` is when this agent's unbroken ownership began."""

    since: datetime
    seq: int
    agent: str | None
    team: str | None
    steady: datetime


NOBODY = Owner(BEGINNING, 0, None, None, BEGINNING)


class Again(NamedTuple):
    """At a place in the log, rounds that start in [begin, end) and had ended were judged by other policies (D30)."""

    at: Position
    begin: datetime
    end: datetime
    channel: str | None
    openers: frozenset[str] | None
    policies: list[tuple[Position, Policy]]

    def reaches(self, opener: Waiting, end: Position) -> bool:
        """Whether it is about the round with this opener and end."""
        return (
            self.begin <= opener.start < self.end
            and end <= self.at
            and self.channel in (None, opener.channel)
            and (self.openers is None or opener.message in self.openers)
        )


@dataclass(slots=True)
class History:
    """Who owned the conversation and which policy applied, in the order of the log. Both begin before every event."""

    policies: list[tuple[Position, Policy]]
    owners: list[Owner] = field(default_factory=lambda: [NOBODY])
    again: list[Again] = field(default_factory=list)

    def of_round(self, opener: Waiting, end: Position) -> tuple["History", int]:
        """The history a round is judged by, and how many times it has been judged (D30)."""
        reached = [each for each in self.again if each.reaches(opener, end)]
        return (History(reached[-1].policies) if reached else self), 1 + len(reached)

    def assign(self, position: Position, agent: str | None, team: str | None) -> None:
        at, seq = position
        last = self.owners[-1]
        self.owners.append(Owner(at, seq, agent, team, last.steady if last.agent == agent else at))

    def owner(self, at: datetime, end: Position) -> Owner:
        """The assignment in force at an instant, as far as the log was known at `end`; one made exactly then counts."""
        owners = self.owners
        index = 1 if len(owners) == 1 else bisect_right(owners, at, key=_since)
        while owners[index - 1][:2] > end:
            index -= 1
        return owners[index - 1]

    def first_owner(self, begin: datetime, last: datetime, end: Position) -> datetime:
        """When somebody first owned it between two instants; the last when nobody did."""
        owner = self.owner(begin, end)
        if owner.agent is not None:
            return begin
        for step in self.owners[bisect_right(self.owners, begin, key=_since) :]:
            if step.since > last or step[:2] > end:
                break
            if step.agent is not None:
                return step.since
        return last

    def policy(self, at: Position) -> Policy:
        """The policy in force at a place in the log."""
        return self.policies[bisect_right(self.policies, at, key=_position) - 1][1]

    def in_force(self, known: Position, end: Position) -> tuple[Policy, list[tuple[Position, Policy]]]:
        """The policy in force when something became known, then every later one before its end (2.3.7)."""
        policies = self.policies
        first = bisect_right(policies, known, key=_position)
        last = first
        while last < len(policies) and policies[last][0] <= end:
            last += 1
        return policies[first - 1][1], policies[first:last]


def _position(step: tuple[Position, Policy]) -> Position:
    return step[0]


def _since(step: Owner) -> datetime:
    return step.since


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
    begin = to_micros(start)
    policy, later = history.in_force(known, end)
    target = policy.targets.get(metric)
    due, problem = _due(target, begin, policy.calendar)
    breached: datetime | None = None
    reason: str | None = None
    for (changed, _), policy in later:
        if breached is None and due is not None and changed > due:
            breached = due
        target = policy.targets.get(metric)
        due, problem = _due(target, begin, policy.calendar)
        if breached is None and due is not None and due < changed:
            breached, reason = changed, POLICY_CHANGE
    if breached is None and due is not None and end[0] > due:
        breached = due
    return Verdict(policy, target, due, breached, reason, problem)


def _due(target: Target | None, start: int, calendar: Calendar) -> tuple[datetime | None, str | None]:
    """The deadline, or why there is none although there is a target."""
    if target is None:
        return None, None
    try:
        return to_instant(deadline_micros(target, start, calendar)), None
    except NoOpenTime:
        return None, "no_open_time"


class Span(NamedTuple):
    """Which messages a round answers and where it ends: all of a round that the log alone decides (D1)."""

    messages: list[Waiting]
    end: Position
    outcome: Outcome
    cycle: int
    metric: Metric
    reply: Reply | None


def judge(span: Span, history: History, conversation: UUID) -> Round:
    """The span measured and judged by the policies and owners of its time."""
    messages, end, outcome, cycle, metric, reply = span
    opener = messages[0]
    known: Position = (opener.received, opener.seq)
    channels: tuple[str, ...] = (opener.channel,)
    if len(messages) > 1:
        opener = min(messages)
        known = min((each.received, each.seq) for each in messages)
        channels = tuple(dict.fromkeys(each.channel for each in messages))
    start, end_at = opener.start, end[0]
    policies, revision = history.of_round(opener, end) if history.again else (history, 1)
    judged = verdict(policies, metric, start, known, end)
    policy, breached = judged.policy, judged.breached_at
    calendar = policy.calendar
    begin, finish = to_micros(start), to_micros(end_at)
    blamed = NOBODY if breached is None else history.owner(breached, end)
    owned = history.owner(start, end)
    return Round(
        conversation=conversation,
        cycle=cycle,
        kind=metric,
        start_at=start,
        opener=UUID(opener.message),
        end_at=end_at,
        outcome=outcome,
        author=None if reply is None else reply.author,
        policy=policy.id,
        deadline=judged.due,
        breached_at=breached,
        sla=_sla(judged, outcome),
        business=timedelta(microseconds=calendar.business_micros(begin, finish)),
        out_of_hours=not calendar.is_open_micros(begin),
        calendar_uncertain=calendar.is_uncertain_micros(begin, finish) or _is_due_uncertain(judged, begin),
        channel=opener.channel,
        channels=channels,
        owner=owned.agent,
        team=owned.team,
        author_team=None if reply is None else reply.team,
        manual=reply is not None and reply.manual,
        received_at=opener.received,
        owned_at=None if reply is None else history.first_owner(opener.received, reply.composed, end),
        composed_at=None if reply is None else reply.composed,
        worked_from=None if reply is None else _worked_from(history, reply, start, end),
        policy_version=policy.version,
        calendar=calendar.id,
        calendar_version=calendar.version,
        target=judged.target,
        breach_agent=blamed.agent,
        breach_team=blamed.team,
        breach_reason=judged.reason,
        problem=judged.problem,
        revision=revision,
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


def _is_due_uncertain(judged: Verdict, begin: int) -> bool:
    """Whether the deadline lies where the calendar has no holiday data (D40)."""
    if judged.due is None or judged.target is None or judged.target.by_wall:
        return False
    calendar = judged.policy.calendar
    return calendar.coverage_end is not None and calendar.is_uncertain_micros(begin, to_micros(judged.due))


def _worked_from(history: History, reply: Reply, start: datetime, end: Position) -> datetime:
    """The later of the round's start and the author's own ownership; the start for anybody else (2.3.10)."""
    owned = history.owner(reply.composed, end)
    return max(start, owned.steady) if owned.agent == reply.author else start
