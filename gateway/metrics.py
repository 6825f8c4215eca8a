"""What Prometheus sees: the names of contracts.md section 5 that work. Never an agent or a customer in a label."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from connectors.base import Clock, Fate
from gateway.response_metrics import ResponseMetrics
from gateway.service_metrics import ServiceMetrics, set_all

DELIVERY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
TRANSACTION_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """The metrics of one node, in a registry of their own. Every method is cheap and may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client leaves it untyped
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.response = ResponseMetrics(self.registry)
        self.service = ServiceMetrics(self.registry)
        self._clock = clock
        self._heard: dict[str, datetime] = {}
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        outcome, one = ("channel", "outcome"), ("channel",)

        # `cache` keeps a child for its labels without the library's lock and text conversions.
        self._inbound = cache(counter("onevoice_inbound_total", "Items that arrived.", outcome).labels)
        self._duplicates = cache(counter("onevoice_duplicates_total", "Items that had arrived before.", one).labels)
        self._delivery = cache(counter("onevoice_delivery_total", "Attempts to deliver.", outcome).labels)
        self._delivery_seconds = cache(
            histogram(
                "onevoice_delivery_seconds", "Commit to provider acceptance.", one, buckets=DELIVERY_SECONDS
            ).labels
        )
        self._backlog = gauge("onevoice_backlog", "Deliveries that are not settled.", ("channel", "state"))
        self._oldest = gauge("onevoice_oldest_backlog_seconds", "Age of the oldest delivery that could leave.", one)
        self._quarantine = gauge("onevoice_quarantine", "Items kept aside because they could not be read.", one)
        self._up = cache(gauge("onevoice_channel_up", "1 when messages leave and come in.", one).labels)
        self._places_down = cache(
            gauge("onevoice_places_down", "Addresses of a channel that cannot be written to.", one).labels
        )
        self._last = cache(gauge("onevoice_channel_last_event_seconds", "Time since the last item.", one).labels)
        self._transaction = histogram(
            "onevoice_transaction_seconds", "Transactions, commit included.", buckets=TRANSACTION_SECONDS
        )
        self._lag = histogram("onevoice_loop_lag_seconds", "Delay of the event loop.", buckets=LAG_SECONDS)
        self._rule_hits = cache(
            counter("onevoice_rule_hits_total", "What the rules found in replies.", ("rule", "level", "action")).labels
        )
        self._websockets = cache(gauge("onevoice_websockets", "Open WebSockets.", one).labels)

    def inbound(self, channel: str, fate: Fate) -> None:
        """An item arrived and was stored, known already, or set aside."""
        self._inbound(channel, fate.value).inc()
        if fate is Fate.DUPLICATE:
            self._duplicates(channel).inc()
        self._heard[channel] = self._clock()

    def delivery(self, channel: str, outcome: str, seconds: float | None = None) -> None:
        """An attempt ended. `seconds` from commit to acceptance, without the undo hold, when it was sent."""
        self._delivery(channel, outcome).inc()
        if seconds is not None:
            self._delivery_seconds(channel).observe(seconds)

    def backlog(self, counts: Mapping[tuple[str, str], int], oldest: Mapping[str, float]) -> None:
        """The whole backlog by (channel, state), and by channel the age in seconds of the oldest."""
        set_all(self._backlog, counts)
        set_all(self._oldest, {(channel,): age for channel, age in oldest.items()})

    def quarantine(self, counts: Mapping[str, int]) -> None:
        """The whole quarantine by channel."""
        set_all(self._quarantine, {(channel,): count for channel, count in counts.items()})

    def channel_up(self, channel: str, is_up: Callable[[], bool]) -> None:
        """Ask `is_up` at each reading whether messages leave and come in on a channel."""
        self._up(channel).set_function(is_up)

    def places_down(self, channel: str, count: int) -> None:
        """How many single addresses of a channel that works cannot be written to."""
        self._places_down(channel).set(count)

    def websockets(self, channel: str, count: Callable[[], int]) -> None:
        """Ask `count` at each reading how many WebSockets of a channel are open."""
        self._websockets(channel).set_function(count)

    def rule_hit(self, rule: str, level: str, action: str) -> None:
        """A rule found something in a reply, or somebody decided about what it had found."""
        self._rule_hits(rule, level, action).inc()

    def transaction(self, seconds: float) -> None:
        """A transaction was committed."""
        self._transaction.observe(seconds)

    def loop_lag(self, seconds: float) -> None:
        """The event loop woke up that much late."""
        self._lag.observe(seconds)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type for an Accept header: OpenMetrics on request, else the Prometheus text format."""
        now = self._clock()
        for channel, at in list(self._heard.items()):
            self._last(channel).set((now - at).total_seconds())
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = choose_encoder("")
        return encode(self.registry), content_type
