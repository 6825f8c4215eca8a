"""Business time against a slow, literal reading of `service.md` 2.4, minute by minute, in difficult zones."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.calendar_definitions import (
    WEEKDAYS,
    WrongCalendar,
    coverage_days,
    coverage_warning,
    oddities,
    to_calendar,
)
from router.calendars import ALWAYS, Calendar, NoOpenTime

MINUTE = timedelta(minutes=1)

TRANSITIONS = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/Dublin", date(2026, 10, 25)),  # negative DST in winter
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Sao_Paulo", date(2018, 2, 18)),  # 00:00 back to 23:00 of the day before
    ("America/Sao_Paulo", date(2018, 11, 4)),  # midnight does not exist
    ("America/St_Johns", date(2009, 11, 1)),  # 00:01 back to 23:01: two days interleave
    ("America/Havana", date(2026, 11, 1)),  # 01:00 back to 00:00
    ("Africa/Cairo", date(2026, 4, 24)),  # 00:00 to 01:00
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("America/Nuuk", date(2026, 3, 29)),  # late in the evening
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that was left out
    ("Antarctica/Troll", date(2026, 3, 29)),  # two hours
    ("Asia/Pyongyang", date(2018, 5, 5)),  # 23:30 to midnight
    ("Asia/Kathmandu", date(2026, 3, 10)),
]
HOURS = [
    [["00:00", "24:00"]],
    [["02:30", "06:00"]],
    [["00:00", "01:30"]],
    [["00:00", "01:00"]],
    [["01:30", "05:00"]],
    [["01:45", "02:15"]],
    [["22:00", "06:00"]],
    [["23:30", "00:00"]],
    [["23:15", "00:45"]],
    [["23:45", "24:00"], ["00:00", "00:01"]],
    [["09:00", "12:00"], ["11:00", "14:00"]],
    [["12:00", "11:59"]],
]


def every_day(zone: str, hours: object) -> Calendar:
    return to_calendar("X", {"tz": zone, "weekly": {day: hours for day in WEEKDAYS}})  # noqa: C420  one list is meant


@cache
def minutes_of(zone: ZoneInfo, day: date) -> list[tuple[datetime, int]]:
    """Every minute whose local date is that day, with its wall clock in minutes."""
    return list(_minutes(zone, day))


def _minutes(zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, int]]:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    for _ in range(84 * 60):
        local = at.astimezone(zone)
        if local.date() == day:
            yield at, local.hour * 60 + local.minute
        at += MINUTE


def clock(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def literal_span(zone: ZoneInfo, day: date, start: int, end: int) -> tuple[datetime, datetime] | None:
    """The definition word for word: first instant that reads >= start, right after the last that reads < end."""
    own = minutes_of(zone, day)
    if not own:
        return None
    over = own[-1][0] + MINUTE
    opening = next((at for at, wall in own if wall >= start), over)
    closing_day = own if end > start else minutes_of(zone, day + timedelta(days=1))
    inside = [at for at, wall in closing_day if wall < end]
    closing = inside[-1] + MINUTE if inside else (over if end <= start else opening)
    return (opening, closing) if closing > opening else None


@pytest.mark.parametrize(("zone", "day"), TRANSITIONS, ids=lambda value: str(value))
def test_opening_and_closing_instants_are_those_of_the_definition(zone: str, day: date) -> None:
    place = ZoneInfo(zone)
    for shift in (-1, 0, 1):
        at = day + timedelta(days=shift)
        for hours in HOURS:
            expected = [
                found
                for start, end in hours
                if (found := literal_span(place, at, clock(start), clock(end))) is not None
            ]
            assert list(every_day(zone, hours).spans(at)) == expected, (at, hours)


@pytest.mark.parametrize(("zone", "day"), TRANSITIONS[::2], ids=lambda value: str(value))
def test_business_time_is_the_measure_of_the_union(zone: str, day: date) -> None:
    for hours in HOURS:
        calendar = every_day(zone, hours)
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
        end = begin + timedelta(days=3)
        open_minutes: set[datetime] = set()
        for shift in range(-3, 4):
            for first, last in calendar.spans(day + timedelta(days=shift)):
                while first < last:
                    open_minutes.add(first)
                    first += MINUTE
        counted = sum(begin <= at < end for at in open_minutes)
        assert calendar.business(begin, end) == counted * MINUTE


ZONES = st.sampled_from(sorted({zone for zone, _ in TRANSITIONS} | {"Asia/Shanghai", "UTC", "Pacific/Kiritimati"}))
CLOCKS = st.integers(0, 24 * 60 - 1)
INTERVALS = st.lists(st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]), max_size=3)
INSTANTS = st.datetimes(datetime(2009, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


def text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Some calendar that opens at least once a week."""
    hours = {day: [[text(a), text(b)] for a, b in draw(INTERVALS)] for day in WEEKDAYS}
    hours["thu"] = [*hours["thu"], ["10:00", "16:30"]]
    return to_calendar("X", {"tz": draw(ZONES), "weekly": hours})


@settings(max_examples=100, deadline=None)
@given(calendars(), INSTANTS, st.integers(0, 40 * 86_400 * 10**6))
def test_add_and_business_are_inverse(calendar: Calendar, begin: datetime, micros: int) -> None:
    amount = timedelta(microseconds=micros)
    end = calendar.add(begin, amount)
    assert calendar.business(begin, end) == amount
    if micros:
        assert calendar.business(begin, end - timedelta(microseconds=1)) == amount - timedelta(microseconds=1)


@settings(max_examples=100, deadline=None)
@given(calendars(), INSTANTS, st.integers(1, 40 * 86_400 * 10**6))
def test_subtract_mirrors_add(calendar: Calendar, end: datetime, micros: int) -> None:
    amount = timedelta(microseconds=micros)
    begin = calendar.subtract(end, amount)
    assert calendar.business(begin, end) == amount
    assert calendar.business(begin + timedelta(microseconds=1), end) < amount


@settings(max_examples=80, deadline=None)
@given(calendars(), INSTANTS, st.timedeltas(timedelta(0), timedelta(days=200)), st.floats(0, 1))
def test_business_time_adds_up(calendar: Calendar, begin: datetime, length: timedelta, share: float) -> None:
    middle, end = begin + length * share, begin + length
    whole = calendar.business(begin, end)
    assert calendar.business(begin, middle) + calendar.business(middle, end) == whole
    assert timedelta(0) <= whole <= length
    assert calendar.business(end, begin) == timedelta(0)
    assert sum((last - first for first, last in calendar.stretches(begin, end)), timedelta()) == whole


@settings(max_examples=80, deadline=None)
@given(calendars(), INSTANTS, st.integers(1, 12))
def test_business_days_end_at_the_close_of_a_working_day(calendar: Calendar, begin: datetime, days: int) -> None:
    end = calendar.add_business_days(begin, days)
    day, left = calendar.date_of(begin), days
    while left:
        day += timedelta(days=1)
        left -= bool(calendar.spans(day))
    assert end == max(closing for _, closing in calendar.spans(day))


def test_b15_a_calendar_that_never_opens_gives_up() -> None:
    never = to_calendar("NEVER", {"tz": "Asia/Shanghai", "weekly": {}})
    at = datetime(2026, 3, 10, tzinfo=UTC)
    searches: list[Callable[[], datetime]] = [
        lambda: never.add(at, MINUTE),
        lambda: never.subtract(at, MINUTE),
        lambda: never.add_business_days(at, 1),
        lambda: never.next_open(at),
    ]
    for search in searches:
        with pytest.raises(NoOpenTime, match="has no open time for 400 days"):
            search()
    assert never.business(at, at + timedelta(days=4000)) == timedelta(0)
    assert never.add(at, timedelta(0)) == at


@pytest.mark.parametrize(("days", "found"), [(400, True), (402, False)])
def test_the_search_horizon_is_400_days(days: int, found: bool) -> None:
    begin = datetime(2026, 3, 10, tzinfo=UTC)
    opening = begin.date() + timedelta(days=days)
    calendar = to_calendar("RARE", {"tz": "UTC", "weekly": {}, "exceptions": {opening: [["00:00", "01:00"]]}})
    if found:
        assert calendar.add(begin, MINUTE) == begin + timedelta(days=days) + MINUTE
    else:
        with pytest.raises(NoOpenTime):
            calendar.add(begin, MINUTE)


def test_b03_a_deadline_on_a_closing_time_stays_there_even_before_a_weekend() -> None:
    calendar = to_calendar("X", {"tz": "UTC", "weekly": {"fri": [["09:00", "18:00"]]}})
    friday = datetime(2026, 3, 13, 9, tzinfo=UTC)
    assert calendar.add(friday, timedelta(hours=9)) == friday + timedelta(hours=9)
    assert not calendar.is_open(friday + timedelta(hours=9))
    assert calendar.next_open(friday + timedelta(hours=9)) == friday + timedelta(days=7)


def test_d28_an_overnight_working_day_closes_the_next_morning() -> None:
    calendar = to_calendar("N", {"tz": "America/Chicago", "weekly": {"sat": [["22:00", "06:00"]]}})
    assert calendar.add_business_days(datetime(2026, 3, 6, 12, tzinfo=UTC), 1) == datetime(2026, 3, 8, 11, tzinfo=UTC)


def test_d28_a_day_whose_only_hours_fall_into_the_gap_is_no_working_day() -> None:
    calendar = every_day("America/New_York", [["02:10", "02:50"]])
    assert calendar.add_business_days(datetime(2026, 3, 7, 12, tzinfo=UTC), 1).date() == date(2026, 3, 9)


def test_d40_what_reaches_beyond_the_covered_dates_is_uncertain() -> None:
    calendar = to_calendar(
        "X", {"tz": "Asia/Shanghai", "weekly": {"mon": [["09:00", "18:00"]]}, "coverage_end": "2026-12-31"}
    )
    midnight = datetime(2026, 12, 31, 16, tzinfo=UTC)  # the first instant of 2027 in Shanghai
    before = midnight - timedelta(days=3)
    assert not calendar.is_uncertain(before, midnight)
    assert calendar.is_uncertain(before, midnight + timedelta(microseconds=1))
    assert not calendar.is_uncertain(midnight + MINUTE, midnight)
    assert not ALWAYS.is_uncertain(before, midnight + timedelta(days=4000))


@pytest.mark.parametrize(
    ("today", "warning"),
    [
        (date(2026, 10, 31), None),
        (date(2026, 11, 1), "import those of 2027"),
        (date(2027, 1, 1), "weekly hours apply"),
    ],
)
def test_d40_the_missing_year_is_announced_from_november_on(today: date, warning: str | None) -> None:
    calendar = to_calendar("X", {"tz": "UTC", "weekly": {}, "coverage_end": "2026-12-31"})
    said = coverage_warning(calendar, today)
    assert said is None if warning is None else said is not None and warning in said
    assert coverage_days(calendar, today) == (date(2026, 12, 31) - today).days


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({"weekly": {}}, "tz: None is no time zone"),
        ({"tz": "Mars/Base", "weekly": {}}, "'Mars/Base' is no time zone"),
        ({"tz": "../etc", "weekly": {}}, "is no time zone"),
        ({"tz": "UTC"}, "weekly: give the hours by day"),
        ({"tz": "UTC", "weekly": {"monday": []}}, "'monday' is no day"),
        ({"tz": "UTC", "weekly": {"mon": [["09:00", "09:00"]]}}, "start and end are equal"),
        ({"tz": "UTC", "weekly": {"mon": [["24:00", "09:00"]]}}, 'cannot start at "24:00"'),
        ({"tz": "UTC", "weekly": {"mon": [["09:00", "24:01"]]}}, "'24:01' is no time of day"),
        ({"tz": "UTC", "weekly": {"mon": [["09:60", "18:00"]]}}, "'09:60' is no time of day"),
        ({"tz": "UTC", "weekly": {"mon": [[600, "18:00"]]}}, 'write it in quotes like "09:00"'),
        ({"tz": "UTC", "weekly": {"mon": ["09:00", "18:00"]}}, "is no interval"),
        ({"tz": "UTC", "weekly": {"mon": "09:00-18:00"}}, "give a list of intervals"),
        ({"tz": "UTC", "weekly": {}, "exceptions": {"1 May": []}}, "'1 May' is no date"),
        ({"tz": "UTC", "weekly": {}, "coverage_end": 2026}, "2026 is no date"),
        ({"tz": "UTC", "weekly": {}, "holiday": []}, "holiday: unknown key"),
    ],
)
def test_a_wrong_definition_is_said_in_a_sentence(definition: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(WrongCalendar) as caught:
        to_calendar("X", definition)
    assert any(sentence in mistake for mistake in caught.value.mistakes), caught.value.mistakes


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(WrongCalendar) as caught:
        to_calendar("X", {"tz": "?", "weekly": {"x": [], "mon": [["1", "2"]]}, "coverage_end": "soon"})
    assert len(caught.value.mistakes) == 5


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({"weekly": {"tue": [["09:00", "12:00"], ["11:00", "14:00"]]}}, "tue: the intervals overlap"),
        ({"weekly": {"sat": [["22:00", "06:00"]], "sun": [["05:00", "07:00"]]}}, "reaches into the hours"),
        ({"weekly": {}}, "it never opens"),
        ({"weekly": {}, "exceptions": {"2027-01-01": []}, "coverage_end": "2026-12-31"}, "move coverage_end"),
        ({"weekly": {}, "exceptions": {"2027-01-01": []}}, "no coverage_end"),
    ],
)
def test_what_is_odd_is_warned_about(definition: Mapping[str, Any], sentence: str) -> None:
    assert any(sentence in each for each in oddities(to_calendar("X", {"tz": "UTC", **definition})))


def test_ten_years_are_summed_quickly_once_they_are_known() -> None:
    calendar = every_day("Europe/London", [["09:00", "17:30"]])
    begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    first = calendar.business(begin, end)
    took = []
    for _ in range(5):
        started = perf_counter()
        assert calendar.business(begin, end) == first
        took.append(perf_counter() - started)
    assert min(took) < 0.01
