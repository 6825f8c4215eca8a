"""Queue order, load, offers and release (`service.md` 3.2 and 3.3)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.agent_state import AgentStatus
from router.model import ChannelType, Priority, Status
from router.offers import offer
from router.queue_order import Waiting, in_order
from router.release import Release, offline_release_due, release
from router.workload import Work, load, weight, window_count
from tests.router.assignment_cases import NOW, agent, decide, filters, needs

MINUTE = timedelta(minutes=1)


def waiting(id_: str, priority: Priority, deadline: int | None, start: int = -5) -> Waiting:
    """Times in minutes from now."""
    due = None if deadline is None else NOW + deadline * MINUTE
    return Waiting(id=id_, priority=priority, deadline=due, start=NOW + start * MINUTE)


def ids(queue: list[Waiting], now: datetime = NOW) -> list[str]:
    return [one.id for one in in_order(queue, now)]


def test_the_class_goes_before_the_deadline() -> None:
    queue = [
        waiting("n", Priority.NORMAL, 2),
        waiting("v", Priority.VIP, 9),
        waiting("c", Priority.COMPLAINT, 60),
        waiting("u", Priority.URGENT, 90),
    ]

    assert ids(queue) == ["u", "c", "v", "n"]


def test_an_overdue_one_is_a_complaint_at_least_and_an_urgent_one_stays_urgent() -> None:
    queue = [
        waiting("urgent", Priority.URGENT, 30),
        waiting("complaint", Priority.COMPLAINT, 5),
        waiting("overdue", Priority.NORMAL, -1),
        waiting("longer overdue", Priority.VIP, -2),
        waiting("overdue urgent", Priority.URGENT, -1),
        waiting("vip", Priority.VIP, 1),
    ]

    assert ids(queue) == ["overdue urgent", "urgent", "longer overdue", "overdue", "complaint", "vip"]


def test_d17_exactly_at_the_deadline_is_not_overdue() -> None:
    queue = [waiting("n", Priority.NORMAL, 0), waiting("v", Priority.VIP, 9)]

    assert ids(queue) == ["v", "n"]
    assert ids(queue, NOW + timedelta(microseconds=1)) == ["n", "v"]


def test_then_earliest_deadline_then_earliest_start_then_id_and_no_deadline_last() -> None:
    queue = [
        waiting("d", Priority.NORMAL, None),
        waiting("c", Priority.NORMAL, 3, start=-1),
        waiting("b", Priority.NORMAL, 3, start=-2),
        waiting("a", Priority.NORMAL, 3, start=-1),
        waiting("e", Priority.NORMAL, 2),
    ]

    assert ids(queue) == ["e", "b", "a", "c", "d"]


waits = st.builds(
    waiting,
    st.uuids().map(str),
    st.sampled_from(Priority),
    st.none() | st.integers(-5, 5),
    st.integers(-9, 0),
)


queues = st.lists(waits, unique_by=lambda one: one.id, max_size=8)


@given(queues, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_the_queue_came(queue: list[Waiting], chance: Any) -> None:
    shuffled = list(queue)
    chance.shuffle(shuffled)

    assert in_order(queue, NOW) == in_order(shuffled, NOW)


@given(queues)
def test_nothing_that_has_time_goes_before_an_overdue_one_unless_its_class_is_urgent_or_complaint(
    queue: list[Waiting],
) -> None:
    ordered = in_order(queue, NOW)
    last_overdue = max((place for place, one in enumerate(ordered) if one.is_overdue(NOW)), default=0)

    assert all(
        one.is_overdue(NOW) or one.priority in (Priority.URGENT, Priority.COMPLAINT) for one in ordered[:last_overdue]
    )


@pytest.mark.parametrize(
    ("channel_type", "units"), [(ChannelType.WEBCHAT, 3), (ChannelType.TELEGRAM, 2), (ChannelType.EMAIL, 1)]
)
def test_weights_by_channel_and_two_more_for_a_complaint(channel_type: ChannelType, units: int) -> None:
    assert weight(channel_type, False, {}) == units
    assert weight(channel_type, True, {}) == units + 2
    assert weight(channel_type, True, {channel_type.value: 7, "complaint": 1}) == 8


def work(channel_type: ChannelType = ChannelType.WEBCHAT, **changes: object) -> Work:
    return Work(**{"conversation": "c1", "channel_type": channel_type, **changes})  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("owned", "units"),
    [
        (work(open_round=True), 3),
        (work(), 0),
        (work(last_public_at=NOW - 30 * MINUTE), 3),
        (work(last_public_at=NOW - 31 * MINUTE), 0),
        (work(ChannelType.TELEGRAM, open_round=True, complaint=True), 4),
        (work(ChannelType.EMAIL), 1),
        (work(ChannelType.EMAIL, status=Status.PENDING), 0),
        (work(open_round=True, status=Status.PENDING), 0),
        (work(open_round=True, status=Status.SNOOZED), 0),
        (work(open_round=True, status=Status.RESOLVED), 0),
    ],
)
def test_load_counts_open_mail_and_chats_that_wait_or_were_active(owned: Work, units: int) -> None:
    assert load([owned], NOW) == units
    assert load([owned, owned], NOW) == 2 * units
    assert load([owned], NOW, without="c1") == 0


def test_the_window_holds_what_was_assigned_within_it() -> None:
    times = [NOW - 11 * MINUTE, NOW - 10 * MINUTE, NOW - 9 * MINUTE, NOW, NOW + MINUTE]

    assert window_count(times, NOW) == 2


@pytest.mark.parametrize(
    ("channel_type", "seconds"), [(ChannelType.WEBCHAT, 60), (ChannelType.TELEGRAM, 300), (ChannelType.EMAIL, 900)]
)
def test_an_offer_stands_as_long_as_its_channel_allows(channel_type: ChannelType, seconds: int) -> None:
    made = offer("c1", "alice", channel_type, NOW)

    assert made.is_open(made.expires_at - timedelta(microseconds=1))
    assert not made.is_open(NOW + timedelta(seconds=seconds))


def test_f7_an_offer_passed_or_run_out_keeps_the_agent_away_for_30_minutes() -> None:
    made = offer("c1", "alice", ChannelType.WEBCHAT, NOW - 29 * MINUTE)

    for exclusion in (made.passed("busy", NOW - 29 * MINUTE), made.expired()):
        assert filters(decide(needs(excluded=(exclusion,)), agent("alice"))) == {"alice": "F7"}
        assert exclusion.until is not None
        assert not exclusion.holds(exclusion.until)
    assert made.expired().until == made.expires_at + 30 * MINUTE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"ooo_from": NOW, "ooo_until": NOW + 60 * MINUTE}, Release.OUT_OF_OFFICE),
        ({"ooo_from": NOW + MINUTE, "ooo_until": NOW + 60 * MINUTE}, None),
        ({"deactivated": True}, Release.DEACTIVATED),
        ({"status": AgentStatus.OFFLINE, "status_at": NOW - 10 * MINUTE}, Release.OFFLINE),
        ({"status": AgentStatus.OFFLINE, "status_at": NOW - 9 * MINUTE}, None),
        ({"status": AgentStatus.AWAY, "status_at": NOW - 60 * MINUTE}, None),
        ({"shifts": ()}, None),
    ],
)
def test_a_waiting_chat_leaves_an_owner_who_is_gone(changes: dict[str, object], reason: Release | None) -> None:
    assert release(agent("alice", **changes), work(open_round=True), NOW) is reason
    assert release(agent("alice", **changes), work(), NOW) is None


def test_offline_releases_no_mail_and_the_timer_knows_when() -> None:
    gone = agent("alice", status=AgentStatus.OFFLINE, status_at=NOW - 60 * MINUTE)

    assert release(gone, work(ChannelType.EMAIL, open_round=True), NOW) is None
    assert offline_release_due(gone) == NOW - 50 * MINUTE
    assert offline_release_due(agent("bob", status_at=NOW)) is None
