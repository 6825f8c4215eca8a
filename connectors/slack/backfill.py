"""What was said in the desk's threads while Slack could not tell us: read again and taken in as if it had (S13).

Which threads those are the store knows, so a restart forgets none.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from connectors.base import Clock, DeskThread, NotSent, Ports
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import THREAD_GONE_CODES, CallFailed
from connectors.slack.reading import ACTIVE_FOR, BEFORE, REPLIES, Pacing, Reading, Take, events_of, to_ts

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(hours=24)
"""How long before the gap a post may have been written whose edit or deletion in the gap is still found."""
TOLD_EVERY = 50
"""Threads between two lines of progress in the log."""


@dataclass(slots=True)
class _Found:
    """What one refill has seen: posts that are there, posts that we know, how many were new to us, deletions."""

    seen: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    taken: int = 0
    deleted: int = 0


class Backfill:
    """`take` stores a payload and answers 200 when it is stored; what is known already is stored once. `pacing` are the
    slots of the method that reads threads. `found` takes threads that were not known when others were read."""

    def __init__(
        self,
        channel: str,
        api: SlackApi,
        ports: Ports,
        take: Take,
        clock: Clock,
        pacing: Pacing,
    ) -> None:
        self._channel = channel
        self._ports = ports
        self._clock = clock
        self._reading = Reading(channel, api, take, pacing)
        self.found: asyncio.Queue[DeskThread] = asyncio.Queue()

    async def run(self) -> None:
        """Read the threads that are found, until cancelled."""
        while True:
            thread, found = await self.found.get(), _Found()
            await self._read_all([thread], None, found)
            log.info("slack.thread_read", channel=self._channel, thread=thread.ref, posts=found.taken)

    async def refill(self, since: datetime | None) -> None:
        """Read every thread in use, the latest first; then look what became of posts that are there no more.

        `since` is when Slack was last heard, None at the start: then every thread is read on from what is stored.
        """
        began = time.monotonic()
        threads = await self._reading.patiently(lambda: self._ports.threads(self._clock() - ACTIVE_FOR))
        found = _Found()
        log.info("slack.backfill", channel=self._channel, threads=len(threads))
        await self._read_all(threads, since, found)
        for ref in sorted(found.known - found.seen):
            await self._look_for(ref, found)
        log.info(
            "slack.backfill_done",
            channel=self._channel,
            threads=len(threads),
            posts=found.taken,
            deleted=found.deleted,
            seconds=round(time.monotonic() - began, 1),
        )

    async def _read_all(self, threads: Sequence[DeskThread], since: datetime | None, found: _Found) -> None:
        """Read one after the other; what Slack does not tell now is asked for again."""
        waiting, done = deque(threads), 0
        while waiting:
            thread = waiting.popleft()
            try:
                await self._read(thread, since, found)
            except CallFailed as failure:
                log.warning("slack.backfill_failed", channel=self._channel, thread=thread.ref, reason=str(failure))
                if isinstance(failure.outcome, NotSent):
                    waiting.append(thread)
                    await self._reading.pause()
                    continue
            done += 1
            if done % TOLD_EVERY == 0 and waiting:
                log.info(
                    "slack.backfill_progress",
                    channel=self._channel,
                    read=done,
                    threads=len(threads),
                    posts=found.taken,
                )

    async def _read(self, thread: DeskThread, since: datetime | None, found: _Found) -> None:
        """Take in what a thread says that is not known; raises CallFailed."""
        channel, _, root = thread.ref.partition(":")
        gap = (thread.read_to if since is None else min(since, thread.read_to)) - BEFORE
        known = set(await self._reading.patiently(lambda: self._ports.posts(thread.ref, gap - LOOK_BACK)))
        seen: set[str] = set()
        async for message in self._reading.posts({"channel": channel, "ts": root}, gap - LOOK_BACK):
            ref = f"{channel}:{message['ts']}"
            seen.add(ref)
            for event in events_of(message, channel):
                old = event["ts"] < to_ts(gap) if message.get("bot_id") else ref in known
                if event.get("subtype") != "message_changed" and old:
                    continue
                found.taken += ref not in known and not message.get("bot_id")
                await self._reading.store(event)
        found.known |= {ref for ref in known if ref.startswith(f"{channel}:") and ref.count(":") == 1}
        found.seen |= seen

    async def _look_for(self, ref: str, found: _Found) -> None:
        """A post that was in none of the threads: taken as deleted only where Slack says that it is not there."""
        channel, _, ts = ref.partition(":")
        try:
            await self._reading.ask(REPLIES, {"channel": channel, "ts": ts, "limit": 1})
        except CallFailed as failure:
            if failure.code not in THREAD_GONE_CODES | {"message_not_found"}:
                log.warning("slack.backfill_failed", channel=self._channel, post=ref, reason=str(failure))
                return
            found.deleted += 1
            now = to_ts(self._clock())
            gone = {"type": "message", "subtype": "message_deleted", "channel": channel, "deleted_ts": ts}
            await self._reading.store({**gone, "ts": now, "event_ts": now})
