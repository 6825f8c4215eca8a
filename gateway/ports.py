"""What the gateway gives one connector (`connectors.base.Ports`)."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

import structlog

from connectors.base import Arrival, Blobs, Cursor, DeskThread, FeedItem, Lease, NotStored, Receipt
from gateway.hub import Hub
from gateway.intake import Intake
from gateway.leases import Leases
from gateway.outlet import Outlet
from gateway.sheets import Sheets
from router.forms import Form, Wish
from router.model import Blob, Delivery, Sender
from router.rulebook import Rulebook
from router.sheets import Sheet
from storage import desk_forms, feeds, intake, threads
from storage.blobs import BlobStore
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()


class ChannelBlobs:
    """The blob store as the connector of a channel sees it: its troubles are NotStored, and in the log."""

    def __init__(self, channel: str, store: BlobStore) -> None:
        self._channel = channel
        self._store = store
        self.path = store.path

    async def put(self, chunks: AsyncIterator[bytes], limit: int) -> Blob:
        try:
            return await self._store.put(chunks, limit)
        except StoreUnavailable as error:
            log.error("files.store", channel=self._channel, reason=str(error))
            raise NotStored(str(error), full=error.full) from error


class ChannelPorts:
    """The ports of one channel. `outlet` is looked up when asked: it is built after its connector."""

    def __init__(
        self,
        channel: str,
        intake: Intake,
        database: Database,
        blobs: BlobStore,
        leases: Leases,
        hub: Hub,
        outlet: Callable[[], Outlet],
        rules: Callable[[], Rulebook],
    ) -> None:
        self._channel = channel
        self._intake = intake
        self._database = database
        self._leases = leases
        self._hub = hub
        self._outlet = outlet
        self._rules = rules
        self._sheets = Sheets(channel, database, rules)
        self.blobs: Blobs = ChannelBlobs(channel, blobs)

    async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        return await self._intake.submit(self._channel, arrivals, cursor)

    async def cursor(self, name: str) -> str | None:
        try:
            return await self._database.read(intake.cursor_value, self._channel, name)
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error

    def lease(self, name: str) -> AbstractAsyncContextManager[Lease]:
        return self._leases.hold(f"{self._channel}:{name}")

    def holds(self, delivery: Delivery) -> bool:
        return self._outlet().holds(delivery)

    async def checkpoint(self, delivery: Delivery, state: str) -> None:
        await self._outlet().checkpoint(delivery, state)

    async def history(self, address: str, after: int, limit: int = 200) -> list[FeedItem]:
        try:
            return await self._database.read(feeds.history, f"{self._channel}:{address}", after, limit)
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error

    async def threads(self, since: datetime) -> list[DeskThread]:
        try:
            return await self._database.read(threads.busy, self._channel, since)
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error

    async def posts(self, thread: str, since: datetime) -> list[str]:
        try:
            return await self._database.read(threads.posts, self._channel, thread, since)
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error

    async def sheet(self, sender: Sender, line: str) -> Sheet:
        try:
            return await self._sheets.of(sender, line)
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error

    async def form(self, wish: Wish) -> Form | str:
        try:
            return await self._database.read(desk_forms.opened, self._channel, wish, self._rules())
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error

    @asynccontextmanager
    async def watch(self, address: str) -> AsyncIterator[AsyncIterator[int | None]]:
        with self._hub.watch(f"{self._channel}:{address}") as hints:
            yield hints
