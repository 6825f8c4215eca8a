"""What was said, edited and deleted while Slack could not tell us is read again, within its limits (S13)."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.response import BoltResponse
from structlog.testing import capture_logs

from connectors.base import Arrival, Cursor, DeskThread, NotStored, Receipt
from connectors.slack.api import SlackApi
from connectors.slack.backfill import Backfill
from connectors.slack.reading import Pacing
from connectors.slack.watch import Watch
from gateway.sandbox.slack import SlackStandIn
from gateway.sandbox.slack.faults import Broken, Limited, Refused
from router.model import InboundKind
from router.richtext import plain
from tests.connectors.ports import MemoryPorts
from tests.connectors.slackdesk import slack_desk

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PER_MINUTE = 50
"""What Slack allows of conversations.replies (tier 3)."""


class Time:
    """A clock that goes on when somebody waits for it, and when a test says so."""

    def __init__(self) -> None:
        self.at = NOON

    def clock(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return (self.at - NOON).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Counted(SlackApi):
    """Keeps when each read was made."""

    def __init__(self, slack: SlackStandIn, time: Time) -> None:
        super().__init__(slack.api_url, slack.bot_token, None)
        self.asked_at: list[float] = []
        self._time = time

    async def read(self, method: str, **arguments: str | int | bool) -> Mapping[str, Any]:
        self.asked_at.append(self._time.seconds())
        return await super().read(method, **arguments)


class Bed:
    """A backfill against the stand-in: what it took in, and when it asked."""

    def __init__(self, slack: SlackStandIn, ports: MemoryPorts, time: Time) -> None:
        self.slack = slack
        self.ports = ports
        self.time = time
        self.events: list[Mapping[str, Any]] = []
        self.answers: deque[int] = deque()
        self._api = Counted(slack, time)
        pacing = Pacing(now=time.seconds, sleep=time.sleep)
        self.backfill = Backfill("desk", self._api, ports, self._take, time.clock, pacing)

    async def _take(self, payload: Mapping[str, Any]) -> BoltResponse:
        status = self.answers.popleft() if self.answers else 200
        if status == 200:
            self.events.append(payload["event"])
        return BoltResponse(status=status)

    @property
    def asked_at(self) -> list[float]:
        return self._api.asked_at

    async def close(self) -> None:
        await self._api.close()

    def thread(self, number: int = 1) -> DeskThread:
        """A thread with a customer's question, known to the store."""
        channel = self.slack.channel(f"#support-{number % 8 + 1}").id
        root = self.slack.post("onevoice", channel, f"#{number}")
        self.slack.channel(channel).posts[root].bot = True
        known = DeskThread(ref=f"{channel}:{root}", read_to=self.time.at)
        self.ports.in_use.append(known)
        return known

    def write(self, thread: DeskThread, text: str, *, known: bool = False, user: str = "alice") -> str:
        channel, _, root = thread.ref.partition(":")
        ts = self.slack.post(user, channel, text, thread_ts=root)
        if known:
            self.ports.written[thread.ref].append(f"{channel}:{ts}")
        self.time.at += timedelta(seconds=1)
        return ts

    @property
    def texts(self) -> list[str]:
        """What was taken in as said, in order."""
        return [each["text"] for each in self.events if each.get("subtype") != "message_changed" and "text" in each]


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    time = Time()
    slack = SlackStandIn(time.clock)
    await slack.start()
    slack.faults.drop_events = True
    opened = Bed(slack, MemoryPorts(tmp_path), time)
    try:
        yield opened
    finally:
        await opened.close()
        await slack.stop()


async def test_s13_thirty_posts_of_ten_minutes_are_taken_once_in_the_order_of_their_threads(bed: Bed) -> None:
    threads = [bed.thread(number) for number in range(10)]
    for thread in threads:
        bed.write(thread, "known", known=True)
    gap = bed.time.at
    for number in range(30):
        bed.write(threads[number % 10], f"post {number:02d}")
        bed.time.at += timedelta(seconds=20)
    assert bed.time.at - gap > timedelta(minutes=10)
    await bed.backfill.refill(gap)
    assert sorted(bed.texts) == [f"post {number:02d}" for number in range(30)]
    for place in range(10):
        mine = [text for text in bed.texts if int(text[-2:]) % 10 == place]
        assert mine == sorted(mine)


async def test_s13_the_latest_thread_is_read_first_and_a_start_reads_on_from_what_is_stored(bed: Bed) -> None:
    older, newer = bed.thread(1), bed.thread(2)
    bed.ports.in_use.reverse()  # the store tells the latest first
    bed.write(older, "to the older one")
    bed.write(newer, "to the newer one")
    await bed.backfill.refill(None)
    assert bed.texts == ["to the newer one", "to the older one"]


async def test_s13_edits_in_the_gap_are_found_on_old_posts_and_new_ones(bed: Bed) -> None:
    thread = bed.thread()
    channel = thread.ref.partition(":")[0]
    old = bed.write(thread, "helo", known=True)
    bed.time.at += timedelta(hours=3)
    new = bed.write(thread, "on its wai")
    bed.slack.edit("alice", channel, old, "hello")
    bed.slack.edit("alice", channel, new, "on its way")
    await bed.backfill.refill(bed.time.at - timedelta(minutes=10))
    told = [(each.get("subtype"), (each.get("message") or each)["text"]) for each in bed.events]
    assert told == [("message_changed", "hello"), (None, "on its way"), ("message_changed", "on its way")]


async def test_s13_a_post_deleted_in_the_gap_is_told_as_deleted(bed: Bed) -> None:
    thread = bed.thread()
    channel = thread.ref.partition(":")[0]
    gone, stays = bed.write(thread, "wrong customer", known=True), bed.write(thread, "right", known=True)
    bed.slack.delete("alice", channel, gone)
    await bed.backfill.refill(bed.time.at)
    assert [(each["subtype"], each["deleted_ts"]) for each in bed.events] == [("message_deleted", gone)]
    assert stays in bed.slack.channel(channel).posts


async def test_s13_a_post_that_is_only_in_another_thread_is_not_taken_as_deleted(bed: Bed) -> None:
    """The store knows it with this conversation: it was merged, or its thread was lost and opened anew."""
    thread, elsewhere = bed.thread(1), bed.thread(9)
    bed.ports.in_use.remove(elsewhere)
    there = bed.write(elsewhere, "said there")
    bed.ports.written[thread.ref] += [f"{elsewhere.ref.partition(':')[0]}:{there}", f"{thread.ref}:edited"]
    bed.slack.faults.on("conversations.replies", Refused("thread_not_found"))
    await bed.backfill.refill(bed.time.at)
    await bed.backfill.refill(bed.time.at)
    assert bed.events == []


async def test_s13_two_hundred_threads_stay_inside_the_rate_and_progress_is_told(bed: Bed) -> None:
    threads = [bed.thread(number) for number in range(200)]
    for number in range(0, 200, 10):
        bed.write(threads[number], f"in thread {number}")
    bed.slack.faults.on("conversations.replies", Limited(7), Broken(503))
    began = bed.time.seconds()
    with capture_logs() as logs:
        await bed.backfill.refill(bed.time.at - timedelta(minutes=10))
    assert len(bed.texts) == 20
    asked = bed.asked_at
    assert len(asked) == 202
    assert max(sum(1 for at in asked if start <= at < start + 60) for start in asked) <= PER_MINUTE
    assert bed.time.seconds() - began < 330
    told = [each for each in logs if each["event"] == "slack.backfill_progress"]
    assert [(each["read"], each["threads"]) for each in told] == [(50, 200), (100, 200), (150, 200)]
    assert logs[-1]["event"] == "slack.backfill_done"
    assert (logs[-1]["threads"], logs[-1]["posts"]) == (200, 20)


async def test_s13_what_slack_or_the_store_will_not_do_now_is_done_later(bed: Bed) -> None:
    first, second = bed.thread(1), bed.thread(2)
    bed.write(first, "first")
    bed.write(second, "second")
    bed.answers += [503, 503]
    bed.slack.faults.on("conversations.replies", *[Broken(503)] * 5)
    with capture_logs():
        await bed.backfill.refill(None)
    assert bed.texts == ["second", "first"]


async def test_s13_what_nobody_can_store_does_not_keep_the_rest_from_being_read(bed: Bed) -> None:
    thread = bed.thread()
    bed.write(thread, "poison")
    bed.write(thread, "hello")
    bed.answers.append(500)
    await bed.backfill.refill(None)
    assert bed.texts == ["hello"]


async def test_s13_a_thread_that_is_gone_does_not_keep_the_others_from_being_read(bed: Bed) -> None:
    lost, other = bed.thread(1), bed.thread(2)
    channel, _, root = lost.ref.partition(":")
    bed.write(other, "still here")
    bed.ports.written[lost.ref].append(f"{channel}:1.000001")
    bed.slack.delete("alice", channel, root)
    with capture_logs() as logs:
        await bed.backfill.refill(None)
    assert bed.texts == ["still here"]
    assert [each["event"] for each in logs] == ["slack.backfill", "slack.backfill_failed", "slack.backfill_done"]


async def test_s13_a_store_that_is_away_is_waited_for(bed: Bed) -> None:
    class Away(MemoryPorts):
        tries = 0

        async def threads(self, since: datetime) -> list[DeskThread]:
            self.tries += 1
            if self.tries < 3:
                raise NotStored("the database is away")
            return await super().threads(since)

    thread = bed.thread()
    bed.write(thread, "hello")
    away = Away(Path())
    away.in_use = bed.ports.in_use
    bed.backfill._ports = away
    with capture_logs():
        await bed.backfill.refill(None)
    assert bed.texts == ["hello"]


class Slow(MemoryPorts):
    """A store that takes nothing in until it is `released`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.released = asyncio.Event()
        self.released.set()

    async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        await self.released.wait()
        return await super().intake(arrivals, cursor)


async def test_s13_a_gap_is_noticed_while_what_came_before_it_is_still_in_hand(tmp_path: Path) -> None:
    ports = Slow(tmp_path)
    async with slack_desk(tmp_path, ports=ports, time_scale=1.0) as desk:
        root = await desk.thread()
        ports.released.clear()
        desk.slack.post("alice", "#support-1", "before", thread_ts=root)
        desk.slack.post("alice", "#support-1", "before it, too", thread_ts=root)
        desk.slack.faults.drop_events = True
        desk.slack.post("alice", "#support-1", "in the gap", thread_ts=root)
        desk.slack.faults.drop_events = False
        await asyncio.sleep(0.1)
        desk.slack.events.refresh(close=True)
        await desk.slack.until(lambda: desk.slack.calls["apps.connections.open"] == 4)
        ports.released.set()
        await ports.until(3)
        assert sorted(plain(each.text) for each in ports.inbound) == ["before", "before it, too", "in the gap"]


async def test_s12_somebody_listens_while_a_gap_is_filled() -> None:
    rebuilt = asyncio.Event()

    async def rebuild() -> None:
        rebuilt.set()

    async def refill(_: datetime | None) -> None:
        await asyncio.Event().wait()

    async def silent() -> bool:
        return False

    watch = Watch("desk", lambda: NOON, timedelta(seconds=0.05), rebuild, refill)
    with capture_logs():
        running = asyncio.create_task(watch.run(silent))
        watch.gap()
        watch.posted()
        await asyncio.wait_for(rebuilt.wait(), 30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_s13_a_start_reads_what_was_written_before_it(tmp_path: Path, mode: str) -> None:
    async with slack_desk(tmp_path, mode=mode) as desk:
        root = await desk.thread()
        assert desk.running is not None
        desk.running.cancel()
        await asyncio.gather(desk.running, return_exceptions=True)
        desk.slack.faults.drop_events = True
        desk.slack.post("alice", "#support-1", "while you were down", thread_ts=root)
        desk.slack.faults.drop_events = False
        desk.running = asyncio.create_task(desk.connector.run())
        [arrival] = await desk.ports.until(1)
        desk.running.cancel()
        await asyncio.gather(desk.running, return_exceptions=True)
        assert arrival.inbound is not None
        assert plain(arrival.inbound.text) == "while you were down"


@pytest.mark.parametrize("deleted", [False, True])
async def test_s10_a_change_that_overtakes_its_post_finds_it(tmp_path: Path, deleted: bool) -> None:
    async with slack_desk(tmp_path) as desk:
        root = await desk.thread()
        desk.slack.faults.hold_events()
        ts = desk.slack.post("alice", "#support-1", "for the customer", thread_ts=root)
        if deleted:
            desk.slack.delete("alice", "#support-1", ts)
        else:
            desk.slack.edit("alice", "#support-1", ts, "// not for the customer")
        desk.slack.release_events(reverse=True)
        await desk.slack.until(lambda: desk.slack.events.waiting == 0)
        kinds = [(each.kind, plain(each.text)) for each in desk.ports.inbound]
        changed = (InboundKind.DELETE, "") if deleted else (InboundKind.EDIT, "// not for the customer")
        assert kinds == [(InboundKind.MESSAGE, "for the customer"), changed]


async def test_s4_a_change_long_after_its_post_brings_only_itself(tmp_path: Path) -> None:
    """What is older than Slack's retries was stored, and may have been forgotten since."""
    async with slack_desk(tmp_path) as desk:
        before = {"type": "message", "user": "U0ALICE", "text": "old", "ts": "1700000000.000100", "team": "T0SHOP"}
        message = {**before, "text": "new", "edited": {"user": "U0ALICE", "ts": "1700000500.000000"}}
        change = {"type": "message", "subtype": "message_changed", "channel": "C0SUPPORT1", "hidden": True}
        moment = {"ts": "1700000500.000000", "event_ts": "1700000500.000000"}
        desk.slack.events.send({**change, **moment, "message": message, "previous_message": before})
        await desk.slack.until(lambda: desk.slack.events.waiting == 0)
        assert [each.kind for each in desk.ports.inbound] == [InboundKind.EDIT]
