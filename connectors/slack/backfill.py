"""What was said in the desk's threads while Slack could not tell us: read again and taken in as if it had (S13)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from connectors.base import NotSent
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed

log = structlog.get_logger(__name__)

Payload = Mapping[str, Any]

KNOWN = 2_000
ACTIVE_FOR = 24 * 3600.0
"""Seconds; threads nobody touched for longer are left alone."""
PAUSE = 1.2
"""Seconds between two reads: Slack allows about 50 a minute."""
BEFORE = timedelta(seconds=60)
"""Slack's clock and ours may differ by this much."""
TRIES = 5
PAGE = 200


class Backfill:
    """Knows the threads that were active of late. `take` stores a payload; what is known already is stored once."""

    def __init__(self, channel: str, api: SlackApi, take: Callable[[Payload], Awaitable[object]]) -> None:
        self._channel = channel
        self._api = api
        self._take = take
        self._threads: OrderedDict[str, float] = OrderedDict()

    def saw(self, thread: str) -> None:
        """A thread is in use; its ref is "channel:ts"."""
        self._threads[thread] = time.monotonic()
        self._threads.move_to_end(thread)
        while len(self._threads) > KNOWN:
            self._threads.popitem(last=False)

    async def refill(self, since: datetime) -> None:
        """Read every active thread since then, the latest thread first."""
        now = time.monotonic()
        active = [ref for ref, at in reversed(self._threads.items()) if now - at < ACTIVE_FOR]
        log.info("slack.backfill", channel=self._channel, threads=len(active))
        oldest = f"{(since - BEFORE).timestamp():.6f}"
        for number, ref in enumerate(active):
            if number:
                await asyncio.sleep(PAUSE)
            try:
                async for message in self._messages(ref, oldest):
                    for event in _events(message, ref.partition(":")[0]):
                        await self._take({"type": "event_callback", "event": event})
            except CallFailed as failure:
                log.warning("slack.backfill_failed", channel=self._channel, reason=str(failure))

    async def _messages(self, ref: str, oldest: str) -> AsyncIterator[Payload]:
        """The messages of a thread; patient where Slack limits or fails. Raises CallFailed."""
        channel, _, root = ref.partition(":")
        cursor, failures = "", 0
        where: dict[str, str | int | bool] = {"channel": channel, "ts": root, "oldest": oldest, "limit": PAGE}
        where["include_all_metadata"] = True
        while True:
            try:
                answer = await self._api.read(
                    "conversations.replies", **where, **({"cursor": cursor} if cursor else {})
                )
            except CallFailed as failure:
                failures += 1
                if not isinstance(failure.outcome, NotSent) or failures == TRIES:
                    raise
                wait = failure.outcome.retry_after
                await asyncio.sleep(wait.total_seconds() if wait else PAUSE)
                continue
            for message in answer.get("messages") or ():
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return


def _events(message: Payload, channel: str) -> Iterator[Payload]:
    """The events Slack would have sent for it: the message, and its last edit."""
    yield {**message, "type": "message", "channel": channel}
    if edited := message.get("edited"):
        yield {
            "type": "message",
            "subtype": "message_changed",
            "channel": channel,
            "ts": edited["ts"],
            "event_ts": edited["ts"],
            "message": message,
        }
