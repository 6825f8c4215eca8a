"""The in-process hub: wakes whoever waits for a key. Only hints; the truth is in the database."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager


class Hub:
    """Hints by key, each with the highest committed number of its feed; a hint that comes while somebody is busy is
    kept, and several melt into one."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[_Hints]] = {}

    @property
    def watched(self) -> list[str]:
        """The keys somebody watches."""
        return [*self._waiting]

    def wake(self, heads: Mapping[str, int]) -> None:
        """Tell everybody who watches one of the keys how far its feed goes."""
        if not self._waiting:
            return
        for key, head in heads.items():
            for hints in self._waiting.get(key, ()):
                hints.tell(head)

    @contextmanager
    def watch(self, key: str) -> Iterator[AsyncIterator[int]]:
        """Hints for a key, from now on."""
        hints = _Hints()
        self._waiting.setdefault(key, set()).add(hints)
        try:
            yield hints.heads()
        finally:
            watching = self._waiting[key]
            watching.discard(hints)
            if not watching:
                del self._waiting[key]


class _Hints:
    """What one watcher has not looked at yet."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self._head = 0

    def tell(self, head: int) -> None:
        self._head = max(self._head, head)
        self._told.set()

    async def heads(self) -> AsyncIterator[int]:
        while True:
            await self._told.wait()
            self._told.clear()
            yield self._head
