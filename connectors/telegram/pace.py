"""How long the receiving side waits: polls, back-off, and the pause that gathers a busy minute's updates."""

import time
from dataclasses import dataclass
from itertools import count
from typing import Final

from connectors.telegram.wire import CALL_SECONDS

LOW_DIGITS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds. `call` bounds a whole delivery, below its lease (R3).

    `conflict` is for a second poller or a foreign webhook (T5), `network` for every other back-off. Polls that end
    within `busy` of each other are `gather` apart, so that one transaction takes several updates.
    """

    call: float = CALL_SECONDS
    poll: int = 50
    network: tuple[float, float] = (1.0, 30.0)
    conflict: tuple[float, float] = (5.0, 60.0)
    watch: float = 600.0
    busy: float = 0.1
    gather: float = 0.05


class Backoff:
    """Doubling waits between two bounds, each shortened by up to half so that two nodes part."""

    def __init__(self, bounds: tuple[float, float]) -> None:
        self._low, self._high = bounds
        self._failures = count()

    def next(self) -> float:
        """Seconds to wait after one more failure, never under the lower bound."""
        whole = min(self._high, self._low * 2.0 ** min(next(self._failures) + 1, 30))
        return max(self._low, whole * (0.5 + _chance() / 2))

    def reset(self) -> None:
        self._failures = count()


def _chance() -> float:
    """0 to 1 from the low digits of the monotonic clock: chance enough to part two nodes, and nothing more."""
    return time.monotonic_ns() // 100 % LOW_DIGITS / LOW_DIGITS
