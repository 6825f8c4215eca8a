"""Coalescing: what many callers submit while one batch is under way goes together into the next."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from connectors.base import NotStored

T = TypeVar("T")
R = TypeVar("R")

LARGEST = 128
PATIENCE = 50.0  # seconds: below M4's 60, so that what is refused is never stored later


class Batches(Generic[T, R]):
    """A queue whose `run` hands batches to `process` and gives each caller its own result or error.

    `process` answers each item with a value or an exception; if it raises itself, every caller of the batch gets that.
    """

    def __init__(self, process: Callable[[list[T]], Awaitable[Sequence[R | Exception]]], limit: int) -> None:
        self._process = process
        self._limit = limit
        self._pending: list[tuple[T, asyncio.Future[R], float]] = []
        self._arrived = asyncio.Event()

    async def submit(self, item: T) -> R:
        """The result for one item. Raises NotStored when too much is waiting or it waited too long."""
        if len(self._pending) >= self._limit:
            raise NotStored("too many items are waiting to be stored")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._pending.append((item, future, time.monotonic() + PATIENCE))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Process batches until cancelled; what is under way then is finished first."""
        while True:
            await self._arrived.wait()
            batch, self._pending = self._pending[:LARGEST], self._pending[LARGEST:]
            if not self._pending:
                self._arrived.clear()
            await asyncio.shield(self._serve(batch))

    async def _serve(self, batch: list[tuple[T, asyncio.Future[R], float]]) -> None:
        now = time.monotonic()
        fresh: list[tuple[T, asyncio.Future[R]]] = []
        for item, future, expires in batch:
            if future.done():
                continue
            if now > expires:
                future.set_exception(NotStored("the database was too slow"))
            else:
                fresh.append((item, future))
        if not fresh:
            return
        try:
            results = await self._process([item for item, _ in fresh])
        except Exception as error:  # goes to every caller, who decides what it means
            results = [error] * len(fresh)
        for (_, future), result in zip(fresh, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
