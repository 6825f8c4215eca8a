"""A calendar as people write it (`service.md` 2.4): its mistakes in sentences, what looks odd, and the Calendar."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.calendars import ALL_DAY, Calendar
from router.openings import DAY, SECOND, Interval

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = frozenset({"id", "tz", "weekly", "exceptions", "coverage_end", "sources", "note", "always"})
CLOCK = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?")

Hours = tuple[Interval, ...]


class WrongCalendar(Exception):
    """A definition that cannot be used; `mistakes` are sentences, all of them."""

    def __init__(self, calendar: str, mistakes: tuple[str, ...]) -> None:
        super().__init__(f"calendar {calendar}: " + "; ".join(mistakes))
        self.mistakes = mistakes


def to_calendar(name: str, definition: Mapping[str, object], version: int = 1) -> Calendar:
    """The calendar a definition means. `{always: true}` is open day and night, in UTC unless `tz` is given.

    Raises WrongCalendar with every mistake at once.
    """
    reader = _Reader()
    calendar = reader.calendar(name, definition, version)
    if reader.mistakes:
        raise WrongCalendar(name, tuple(reader.mistakes))
    return calendar


def oddities(calendar: Calendar) -> tuple[str, ...]:
    """What is allowed and probably not meant: overlaps, no open time, exceptions beyond the covered dates."""
    found: list[str] = []
    for weekday, hours in zip(WEEKDAYS, calendar.weekly, strict=True):
        if _overlap(hours):
            found.append(f"{weekday}: the intervals overlap and count once; join them")
    for index, hours in enumerate(calendar.weekly):
        spill = max((each.end for each in hours if each.overnight), default=0)
        following = calendar.weekly[(index + 1) % 7]
        if any(each.start < spill for each in following):
            found.append(
                f"{WEEKDAYS[index]}: the overnight shift reaches into the hours of the next day and counts once"
            )
    for day, hours in sorted(calendar.exceptions.items()):
        if _overlap(hours):
            found.append(f"{day}: the intervals overlap and count once; join them")
    if not any(calendar.weekly) and not any(calendar.exceptions.values()):
        found.append("it never opens: no deadline in business time can be computed; give it weekly hours")
    end = calendar.coverage_end
    if end is not None and (late := [day for day in calendar.exceptions if day > end]):
        found.append(f"{min(late)} is an exception after coverage_end {end}: move coverage_end to the end of the data")
    if end is None and calendar.exceptions:
        found.append("it has exceptions but no coverage_end: results beyond its holidays are not flagged")
    return tuple(found)


def coverage_warning(calendar: Calendar, today: date) -> str | None:
    """From 1 November on, say when the holidays of the next year are missing; before, when today is beyond (D40)."""
    end = calendar.coverage_end
    if end is None:
        return None
    if today > end:
        return f"calendar {calendar.id} has holidays until {end} only: weekly hours apply; import the others"
    if today.month >= 11 and end < date(today.year + 1, 12, 31):
        return f"calendar {calendar.id} has holidays until {end}: import those of {today.year + 1}"
    return None


def coverage_days(calendar: Calendar, today: date) -> int | None:
    """Days of holiday data left, negative when it is over; None when the calendar needs none."""
    return None if calendar.coverage_end is None else (calendar.coverage_end - today).days


def _overlap(hours: Hours) -> bool:
    ends = [each.end + (DAY if each.overnight else 0) for each in sorted(hours)]
    return any(end > later.start for end, later in zip(ends, sorted(hours)[1:], strict=False))


class _Reader:
    """Reads one definition and collects its mistakes."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def calendar(self, name: str, definition: Mapping[str, object], version: int) -> Calendar:
        for key in sorted(set(definition) - KEYS):
            self.mistakes.append(f"{key}: unknown key; known are {', '.join(sorted(KEYS))}")
        always = definition.get("always") is True
        return Calendar(
            id=name,
            version=version,
            zone=self._zone(definition.get("tz", "UTC" if always else None)),
            weekly=((ALL_DAY,),) * 7 if always else self._weekly(definition.get("weekly")),
            exceptions=self._exceptions(definition.get("exceptions")),
            coverage_end=self._date("coverage_end", definition.get("coverage_end")),
        )

    def _zone(self, name: object) -> ZoneInfo:
        try:
            if isinstance(name, str):
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
        self.mistakes.append(f"tz: {name!r} is no time zone; write one like Asia/Shanghai")
        return ZoneInfo("UTC")

    def _weekly(self, given: object) -> tuple[Hours, ...]:
        if not isinstance(given, Mapping):
            self.mistakes.append('weekly: give the hours by day, like {mon: [["09:00", "18:00"]]}')
            return ((),) * 7
        for key in given:
            if key not in WEEKDAYS:
                self.mistakes.append(f"weekly: {key!r} is no day; days are {', '.join(WEEKDAYS)}")
        return tuple(self._hours(f"weekly.{day}", given.get(day, [])) for day in WEEKDAYS)

    def _exceptions(self, given: object) -> dict[date, Hours]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.mistakes.append("exceptions: give the hours by date, like {2026-10-01: []}")
            return {}
        found: dict[date, Hours] = {}
        for key, hours in given.items():
            if (day := self._date("exceptions", key)) is not None:
                if day in found:
                    self.mistakes.append(f"exceptions: {day} is given twice; keep one")
                found[day] = self._hours(f"exceptions.{day}", hours)
        return found

    def _date(self, where: str, given: object) -> date | None:
        if given is None:
            return None
        if isinstance(given, date) and not isinstance(given, datetime):
            return given
        try:
            if isinstance(given, str):
                return date.fromisoformat(given)
        except ValueError:
            pass
        self.mistakes.append(f"{where}: {given!r} is no date; write it like 2026-10-01")
        return None

    def _hours(self, where: str, given: object) -> Hours:
        if not isinstance(given, list | tuple):
            self.mistakes.append(f'{where}: give a list of intervals like [["09:00", "18:00"]], [] for closed')
            return ()
        return tuple(self._intervals(where, given))

    def _intervals(self, where: str, given: list[object] | tuple[object, ...]) -> Iterator[Interval]:
        for pair in given:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                self.mistakes.append(f'{where}: {pair!r} is no interval; write ["09:00", "18:00"]')
                continue
            start, end = self._clock(where, pair[0]), self._clock(where, pair[1])
            if start is None or end is None:
                continue
            if start == DAY:
                self.mistakes.append(f'{where}: an interval cannot start at "24:00"; write "00:00" on the next day')
            elif start == end:
                self.mistakes.append(f'{where}: start and end are equal; for the whole day write ["00:00", "24:00"]')
            else:
                yield Interval(start, end)

    def _clock(self, where: str, given: object) -> int | None:
        """Microseconds after midnight. YAML 1.1 reads an unquoted 10:00 as the number 600."""
        match = CLOCK.fullmatch(given) if isinstance(given, str) else None
        if match is not None:
            hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
            micros = ((hours * 60 + minutes) * 60 + seconds) * SECOND
            if minutes < 60 and seconds < 60 and micros <= DAY:
                return micros
        hint = " in quotes" if isinstance(given, int) else ""
        self.mistakes.append(f'{where}: {given!r} is no time of day; write it{hint} like "09:00" (last: "24:00")')
        return None
