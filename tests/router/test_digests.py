"""When digests are due and what they say (service.md 2.6)."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from gateway.settings import shipped_calendars
from router.calendar_definitions import to_calendar
from router.digest_text import Figures, Named, Unclaimed, daily_text, queue_text
from router.digests import DigestRules, days_before, is_due, queue_slot
from router.figures import Count
from router.richtext import plain

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULES = DigestRules(
    team="sales",
    name="Sales",
    channel="desk",
    address="#sales",
    queue_every=timedelta(minutes=15),
    daily_at=time(8, 30),
    calendar=to_calendar("CN_STD", shipped_calendars()["CN_STD"]),
)
NOBODY = Figures(counts=(), waiting=0, longest=None, late=0, promised=(), about=None)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-10T08:29:59", False),
        ("2026-03-10T08:30:00", True),
        ("2026-03-10T17:00:00", True),
        ("2026-03-14T09:00:00", False),  # a Saturday
        ("2026-10-01T09:00:00", False),  # National Day
        ("2026-02-14T09:00:00", True),  # a Saturday on which people work
    ],
)
def test_the_daily_digest_is_due_on_working_days_from_its_local_time_on(now: str, due: bool) -> None:
    assert is_due(RULES, local(now).astimezone(UTC)) is due


def test_no_time_means_never() -> None:
    off = replace(RULES, daily_at=None, queue_every=None)
    assert not is_due(off, local("2026-03-10T09:00"))
    assert queue_slot(off, local("2026-03-10T09:00")) is None


@pytest.mark.parametrize(
    ("slot", "begin", "label"),
    [
        ("2026-03-11T08:30", "2026-03-10T00:00", "Tue 10 Mar"),
        ("2026-03-09T08:30", "2026-03-06T00:00", "Fri 06 Mar – Sun 08 Mar"),
    ],
)
def test_it_is_about_the_days_since_the_last_working_day(slot: str, begin: str, label: str) -> None:
    days = days_before(RULES, local(slot).astimezone(UTC))
    assert (days.begin, days.label) == (local(begin), label)
    assert days.end == local(slot).replace(hour=0, minute=0)


def test_the_times_of_the_queue_are_the_same_on_every_node() -> None:
    nodes = {queue_slot(RULES, local("2026-03-10T09:15:00") + timedelta(seconds=second)) for second in (0, 7, 899)}
    assert nodes == {local("2026-03-10T09:15:00")}
    assert queue_slot(RULES, local("2026-03-10T09:30:00")) == local("2026-03-10T09:30:00")


def test_nobody_is_told_of_the_queue_while_nobody_works() -> None:
    assert queue_slot(RULES, local("2026-03-10T03:00:00")) is None
    assert queue_slot(RULES, local("2026-03-14T10:00:00")) is None


def named(number: int, **more: object) -> Named:
    return Named(id=UUID(int=number), number=number, subject="", thread=f"C1:{number}.1", **more)  # type: ignore[arg-type]  # fields by name


def test_the_queue_is_told_with_the_longest_wait_and_the_soonest_deadlines() -> None:
    now = local("2026-03-10T09:00:00")
    late = named(3, since=now - timedelta(minutes=20), due_at=now - timedelta(minutes=2))
    soon = named(4, since=now - timedelta(minutes=8), due_at=now + timedelta(minutes=1))
    found = Unclaimed(count=12, longest=late, soonest=(late, soon, named(5, since=now - timedelta(minutes=6))))
    said = plain(queue_text("Sales", found, now, SHANGHAI))
    assert "Sales: 12 customers wait for somebody to take them." in said
    assert "#3 (thread:C1:3.1): overdue since 08:58, waiting for 20 min" in said
    assert "#4 (thread:C1:4.1): due 09:01, waiting for 8 min" in said
    assert "#5 (thread:C1:5.1): no deadline, waiting for 6 min" in said


def test_the_day_is_told_by_channel_with_who_waits_and_what_was_promised() -> None:
    now = local("2026-03-11T08:30:00")
    days = days_before(RULES, now)
    counts = [
        Count(channel="web", outcome="answered", sla="met", seconds=60, rounds=8),
        Count(channel="web", outcome="answered", sla="breached", seconds=600, rounds=1),
        Count(channel="web", outcome="open", sla="breached", seconds=0, rounds=1),
        Count(channel="mail", outcome="answered", sla="met", seconds=3600, rounds=1),
    ]
    found = Figures(
        counts=counts,
        waiting=2,
        longest=named(3, since=now - timedelta(hours=2)),
        late=1,
        promised=(named(4, due_at=now - timedelta(days=1)),),
        about=UUID(int=3),
    )
    said = plain(daily_text("Sales", days, found, now, SHANGHAI))
    assert "Sales: first answers of Tue 10 Mar (Asia/Shanghai), business time" in said
    assert "web: 9 answered, median 1 min, p90 10 min, 80 % in time, 2 missed" in said
    assert "mail: 1 answered (1 h), 100 % in time" in said
    assert "Still waiting now: 2, longest #3 (thread:C1:3.1), waiting for 2 h." in said
    assert "1 promise is overdue:" in said
    assert "#4 (thread:C1:4.1): overdue since 10 Mar 08:30" in said


def test_a_quiet_day_is_nothing_to_tell() -> None:
    assert NOBODY.is_empty
    assert not replace(NOBODY, waiting=1).is_empty
    assert "Nobody asked anything new." in plain(
        daily_text("Sales", days_before(RULES, local("2026-03-11T08:30")), NOBODY, local("2026-03-11T08:30"), SHANGHAI)
    )
