"""When people must be told about a conversation if nothing happens before: warnings and breaches, for the timers.

An alarm is named by what it is about and its level, so that each is given once however often they are computed (D29).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from router.calendars import Calendar, NoOpenTime
from router.model import Round, Status
from router.targets import Metric, warnings
from router.timeline import Timeline

BREACH = "breach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`since` is the start of what is timed; with metric and level it names the alarm. `level` is "50", "75", "90",
    "4h", "1h" or "breach"; a breach is dated `due_at`, whenever it is noticed (D17)."""

    metric: Metric
    level: str
    since: datetime
    due_at: datetime


def alarms(figures: Timeline) -> tuple[Alarm, ...]:
    """Every alarm of the running cycle, past ones included, earliest first; none for a void conversation."""
    if not figures.cycles:
        return ()
    cycle, waiting = figures.cycles[-1], figures.waiting
    found = [] if waiting is None else list(_waiting(waiting, figures.calendar))
    ack, clock, updates = cycle.ack, cycle.resolution, cycle.updates
    unanswered = ack.took is None and cycle.any_response is None and clock.state is not Status.RESOLVED
    if (due := ack.breached_at or (ack.due_at if unanswered else None)) is not None:
        found.append(Alarm(metric=Metric.ACK, level=BREACH, since=cycle.start_at, due_at=due))
    if (due := clock.breached_at or clock.due_at) is not None:
        found.append(Alarm(metric=Metric.RESOLUTION, level=BREACH, since=cycle.start_at, due_at=due))
    if updates is not None and updates.due_at is not None and updates.since is not None:
        found.append(Alarm(metric=Metric.UPDATE, level=BREACH, since=updates.since, due_at=updates.due_at))
    return tuple(sorted(found, key=lambda alarm: alarm.due_at))


def _waiting(waiting: Round, calendar: Calendar) -> Iterator[Alarm]:
    """Those of the round whose customer waits; after a breach its warnings are of no use any more."""
    metric, since = Metric(waiting.kind), waiting.start_at
    if waiting.breached_at is not None:
        yield Alarm(metric=metric, level=BREACH, since=since, due_at=waiting.breached_at)
    elif waiting.target is not None and waiting.deadline is not None:
        yield Alarm(metric=metric, level=BREACH, since=since, due_at=waiting.deadline)
        try:
            for early in warnings(waiting.target, since, calendar):
                yield Alarm(metric=metric, level=early.level, since=since, due_at=early.due_at)
        except NoOpenTime:
            return
