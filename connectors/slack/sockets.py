"""Socket Mode: two WebSockets to Slack, each envelope acknowledged on its own socket once it is stored.

slack-sdk's client closes the old socket before it opens the new one and reads without bound into memory; the
protocol is small enough to speak it directly (S11, X15).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import structlog
from aiohttp import ClientWebSocketResponse
from slack_bolt.response import BoltResponse

from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed

log = structlog.get_logger(__name__)

SOCKETS = 2
IN_HAND = 64
"""Envelopes a socket may have between arrival and acknowledgement; beyond, we stop reading."""
HELLO_WITHIN = 10.0
STORE_WITHIN = 30.0
DRAIN_WITHIN = 5.0
HEARTBEAT = 10.0
SHORT_LIFE = 0.5
"""Seconds; a connection that broke sooner counts as failed, so that we do not hammer Slack."""
PAUSES = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)

Take = Callable[[Mapping[str, Any]], Awaitable[BoltResponse]]


@dataclass(slots=True, eq=False)
class _Line:
    """One connection. `replace` is set when another one is needed, `retire` when that one is there; `refreshed`: Slack
    asked for it."""

    socket: ClientWebSocketResponse
    replace: asyncio.Event = field(default_factory=asyncio.Event)
    retire: asyncio.Event = field(default_factory=asyncio.Event)
    refreshed: bool = False


class Sockets:
    """Keeps `SOCKETS` connections open while `run` runs; `gap` is told when there was none for a while."""

    def __init__(self, channel: str, api: SlackApi, take: Take, gap: Callable[[], None]) -> None:
        self._channel = channel
        self._api = api
        self._take = take
        self._gap = gap
        self._lines: set[_Line] = set()

    @property
    def open(self) -> int:
        """Connections that have said hello and are still there."""
        return len(self._lines)

    async def run(self) -> None:
        """Receive until cancelled; envelopes in hand are stored and acknowledged before it ends (2.7)."""
        async with asyncio.TaskGroup() as slots:
            for _ in range(SOCKETS):
                slots.create_task(self._keep())

    async def rebuild(self) -> None:
        """Put new connections in the place of all, as if Slack had asked for it; returns when they are up."""
        lines = list(self._lines)
        for line in lines:
            line.refreshed = True
            line.replace.set()
        for line in lines:
            await line.retire.wait()

    async def _keep(self) -> None:
        """One slot: a new connection is up before the old one is left."""
        failures = 0
        old: _Line | None = None
        async with asyncio.TaskGroup() as lines:
            while True:
                try:
                    line = _Line(await self._connect())
                except (CallFailed, aiohttp.ClientError, TimeoutError, ValueError) as error:
                    if not failures:  # the next ones say the same until it works again
                        log.warning("slack.socket_failed", channel=self._channel, reason=str(error))
                    failures = await _pause(failures)
                    continue
                if old is not None:
                    old.retire.set()
                old = line
                lines.create_task(self._serve(line))
                since = time.monotonic()
                await line.replace.wait()
                broke_at_once = not line.refreshed and time.monotonic() - since < SHORT_LIFE
                failures = await _pause(failures) if broke_at_once else 0

    async def _connect(self) -> ClientWebSocketResponse:
        """A connection that has said hello; raises CallFailed, ClientError, TimeoutError or ValueError."""
        async with asyncio.timeout(HELLO_WITHIN):
            url = await self._api.socket_url()
            socket = await self._api.session.ws_connect(url, heartbeat=HEARTBEAT, max_msg_size=16 * 1024 * 1024)
            try:
                hello = orjson.loads(await socket.receive_str())
                if hello.get("type") != "hello":
                    raise ValueError(f"Slack's socket began with {hello.get('type')!r} and not with hello")
            except BaseException:
                await socket.close()
                raise
        return socket

    async def _serve(self, line: _Line) -> None:
        """Read one connection to its end, then finish what is in hand and close it."""
        if not self._lines:
            self._gap()
        self._lines.add(line)
        try:
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as envelopes:
                reading = envelopes.create_task(self._read(line, envelopes))
                retiring = envelopes.create_task(line.retire.wait())
                cancelled: asyncio.CancelledError | None = None
                try:
                    await asyncio.wait({reading, retiring}, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError as error:
                    cancelled = error
                    limit.reschedule(asyncio.get_running_loop().time() + DRAIN_WITHIN)
                self._lines.discard(line)  # it hears nothing more, though what it heard may still be in hand
                reading.cancel()
                retiring.cancel()
            if cancelled is not None:  # the group has waited for the acknowledgements
                raise cancelled
        finally:
            self._lines.discard(line)
            line.replace.set()
            await line.socket.close()

    async def _read(self, line: _Line, envelopes: asyncio.TaskGroup) -> None:
        hands = asyncio.Semaphore(IN_HAND)
        async for frame in line.socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                message = orjson.loads(frame.data)
                kind, envelope = message.get("type"), message.get("envelope_id")
            except (ValueError, AttributeError):
                log.warning("slack.socket_noise", channel=self._channel)
                continue
            if kind == "disconnect":
                log.info("slack.socket_refresh", channel=self._channel, reason=message.get("reason"))
                line.refreshed = True
                line.replace.set()
            elif envelope:
                await hands.acquire()
                envelopes.create_task(self._envelope(line.socket, str(envelope), message, hands))

    async def _envelope(
        self, socket: ClientWebSocketResponse, envelope: str, message: Mapping[str, Any], hands: asyncio.Semaphore
    ) -> None:
        """Without a commit there is no acknowledgement, and Slack sends it again."""
        try:
            async with asyncio.timeout(STORE_WITHIN):
                answer = await self._take(message.get("payload") or {})
            if answer.status == 200:
                body = {"payload": orjson.loads(answer.body)} if answer.body.startswith("{") else {}
                await socket.send_str(orjson.dumps({"envelope_id": envelope, **body}).decode())
        except TimeoutError:
            log.warning("slack.not_stored", channel=self._channel, reason="no commit in time")
        except (aiohttp.ClientError, ConnectionError) as error:
            log.info("slack.ack_lost", channel=self._channel, reason=str(error))
        finally:
            hands.release()


async def _pause(failures: int) -> int:
    await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
    return failures + 1
