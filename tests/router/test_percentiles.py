"""Report arithmetic (D31-D39): against the definition, and where people usually get it wrong."""

from datetime import UTC, datetime, time
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.calendar_definitions import to_calendar
from router.model import Round
from router.percentiles import BUCKETS, attainment, cohort, histogram, nearest_rank, round_rate, survival
from router.reports import Summary, grouped, summarise
from router.targets import Target, TimeBase
from router.timeline import Sla
from tests.router.logs import Log, with_calendar

SECONDS = st.integers(0, 600)


@given(st.lists(SECONDS, min_size=1), st.integers(1, 100))
def test_d33_nearest_rank_is_the_value_at_rank_ceil_p_n(values: list[int], percent: int) -> None:
    ordered = sorted(values)
    assert nearest_rank(ordered, percent) == ordered[ceil(Fraction(percent, 100) * len(ordered)) - 1]


def test_d33_a_rank_that_is_whole_does_not_slip_through_rounding() -> None:
    assert nearest_rank(list(range(1, 1001)), 99.9) == 999
    assert [nearest_rank(list(range(1, 101)), percent) for percent in (7, 14, 28, 29, 57)] == [7, 14, 28, 29, 57]


@given(st.lists(SECONDS, min_size=1), st.sampled_from([10, 25, 50, 75, 90, 95, 99, 100]))
def test_d33_without_censoring_both_percentiles_agree(values: list[int], percent: int) -> None:
    assert survival(values, []).percentile(percent) == nearest_rank(sorted(values), percent)


@given(st.lists(SECONDS, max_size=30), st.lists(SECONDS, max_size=30))
def test_d33_survival_is_the_product_of_the_definition(answered: list[int], censored: list[int]) -> None:
    curve = survival(answered, censored)
    share = Fraction(1)
    expected: list[tuple[int, Fraction]] = []
    for at in sorted(set(answered)):
        at_risk = sum(each >= at for each in answered) + sum(each >= at for each in censored)  # ties: answers first
        share *= 1 - Fraction(answered.count(at), at_risk)
        expected.append((at, share))
    assert [at for at, _ in curve.steps] == [at for at, _ in expected]
    assert [float(each) for _, each in expected] == pytest.approx([each for _, each in curve.steps], abs=1e-12)
    for percent in (50, 90, 95):
        goal = 1 - Fraction(percent, 100)
        assert curve.percentile(percent) == next((at for at, each in expected if each <= goal), None)


def test_d33_a_percentile_that_is_not_reached_is_shown_as_more_than_the_longest() -> None:
    curve = survival([60, 120, 180, 300], [240, 600])
    assert (curve.shown(50), curve.shown(90)) == ("180", "> 600")
    assert survival([], []).shown(50) == "-"


def test_d35_nothing_decided_is_no_attainment() -> None:
    none = attainment(met=0, breached_answered=0, breached_open=0, breached_closed=0)
    assert (none.share, none.denominator) == (None, 0)
    assert attainment(met=1, breached_answered=0, breached_open=1, breached_closed=1).share == Fraction(1, 3)


def test_d36_an_open_round_exactly_as_old_as_the_threshold_is_undetermined() -> None:
    found = round_rate(180, [180, 181], [180, 181])
    assert (found.hit, found.denominator, found.undetermined, found.rate) == (1, 3, 1, Fraction(1, 3))


def test_d31_a_cohort_is_the_local_day_also_where_clocks_change() -> None:
    zone = ZoneInfo("America/New_York")
    assert cohort(datetime(2026, 11, 1, 3, 59, tzinfo=UTC), zone).isoformat() == "2026-10-31"
    assert cohort(datetime(2026, 11, 2, 4, 59, tzinfo=UTC), zone).isoformat() == "2026-11-01"


@given(st.lists(st.floats(0, 1e6)), st.lists(st.floats(0, 1e6)))
def test_d34_histograms_add_up(some: list[float], others: list[float]) -> None:
    both = histogram([*some, *others])
    assert list(both) == [a + b for a, b in zip(histogram(some), histogram(others), strict=True)]
    below = [sum(value <= bound for value in some) for bound in BUCKETS]
    assert [sum(histogram(some)[: index + 1]) for index in range(len(BUCKETS))] == below


def rounds(*minutes: float) -> list[Round]:
    """One answered round for each length."""
    log = Log()
    for number, length in enumerate(minutes):
        log.customer(number * 100, f"m{number}").agent(number * 100 + length)
    return list(log.now(10_000).rounds)


def summary(*minutes: float) -> Summary:
    return summarise(rounds(*minutes), TimeBase.WALL)


def test_d39_fewer_than_five_answers_are_shown_as_they_are() -> None:
    few, many = summary(1, 3, 2), summary(1, 3, 2, 4, 5)
    assert (few.p50, few.km_p50, few.values) == (None, None, (60, 120, 180))
    assert (many.p50, many.km_p90, many.values) == (180, 300, ())


def test_a_report_counts_who_waits_and_who_was_closed_without_an_answer() -> None:
    log = Log()
    for number in range(6):
        log.customer(number * 10, f"m{number}").agent(number * 10 + 1 + number)
    log.customer(70, "a").status(71, "resolved").customer(80, "b").status(90, "resolved").customer(100, "c")
    found = summarise(log.now(102).rounds, TimeBase.WALL)
    assert (found.n, found.waiting, found.cancelled, found.closed_no_reply) == (6, 1, 1, 2)
    assert (found.attainment, found.judged) == (Fraction(3, 7), 7)  # 3 met, 3 late, 1 closed too late
    assert (found.rate, found.rate_n, found.undetermined) == (Fraction(3, 6), 6, 1)
    assert found.longest == 600
    assert found.km_p50 is not None
    assert found.p50 is not None
    assert found.km_p50 >= found.p50


def test_d36_a_window_restricts_the_rate_by_start_time_also_over_midnight() -> None:
    zone = ZoneInfo("UTC")
    group = rounds(1, 1, 1, 1)  # 10:00, 11:40, 13:20, 15:00
    assert summarise(group, window=(time(11), time(14), zone)).rate_n == 2
    assert summarise(group, window=(time(14), time(11), zone)).rate_n == 2


def test_groups_keep_every_round_once() -> None:
    group = rounds(1, 2, 4, 5)
    by_sla = grouped(group, lambda each: each.sla)
    assert {key: len(each) for key, each in by_sla.items()} == {Sla.MET: 2, Sla.BREACHED: 2}
    assert sum(summarise(each).n for each in by_sla.values()) == 4


def test_d37_answers_that_took_no_business_time_are_counted_and_said() -> None:
    nights = to_calendar("N", {"tz": "UTC", "weekly": {"tue": [["20:00", "22:00"]]}})
    terms = with_calendar(nights, Target(seconds=60))
    found = summarise(Log().customer(0, "m1").agent(9).now(10, terms).rounds)
    assert (found.n, found.at_once, found.values) == (1, 1, (0,))


def test_a_value_equal_to_a_bound_belongs_below_it() -> None:
    counts = histogram([5, 5.1, 172800, 172801])
    assert {index: count for index, count in enumerate(counts) if count} == {0: 1, 1: 1, 15: 1, 16: 1}
