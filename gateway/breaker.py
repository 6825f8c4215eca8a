"""A circuit breaker for one account (B1-B3): opens after transport failures, asks with a read, closes carefully."""

OPEN_AFTER = 5
CLOSE_AFTER = 2
RETRY_SHARE = 0.2
FREE_RETRIES = 10.0


class Breaker:
    """`reason` says why it is open; None while it is closed or half open."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._failures = 0
        self._trial = 0
        self._retries = FREE_RETRIES

    @property
    def half_open(self) -> bool:
        """One delivery at a time, until enough have succeeded."""
        return self._trial > 0

    def failed(self, reason: str) -> None:
        """A transport or server failure; rate answers are none (B2)."""
        self._failures += 1
        if self._trial or self._failures >= OPEN_AFTER:
            self.open(reason)

    def open(self, reason: str) -> None:
        """Send nothing until a probe succeeds."""
        self.reason = reason
        self._trial = 0

    def probed(self) -> None:
        """A probe succeeded: half open."""
        self.reason = None
        self._failures = 0
        self._trial = CLOSE_AFTER

    def succeeded(self) -> None:
        self._failures = 0
        self._trial = max(self._trial - 1, 0)

    def may_retry(self) -> bool:
        """Whether the retry budget allows one more: a fifth of the first attempts, and a few for free (B3)."""
        if self._retries < 1:
            return False
        self._retries -= 1
        return True

    def first_attempt(self) -> None:
        self._retries = min(self._retries + RETRY_SHARE, FREE_RETRIES)

    def refill(self, minutes: float) -> None:
        """The free part of the budget comes back with time."""
        self._retries = min(self._retries + FREE_RETRIES * minutes, FREE_RETRIES)
