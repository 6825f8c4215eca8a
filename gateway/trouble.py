"""What stands in the way of a channel's deliveries: of its whole account, or of single addresses (S28)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from connectors.base import Clock
from gateway.metrics import Metrics

log = structlog.get_logger()

FIRST_TRY = 5_000_000
LONGEST_TRY = 60_000_000
"""Microseconds until an address that is down is tried again; twice as long each time."""


LEFT_BEHIND = (
    "the channel is not in the configuration any more and nothing of it leaves: add it again under this id and restart"
)
"""Why deliveries wait for nobody, and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`reason` says what to do about it, in its newest form; `since` when it began."""

    reason: str
    since: datetime


@dataclass(slots=True)
class _Place:
    trouble: Trouble
    pause: int
    next_try: int


class Troubles:
    """The troubles of one channel on this node. Each is logged when it begins and when it is over, not for every
    attempt in between."""

    def __init__(self, channel: str, clock: Clock, metrics: Metrics) -> None:
        self._channel = channel
        self._clock = clock
        self._metrics = metrics
        self._places: dict[str, _Place] = {}
        self._failing_since: datetime | None = None
        self.account: Trouble | None = None

    @property
    def places(self) -> Mapping[str, Trouble]:
        """The addresses that cannot be written to."""
        return {address: each.trouble for address, each in self._places.items()}

    def first_failure(self) -> None:
        """An attempt failed; when it was the first in a row, a trouble that comes of it began now."""
        self._failing_since = self._failing_since or self._clock()

    def account_fails(self, reason: str) -> None:
        """Nothing leaves any more."""
        if self.account is not None:
            self.account = replace(self.account, reason=reason)
            return
        self.account = Trouble(reason=reason, since=self._failing_since or self._clock())
        log.error("channel.down", channel=self._channel, reason=reason)

    def account_works(self) -> None:
        """Something left, or a probe succeeded and nothing waits."""
        self._failing_since = None
        if self.account is None:
            return
        log.info("channel.up", channel=self._channel, down_for=self._age(self.account))
        self.account = None

    def place_fails(self, address: str, reason: str, now: int) -> int:
        """Only this address cannot be written to; when to try again (microseconds, as `now`)."""
        place = self._places.get(address)
        if place is None:
            trouble = Trouble(reason=reason, since=self._clock())
            place = self._places[address] = _Place(trouble, FIRST_TRY, 0)
            log.error("place.down", channel=self._channel, address=address, reason=reason)
            self._metrics.places_down(self._channel, len(self._places))
        else:
            place.trouble = replace(place.trouble, reason=reason)
        place.next_try = max(place.next_try, now + place.pause)
        return place.next_try

    def place_works(self, address: str) -> bool:
        """Something arrived there; True when nothing did before."""
        place = self._places.pop(address, None)
        if place is None:
            return False
        log.info("place.up", channel=self._channel, address=address, down_for=self._age(place.trouble))
        self._metrics.places_down(self._channel, len(self._places))
        return True

    def wait_for(self, address: str, now: int) -> int | None:
        """Until when a delivery to an address must wait; None: it may go. Of an address that is down one goes at a
        time, to see whether it works again."""
        place = self._places.get(address)
        if place is None:
            return None
        if place.next_try > now:
            return place.next_try
        place.pause = min(place.pause * 2, LONGEST_TRY)
        place.next_try = now + place.pause
        return None

    def _age(self, trouble: Trouble) -> float:
        """Seconds."""
        return round((self._clock() - trouble.since).total_seconds(), 1)
