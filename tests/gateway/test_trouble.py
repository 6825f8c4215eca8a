"""The troubles of a channel: told when they begin and end, and an address that is down is tried one at a time."""

from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from gateway.metrics import Metrics
from gateway.trouble import FIRST_TRY, LONGEST_TRY, Troubles

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def test_s28_a_trouble_is_logged_when_it_begins_and_when_it_ends_only() -> None:
    time = Time()
    troubles = Troubles("desk", time, Metrics(time))
    with capture_logs() as logged:
        troubles.first_failure()
        time.now += timedelta(seconds=30)
        troubles.first_failure()
        for reason in ("first", "second", "third"):
            troubles.account_fails(reason)
        assert troubles.account is not None
        assert (troubles.account.reason, troubles.account.since) == ("third", START)
        troubles.account_works()
        troubles.account_works()
        for _ in range(3):
            troubles.place_fails("#one", "archived", 0)
        assert troubles.place_works("#one")
        assert not troubles.place_works("#one")
    assert [each["event"] for each in logged] == ["channel.down", "channel.up", "place.down", "place.up"]
    assert logged[1]["down_for"] == 30.0


def test_s28_an_address_that_is_down_is_tried_one_at_a_time_and_less_and_less() -> None:
    time = Time()
    troubles = Troubles("desk", time, Metrics(time))
    assert troubles.wait_for("#one", 0) is None
    next_try, gaps = troubles.place_fails("#one", "archived", 0), []
    for _ in range(6):
        assert troubles.wait_for("#one", next_try - 1) == next_try
        assert troubles.wait_for("#two", next_try - 1) is None
        assert troubles.wait_for("#one", next_try) is None  # this one tries
        assert troubles.wait_for("#one", next_try) is not None  # the others wait for it
        before, next_try = next_try, troubles.place_fails("#one", "archived", next_try)
        gaps.append(next_try - before)
    assert gaps[0] >= FIRST_TRY
    assert gaps == sorted(gaps)
    assert gaps[-1] == LONGEST_TRY
