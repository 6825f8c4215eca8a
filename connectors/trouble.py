"""Why nothing comes in on a channel: in the log once when it begins or changes, and once when it is over."""

import structlog

log = structlog.get_logger()


class Trouble:
    """Remembers what was said last, so that a back-off loop does not fill the log. `reason` is a sentence while
    nothing comes in; `source` begins the names of the events."""

    def __init__(self, source: str, channel: str) -> None:
        self._source = source
        self._channel = channel
        self.reason: str | None = None

    def say(self, reason: str) -> None:
        if reason != self.reason:
            log.warning(f"{self._source}.trouble", channel=self._channel, reason=reason)
        self.reason = reason

    def stop(self, reason: str) -> None:
        """Nothing is tried any more."""
        log.error(f"{self._source}.stopped", channel=self._channel, reason=reason)
        self.reason = reason

    def over(self) -> None:
        if self.reason is not None:
            log.info(f"{self._source}.recovered", channel=self._channel)
        self.reason = None

    def forget(self) -> None:
        """Another node receives now: what is wrong is its to tell."""
        self.reason = None
