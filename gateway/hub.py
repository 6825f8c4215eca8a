"""The in-process hub: wakes whoever waits for a key. Only hints; the truth is in the database."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager


class Hub:
    """Events by key; a wake-up that comes while somebody is busy is kept, more than one melt into one."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def wake(self, keys: Iterable[str]) -> None:
        """Tell everybody who watches one of the keys."""
        if not self._waiting:
            return
        for key in keys:
            for event in self._waiting.get(key, ()):
                event.set()

    @contextmanager
    def watch(self, key: str) -> Iterator[AsyncIterator[None]]:
        """Hints for a key, from now on."""
        event = asyncio.Event()
        self._waiting.setdefault(key, set()).add(event)
        try:
            yield _hints(event)
        finally:
            watching = self._waiting[key]
            watching.discard(event)
            if not watching:
                del self._waiting[key]


async def _hints(event: asyncio.Event) -> AsyncIterator[None]:
    while True:
        await event.wait()
        event.clear()
        yield
