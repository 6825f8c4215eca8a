"""What was said in the desk's threads while Slack could not tell us: read again and taken in as if it had (S13).

Which threads those are the store knows, so a restart forgets none.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from slack_bolt.response import BoltResponse

from connectors.base import Clock, DeskThread, NotSent, NotStored, Ports
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import THREAD_GONE_CODES, CallFailed

log = structlog.get_logger(__name__)

Payload = Mapping[str, Any]
T = TypeVar("T")

ACTIVE_FOR = timedelta(days=7)
"""Threads of resolved conversations nobody touched for longer are left alone."""
LOOK_BACK = timedelta(hours=24)
"""How long before the gap a post may have been written whose edit or deletion in the gap is still found."""
BEFORE = timedelta(seconds=60)
"""Slack's clock and ours may differ by this much."""
AGAIN = 30.0
"""Seconds before what Slack or the store could not tell is asked for again."""
BUSY = 503
"""How the ingress says that the store takes nothing now."""
TRIES = 5
PAGE = 200
TOLD_EVERY = 50
"""Threads between two lines of progress in the log."""


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


@dataclass(slots=True)
class _Found:
    """What one refill has seen: posts that are there, posts that we know, how many were new to us, deletions."""

    seen: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    taken: int = 0
    deleted: int = 0


class Backfill:
    """`take` stores a payload and answers 200 when it is stored; what is known already is stored once."""

    def __init__(
        self,
        channel: str,
        api: SlackApi,
        ports: Ports,
        take: Callable[[Payload], Awaitable[BoltResponse]],
        clock: Clock,
        pacing: Pacing,
    ) -> None:
        self._channel = channel
        self._api = api
        self._ports = ports
        self._take = take
        self._clock = clock
        self._pacing = pacing

    async def refill(self, since: datetime | None) -> None:
        """Read every thread in use, the latest first; then look what became of posts that are there no more.

        `since` is when Slack was last heard, None at the start: then every thread is read on from what is stored.
        """
        began = time.monotonic()
        threads = deque(await self._patiently(lambda: self._ports.threads(self._clock() - ACTIVE_FOR)))
        total, done, found = len(threads), 0, _Found()
        log.info("slack.backfill", channel=self._channel, threads=total)
        while threads:
            thread = threads.popleft()
            try:
                await self._read(thread, since, found)
            except CallFailed as failure:
                log.warning("slack.backfill_failed", channel=self._channel, thread=thread.ref, reason=str(failure))
                if isinstance(failure.outcome, NotSent):
                    threads.append(thread)
                    await self._pacing.wait(AGAIN)
                    continue
            done += 1
            if done % TOLD_EVERY == 0 and threads:
                log.info("slack.backfill_progress", channel=self._channel, read=done, threads=total, posts=found.taken)
        for ref in sorted(found.known - found.seen):
            await self._look_for(ref, found)
        log.info(
            "slack.backfill_done",
            channel=self._channel,
            threads=done,
            posts=found.taken,
            deleted=found.deleted,
            seconds=round(time.monotonic() - began, 1),
        )

    async def _read(self, thread: DeskThread, since: datetime | None, found: _Found) -> None:
        """Take in what a thread says that is not known; raises CallFailed."""
        channel, _, root = thread.ref.partition(":")
        gap = (thread.read_to if since is None else min(since, thread.read_to)) - BEFORE
        known = set(await self._patiently(lambda: self._ports.posts(thread.ref, gap - LOOK_BACK)))
        seen: set[str] = set()
        async for message in self._messages(thread.ref, gap - LOOK_BACK):
            ref = f"{channel}:{message['ts']}"
            seen.add(ref)
            if message["ts"] == root:
                continue  # ours, and Slack tells it with every page
            for event in events_of(message, channel):
                old = event["ts"] < _ts(gap) if message.get("bot_id") else ref in known
                if event.get("subtype") != "message_changed" and old:
                    continue
                found.taken += ref not in known and not message.get("bot_id")
                await self._store(event)
        found.known |= {ref for ref in known if ref.startswith(f"{channel}:") and ref.count(":") == 1}
        found.seen |= seen

    async def _look_for(self, ref: str, found: _Found) -> None:
        """A post that was in none of the threads: taken as deleted only where Slack says that it is not there."""
        channel, _, ts = ref.partition(":")
        try:
            await self._replies({"channel": channel, "ts": ts, "limit": 1})
        except CallFailed as failure:
            if failure.code not in THREAD_GONE_CODES | {"message_not_found"}:
                log.warning("slack.backfill_failed", channel=self._channel, post=ref, reason=str(failure))
                return
            found.deleted += 1
            now = _ts(self._clock())
            gone = {"type": "message", "subtype": "message_deleted", "channel": channel, "deleted_ts": ts}
            await self._store({**gone, "ts": now, "event_ts": now})

    async def _store(self, event: Payload) -> None:
        """Wait for a store that is away: nobody would tell it again. What nobody can store is in the log, and must
        not keep the rest from being read."""
        while (await self._take({"type": "event_callback", "event": event})).status == BUSY:
            await self._pacing.wait(AGAIN)

    async def _patiently(self, read: Callable[[], Awaitable[list[T]]]) -> list[T]:
        while True:
            try:
                return await read()
            except NotStored as reason:
                log.warning("slack.backfill_waits", channel=self._channel, reason=str(reason))
                await self._pacing.wait(AGAIN)

    async def _messages(self, ref: str, oldest: datetime) -> AsyncIterator[Payload]:
        """The messages of a thread, oldest first. Raises CallFailed."""
        channel, _, root = ref.partition(":")
        where: dict[str, str | int | bool] = {"channel": channel, "ts": root, "oldest": _ts(oldest), "limit": PAGE}
        where["include_all_metadata"] = True
        while True:
            answer = await self._replies(where)
            for message in answer.get("messages") or ():
                yield message
            if not (cursor := (answer.get("response_metadata") or {}).get("next_cursor")):
                return
            where["cursor"] = cursor

    async def _replies(self, where: Mapping[str, str | int | bool]) -> Payload:
        """One read in its slot; patient where Slack limits or fails. Raises CallFailed."""
        failures = 0
        while True:
            await self._pacing.slot()
            try:
                return await self._api.read("conversations.replies", **where)
            except CallFailed as failure:
                failures += 1
                if not isinstance(failure.outcome, NotSent) or failures == TRIES:
                    raise
                if wait := failure.outcome.retry_after:
                    await self._pacing.wait(wait.total_seconds())


def _ts(instant: datetime) -> str:
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
