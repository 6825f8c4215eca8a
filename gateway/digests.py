"""Tells teams at set times who waits for an owner and how yesterday went: each time once, whichever node is awake."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import structlog

from connectors.base import Clock
from router.digest_text import daily_text, queue_text
from router.digests import Days, DigestRules, days_before, is_due, queue_slot
from router.richtext import RichText
from router.rulebook import Rulebook
from storage import digests
from storage.changes import Touched
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

Said = tuple[UUID, RichText] | None
"""A conversation of a digest and its words; None: there is nothing to tell."""

EVERY = 1.0
"""Seconds between looks at the clock; the store is asked only when a time has come."""


class Digests:
    """The worker; `wake` is told what its commits touched."""

    def __init__(
        self, database: Database, rules: Callable[[], Rulebook], wake: Callable[[Touched], None], clock: Clock
    ) -> None:
        self._database = database
        self._rules = rules
        self._wake = wake
        self._clock = clock
        self._done: dict[tuple[str, str | None], datetime] = {}

    async def run(self) -> None:
        """Tell what is due when it is due, for ever."""
        while True:
            try:
                for each in self._rules().digests:
                    await self._look(each)
            except StoreUnavailable as error:
                log.error("digests.store", reason=str(error))
            await asyncio.sleep(EVERY)

    async def _look(self, rules: DigestRules) -> None:
        now = self._clock()
        if (slot := queue_slot(rules, now)) is not None:
            await self._once(digests.QUEUE, rules, slot, lambda: self._queue(rules, now))
        if is_due(rules, now):
            days = days_before(rules, now)
            await self._once(digests.DAILY, rules, days.end, lambda: self._day(rules, days, now))

    async def _once(self, kind: str, rules: DigestRules, slot: datetime, said: Callable[[], Awaitable[Said]]) -> None:
        """Tell what is to be said of a time, unless it was told."""
        if self._done.get((kind, rules.team)) == slot:
            return
        if not await self._database.read(digests.is_told, kind, rules, slot) and (found := await said()) is not None:
            touched = await self._database.transact(digests.tell, kind, rules, slot, *found)
            if touched is not None:
                self._wake(touched)
        self._done[kind, rules.team] = slot

    async def _queue(self, rules: DigestRules, now: datetime) -> Said:
        found = await self._database.read(digests.unclaimed, rules)
        return None if found is None else (found.longest.id, queue_text(rules.name, found, now, rules.calendar.zone))

    async def _day(self, rules: DigestRules, days: Days, now: datetime) -> Said:
        found = await self._database.read(digests.figures, rules, days)
        if found.about is None or found.is_empty:
            return None
        return found.about, daily_text(rules.name, days, found, now, rules.calendar.zone)
