"""The figures of one cycle from what the fold noted about it (2.3.3, D4, D6, D7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router.calendars import NoOpenTime
from router.clocks import Course, Segment, acknowledgement, resolution, updates
from router.judging import LAST, History, Position, Waiting
from router.model import Round, Status
from router.targets import Metric, Policy
from router.timeline import Cycle, FirstResponse, Updates


@dataclass(slots=True)
class CycleRecord:
    """A cycle being folded. `opened` is its place in the log, `channel` where that was said, `first` its first eligible
    customer message."""

    number: int
    start: datetime
    opened: Position
    channel: str
    bot_first: bool
    first: Waiting | None = None
    last: Waiting | None = None
    human_seen: bool = False
    agent_first: bool = False
    takeover: bool = False
    any_at: datetime | None = None
    ack_at: datetime | None = None
    human_at: datetime | None = None
    substantive_at: datetime | None = None
    receipt_applies: bool = True
    pauses: int = 0
    reopens: int = 0
    first_resolved: datetime | None = None
    last_resolved: datetime | None = None
    told: list[datetime] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    answered: int | None = None
    unanswered: bool = False


def figures(
    cycle: CycleRecord,
    history: History,
    rounds: Sequence[Round],
    now: datetime,
    *,
    status: Status,
    waiting: bool,
    running: tuple[Segment, ...] = (),
) -> Cycle:
    """What the cycle comes to now. `waiting`: customer messages of it are unanswered; `running`: its last stretch."""
    end: Position = (now, LAST)
    if status is Status.RESOLVED and cycle.last_resolved is not None:
        end = (cycle.last_resolved, LAST)  # later policies do not reach what is closed (D30)
    first = None if cycle.agent_first else cycle.first
    answered = None if cycle.answered is None else rounds[cycle.answered]
    course = Course(
        segments=(*cycle.segments, *running),
        status=status,
        reopens=cycle.reopens,
        first_resolved=cycle.first_resolved,
    )
    return Cycle(
        number=cycle.number,
        start_at=cycle.start,
        channel=cycle.channel,
        first_response=_first_response(cycle, waiting),
        first=answered,
        any_response=_since(first, cycle.any_at),
        human_from_first=_since(first, cycle.human_at),
        substantive=None
        if answered is None or cycle.substantive_at is None
        else cycle.substantive_at - answered.start_at,
        illegitimate_pauses=cycle.pauses,
        ack=acknowledgement(history, first, cycle.ack_at, cycle.any_at, cycle.receipt_applies, end),
        resolution=resolution(course, history, cycle.opened, end),
        updates=_updates(
            cycle, history.policy(end), None if status is not Status.RESOLVED else cycle.last_resolved, now
        ),
    )


def _first_response(cycle: CycleRecord, waiting: bool) -> FirstResponse:
    if cycle.answered is not None:
        return FirstResponse.ANSWERED
    if cycle.agent_first:
        return FirstResponse.NOT_APPLICABLE
    if cycle.takeover:
        return FirstResponse.TAKEOVER
    if waiting and not cycle.human_seen:
        return FirstResponse.WAITING
    if cycle.unanswered:
        return FirstResponse.CLOSED_NO_REPLY
    return FirstResponse.BOT_ONLY if cycle.bot_first else FirstResponse.NOT_APPLICABLE


def _updates(cycle: CycleRecord, policy: Policy, closed: datetime | None, now: datetime) -> Updates | None:
    target = policy.targets.get(Metric.UPDATE)
    if target is None:
        return None
    try:
        return updates(target, policy.calendar, cycle.start, cycle.told, closed, now)
    except NoOpenTime:
        return None


def _since(first: Waiting | None, at: datetime | None) -> timedelta | None:
    return None if first is None or at is None else at - first.start
