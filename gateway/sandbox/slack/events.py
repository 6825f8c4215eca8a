"""How events reach the app: Socket Mode envelopes or signed HTTP requests, sent again until they are acknowledged."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from connectors.base import Clock
from connectors.slack.signature import sign
from gateway.sandbox.slack.faults import Faults
from gateway.sandbox.slack.workspace import APP, BOT_USER, TEAM

Payload = Mapping[str, Any]

LEAVE_AFTER = 10.0
"""Seconds between asking for a refresh and hanging up."""
RETRIES = (0.0, 60.0, 300.0)
"""Seconds before the tries after the first one."""
KINDS = {"events_api": "events", "interactive": "interactions", "slash_commands": "commands"}


@dataclass(slots=True)
class Envelope:
    """Something the app must acknowledge; `tries` counts from 0. `answered`: somebody waits for what it answers, None
    when it does not, so that it is sent only once."""

    id: str
    kind: str
    payload: Payload
    tries: int = 0
    reason: str = ""
    timer: asyncio.TimerHandle | None = None
    answered: Callable[[Payload | None], None] | None = None


class Events:
    """The queue of one app. `target` is the base of the app's HTTP routes ("http://.../slack/desk"); None means
    Socket Mode. `time_scale` shortens Slack's pauses before a retry, `answer_within` is in seconds. `heard` is told
    each acknowledgement that was waited for."""

    def __init__(
        self,
        clock: Clock,
        secret: str,
        faults: Faults,
        changed: Callable[[], None],
        *,
        time_scale: float,
        answer_within: float,
    ) -> None:
        self.target: str | None = None
        self.lost: list[Envelope] = []
        self.acknowledged = 0
        self.retried = 0
        self.acks: list[tuple[str, Payload | None]] = []
        self.heard: Callable[[Envelope], None] = lambda envelope: None
        self.answers: list[int] = []
        self._clock = clock
        self._secret = secret
        self._faults = faults
        self._scale = time_scale
        self._answer_within = answer_within
        self._changed = changed
        self._waiting: dict[str, Envelope] = {}
        self._sockets: list[web.WebSocketResponse] = []
        self._leaving: set[web.WebSocketResponse] = set()
        self._outboxes: dict[web.WebSocketResponse, asyncio.Queue[bytes | None]] = {}
        self._turn = itertools.count()
        self._numbers = itertools.count(1)
        self._requests: asyncio.Queue[Envelope] = asyncio.Queue()
        self._postman: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Events without an acknowledgement, lost ones not counted."""
        return len(self._waiting)

    @property
    def sockets(self) -> int:
        return len(self._sockets)

    def send(self, event: Payload) -> None:
        """An event of the Events API."""
        number = next(self._numbers)
        for _ in range(1 + self._faults.duplicates):
            self.put(
                "events_api",
                {
                    "type": "event_callback",
                    "team_id": TEAM,
                    "api_app_id": APP,
                    "event_id": f"Ev{number:08d}",
                    "event_time": int(self._clock().timestamp()),
                    "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
                    "event": event,
                },
            )

    def put(self, kind: str, payload: Payload, answered: Callable[[Payload | None], None] | None = None) -> None:
        if self._faults.drop_events:
            return
        envelope = Envelope(f"env-{next(self._numbers)}", kind, payload, answered=answered)
        self._waiting[envelope.id] = envelope
        self._try(envelope)

    def _try(self, envelope: Envelope) -> None:
        if self.target is not None:
            self._requests.put_nowait(envelope)
            return
        if self._sockets and not self._faults.silent:
            staying = [each for each in self._sockets if each not in self._leaving] or self._sockets
            socket = staying[next(self._turn) % len(staying)]
            frame = {
                "envelope_id": envelope.id,
                "type": envelope.kind,
                "accepts_response_payload": envelope.kind != "events_api",
                "payload": envelope.payload,
                "retry_attempt": envelope.tries,
                "retry_reason": envelope.reason,
            }
            self._outboxes[socket].put_nowait(orjson.dumps(frame))
            self._again(envelope, self._answer_within, "timeout")
        else:
            self._again(envelope, 0.0, "no_connection")

    def _again(self, envelope: Envelope, after: float, reason: str) -> None:
        """Plan the next try; the third one without an answer is the last."""
        if envelope.answered is not None or envelope.tries >= len(RETRIES):
            envelope.timer = asyncio.get_running_loop().call_later(after, self._give_up, envelope)
            return
        wait = after + RETRIES[envelope.tries] * self._scale
        envelope.timer = asyncio.get_running_loop().call_later(wait, self._repeat, envelope, reason)

    def _repeat(self, envelope: Envelope, reason: str) -> None:
        envelope.tries += 1
        self.retried += 1
        envelope.reason = reason
        self._try(envelope)
        self._changed()

    def _give_up(self, envelope: Envelope) -> None:
        self._waiting.pop(envelope.id, None)
        if envelope.answered is None:
            self.lost.append(envelope)
        else:
            envelope.answered(None)
        self._changed()

    def _settle(self, id_: str, answer: Payload | None) -> None:
        envelope = self._waiting.pop(id_, None)
        if envelope is not None:
            self.heard(envelope)
            if envelope.timer is not None:
                envelope.timer.cancel()
            if envelope.answered is not None:
                envelope.answered(answer or {})
        self.acknowledged += 1
        self.acks.append((id_, answer))
        del self.acks[:-1000]
        self._changed()

    # Socket Mode.

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """One connection of the app."""
        socket = web.WebSocketResponse(heartbeat=30, compress=False)
        await socket.prepare(request)
        outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        hello = {"type": "hello", "num_connections": len(self._sockets) + 1, "connection_info": {"app_id": APP}}
        outbox.put_nowait(orjson.dumps(hello))
        self._outboxes[socket] = outbox
        self._sockets.append(socket)
        self._changed()
        try:
            async with asyncio.TaskGroup() as lines:
                writing = lines.create_task(self._write(socket, outbox))
                async for frame in socket:
                    if frame.type is aiohttp.WSMsgType.TEXT:
                        acknowledged = orjson.loads(frame.data)
                        self._settle(acknowledged["envelope_id"], acknowledged.get("payload"))
                writing.cancel()
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
            del self._outboxes[socket]
            self._leaving.discard(socket)
            self._changed()
        return socket

    async def _write(self, socket: web.WebSocketResponse, outbox: asyncio.Queue[bytes | None]) -> None:
        while (frame := await outbox.get()) is not None:
            try:
                await socket.send_str(frame.decode())
            except (ConnectionError, aiohttp.ClientError):
                return
        await socket.close()

    def refresh(self, count: int | None = None, reason: str = "refresh_requested", *, close: bool = False) -> None:
        """Ask for new connections in the place of the oldest `count` (all of them by default), then hang up; with
        `close` at once."""
        for socket in [each for each in self._sockets if each not in self._leaving][:count]:
            outbox = self._outboxes[socket]
            self._leaving.add(socket)
            outbox.put_nowait(orjson.dumps({"type": "disconnect", "reason": reason}))
            if close:
                self._sockets.remove(socket)
                outbox.put_nowait(None)
            else:
                asyncio.get_running_loop().call_later(LEAVE_AFTER * self._scale, outbox.put_nowait, None)

    # HTTP.

    async def start(self) -> None:
        self._postman = asyncio.get_running_loop().create_task(self._post_all())

    async def stop(self) -> None:
        for envelope in self._waiting.values():
            if envelope.timer is not None:
                envelope.timer.cancel()
        for socket in list(self._outboxes):
            await socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)
        if self._postman is not None:
            self._postman.cancel()
            await asyncio.gather(self._postman, return_exceptions=True)

    async def _post_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._answer_within)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as requests:
            while True:
                envelope = await self._requests.get()
                requests.create_task(self._post(session, envelope))

    async def _post(self, session: aiohttp.ClientSession, envelope: Envelope) -> None:
        try:
            async with session.post(f"{self.target}/{KINDS[envelope.kind]}", **self.signed(envelope)) as answer:
                text = await answer.text()
                self.answers.append(answer.status)
                if 200 <= answer.status < 300:
                    self._settle(envelope.id, _answer(text))
                    return
            self._again(envelope, 0.0, "http_error")
        except TimeoutError:
            self._again(envelope, 0.0, "http_timeout")
        except aiohttp.ClientError:
            self._again(envelope, 0.0, "connection_failed")

    def signed(self, envelope: Envelope) -> dict[str, Any]:
        """`data` and `headers` of the request Slack would make."""
        if envelope.kind == "events_api":
            body, content_type = orjson.dumps(envelope.payload), "application/json"
        else:
            fields: dict[str, Any] = dict(envelope.payload)
            if envelope.kind == "interactive":
                fields = {"payload": orjson.dumps(envelope.payload).decode()}
            form = aiohttp.FormData(fields)()
            body, content_type = form.decode().encode(), "application/x-www-form-urlencoded"
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._secret, timestamp, body),
        }
        if envelope.tries:
            headers |= {"X-Slack-Retry-Num": str(envelope.tries), "X-Slack-Retry-Reason": envelope.reason}
        return {"data": body, "headers": headers}


def _answer(text: str) -> Payload | None:
    """The body of an acknowledgement: JSON, or words to be shown."""
    if not text:
        return None
    answer: Payload = orjson.loads(text) if text.startswith("{") else {"text": text}
    return answer
