"""The page's live connection: server-sent events with the views that changed."""

import asyncio
from collections.abc import Callable, Mapping

import orjson
from aiohttp import web

from gateway.sandbox.pane import Json

PAUSE = 0.03
"""Seconds in which changes are gathered into one event."""
SILENCE = 15.0
"""Seconds after which a quiet stream says that it is alive."""


class Live:
    """`views` by the name of their event. Somebody calls `changed` after every change."""

    def __init__(self, views: Mapping[str, Callable[[], Json]]) -> None:
        self._views = views
        self._waiting: set[asyncio.Event] = set()
        self._ended = False

    def changed(self) -> None:
        for event in self._waiting:
            event.set()

    def end(self) -> None:
        """Every stream ends; pages come back when the server does."""
        self._ended = True
        self.changed()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """All views at once, then each one that is no longer what it was."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        news = asyncio.Event()
        self._waiting.add(news)
        known: dict[str, bytes] = {}
        try:
            await response.write(b"retry: 500\n\n")
            while not self._ended:
                news.clear()
                await response.write(self._events(known) or b": quiet\n\n")
                await self._next(news)
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._waiting.discard(news)
        return response

    def _events(self, known: dict[str, bytes]) -> bytes:
        events = b""
        for name, view in self._views.items():
            data = orjson.dumps(view())
            if known.get(name) != data:
                known[name] = data
                events += b"event: %s\ndata: %s\n\n" % (name.encode(), data)
        return events

    async def _next(self, news: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(SILENCE):
                await news.wait()
        except TimeoutError:
            return
        await asyncio.sleep(PAUSE)
