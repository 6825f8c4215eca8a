"""What promises need to know of a business calendar, and the adapter of ours to it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from router.calendars import Calendar


class BusinessCalendar(Protocol):
    """Working days and their borders as instants in `tz`; None on a day without opening hours."""

    @property
    def tz(self) -> ZoneInfo: ...

    def close_of_nth_working_day(self, start: datetime, n: int) -> datetime:
        """Closing time of the n-th working day after the local date of `start`, which is not counted (D28)."""
        ...

    def opening(self, day: date) -> datetime | None: ...

    def closing(self, day: date) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Workdays:
    """A `Calendar` as promises read it."""

    calendar: Calendar

    @property
    def tz(self) -> ZoneInfo:
        return self.calendar.zone

    def close_of_nth_working_day(self, start: datetime, n: int) -> datetime:
        return self.calendar.add_business_days(start, n).astimezone(self.tz)

    def opening(self, day: date) -> datetime | None:
        return min((begin.astimezone(self.tz) for begin, _ in self.calendar.spans(day)), default=None)

    def closing(self, day: date) -> datetime | None:
        return max((end.astimezone(self.tz) for _, end in self.calendar.spans(day)), default=None)
