"""Notices that Slack has gone deaf to us or was away, and has it made good (S12, S13)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from connectors.base import Clock

log = structlog.get_logger(__name__)


class Watch:
    """Our own posts must come back as events. When one was taken and nothing at all was heard for `deaf_after`, the
    connections are made anew (`rebuild`); then, and after every gap, what may have been said since something was last
    heard is asked for (`refill`; None: nothing was heard since the start)."""

    def __init__(
        self,
        channel: str,
        clock: Clock,
        deaf_after: timedelta,
        rebuild: Callable[[], Awaitable[None]],
        refill: Callable[[datetime | None], Awaitable[None]],
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._deaf_after = deaf_after.total_seconds()
        self._rebuild = rebuild
        self._refill = refill
        self._heard_at: datetime | None = None
        self._unheard_since: float | None = None
        self._quiet_since = time.monotonic()
        self._gap_since: datetime | None = None
        self._gap = asyncio.Event()
        self._filling = False

    @property
    def heard_to(self) -> datetime | None:
        """When Slack was heard last, if everything until then is here; None while a gap is being filled."""
        return None if self._gap.is_set() or self._filling else self._heard_at

    def posted(self) -> None:
        """Slack took a post of ours."""
        if self._unheard_since is None:
            self._unheard_since = time.monotonic()

    def heard(self) -> None:
        """Slack told us something, whatever it was."""
        self._unheard_since = None
        self._quiet_since = time.monotonic()
        self._heard_at = self._clock()

    def gap(self) -> None:
        """For a moment, or before the start, nothing could reach us; from now on it can."""
        self._missed(self._heard_at)

    def read_on(self) -> None:
        """Something may have been missed for longer than nothing was heard: every thread is read on from what is
        stored."""
        self._gap_since = None
        self._gap.set()

    def _missed(self, since: datetime | None) -> None:
        if not self._gap.is_set():
            self._gap_since = since
            self._gap.set()

    async def run(self, sing: Callable[[], Awaitable[bool]]) -> None:
        """Watch until cancelled; `sing` makes a post whenever nothing was heard for `deaf_after`. Filling a gap may
        take long, and somebody must listen meanwhile."""
        async with asyncio.TaskGroup() as work:
            work.create_task(self._listen(sing))
            work.create_task(self._fill())

    async def _listen(self, sing: Callable[[], Awaitable[bool]]) -> None:
        while True:
            await asyncio.sleep(self._deaf_after / 4)
            if self._unheard_since is None and self._has_lasted(self._quiet_since) and await sing():
                self.posted()
            elif self._is_deaf():
                log.error("slack.deaf", channel=self._channel, seconds=self._deaf_after)
                self._unheard_since = None
                since = self._heard_at
                await self._rebuild()
                self._missed(since)

    async def _fill(self) -> None:
        while True:
            await self._gap.wait()
            self._gap.clear()
            self._filling = True
            await self._refill(self._gap_since)
            self._filling = False

    def _is_deaf(self) -> bool:
        return self._unheard_since is not None and self._has_lasted(self._unheard_since)

    def _has_lasted(self, since: float) -> bool:
        return time.monotonic() - since > self._deaf_after
