"""What colleagues asked while Slack could not tell us: channels are read on from where they were heard last (S13)."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from slack_bolt.response import BoltResponse

from connectors.base import Clock, Cursor, NotSent, NotStored, Ports
from connectors.slack.api import SlackApi
from connectors.slack.backfill import AGAIN, BEFORE, BUSY, PAGE, TRIES, Pacing, events_of
from connectors.slack.outcomes import CallFailed

log = structlog.get_logger(__name__)

Payload = Mapping[str, Any]
T = TypeVar("T")

CURSOR = "heard"
HISTORY = "conversations.history"
ACTIVE_FOR = timedelta(days=7)
"""Threads of conversations that were resolved longer ago are left alone."""


class Unheard:
    """`take` stores a payload and answers 200 when it is stored; what is known already is stored once. How far Slack
    was heard is a cursor of the channel: what was said before the first start is no question to us. `replies` are the
    slots of the method that the desk uses too."""

    def __init__(
        self,
        channel: str,
        api: SlackApi,
        ports: Ports,
        take: Callable[[Payload], Awaitable[BoltResponse]],
        clock: Clock,
        replies: Pacing,
    ) -> None:
        self._channel = channel
        self._api = api
        self._ports = ports
        self._take = take
        self._clock = clock
        self._pacing = Pacing()
        self._replies = replies
        self._reading = asyncio.Lock()

    async def begin(self) -> None:
        """At the first start there is nothing to read on from: what was said before is read for a minute at most."""
        try:
            if await self._ports.cursor(CURSOR) is None:
                await self._keep(self._clock())
        except NotStored as reason:
            log.warning("slack.backfill_waits", channel=self._channel, reason=str(reason))

    async def keep(self, heard: datetime) -> None:
        """Everything until then was heard; nothing is noted while a gap is being filled, or while the store is away."""
        if not self._reading.locked():
            with contextlib.suppress(NotStored):
                await self._keep(heard)

    async def _keep(self, heard: datetime) -> None:
        await self._ports.intake([], Cursor(CURSOR, heard.isoformat()))

    async def refill(self, rooms: Iterable[str]) -> None:
        """Read what was said in these Slack channels, then in the threads that are in use: those of new questions are
        among them."""
        async with self._reading:
            began, now = time.monotonic(), self._clock()
            last = await self._patiently(lambda: self._ports.cursor(CURSOR))
            oldest = (now if last is None else datetime.fromisoformat(last)) - BEFORE
            taken = await self._read([{"channel": room} for room in rooms], oldest)
            used = await self._patiently(lambda: self._ports.threads(now - ACTIVE_FOR))
            threads = [_thread(*each.ref.split(":")) for each in used if ":" in each.ref]
            taken += await self._read(threads, oldest)
            await self._patiently(lambda: self._keep(now))
            log.info(
                "slack.questions_read",
                channel=self._channel,
                threads=len(threads),
                posts=taken,
                seconds=round(time.monotonic() - began, 1),
            )

    async def _read(self, places: Iterable[Mapping[str, str]], oldest: datetime) -> int:
        """Take in what these channels and threads say since; how many posts of people there were. What Slack does not
        tell now is asked for again."""
        waiting, taken = deque(places), 0
        while waiting:
            place = waiting.popleft()
            try:
                posts = [each async for each in self._posts(place, oldest)]
            except CallFailed as failure:
                log.warning("slack.backfill_failed", channel=self._channel, where=dict(place), reason=str(failure))
                if isinstance(failure.outcome, NotSent):
                    waiting.append(place)
                    await self._pacing.wait(AGAIN)
                continue
            for post in sorted(posts, key=lambda each: str(each["ts"])):
                taken += await self._store(post, place["channel"])
                if "ts" not in place and place["channel"].startswith("D") and post.get("reply_count"):
                    waiting.append(_thread(place["channel"], post["ts"]))
        return taken

    async def _store(self, post: Payload, room: str) -> bool:
        """Wait for a store that is away: nobody would tell it again. Whether it was somebody's."""
        for event in events_of(post, room):
            while (await self._take({"type": "event_callback", "event": event})).status == BUSY:
                await self._pacing.wait(AGAIN)
        return not post.get("bot_id")

    async def _posts(self, place: Mapping[str, str], oldest: datetime) -> AsyncIterator[Payload]:
        """Raises CallFailed."""
        method = "conversations.replies" if "ts" in place else HISTORY
        asked: dict[str, str | int | bool] = {
            **place,
            "oldest": f"{oldest.timestamp():.6f}",
            "limit": PAGE,
            "include_all_metadata": True,
        }
        while True:
            answer = await self._call(method, asked)
            for message in answer.get("messages") or ():
                if message["ts"] != place.get("ts"):  # Slack tells the root with every page
                    yield message
            if not (cursor := (answer.get("response_metadata") or {}).get("next_cursor")):
                return
            asked["cursor"] = cursor

    async def _call(self, method: str, asked: Mapping[str, str | int | bool]) -> Payload:
        """One read in its slot; patient where Slack limits or fails. Raises CallFailed."""
        failures = 0
        while True:
            await (self._pacing if method == HISTORY else self._replies).slot()
            try:
                return await self._api.read(method, **asked)
            except CallFailed as failure:
                failures += 1
                if not isinstance(failure.outcome, NotSent) or failures == TRIES:
                    raise
                if wait := failure.outcome.retry_after:
                    await self._pacing.wait(wait.total_seconds())

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except NotStored as reason:
                log.warning("slack.backfill_waits", channel=self._channel, reason=str(reason))
                await self._pacing.wait(AGAIN)


def _thread(channel: str, root: str) -> Mapping[str, str]:
    return {"channel": channel, "ts": root}
