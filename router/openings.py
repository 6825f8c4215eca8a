"""When a local time of day really happens: opening and closing instants in any zone, across gaps and folds (2.4).

Instants are whole microseconds since 1970-01-01T00:00Z. A day is a number of days since 1970-01-01 on the local
calendar. Nothing here knows about weeks or holidays.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROBE = 6 * 3600
"""Seconds between two looks at a zone's offset: two changes of one zone were never closer than this."""


class Interval(NamedTuple):
    """Opening hours of one day, half-open, in microseconds after midnight on the wall clock.

    `end` may be DAY ("24:00"). `end <= start`: an overnight shift that belongs to the day it starts on.
    """

    start: int
    end: int

    @property
    def overnight(self) -> bool:
        return self.end <= self.start


class Stretch(NamedTuple):
    """A stretch of time in which a zone's offset (microseconds east of UTC) does not change, half-open."""

    start: int
    end: int
    offset: int


def to_micros(at: datetime) -> int:
    """An aware instant in microseconds since the epoch, exactly."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_instant(micros: int) -> datetime:
    """The other way, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def local_day(micros: int, zone: ZoneInfo) -> int:
    """The number of the local day an instant falls on."""
    return (micros + _offset(micros // SECOND, zone) * SECOND) // DAY


def stretches(zone: ZoneInfo, first: int, last: int) -> list[Stretch]:
    """The stretches of constant offset that cover the local days `first` to `last`, in order."""
    low, high = (first - 2) * DAY // SECOND, (last + 3) * DAY // SECOND
    found: list[Stretch] = []
    begin, offset, seen = low, _offset(low, zone), low
    for probe in range(low + PROBE, high + PROBE, PROBE):
        now = _offset(probe, zone)
        if now != offset:
            change = _change(seen, probe, offset, zone)
            found.append(Stretch(begin * SECOND, change * SECOND, offset * SECOND))
            begin, offset = change, now
        seen = probe
    found.append(Stretch(begin * SECOND, (high + PROBE) * SECOND, offset * SECOND))
    return found


def _change(low: int, high: int, before: int, zone: ZoneInfo) -> int:
    """The first second in (low, high] at which the offset is no longer `before`."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(second: int, zone: ZoneInfo) -> int:
    """Seconds east of UTC."""
    shift = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    assert shift is not None
    return shift.days * 86_400 + shift.seconds


def span(day: int, interval: Interval, parts: list[Stretch]) -> tuple[int, int] | None:
    """The opening and closing instant of an interval on a local day; None when it never opens.

    A start in a gap opens at the transition, an end inside a fold closes after its second occurrence (A15-A18). A
    day that the zone skipped altogether has no opening hours.
    """
    midnight = day * DAY
    opening = _first(parts, midnight + interval.start, midnight + DAY)
    if opening is None:
        opening = _end(parts, midnight, midnight + DAY)  # the day is over before its wall clock reads that late
        if opening is None:
            return None
    base = midnight + DAY if interval.overnight else midnight
    closing = _end(parts, base, base + interval.end)
    if closing is None and interval.overnight:
        closing = _end(parts, midnight, midnight + DAY)  # "00:00", or a next day that begins later than the end
    return None if closing is None or closing <= opening else (opening, closing)


def _first(parts: list[Stretch], low: int, high: int) -> int | None:
    """The first instant whose wall clock is in [low, high)."""
    return min(
        (
            max(part.start, low - part.offset)
            for part in parts
            if max(part.start, low - part.offset) < min(part.end, high - part.offset)
        ),
        default=None,
    )


def _end(parts: list[Stretch], low: int, high: int) -> int | None:
    """The instant right after the last one whose wall clock is in [low, high)."""
    return max(
        (
            min(part.end, high - part.offset)
            for part in parts
            if max(part.start, low - part.offset) < min(part.end, high - part.offset)
        ),
        default=None,
    )
