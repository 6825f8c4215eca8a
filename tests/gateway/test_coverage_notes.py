"""Calendars in use that lack the holidays of the next year are named; those nobody uses are not (D40)."""

from datetime import date
from typing import Any

import pytest

from gateway.coverage_notes import coverage_notes
from gateway.policies import as_written
from gateway.settings import Settings

WEEK: dict[str, object] = {"tz": "Asia/Shanghai", "weekly": {"mon": [["09:00", "18:00"]]}}
CALENDARS = {"ALWAYS": {"always": True}, "SHOP": {**WEEK, "coverage_end": "2026-12-31"}, "PLAIN": WEEK}
OCTOBER, NOVEMBER, JANUARY = date(2026, 10, 31), date(2026, 11, 1), date(2027, 1, 1)


def notes(today: date, **changed: Any) -> dict[str, str]:
    """Of a shop whose calendars need no holidays, but for what is changed."""
    shop = {
        "channels": [{"id": "desk", "type": "slack", "bot_token": "xoxb-1", "app_token": "xapp-1"}],
        "agents": [{"id": "alice", "name": "Alice", "slack": "U0ALICE"}],
        "routes": [{"id": "all", "desk": {"channel": "desk", "slack": "#a"}}],
        "calendars": CALENDARS,
        "promise_calendar": "ALWAYS",
    }
    return coverage_notes(as_written(Settings.model_validate(shop | changed)), today)


@pytest.mark.parametrize(
    "used",
    [
        {"policies": [{"id": "chat", "calendar": "SHOP", "first": {"seconds": 60}}]},
        {"agents": [{"id": "alice", "name": "Alice", "slack": "U0ALICE", "shifts": "SHOP"}]},
        {
            "routes": [
                {"id": "day", "when": {"hours": "SHOP"}, "desk": {"channel": "desk", "slack": "#a"}},
                {"id": "all", "desk": {"channel": "desk", "slack": "#a"}},
            ]
        },
        {"digests": {"slack": "#a", "calendar": "SHOP"}},
        {"promise_calendar": "SHOP"},
    ],
    ids=lambda used: next(iter(used)),
)
def test_d40_a_calendar_in_use_without_the_next_year_is_named_from_november_on(used: dict[str, Any]) -> None:
    assert notes(OCTOBER, **used) == {}
    assert notes(NOVEMBER, **used) == {"SHOP": "calendar SHOP has holidays until 2026-12-31: import those of 2027"}
    assert "weekly hours apply" in notes(JANUARY, **used)["SHOP"]


@pytest.mark.parametrize(
    "used",
    [
        {},
        {"promise_calendar": "PLAIN"},
        {"promise_calendar": "SHOP", "checks": {"mode": "off"}},
        {"digests": {"slack": "#a", "calendar": "SHOP", "queue_every": None, "daily_at": None}},
    ],
)
def test_a_calendar_that_nobody_uses_or_that_has_no_holidays_is_not_named(used: dict[str, Any]) -> None:
    assert notes(JANUARY, **used) == {}
