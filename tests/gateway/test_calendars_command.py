"""`onevoice calendars import`: what it writes can be read back, and what it does not know it says."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from gateway.calendars import load
from gateway.cli import cli
from gateway.settings import shipped_calendars
from router.calendars import Calendar

ICAL = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//shop//EN
BEGIN:VEVENT
UID:1@shop
DTSTART;VALUE=DATE:20270210
DTEND;VALUE=DATE:20270213
SUMMARY:Spring Festival
END:VEVENT
BEGIN:VEVENT
UID:2@shop
DTSTART;VALUE=DATE:20270220
SUMMARY:Make-up working day
END:VEVENT
BEGIN:VEVENT
UID:3@shop
DTSTART:20270301T090000Z
SUMMARY:Stocktaking
END:VEVENT
END:VCALENDAR
"""


def imported(*words: object) -> Result:
    return CliRunner().invoke(cli, ["calendars", "import", *(str(word) for word in words)])


def calendar(result: Result, tmp_path: Path, name: str) -> Calendar:
    path = tmp_path / "result.yaml"
    path.write_text(result.stdout, encoding="utf-8")
    return load(path)[name]


def test_a_published_year_moves_the_coverage(tmp_path: Path) -> None:
    result = imported("--country", "US", "--years", "2027", "--like", "US_STD")

    found = calendar(result, tmp_path, "US_STD")
    assert found.coverage_end == date(2027, 12, 31)
    assert found.exceptions[date(2027, 7, 5)] == ()
    assert found.exceptions[date(2026, 7, 3)] == ()
    assert result.stderr == "US_STD: holidays are known until 2027-12-31\n"


def test_d40_guessed_years_are_warned_about_one_by_one_and_do_not_move_the_coverage(tmp_path: Path) -> None:
    result = imported("--country", "CN", "--years", "2028,2027", "--like", "CN_STD")

    assert result.exit_code == 0
    assert calendar(result, tmp_path, "CN_STD").coverage_end == date(2026, 12, 31)
    assert result.stderr.splitlines() == [
        "2027 is a guess: make-up working days are missing and coverage_end stays",
        "2028 is a guess: make-up working days are missing and coverage_end stays",
        "CN_STD: holidays are known until 2026-12-31; results after that are flagged as uncertain",
    ]


def test_d40_a_new_calendar_of_guesses_is_uncertain_from_its_first_day(tmp_path: Path) -> None:
    result = imported("--country", "CN", "--years", "2027", "--id", "NEW")

    found = calendar(result, tmp_path, "NEW")
    assert found.coverage_end == date(2026, 12, 31)
    assert min(found.exceptions).year == 2027


def test_without_years_the_next_one_is_imported(tmp_path: Path) -> None:
    found = calendar(
        imported("--country", "GB", "--subdivision", "ENG", "--like", "ENGLAND_STD"), tmp_path, "ENGLAND_STD"
    )

    assert found.coverage_end == date(2027, 12, 31)


def test_hours_and_zone_come_from_the_calendar_it_is_like(tmp_path: Path) -> None:
    found = calendar(
        imported("--country", "CN", "--years", "2026", "--like", "CN_7D", "--id", "MINE"), tmp_path, "MINE"
    )

    shipped = yaml.safe_load(yaml.safe_dump(shipped_calendars()["CN_7D"]))
    assert found.zone.key == shipped["tz"]
    assert [len(hours) for hours in found.weekly] == [1] * 7
    assert found.exceptions[date(2026, 10, 1)] == ()


def test_an_ical_file_says_its_years_itself(tmp_path: Path) -> None:
    path = tmp_path / "shop.ics"
    path.write_text(ICAL.replace("\n", "\r\n"))
    result = imported("--ical", path, "--like", "CN_STD")

    found = calendar(result, tmp_path, "CN_STD")
    assert [found.exceptions[date(2027, 2, day)] for day in (10, 11, 12)] == [()] * 3
    assert len(found.exceptions[date(2027, 2, 20)]) == 1
    assert result.stderr.splitlines() == [
        "2027: Stocktaking: has a time of day and was left out; write it as an exception with hours",
        "CN_STD: holidays are known until 2027-12-31",
    ]


def test_a_file_is_replaced_but_never_with_others_in_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    words = ("--country", "US", "--like", "US_STD", "--output", path)
    assert imported(*words, "--years", "2027").exit_code == 0
    again = imported(*words, "--years", "2027,2028")
    assert (again.exit_code, again.stdout) == (0, "")
    assert load(path)["US_STD"].coverage_end == date(2028, 12, 31)

    path.write_text(path.read_text() + "OTHER: {always: true}\n")
    refused = imported(*words)
    assert refused.exit_code == 1
    assert refused.stderr.endswith(f"{path} holds OTHER as well: choose another file for --output\n")

    nowhere = imported("--country", "US", "--like", "US_STD", "--output", tmp_path / "gone" / "mine.yaml")
    assert (nowhere.exit_code, "mine.yaml cannot be written: " in nowhere.stderr) == (2, True)


def test_a_configuration_brings_its_own_calendars(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        """\
gateway: {database: "sqlite:///nothing.db"}
channels: [{id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}]
agents: [{id: alice, name: Alice, slack: U0ALICE}]
routes: [{id: default, desk: {channel: desk, slack: "#support"}}]
calendars:
  SHOP: {tz: Asia/Shanghai, weekly: {mon: [["10:00", "16:00"]], sun: [["10:00", "16:00"]]}}
"""
    )
    found = calendar(
        imported("--config", path, "--like", "SHOP", "--country", "CN", "--years", "2026"), tmp_path, "SHOP"
    )

    assert found.coverage_end == date(2026, 12, 31)
    assert date(2026, 10, 5) in found.exceptions
    assert date(2026, 10, 1) not in found.exceptions


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "give either --country or --ical"),
        (("--country", "CN", "--like", "NOPE"), "there is no calendar NOPE; there are ALWAYS, CN_7D"),
        (("--country", "CN", "--like", "ALWAYS"), "ALWAYS is always open: it has no holidays"),
        (("--country", "XX"), "the holidays of XX are not known"),
        (("--country", "CN", "--years", "soon"), "soon is no list of years; write it like 2027,2028"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    result = imported(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr
