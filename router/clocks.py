"""The clocks of a cycle that are not rounds: resolution, acknowledgement and periodic update (2.3.8, 2.3.12, D20)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from router.calendars import Calendar, NoOpenTime
from router.judging import POLICY_CHANGE, History, Position, Waiting, verdict
from router.model import Status
from router.openings import to_instant, to_micros
from router.targets import Metric, Policy, Target, deadline, deadline_micros, elapsed_micros, later_micros
from router.timeline import Acknowledgement, Resolution, Updates

DEFAULT = Target(seconds=1)
"""Says which states count and on which clock where a policy has no resolution target; its length is not used."""


class Segment(NamedTuple):
    """A stretch of a cycle in one status."""

    begin: datetime
    end: datetime
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The status of a cycle from its start until now."""

    segments: Sequence[Segment]
    status: Status
    reopens: int
    first_resolved: datetime | None


def resolution(course: Course, history: History, start: Position, now: Position) -> Resolution:
    """The sum of the counted stretches, each on the target's clock, and when it exceeded the target (2.3.8, D27)."""
    policy, later = history.in_force(start, now)
    phases: list[tuple[Position | None, Policy]] = [(None, policy), *later]
    policy = phases[-1][1]
    target = policy.targets.get(Metric.RESOLUTION)
    breached, reason = _exceeded(course, phases)
    measured = target or DEFAULT
    total = _sum(course.segments, measured, policy.calendar, None)
    running = course.status.value in measured.counts
    return Resolution(
        state=course.status,
        total=timedelta(microseconds=total),
        first=None
        if course.first_resolved is None
        else timedelta(microseconds=_sum(course.segments, measured, policy.calendar, course.first_resolved)),
        reopens=course.reopens,
        breached_at=breached,
        breach_reason=reason,
        due_at=_due(course, target, policy.calendar, total, now[0])
        if target and running and breached is None
        else None,
    )


def _sum(segments: Iterable[Segment], target: Target, calendar: Calendar, until: datetime | None) -> int:
    """Counted microseconds, up to an instant if one is given."""
    return sum(
        elapsed_micros(target, to_micros(each.begin), to_micros(each.end), calendar)
        for each in segments
        if each.status.value in target.counts and (until is None or each.end <= until)
    )


def _exceeded(course: Course, phases: Sequence[tuple[Position | None, Policy]]) -> tuple[datetime | None, str | None]:
    """The first instant at which the sum was over the target then in force, and whether a change of policy did it."""
    for index, (changed, policy) in enumerate(phases):
        target = policy.targets.get(Metric.RESOLUTION)
        if target is None:
            continue
        begin = None if changed is None else changed[0]
        later = phases[index + 1][0] if index + 1 < len(phases) else None
        pieces = [
            piece
            for each in course.segments
            if each.status.value in target.counts
            for piece in _cut(each, begin, None if later is None else later[0])
        ]
        try:
            found = _over(pieces, begin, target, policy.calendar, course.segments[0].begin)
        except NoOpenTime:
            continue
        if found is not None:
            return found
    return None, None


def _over(
    pieces: Iterable[Segment], begin: datetime | None, target: Target, calendar: Calendar, start: datetime
) -> tuple[datetime, str | None] | None:
    """Where the pieces since `begin` go over the target; those before count and were judged by their own policy."""
    spent = 0
    fixed = None if target.business_days is None else deadline_micros(target, to_micros(start), calendar)
    for piece in pieces:
        low, high = to_micros(piece.begin), to_micros(piece.end)
        lasted = elapsed_micros(target, low, high, calendar)
        if begin is None or piece.begin >= begin:
            if fixed is not None:
                if high > fixed:
                    return max(piece.begin, to_instant(fixed)), POLICY_CHANGE if begin and low > fixed else None
            elif spent > target.micros:
                return piece.begin, POLICY_CHANGE
            elif spent + lasted > target.micros:
                return to_instant(later_micros(target, low, target.micros - spent, calendar)), None
        spent += lasted
    return None


def _cut(segment: Segment, begin: datetime | None, end: datetime | None) -> Iterable[Segment]:
    """The segment until `end`, split at `begin`."""
    last = segment.end if end is None else min(segment.end, end)
    if begin is not None and segment.begin < begin < last:
        yield segment._replace(end=begin)
        yield segment._replace(begin=begin, end=last)
    elif segment.begin < last:
        yield segment._replace(end=last)


def _due(course: Course, target: Target, calendar: Calendar, total: int, now: datetime) -> datetime | None:
    try:
        if target.business_days is not None:
            return deadline(target, course.segments[0].begin, calendar)
        return to_instant(later_micros(target, to_micros(now), target.micros - total, calendar))
    except NoOpenTime:
        return None


def acknowledgement(
    history: History,
    first: Waiting | None,
    receipt: datetime | None,
    answered: datetime | None,
    applies: bool,
    now: Position,
) -> Acknowledgement:
    """The automatic receipt against its target: the receipt or any answer ends it (RT-3, decisions 19)."""
    if first is None:
        return Acknowledgement(took=None, applies=False)
    took = None if receipt is None else receipt - first.start
    ended = min((at for at in (receipt, answered) if at is not None), default=None)
    judged = verdict(
        history, Metric.ACK, first.start, (first.received, first.seq), now if ended is None else (ended, now[1])
    )
    return Acknowledgement(
        took=took,
        applies=applies,
        due_at=judged.due if applies else None,
        breached_at=judged.breached_at if applies else None,
    )


def updates(
    target: Target,
    calendar: Calendar,
    opened: datetime,
    told: Iterable[datetime],
    closed: datetime | None,
    now: datetime,
) -> Updates:
    """Gaps between opening, each public human message, and closing or now; each one over the target is a breach at
    its start plus the target (2.3.12). Gaps are measured on the target's clock."""
    ends = [*sorted(at for at in told if at > opened and (closed is None or at <= closed)), closed or now]
    longest = 0
    breaches: list[datetime] = []
    begin = opened
    for end in ends:
        gap = elapsed_micros(target, to_micros(begin), to_micros(end), calendar)
        longest = max(longest, gap)
        if target.business_days is None:
            if gap > target.micros:
                breaches.append(deadline(target, begin, calendar))
        elif end > (due := deadline(target, begin, calendar)):
            breaches.append(due)
        last, begin = begin, end
    since = None if closed is not None else last
    return Updates(
        longest=timedelta(microseconds=longest),
        breaches=tuple(breaches),
        since=since,
        due_at=None if since is None else deadline(target, since, calendar),
    )
