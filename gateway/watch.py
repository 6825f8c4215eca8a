"""Looks at this node itself every few seconds: loop lag, backlog, quarantine."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.coverage_notes import calendars_of
from storage import assignments, incidents, intake, rounds
from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from gateway.app import Application

LAG_EVERY = 0.5
COUNT_EVERY = 10
WAITING_EVERY = 10
POLICIES_EVERY = 4


class Watch:
    """Feeds the gauges."""

    def __init__(self, app: "Application") -> None:
        self._app = app

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        turn = 0
        while True:
            before = loop.time()
            await asyncio.sleep(LAG_EVERY)
            self._app.metrics.loop_lag(max(loop.time() - before - LAG_EVERY, 0.0))
            if turn % POLICIES_EVERY == 0:
                await self._learn_policies()
            if turn % WAITING_EVERY == 0:
                await self._look_who_waits()
            if turn % COUNT_EVERY == 0:
                await self._count()
            turn += 1

    async def _learn_policies(self) -> None:
        with suppress(StoreUnavailable):
            await self._app.learn_policies()

    async def _look_who_waits(self) -> None:
        app = self._app
        try:
            app.metrics.response.waiting(await app.database.read(rounds.waiting, app.rulebook.terms))
            queued = await app.database.read(assignments.queued_by_team)
            app.metrics.service.incidents(await app.database.read(incidents.open_count))
        except StoreUnavailable:
            return
        app.metrics.service.queue(dict.fromkeys(app.rulebook.teams, 0) | queued)
        app.metrics.service.coverage(calendars_of(app.rulebook), app.today())

    async def _count(self) -> None:
        app = self._app
        try:
            app.metrics.quarantine(await app.database.read(intake.quarantine_counts))
        except StoreUnavailable:
            return
        counts: dict[tuple[str, str], int] = {}
        oldest: dict[str, float] = defaultdict(float)
        now = app.now_micros()
        for each in await app.backlog():
            counts[each.channel, each.state] = each.count
            oldest[each.channel] = max(oldest[each.channel], (now - each.oldest) / 1_000_000)
        app.metrics.backlog(counts, oldest)
