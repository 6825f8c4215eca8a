"""A tiny in-memory `Ports` for connector tests: remembers what arrived, deduplicates, refuses on demand."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from connectors.base import Arrival, BlobTooLarge, Cursor, DeskThread, Fate, FeedItem, Lease, Receipt
from router.forms import Form, Wish
from router.model import Blob, Delivery, Inbound, Sender
from router.sheets import Sheet, sentence


class FileBlobs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, chunks: AsyncIterator[bytes], limit: int) -> Blob:
        content = bytearray()
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                raise BlobTooLarge(f"more than {limit} bytes")
        blob = Blob(sha256=hashlib.sha256(content).digest(), size=len(content))
        self.path(blob).write_bytes(content)
        return blob

    def path(self, blob: Blob) -> Path:
        return self._folder / blob.sha256.hex()


class MemoryPorts:
    """`refuse` is raised by the next intakes while set; `held` answers `holds`; `in_use` are the desk threads that are
    known, and `written` the remote ids of their posts."""

    def __init__(self, folder: Path) -> None:
        self.blobs = FileBlobs(folder)
        self.arrivals: list[Arrival] = []
        self.cursors: dict[str, str] = {}
        self.checkpoints: dict[UUID, str] = {}
        self.feed: dict[str, list[FeedItem]] = defaultdict(list)
        self.refuse: Exception | None = None
        self.held = True
        self.in_use: list[DeskThread] = []
        self.written: dict[str, list[str]] = defaultdict(list)
        self.forms: dict[str, Form] | Exception = {}
        self.wishes: list[Wish] = []
        self.sheets: dict[str, Sheet] | Exception = {}
        self.questions: list[tuple[Sender, str]] = []
        self._keys: dict[str, tuple[bytes, Receipt]] = {}
        self._changed = asyncio.Condition()

    @property
    def inbound(self) -> list[Inbound]:
        return [arrival.inbound for arrival in self.arrivals if arrival.inbound is not None]

    async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        if self.refuse is not None:
            raise self.refuse
        receipts = [self._store(arrival) for arrival in arrivals]
        if cursor is not None:
            self.cursors[cursor.name] = cursor.value
        async with self._changed:
            self._changed.notify_all()
        return receipts

    def _store(self, arrival: Arrival) -> Receipt:
        if known := self._keys.get(arrival.key):
            raw, receipt = known
            fate = Fate.DUPLICATE if raw == arrival.raw else Fate.CONFLICT
            return Receipt(fate, receipt.message, receipt.feed_seq)
        receipt = Receipt(Fate.QUARANTINED if arrival.problem else Fate.STORED, uuid4(), len(self.arrivals) + 1)
        self._keys[arrival.key] = (arrival.raw, receipt)
        self.arrivals.append(arrival)
        return receipt

    async def until(self, count: int, within: float = 30.0) -> list[Arrival]:
        """The arrivals once there are `count` of them; raises TimeoutError otherwise."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: len(self.arrivals) >= count)
        return self.arrivals

    async def cursor(self, name: str) -> str | None:
        return self.cursors.get(name)

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[Lease]:
        yield Lease(name, 1)

    def holds(self, delivery: Delivery) -> bool:
        return self.held

    async def checkpoint(self, delivery: Delivery, state: str) -> None:
        self.checkpoints[delivery.id] = state

    async def history(self, address: str, after: int, limit: int = 200) -> list[FeedItem]:
        return [item for item in self.feed[address] if item.seq > after][:limit]

    async def threads(self, since: datetime) -> list[DeskThread]:
        return self.in_use

    async def posts(self, thread: str, since: datetime) -> list[str]:
        return self.written[thread]

    async def sheet(self, sender: Sender, line: str) -> Sheet:
        self.questions.append((sender, line))
        if isinstance(self.sheets, Exception):
            raise self.sheets
        return self.sheets.get(line, sentence(f"Nothing is known of {line!r}."))

    async def form(self, wish: Wish) -> Form | str:
        self.wishes.append(wish)
        if isinstance(self.forms, Exception):
            raise self.forms
        return self.forms.get(wish.line, f"There is no form for {wish.line!r}.")

    @asynccontextmanager
    async def watch(self, address: str) -> AsyncIterator[AsyncIterator[None]]:
        async def hints() -> AsyncIterator[None]:
            while True:
                async with self._changed:
                    await self._changed.wait()
                yield

        yield hints()
