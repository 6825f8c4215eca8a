"""Reading again what Slack could not tell us: in its rates, patient with it and with the store (S13)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from slack_bolt.response import BoltResponse

from connectors.base import NotSent, NotStored
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed

log = structlog.get_logger(__name__)

Payload = Mapping[str, Any]
Take = Callable[[Payload], Awaitable[BoltResponse]]
T = TypeVar("T")

ACTIVE_FOR = timedelta(days=7)
"""Threads of resolved conversations nobody touched for longer are left alone."""
BEFORE = timedelta(seconds=60)
"""Slack's clock and ours may differ by this much."""
AGAIN = 30.0
"""Seconds before what Slack or the store could not tell is asked for again."""
BUSY = 503
"""How the ingress says that the store takes nothing now."""
TRIES = 5
PAGE = 200
HISTORY = "conversations.history"
REPLIES = "conversations.replies"


class Pacing:
    """Slots for a method of tier 3, which Slack allows about 50 times a minute: a few at once, then 40 a minute, and
    the rest is for look-ups. `now` and `sleep` are in seconds."""

    def __init__(
        self,
        *,
        burst: int = 8,
        pause: float = 1.5,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pause = pause
        self._lead = (burst - 1) * pause
        self._now = now
        self._sleep = sleep
        self._next = 0.0

    async def slot(self) -> None:
        """Wait for the next slot."""
        now = self._now()
        self._next = max(self._next, now - self._lead)
        wait, self._next = self._next - now, self._next + self._pause
        if wait > 0:
            await self._sleep(wait)

    async def wait(self, seconds: float) -> None:
        """Slack or the store asks for a pause."""
        await self._sleep(seconds)


class Reading:
    """`take` stores a payload and answers 200 when it is stored; what is known already is stored once. `replies` are
    the slots of the method that reads threads, which others may share."""

    def __init__(self, channel: str, api: SlackApi, take: Take, replies: Pacing) -> None:
        self._channel = channel
        self._api = api
        self._take = take
        self._slots = {REPLIES: replies, HISTORY: Pacing()}
        self._replies = replies

    async def posts(self, place: Mapping[str, str], oldest: datetime) -> AsyncIterator[Payload]:
        """What a Slack channel ("channel") or a thread in it ("ts" too) says since, its root left out. Raises
        CallFailed."""
        asked: dict[str, str | int | bool] = {
            **place,
            "oldest": to_ts(oldest),
            "limit": PAGE,
            "include_all_metadata": True,
        }
        while True:
            answer = await self.ask(REPLIES if "ts" in place else HISTORY, asked)
            for message in answer.get("messages") or ():
                if message["ts"] != place.get("ts"):  # Slack tells the root with every page
                    yield message
            if not (cursor := (answer.get("response_metadata") or {}).get("next_cursor")):
                return
            asked["cursor"] = cursor

    async def ask(self, method: str, asked: Mapping[str, str | int | bool]) -> Payload:
        """One read in its slot; patient where Slack limits or fails. Raises CallFailed."""
        failures = 0
        while True:
            await self._slots[method].slot()
            try:
                return await self._api.read(method, **asked)
            except CallFailed as failure:
                failures += 1
                if not isinstance(failure.outcome, NotSent) or failures == TRIES:
                    raise
                if wait := failure.outcome.retry_after:
                    await self._replies.wait(wait.total_seconds())

    async def store(self, event: Payload) -> None:
        """Wait for a store that is away: nobody would tell it again. What nobody can store is in the log, and must
        not keep the rest from being read."""
        while (await self._take({"type": "event_callback", "event": event})).status == BUSY:
            await self.pause()

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the store answers, as soon as it does."""
        while True:
            try:
                return await ask()
            except NotStored as reason:
                log.warning("slack.backfill_waits", channel=self._channel, reason=str(reason))
                await self.pause()

    async def pause(self) -> None:
        """Until it is worth another try."""
        await self._replies.wait(AGAIN)


def to_ts(instant: datetime) -> str:
    """As Slack writes instants."""
    return f"{instant.timestamp():.6f}"


def events_of(message: Payload, channel: str) -> Iterator[Payload]:
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
