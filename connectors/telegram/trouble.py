"""A channel's trouble in the log: said once when it begins or changes, and once when it is over."""

import structlog

log = structlog.get_logger()


class Trouble:
    """Remembers what was said last, so that a back-off loop does not fill the log."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._said: str | None = None

    def say(self, reason: str) -> None:
        if reason != self._said:
            log.warning("telegram.trouble", channel=self._channel, reason=reason)
        self._said = reason

    def over(self) -> None:
        if self._said is not None:
            log.info("telegram.recovered", channel=self._channel)
        self._said = None
