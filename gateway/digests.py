"""Tells teams at set times who waits for an owner and how yesterday went: each time once, whichever node is awake."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from connectors.base import Clock
from router.digest_text import daily_text, queue_text
from router.digests import DigestRules, daily_slot, days_before, queue_slot
from router.rulebook import Rulebook
from storage import digests
from storage.changes import Touched
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

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
        for kind, slot, tell in (
            (digests.QUEUE, queue_slot(rules, now), self._tell_queue),
            (digests.DAILY, daily_slot(rules, now), self._tell_day),
        ):
            if slot is None or self._done.get((kind, rules.team)) == slot:
                continue
            if not await self._database.read(digests.is_told, kind, rules, slot):
                await tell(rules, slot, now)
            self._done[kind, rules.team] = slot

    async def _tell_queue(self, rules: DigestRules, slot: datetime, now: datetime) -> None:
        found = await self._database.read(digests.unclaimed, rules)
        if found is not None:
            text = queue_text(rules.name, found, now, rules.calendar.zone)
            touched = await self._database.transact(digests.tell, digests.QUEUE, rules, slot, found.longest.id, text)
            self._told(touched)

    async def _tell_day(self, rules: DigestRules, slot: datetime, now: datetime) -> None:
        days = days_before(rules, slot)
        found = await self._database.read(digests.figures, rules, days)
        if found.about is not None and not found.is_empty:
            text = daily_text(rules.name, days, found, now, rules.calendar.zone)
            touched = await self._database.transact(digests.tell, digests.DAILY, rules, slot, found.about, text)
            self._told(touched)

    def _told(self, touched: Touched | None) -> None:
        if touched is not None:
            self._wake(touched)
