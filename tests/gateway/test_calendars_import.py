"""The shipped calendars against the holiday library, and what an import may and may not do."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import holidays
import pytest
import yaml

from gateway.calendars import (
    WrongCalendars,
    definitions,
    from_holidays,
    from_ical,
    load,
    merged,
    to_calendars,
    to_text,
)
from router.calendar_definitions import oddities
from router.calendars import Calendar

SHIPPED = Path(__file__).parents[2] / "config" / "standards" / "calendars.yaml"
CALENDARS = load(SHIPPED)
CN = definitions(SHIPPED)["CN_STD"]
YEAR = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


@pytest.mark.parametrize(
    ("name", "country", "subdivision"),
    [("CN_STD", "CN", None), ("US_STD", "US", None), ("ENGLAND_STD", "GB", "ENG")],
)
def test_shipped_calendars_work_on_the_days_the_library_says_in_2026(
    name: str, country: str, subdivision: str | None
) -> None:
    library = holidays.country_holidays(country, subdiv=subdivision, years=[2026])
    calendar = CALENDARS[name]
    assert calendar.coverage_end == date(2026, 12, 31)
    assert [day for day in YEAR if bool(calendar.spans(day)) != library.is_working_day(day)] == []


def test_shipped_calendars_have_nothing_odd() -> None:
    assert set(CALENDARS) == {"CN_STD", "CN_7D", "US_STD", "ENGLAND_STD", "ALWAYS"}
    assert {name: found for name, calendar in CALENDARS.items() if (found := oddities(calendar))} == {}


def without_holidays() -> dict[str, Any]:
    return {key: value for key, value in CN.items() if key not in {"exceptions", "coverage_end", "sources"}}


def test_importing_2026_from_the_library_gives_the_shipped_calendar() -> None:
    bare = without_holidays()
    made = merged(bare, from_holidays(bare, "CN", 2026))
    assert made["exceptions"] == CN["exceptions"]
    assert made["coverage_end"] == date(2026, 12, 31)


def test_d40_a_year_that_is_not_published_yet_is_not_guessed_silently() -> None:
    with pytest.raises(WrongCalendars, match="lack the make-up days"):
        from_holidays(CN, "CN", 2027)
    guessed = from_holidays(CN, "CN", 2027, guesses=True)
    assert date(2027, 10, 1) in guessed.exceptions
    assert merged(CN, guessed)["coverage_end"] == date(2026, 12, 31)


def test_d40_coverage_does_not_jump_over_a_missing_year() -> None:
    us = definitions(SHIPPED)["US_STD"]
    assert merged(us, from_holidays(us, "US", 2028))["coverage_end"] == date(2026, 12, 31)
    next_year = merged(us, from_holidays(us, "US", 2027))
    assert merged(next_year, from_holidays(us, "US", 2028))["coverage_end"] == date(2028, 12, 31)


def test_days_the_shop_wrote_itself_stay() -> None:
    half = {**without_holidays(), "exceptions": {"2026-10-01": [["09:00", "12:00"]]}}
    made = merged(half, from_holidays(half, "CN", 2026))
    assert made["exceptions"][date(2026, 10, 1)] == [["09:00", "12:00"]]
    assert made["exceptions"][date(2026, 10, 2)] == []


@pytest.mark.parametrize(("country", "subdivision"), [("ZZ", None), ("GB", "ZZZ")])
def test_an_unknown_country_is_said(country: str, subdivision: str | None) -> None:
    with pytest.raises(WrongCalendars, match="are not known"):
        from_holidays(CN, country, 2026, subdivision)


def ical(*entries: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test"]
    for number, entry in enumerate(entries):
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z", *entry.split("|"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def day(begin: str, end: str, title: str) -> str:
    return f"DTSTART;VALUE=DATE:{begin}|DTEND;VALUE=DATE:{end}|SUMMARY:{title}"


def test_an_ical_file_gives_holidays_and_make_up_days() -> None:
    found = from_ical(
        CN,
        ical(
            day("20271001", "20271008", "国庆节(休)"),
            day("20271009", "20271010", "国庆节 补班"),
            day("20270925", "20270926", "Make-up working day"),
            day("20270918", "20270919", "中秋节(班)"),
            day("20270501", "20270502", "放假不上班"),
            day("20280101", "20280102", "元旦"),
            "DTSTART;VALUE=DATE:20270104|SUMMARY:One day without an end",
            day("20270105", "20270106", "Called off") + "|STATUS:CANCELLED",
        ),
        2027,
        "cn.ics",
    )
    closed = sorted(day for day, hours in found.exceptions.items() if not hours)
    opened = sorted(day for day, hours in found.exceptions.items() if hours)
    assert closed == [date(2027, 1, 4), *(date(2027, 10, number) for number in (1, 4, 5, 6, 7))]
    assert opened == [date(2027, 9, 18), date(2027, 9, 25), date(2027, 10, 9)]
    assert found.exceptions[date(2027, 10, 9)] == [["09:00", "18:00"]]
    assert merged(CN, found)["coverage_end"] == date(2027, 12, 31)


def test_what_an_ical_file_says_beyond_whole_days_is_noted_not_guessed() -> None:
    found = from_ical(
        CN,
        ical(
            "DTSTART:20271224T090000Z|DTEND:20271224T120000Z|SUMMARY:Half day",
            day("20270101", "20270102", "New Year") + "|RRULE:FREQ=YEARLY",
        ),
        2027,
    )
    assert list(found.exceptions) == [date(2027, 1, 1)]
    assert [note.split(":")[0] for note in found.notes] == ["Half day", "New Year"]


def test_an_ical_file_without_the_year_covers_nothing() -> None:
    found = from_ical(CN, ical(day("20251001", "20251008", "国庆节")), 2027)
    assert found.notes == ("no day of 2027 in iCal differs from the weekly hours",)
    assert merged(CN, found)["coverage_end"] == date(2026, 12, 31)


@pytest.mark.parametrize("content", [b"hello", b"", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n"])
def test_a_file_that_is_not_ical_is_refused(content: bytes) -> None:
    with pytest.raises(WrongCalendars, match="is not an iCal file"):
        from_ical(CN, content, 2027)


def test_written_calendars_read_back_the_same() -> None:
    made = {"CN": merged(CN, from_holidays(CN, "CN", 2027, guesses=True)), "US": definitions(SHIPPED)["US_STD"]}
    text = to_text(made)
    assert yaml.safe_load(text) == yaml.safe_load(to_text(yaml.safe_load(text)))
    assert to_calendars(yaml.safe_load(text)) == to_calendars(made)
    assert '["09:00", "18:00"]' in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("- a", "give calendars by id"),
        ("X: 1", "give calendars by id"),
        ("X: {", "is not valid YAML"),
        ("X: {tz: UTC, weekly: {mon: [[10:00, '18:00']]}}", "write it in quotes"),
        ("X: {tz: UTC}\nY: {tz: Mars, weekly: {}}", "Y: tz: 'Mars' is no time zone"),
    ],
)
def test_a_wrong_file_is_said_in_sentences(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "calendars.yaml"
    path.write_text(content)
    with pytest.raises(WrongCalendars, match=sentence):
        load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WrongCalendars, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_calendars_carry_the_version_they_were_loaded_with() -> None:
    assert {type(each): each.version for each in load(SHIPPED, 17).values()} == {Calendar: 17}
