"""Assignment, promises and calendars as Prometheus sees them (service.md 2.6). Never an agent in a label."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge

from router.calendar_definitions import coverage_days
from router.calendars import Calendar

Labels = TypeVar("Labels", bound=tuple[str, ...])


class ServiceMetrics:
    """What this node did, and gauges about all."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._assignments = Counter(
            "onevoice_assignments_total", "How assignments ended.", ("team", "outcome"), registry=registry
        )
        self._promises = Counter(
            "onevoice_promises_total", "Promises that came into a state.", ("state",), registry=registry
        )
        self._alerts = Counter(
            "onevoice_alerts_total",
            "People who were told of deadlines and offers, and digests.",
            ("level", "kind"),
            registry=registry,
        )
        self._queue = Gauge("onevoice_queue", "Conversations that wait without an owner.", ("team",), registry=registry)
        self._incidents = Gauge(
            "onevoice_incidents_open", "Questions of many customers that are not closed.", registry=registry
        )
        self._coverage = Gauge(
            "onevoice_calendar_coverage_days",
            "Days for which a calendar still knows the holidays.",
            ("calendar",),
            registry=registry,
        )

    def handed(self, outcomes: Iterable[tuple[str, str]]) -> None:
        """Team and outcome of assignments a commit made or ended."""
        for team, outcome in outcomes:
            self._assignments.labels(team, outcome).inc()

    def promises(self, states: Iterable[str]) -> None:
        """Promises that were made (open), kept, broken, late or cancelled in a commit."""
        for state in states:
            self._promises.labels(state).inc()

    def alerts(self, told: Iterable[tuple[str, str]]) -> None:
        """Level and kind of what a commit told people."""
        for level, kind in told:
            self._alerts.labels(level, kind).inc()

    def queue(self, counts: Mapping[str, int]) -> None:
        """The whole queue by team."""
        set_all(self._queue, {(team,): count for team, count in counts.items()})

    def incidents(self, count: int) -> None:
        """How many incidents are open."""
        self._incidents.set(count)

    def coverage(self, calendars: Iterable[Calendar], today: date) -> None:
        """How far the holidays of the calendars in use reach; negative when that is past (D40)."""
        self._coverage.clear()
        for each in calendars:
            days = coverage_days(each, today)
            if days is not None:
                self._coverage.labels(each.id).set(days)


def set_all(gauge: Gauge, values: Mapping[Labels, float]) -> None:
    """Set what is given and empty what is not: a state that nothing is in any more must not stay as it was."""
    known = {tuple(sample.labels.values()) for metric in gauge.collect() for sample in metric.samples}
    for gone in known - values.keys():
        gauge.labels(*gone).set(0)
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
