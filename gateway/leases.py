"""Leases for pollers: one node polls, the others wait (N1). Time to live 30 s, renewed every 10."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from connectors.base import Lease, LeaseLost
from storage import leases
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

SECONDS = 30.0
RENEWAL = 10.0


class Leases:
    """The leases this node holds or waits for, under the name `owner`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    @asynccontextmanager
    async def hold(self, resource: str) -> AsyncIterator[Lease]:
        """Wait for a lease and keep it; the body is cancelled with LeaseLost when it cannot be renewed in time."""
        while (fence := await self._take(resource)) is None:
            await asyncio.sleep(RENEWAL / 4)
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._keep(resource, fence))
                try:
                    yield Lease(resource, fence)
                finally:
                    keeper.cancel()
        except* LeaseLost as lost:
            raise LeaseLost(f"the lease of {resource} is held by another node") from lost
        finally:
            await self._give_back(resource, fence)

    async def _take(self, resource: str) -> int | None:
        try:
            return await self._database.transact(leases.take, resource, self._owner, SECONDS)
        except StoreUnavailable:
            return None

    async def _keep(self, resource: str, fence: int) -> None:
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(RENEWAL)
            asked = time.monotonic()
            try:
                if not await self._database.transact(leases.renew, resource, self._owner, fence, SECONDS):
                    raise LeaseLost(resource)
                renewed = asked
            except StoreUnavailable as error:
                if time.monotonic() - renewed > SECONDS - RENEWAL:
                    raise LeaseLost(resource) from error

    async def _give_back(self, resource: str, fence: int) -> None:
        try:
            await asyncio.shield(self._database.transact(leases.release, resource, self._owner, fence))
        except StoreUnavailable as error:
            log.warning("lease.kept", resource=resource, reason=str(error))
