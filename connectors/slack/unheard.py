"""What colleagues asked while Slack could not tell us: channels are read on from where they were heard last (S13)."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from connectors.base import Clock, Cursor, NotSent, NotStored, Ports
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed
from connectors.slack.reading import ACTIVE_FOR, BEFORE, Pacing, Payload, Reading, Take, events_of

log = structlog.get_logger(__name__)

CURSOR = "heard"


class Unheard:
    """`take` stores a payload and answers 200 when it is stored; what is known already is stored once. How far Slack
    was heard is a cursor of the channel: what was said before the first start is no question to us. `replies` are the
    slots of the method that the desk uses too."""

    def __init__(
        self,
        channel: str,
        api: SlackApi,
        ports: Ports,
        take: Take,
        clock: Clock,
        replies: Pacing,
    ) -> None:
        self._channel = channel
        self._ports = ports
        self._clock = clock
        self._reading = Reading(channel, api, take, replies)
        self._filling = asyncio.Lock()

    async def begin(self) -> None:
        """At the first start there is nothing to read on from: what was said before is read for a minute at most."""
        try:
            if await self._ports.cursor(CURSOR) is None:
                await self._keep(self._clock())
        except NotStored as reason:
            log.warning("slack.backfill_waits", channel=self._channel, reason=str(reason))

    async def keep(self, heard: datetime) -> None:
        """Everything until then was heard; nothing is noted while a gap is being filled, or while the store is away."""
        if not self._filling.locked():
            with contextlib.suppress(NotStored):
                await self._keep(heard)

    async def _keep(self, heard: datetime) -> None:
        await self._ports.intake([], Cursor(CURSOR, heard.isoformat()))

    async def refill(self, rooms: Iterable[str]) -> None:
        """Read what was said in these Slack channels, then in the threads that are in use: those of new questions are
        among them."""
        async with self._filling:
            began, now = time.monotonic(), self._clock()
            last = await self._reading.patiently(lambda: self._ports.cursor(CURSOR))
            oldest = (now if last is None else datetime.fromisoformat(last)) - BEFORE
            taken = await self._read([{"channel": room} for room in rooms], oldest)
            used = await self._reading.patiently(lambda: self._ports.threads(now - ACTIVE_FOR))
            threads = [_thread(*each.ref.split(":")) for each in used if ":" in each.ref]
            taken += await self._read(threads, oldest)
            await self._reading.patiently(lambda: self._keep(now))
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
                posts = [each async for each in self._reading.posts(place, oldest)]
            except CallFailed as failure:
                log.warning("slack.backfill_failed", channel=self._channel, where=dict(place), reason=str(failure))
                if isinstance(failure.outcome, NotSent):
                    waiting.append(place)
                    await self._reading.pause()
                continue
            for post in sorted(posts, key=lambda each: str(each["ts"])):
                taken += await self._store(post, place["channel"])
                if "ts" not in place and place["channel"].startswith("D") and post.get("reply_count"):
                    waiting.append(_thread(place["channel"], post["ts"]))
        return taken

    async def _store(self, post: Payload, room: str) -> bool:
        """Wait for a store that is away: nobody would tell it again. Whether it was somebody's."""
        for event in events_of(post, room):
            await self._reading.store(event)
        return not post.get("bot_id")


def _thread(channel: str, root: str) -> Mapping[str, str]:
    return {"channel": channel, "ts": root}
