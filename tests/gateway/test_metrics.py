"""What Prometheus reads."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from connectors.base import Fate
from gateway.metrics import Metrics
from router.calendars import ALWAYS
from router.model import Round
from storage.rounds import Waiting


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 10, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(clock)


def lines(metrics: Metrics) -> list[str]:
    return [line for line in metrics.render()[0].decode().splitlines() if line.startswith("onevoice_")]


def test_names_and_labels_are_those_of_the_contract(metrics: Metrics, clock: Clock) -> None:
    metrics.inbound("tg", Fate.STORED)
    metrics.inbound("tg", Fate.DUPLICATE)
    metrics.delivery("tg", "sent", 0.2)
    metrics.delivery("tg", "not_sent")
    metrics.backlog({("tg", "ready"): 3}, {"tg": 12.5})
    metrics.quarantine({"mail": 2})
    metrics.channel_up("tg", lambda: True)
    metrics.channel_up("mail", lambda: False)
    metrics.transaction(0.002)
    metrics.loop_lag(0.004)
    metrics.websockets("web", lambda: 7)
    metrics.service.handed([("sales", "given"), ("sales", "given"), ("", "nobody")])
    metrics.service.promises(["open", "kept"])
    metrics.service.queue({"sales": 2, "": 1})
    known = replace(ALWAYS, id="CN_STD", coverage_end=date(2026, 12, 31))
    metrics.service.coverage([ALWAYS, known], clock.now.date())
    clock.now += timedelta(seconds=30)
    found = lines(metrics)
    for line in (
        'onevoice_inbound_total{channel="tg",outcome="stored"} 1.0',
        'onevoice_inbound_total{channel="tg",outcome="duplicate"} 1.0',
        'onevoice_duplicates_total{channel="tg"} 1.0',
        'onevoice_delivery_total{channel="tg",outcome="sent"} 1.0',
        'onevoice_delivery_total{channel="tg",outcome="not_sent"} 1.0',
        'onevoice_delivery_seconds_count{channel="tg"} 1.0',
        'onevoice_backlog{channel="tg",state="ready"} 3.0',
        'onevoice_oldest_backlog_seconds{channel="tg"} 12.5',
        'onevoice_quarantine{channel="mail"} 2.0',
        'onevoice_channel_up{channel="tg"} 1.0',
        'onevoice_channel_up{channel="mail"} 0.0',
        'onevoice_channel_last_event_seconds{channel="tg"} 30.0',
        "onevoice_transaction_seconds_count 1.0",
        'onevoice_assignments_total{outcome="given",team="sales"} 2.0',
        'onevoice_assignments_total{outcome="nobody",team=""} 1.0',
        'onevoice_promises_total{state="open"} 1.0',
        'onevoice_queue{team="sales"} 2.0',
        'onevoice_calendar_coverage_days{calendar="CN_STD"} 83.0',
        "onevoice_loop_lag_seconds_count 1.0",
        'onevoice_websockets{channel="web"} 7.0',
    ):
        assert line in found
    assert not [line for line in found if "_created" in line]


def test_a_state_that_is_empty_again_reads_zero(metrics: Metrics) -> None:
    metrics.backlog({("tg", "ready"): 3, ("tg", "unknown"): 1}, {"tg": 12.5})
    metrics.backlog({("tg", "unknown"): 1}, {})
    assert 'onevoice_backlog{channel="tg",state="ready"} 0.0' in lines(metrics)
    assert 'onevoice_backlog{channel="tg",state="unknown"} 1.0' in lines(metrics)
    assert 'onevoice_oldest_backlog_seconds{channel="tg"} 0.0' in lines(metrics)


def test_d37_the_longest_wait_is_told_on_both_clocks(metrics: Metrics) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    metrics.response.waiting(
        [
            Waiting("mail", "first", 2, 1, wall=9 * hour, business=minute),
            Waiting("mail", "first", 1, 0, wall=hour, business=hour),
            Waiting("mail", "next", 1, 1, wall=minute, business=minute),
        ]
    )
    for line in (
        'onevoice_rounds_waiting{channel="mail",kind="first"} 3.0',
        'onevoice_rounds_waiting{channel="mail",kind="next"} 1.0',
        'onevoice_rounds_overdue{channel="mail",kind="first"} 1.0',
        'onevoice_oldest_wait_seconds{channel="mail",clock="wall"} 32400.0',
        'onevoice_oldest_wait_seconds{channel="mail",clock="business"} 3600.0',
    ):
        assert line in lines(metrics)
    metrics.response.waiting([])
    assert not [line for line in lines(metrics) if line.startswith(("onevoice_rounds", "onevoice_oldest_wait"))]


def test_d36_an_answer_is_that_of_a_human_and_of_anybody(metrics: Metrics, clock: Clock) -> None:
    end = clock.now + timedelta(seconds=40)
    taken = Round(
        conversation=UUID(int=1),
        cycle=1,
        kind="first",
        start_at=clock.now,
        end_at=end,
        outcome="answered",
        channel="tg",
        business=timedelta(seconds=10),
    )
    metrics.response.judged([taken], [])
    for responder in ("human", "any"):
        for kind, took in (("wall", 40.0), ("business", 10.0)):
            labels = f'channel="tg",clock="{kind}",kind="first",responder="{responder}"'
            assert f"onevoice_response_seconds_sum{{{labels}}} {took}" in lines(metrics)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=nonsense", "text/plain; version=0.0.4"),
    ],
)
def test_openmetrics_comes_on_request(metrics: Metrics, accept: str, content_type: str) -> None:
    body, found = metrics.render(accept)
    assert found.startswith(content_type)
    assert body.endswith(b"# EOF\n") is content_type.startswith("application/openmetrics")


def test_two_nodes_in_one_process_count_by_themselves(clock: Clock) -> None:
    one, other = Metrics(clock), Metrics(clock)
    one.inbound("tg", Fate.STORED)
    assert 'onevoice_inbound_total{channel="tg",outcome="stored"} 1.0' in lines(one)
    assert 'onevoice_inbound_total{channel="tg",outcome="stored"} 1.0' not in lines(other)


def test_the_memory_of_the_process_is_there(metrics: Metrics) -> None:
    assert b"process_resident_memory_bytes" in metrics.render()[0]
