"""The HTTP routes of a Slack app: events, interactions and commands, each verified, stored, then answered."""

import asyncio
from collections.abc import Sequence

import structlog
from aiohttp import web

from connectors.base import Clock
from connectors.bodies import body_of
from connectors.slack.ingress import Ingress
from connectors.slack.signature import is_genuine, is_plausible

log = structlog.get_logger(__name__)

ANSWER_WITHIN = 2.0
"""Seconds until we answer 503 so that Slack tries again (S1)."""


class Webhooks:
    def __init__(self, channel: str, secret: str, ingress: Ingress, clock: Clock) -> None:
        self._channel = channel
        self._secret = secret
        self._ingress = ingress
        self._clock = clock

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.post(f"/slack/{self._channel}/{kind}", self._take) for kind in ("events", "interactions", "commands")
        ]

    async def _take(self, request: web.Request) -> web.Response:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not is_plausible(timestamp, signature, self._clock()):
            return web.Response(status=401)
        if (raw := await body_of(request)) is None:
            return web.Response(status=413)
        if not is_genuine(self._secret, timestamp, signature, raw):
            return web.Response(status=401)
        try:
            body = raw.decode()
        except UnicodeDecodeError:
            return web.Response(status=401)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                answer = await self._ingress.receive_body(body, request.content_type)
        except TimeoutError:
            log.warning("slack.not_stored", channel=self._channel, reason="no commit in time")
            return web.Response(status=503, headers={"Retry-After": "5"})
        headers = {name: values[0] for name, values in answer.headers.items() if name.lower() == "retry-after"}
        return web.Response(
            status=answer.status,
            text=answer.body,
            headers=headers,
            content_type=answer.headers.get("content-type", ["text/plain"])[0].partition(";")[0],
        )
