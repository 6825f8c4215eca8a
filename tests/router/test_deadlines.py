"""Targets, deadlines and warnings (D26-D29), and that every stored deadline can be computed and told again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.calendar_definitions import to_calendar
from router.calendars import ALWAYS, Calendar
from router.edits import is_material
from router.explain import Basis, WrongCalendar, basis_of, from_json, in_words, recompute, to_json
from router.inbound_time import TimeFlag, inbound_time
from router.rounds import timeline
from router.targets import (
    Metric,
    Policy,
    Target,
    TimeBase,
    deadline,
    first_match,
    part_of,
    to_target,
    warnings,
)
from tests.router.logs import CONVERSATION, TERMS, Log, at, generated

WEEK = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
CN = to_calendar("CN", {"tz": "Asia/Shanghai", "weekly": WEEK, "coverage_end": "2026-12-31"}, 3)
CHICAGO = to_calendar(
    "NIGHT", {"tz": "America/Chicago", "weekly": {"sat": [["22:00", "06:00"]], "tue": [["00:00", "24:00"]]}}
)


def shanghai(day: int, hour: float, month: int = 3) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC) + timedelta(hours=hour - 8)


def test_d29_warnings_of_a_three_minute_target_come_at_90_135_and_162_seconds() -> None:
    start = shanghai(10, 10)
    found = warnings(Target(seconds=180), start, CN)
    assert [(each.level, (each.due_at - start).total_seconds()) for each in found] == [
        ("50", 90),
        ("75", 135),
        ("90", 162),
    ]


def test_d29_warnings_run_on_the_targets_own_clock() -> None:
    found = warnings(Target(seconds=14400), shanghai(10, 17), CN)
    assert [each.due_at for each in found] == [shanghai(11, 10), shanghai(11, 11), shanghai(11, 11.6)]


def test_d29_a_target_in_business_days_warns_four_and_one_business_hours_before() -> None:
    found = warnings(Target(business_days=1), shanghai(13, 20), CN)
    assert [(each.level, each.due_at) for each in found] == [("4h", shanghai(16, 14)), ("1h", shanghai(16, 17))]


def test_d29_no_warning_falls_before_the_start() -> None:
    short = to_calendar("S", {"tz": "UTC", "weekly": {day: [["09:00", "11:00"]] for day in ("mon", "tue")}})
    monday = datetime(2026, 3, 9, 10, tzinfo=UTC)
    assert [each.level for each in warnings(Target(business_days=1), monday, short)] == ["1h"]


def test_d28_a_fraction_of_a_wall_target_ignores_the_calendar() -> None:
    start = shanghai(14, 12)
    assert part_of(Target(seconds=100, clock=TimeBase.WALL), 0.75, start, CN) == start + timedelta(seconds=75)


def test_d29_business_days_have_no_fraction() -> None:
    with pytest.raises(ValueError, match="4 and 1 business hours"):
        part_of(Target(business_days=1), 0.5, shanghai(10, 10), CN)


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({}, "either seconds or business_days"),
        ({"seconds": 5, "business_days": 1}, "either seconds or business_days"),
        ({"seconds": -1}, "no time to wait"),
        ({"seconds": 1e12}, "no time to wait"),
        ({"business_days": 0}, "give 1 or more"),
        ({"seconds": "5"}, "is no number"),
        ({"seconds": True}, "is no number"),
        ({"business_days": 1.5}, "is no whole number"),
        ({"seconds": 5, "clock": "lunar"}, "lunar"),
        ({"seconds": 5, "counts": "open"}, "is no list of states"),
    ],
)
def test_a_wrong_target_is_refused_with_a_sentence(given_: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        to_target(given_)


def test_d26_the_first_policy_whose_conditions_hold_applies() -> None:
    vip = Policy(id="vip", when={"channel": frozenset({"web", "tg"}), "tier": frozenset({"vip"})})
    web = Policy(id="web", when={"channel": frozenset({"web"})})
    assert first_match((vip, web), {"channel": "web", "tier": "vip"}) is vip
    assert first_match((vip, web), {"channel": "web"}) is web
    assert first_match((vip, web), {"channel": "mail", "tier": "vip"}) is None


CALENDARS = (ALWAYS, CN, CHICAGO)


def test_explanations_of_10000_generated_conversations_recompute_to_the_stored_deadline() -> None:
    by_name = {(calendar.id, calendar.version): calendar for calendar in CALENDARS}
    explained = 0
    for seed in range(10_000):
        events, terms = generated(seed, 7, CALENDARS)
        for each in timeline(events, terms, CONVERSATION, at(40 * 24 * 60)).rounds:
            basis = basis_of(each)
            if basis is None:
                assert each.deadline is None
                continue
            stored = from_json(to_json(basis))
            assert stored == basis
            assert recompute(stored, by_name[stored.calendar, stored.calendar_version]) == each.deadline
            explained += 1
    assert explained > 8_000  # the others opened no round, or nothing was due


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30))
def test_the_stored_basis_is_plain_json_and_has_words_in_both_languages(seed: int) -> None:
    events, terms = generated(seed, 10, CALENDARS)
    by_name = {calendar.id: calendar for calendar in CALENDARS}
    for each in timeline(events, terms, CONVERSATION, at(40 * 24 * 60)).rounds:
        if (basis := basis_of(each)) is not None:
            assert from_json(json.loads(json.dumps(to_json(basis)))) == basis
            calendar = by_name[basis.calendar]
            due = basis.deadline.astimezone(calendar.zone).strftime("%Y-%m-%d %H:%M")
            for language in ("en", "zh-CN"):
                said = in_words(basis, calendar, language)
                assert due in said
                assert basis.policy in said
                assert (basis.calendar in said) is not basis.target.by_wall


def basis(target: Target, start: datetime, calendar: Calendar = CN) -> Basis:
    return Basis(
        metric=Metric.FIRST,
        start_at=start,
        policy="web",
        policy_version=7,
        calendar=calendar.id,
        calendar_version=calendar.version,
        target=target,
        deadline=deadline(target, start, calendar),
    )


def test_an_agent_reads_what_was_counted() -> None:
    assert in_words(basis(Target(seconds=14400), shanghai(10, 17)), CN, "en") == (
        "The first answer is due 2026-03-11 12:00 (Asia/Shanghai), counted from 2026-03-10 17:00. "
        "Policy web, version 7, promises it within 4 h of opening hours. "
        "Calendar CN, version 3, counts 2026-03-10 17:00–18:00, 2026-03-11 09:00–12:00."
    )
    assert in_words(basis(Target(seconds=14400), shanghai(10, 17)), CN, "zh-TW") == (
        "首次回复最迟 2026-03-11 12:00(Asia/Shanghai),自 2026-03-10 17:00 起算。"
        "策略 web 第 7 版承诺营业时间内 4 小时。"
        "日历 CN 第 3 版计入:2026-03-10 17:00–18:00、2026-03-11 09:00–12:00。"
    )


def test_working_days_are_named_and_unknown_holidays_admitted() -> None:
    said = in_words(basis(Target(business_days=2), shanghai(30, 12, 12)), CN, "en")
    assert "within 2 business day(s)" in said
    assert "counts 2026-12-31, 2027-01-01." in said
    assert "The holidays after 2026-12-31 are not known" in said


def test_a_wall_target_names_no_calendar() -> None:
    said = in_words(basis(Target(seconds=90, clock=TimeBase.WALL), shanghai(14, 12)), CN, "en")
    assert said.endswith("promises it within 90 s.")


def test_another_version_of_the_calendar_is_refused() -> None:
    newer = to_calendar("CN", {"tz": "Asia/Shanghai", "weekly": WEEK}, 4)
    with pytest.raises(WrongCalendar, match="version 3, not with CN version 4"):
        recompute(basis(Target(seconds=60), shanghai(10, 10)), newer)


def test_d27_after_a_change_of_policy_the_new_one_explains() -> None:
    judged = Log().customer(0, "m1").policy(1, "slow").now(2, TERMS).rounds[0]
    found = basis_of(judged)
    assert found is not None
    assert (found.policy, recompute(found, ALWAYS)) == ("slow", at(10))


RECEIVED = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "claimed", "flags"),
    [
        (timedelta(seconds=120), None, set()),
        (timedelta(seconds=121), None, {TimeFlag.SKEW_FUTURE}),
        (timedelta(seconds=-301), None, {TimeFlag.LATE_INGEST}),
        (timedelta(days=-7, microseconds=-1), None, {TimeFlag.BACKFILL}),
        (timedelta(0), timedelta(seconds=600), set()),
        (timedelta(0), timedelta(seconds=601), {TimeFlag.CLIENT_CLOCK}),
        (timedelta(hours=-1), timedelta(hours=-2), {TimeFlag.LATE_INGEST, TimeFlag.CLIENT_CLOCK}),
    ],
)
def test_d14_and_d15_boundaries(source: timedelta, claimed: timedelta | None, flags: set[TimeFlag]) -> None:
    found = inbound_time(RECEIVED, RECEIVED + source, None if claimed is None else RECEIVED + claimed)
    assert set(found.flags) == flags
    assert found.effective == min(RECEIVED, RECEIVED + source)


@pytest.mark.parametrize(
    ("before", "after", "material"),
    [
        ("Where is order 4711?", "Where is order 4712?", True),
        ("Where is my order?", "where is  my order?", False),
        ("我的订单什么时候发货", "我的订单什么时候发货?", False),
        ("我的订单什么时候发货", "我要退款", True),
        ("订单4711", "订单4711", False),
        ("ok", "", True),
        ("", "", False),
    ],
)
def test_d9_which_edits_are_material(before: str, after: str, material: bool) -> None:
    assert is_material(before, after) is material
