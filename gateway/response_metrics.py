"""First-response latency as Prometheus sees it (service.md 2.6): histograms for rounds that were answered,
gauges for customers who still wait. Never an agent or a customer in a label."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from router.model import Round
from router.targets import TimeBase
from router.terms import Responder
from storage.changes import Breach
from storage.rounds import Waiting

SECONDS = (5, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800)


class ResponseMetrics:
    """The metrics of the rounds of one node, and the gauges of all."""

    def __init__(self, registry: CollectorRegistry) -> None:
        kinds = ("channel", "kind")
        self._response = Histogram(
            "onevoice_response_seconds",
            "Rounds answered, from the customer's first unanswered message to the answer.",
            (*kinds, "responder", "clock"),
            buckets=SECONDS,
            registry=registry,
        )
        self._receipts = Histogram(
            "onevoice_ack_seconds",
            "From a customer's message to the automatic receipt.",
            ("channel",),
            buckets=SECONDS,
            registry=registry,
        )
        self._parts = Histogram(
            "onevoice_response_part_seconds",
            "Where the time of an answered round went.",
            ("part", "channel"),
            buckets=SECONDS,
            registry=registry,
        )
        self._outcomes = Counter(
            "onevoice_round_outcomes_total", "Rounds that ended.", (*kinds, "outcome"), registry=registry
        )
        self._breaches = Counter(
            "onevoice_sla_breaches_total",
            "Targets missed, counted when the deadline passes.",
            ("channel", "metric", "policy"),
            registry=registry,
        )
        self._waiting = Gauge("onevoice_rounds_waiting", "Customers who wait for an answer.", kinds, registry=registry)
        self._overdue = Gauge("onevoice_rounds_overdue", "Of these, past their deadline.", kinds, registry=registry)
        self._oldest = Gauge(
            "onevoice_oldest_wait_seconds", "How long the longest waits.", ("channel", "clock"), registry=registry
        )

    def judged(self, rounds: Iterable[Round], breaches: Iterable[Breach]) -> None:
        """Rounds a commit closed and breaches it noticed."""
        for each in rounds:
            self._outcomes.labels(each.channel, each.kind, each.outcome).inc()
            if each.outcome != "answered":
                continue
            for clock, took in ((TimeBase.WALL, each.wall), (TimeBase.BUSINESS, each.business)):
                for responder in Responder:  # nobody but people answers here, so both saw the same (D36)
                    self._response.labels(each.channel, each.kind, responder, clock).observe(took.total_seconds())
            if (parts := each.parts) is not None:
                for part in parts.__slots__:
                    self._parts.labels(part, each.channel).observe(getattr(parts, part).total_seconds())
        for breach in breaches:
            self._breaches.labels(breach.channel, breach.metric, breach.policy).inc()

    def acknowledged(self, receipts: Iterable[tuple[str, timedelta]]) -> None:
        """Receipts that providers accepted, by channel, and how long they took (D4)."""
        for channel, took in receipts:
            self._receipts.labels(channel).observe(took.total_seconds())

    def waiting(self, found: Sequence[Waiting]) -> None:
        """Everybody who waits now; on the business clock another may have waited longest than on the wall's."""
        for gauge in (self._waiting, self._overdue, self._oldest):
            gauge.clear()
        oldest: dict[tuple[str, TimeBase], timedelta] = {}
        for each in found:
            self._waiting.labels(each.channel, each.kind).inc(each.count)
            self._overdue.labels(each.channel, each.kind).inc(each.overdue)
            for clock, waited in ((TimeBase.WALL, each.wall), (TimeBase.BUSINESS, each.business)):
                key = (each.channel, clock)
                oldest[key] = max(oldest.get(key, timedelta(0)), waited)
        for (channel, clock), waited in oldest.items():
            self._oldest.labels(channel, clock).set(waited.total_seconds())
