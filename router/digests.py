"""When leads are told at set times, and where: who waits for an owner, and how the days since the last one went."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from router.calendars import ALWAYS, Calendar

LOOK_BACK = 31
"""Days among which the last working day is sought."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRules:
    """The digests of one team, of the conversations with that `team` (None: with none), to an `address` on a desk's
    `channel`: every `queue_every` while somebody waits longer than `queue_after` for an owner and `calendar` is open,
    and on its working days at `daily_at`. None: never."""

    team: str | None
    name: str
    channel: str
    address: str
    queue_every: timedelta | None = None
    queue_after: timedelta = timedelta(0)
    daily_at: time | None = None
    calendar: Calendar = ALWAYS


@dataclass(frozen=True, slots=True)
class Days:
    """The days a daily digest is about: from `begin` to the midnight before it, in the calendar's zone."""

    begin: datetime
    end: datetime

    @property
    def label(self) -> str:
        """ "Fri 20 Nov", or the first and the last of several days."""
        first, last = self.begin.date(), self.end.date() - timedelta(days=1)
        return f"{first:%a %d %b}" if first == last else f"{first:%a %d %b} – {last:%a %d %b}"


def queue_slot(rules: DigestRules, now: datetime) -> datetime | None:
    """The latest time at which the queue is to be told of, the same on every node; None while nobody works."""
    if rules.queue_every is None or not rules.calendar.is_open(now):
        return None
    return now - (now - _EPOCH) % rules.queue_every


def is_due(rules: DigestRules, now: datetime) -> bool:
    """Whether today is a working day and the time of its digest has come. One that was missed is made up for on the
    same day."""
    if rules.daily_at is None:
        return False
    local = now.astimezone(rules.calendar.zone)
    return local.time() >= rules.daily_at and bool(rules.calendar.spans(local.date()))


def days_before(rules: DigestRules, now: datetime) -> Days:
    """Yesterday, and the days before it back to the last on which somebody worked."""
    zone = rules.calendar.zone
    today = now.astimezone(zone).date()
    first = next((day for day in _back(today) if rules.calendar.spans(day)), today - timedelta(days=1))
    return Days(datetime.combine(first, time(), zone), datetime.combine(today, time(), zone))


def _back(today: date) -> Iterator[date]:
    return (today - timedelta(days=number) for number in range(1, LOOK_BACK + 1))
