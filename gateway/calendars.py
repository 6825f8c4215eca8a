"""Calendars from files: the shipped and the shop's own YAML, holidays from the `holidays` library or an iCal file.

Imports never need the network and never guess: what a library only estimates is refused unless it is asked for.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import yaml

from router.calendar_definitions import WEEKDAYS, WrongCalendar, to_calendar
from router.calendars import Calendar

YEARLY = frozenset({"CN"})
"""Countries whose holidays and make-up days the government publishes year by year."""

WORKING = re.compile(r"补班|调班|(?<!不)上班|[(\[]班[)\]]|\bmake-?up\b|(?<!non-)(?<!not a )\bworking day\b")
"""What in the title of an iCal entry makes it a working day instead of a holiday, after NFKC and case folding."""

Definition = Mapping[str, Any]
Hours = list[list[str]]


class WrongCalendars(Exception):
    """A file or an import that cannot be used; the text is for people, one sentence a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The days of one year that differ from the weekly hours, and what was left out and why."""

    year: int
    exceptions: Mapping[date, Hours]
    source: Mapping[str, object]
    certain: bool = True
    notes: tuple[str, ...] = field(default=())


def load(path: Path, version: int = 1) -> dict[str, Calendar]:
    """The calendars of a YAML file by id. Raises WrongCalendars with every mistake of the file at once."""
    return to_calendars(definitions(path), version, str(path))


def definitions(path: Path) -> dict[str, Definition]:
    """The definitions as written. Raises WrongCalendars."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongCalendars(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise WrongCalendars(f"{path} is not valid YAML: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(each, dict) for each in given.values()):
        raise WrongCalendars(f"{path}: give calendars by id, like {{CN_STD: {{tz: Asia/Shanghai, weekly: {{...}}}}}}")
    return {str(name): definition for name, definition in given.items()}


def to_calendars(given: Mapping[str, Definition], version: int = 1, place: str = "calendars") -> dict[str, Calendar]:
    """Definitions by id as calendars. Raises WrongCalendars with every mistake at once."""
    found: dict[str, Calendar] = {}
    mistakes: list[str] = []
    for name, definition in given.items():
        try:
            found[name] = to_calendar(name, definition, version)
        except WrongCalendar as error:
            mistakes += [f"{place}: {name}: {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise WrongCalendars("\n".join(mistakes))
    return found


def from_holidays(
    definition: Definition, country: str, year: int, subdivision: str | None = None, *, guesses: bool = False
) -> Imported:
    """The holidays of one year from the `holidays` library, make-up working days included.

    Raises WrongCalendars for an unknown country, and for a year that is not published yet unless `guesses` are
    welcome: they lack make-up days (D40).
    """
    import holidays  # large, and only this command needs it

    try:
        library = holidays.country_holidays(country, subdiv=subdivision, years=[year])
    except (NotImplementedError, AttributeError) as error:
        place = f"{country} {subdivision}" if subdivision else country
        raise WrongCalendars(f"the holidays of {place} are not known: {error}") from error
    certain = country not in YEARLY or _is_published(library, year)
    if not certain and not guesses:
        raise WrongCalendars(
            f"the holidays of {country} in {year} are not published in holidays {installed('holidays')}: "
            "update the library, import an iCal file, or accept guesses, which lack the make-up days"
        )
    base = to_calendar("import", definition)
    exceptions: dict[date, Hours] = {}
    for day in _days(year):
        works = bool(base.weekly[day.weekday()])
        if day in library and works:
            exceptions[day] = []
        elif not works and library.is_working_day(day):
            exceptions[day] = working_hours(definition)
    source = {"kind": "holidays", "country": country, "year": year, "version": installed("holidays")}
    return Imported(
        year=year,
        exceptions=exceptions,
        source=source if subdivision is None else {**source, "subdivision": subdivision},
        certain=certain,
        notes=() if certain else (f"{year} is a guess: make-up working days are missing and coverage_end stays",),
    )


def _is_published(library: Any, year: int) -> bool:
    return any(
        year in getattr(library, name, {}) for name in ("special_public_holidays", "special_public_holidays_observed")
    )


def from_ical(definition: Definition, content: bytes, year: int, name: str = "iCal") -> Imported:
    """The all-day entries of one year in an iCal file: holidays, or working days where the title says so.

    Entries with a time of day and repeating ones are left out with a note. Raises WrongCalendars.
    """
    from icalendar import Calendar as ICalendar  # only this command needs it
    from icalendar import Event as Entry

    try:
        entries = [each for each in ICalendar.from_ical(content).walk() if isinstance(each, Entry)]
    except ValueError as error:
        raise WrongCalendars(f"{name} is not an iCal file: {error}") from error
    base = to_calendar("import", definition)
    exceptions: dict[date, Hours] = {}
    notes: list[str] = []
    for entry in entries:
        title = str(entry.get("SUMMARY", "without a title"))
        if str(entry.get("STATUS", "")).upper() == "CANCELLED":
            continue
        if "DTSTART" not in entry or isinstance(entry.start, datetime):
            notes.append(f"{title}: has a time of day and was left out; write it as an exception with hours")
            continue
        if "RRULE" in entry:
            notes.append(f"{title}: repeats and only its first occurrence was read; check the other years")
        working = WORKING.search(unicodedata.normalize("NFKC", title).casefold()) is not None
        for day in _between(entry.start, entry.end):
            if day.year != year:
                continue
            if working:
                exceptions[day] = working_hours(definition)
            elif base.weekly[day.weekday()]:
                exceptions.setdefault(day, [])
    if not exceptions:
        notes.append(f"no day of {year} in {name} differs from the weekly hours")
    return Imported(
        year=year,
        exceptions=exceptions,
        source={"kind": "ical", "file": name, "year": year},
        certain=bool(exceptions),
        notes=tuple(notes),
    )


def merged(definition: Definition, imported: Imported) -> dict[str, Any]:
    """The definition with the imported days. Days the shop wrote itself stay; `coverage_end` moves only where no year
    is left out in between and nothing was guessed (D40)."""
    own: dict[date, Any] = {_date(day): hours for day, hours in (definition.get("exceptions") or {}).items()}
    exceptions = dict(sorted({**imported.exceptions, **own}.items()))
    end = _date(definition["coverage_end"]) if definition.get("coverage_end") else None
    last = date(imported.year, 12, 31)
    if imported.certain and (end is None or end.year + 1 >= imported.year):
        end = last if end is None else max(end, last)
    changed = {
        **definition,
        "exceptions": exceptions,
        "sources": [*(definition.get("sources") or []), dict(imported.source)],
    }
    return changed if end is None else {**changed, "coverage_end": end}


def to_text(given: Mapping[str, Definition]) -> str:
    """Definitions as YAML that reads back to the same; times of day are quoted."""
    return yaml.dump(dict(given), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def working_hours(definition: Definition) -> Hours:
    """The hours of an ordinary working day: those of the first weekday that has any."""
    weekly = definition.get("weekly") or {}
    return next(([list(each) for each in weekly[day]] for day in WEEKDAYS if weekly.get(day)), [["00:00", "24:00"]])


def _date(given: object) -> date:
    return given if isinstance(given, date) else date.fromisoformat(str(given))


def _days(year: int) -> Iterator[date]:
    return _between(date(year, 1, 1), date(year + 1, 1, 1))


def _between(first: date, stop: date) -> Iterator[date]:
    while first < stop:
        yield first
        first += timedelta(days=1)


class _Dumper(yaml.SafeDumper):
    """Intervals on one line, clock times always quoted: YAML 1.1 reads a bare 10:00 as 600."""

    def ignore_aliases(self, data: Any) -> bool:
        """Hours that are the same are repeated, not referred to."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if ":" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: yaml.SafeDumper, items: list[object]) -> yaml.SequenceNode:
    flat = all(not isinstance(each, dict) for each in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
