"""Notes the words of what was said, after the commit, so that conversations are found by them. One node does it,
under a lease; a node that takes over begins where the last one was certain."""

import asyncio
import time

import structlog

from connectors.base import Lease, LeaseLost
from gateway.leases import Leases
from storage import words
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

RESOURCE = "words"
EVERY = 2.0
"""Seconds between looks while nothing is said."""
REST = 3
"""Rests as many times as long as the last look took while there is more."""


class Indexing:
    """The worker."""

    def __init__(self, database: Database, leases: Leases) -> None:
        self._database = database
        self._leases = leases

    async def run(self) -> None:
        """Note whenever this node holds the lease, for ever."""
        while True:
            try:
                async with self._leases.hold(RESOURCE) as lease:
                    await self._note_all(lease)
            except* LeaseLost:
                log.info("words.lease_lost")
            except* StoreUnavailable as errors:
                log.error("words.store", reason=str(errors.exceptions[0]))
                await asyncio.sleep(EVERY)

    async def _note_all(self, lease: Lease) -> None:
        since = await self._database.read(words.beginning)
        seen: set[bytes] = set()
        while True:
            started = time.monotonic()
            fresh, more = await self._database.read(words.unnoted, since, seen)
            if fresh:
                since = await self._database.transact(words.note, lease, fresh)
                seen = {each for each in (*seen, *fresh) if each > since}
            await asyncio.sleep(REST * (time.monotonic() - started) if more else EVERY)
