"""Without a bus a node learns from the database what other nodes added to the feeds its visitors watch (PG3)."""

import asyncio

import structlog

from gateway.hub import Hub
from storage import feeds
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

EVERY = 1.0
AT_ONCE = 500


class Neighbours:
    """Looks every second how far the watched feeds go; whoever knows as much already is not bothered."""

    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._look()
            except StoreUnavailable as error:
                log.error("neighbours.store", reason=str(error))

    async def _look(self) -> None:
        places = self._hub.watched
        for start in range(0, len(places), AT_ONCE):
            self._hub.wake(await self._database.read(feeds.heads, places[start : start + AT_ONCE]))
