"""Webhook mode: Telegram posts one update at a time; 200 with an empty body means stored (T6, T7)."""

import asyncio
import hmac
import math

import orjson
import structlog
from aiohttp import web
from telegram import Bot
from telegram.error import TelegramError

from connectors.base import NotStored, Ports
from connectors.bodies import body_of
from connectors.telegram.buttons import answer_buttons
from connectors.telegram.pace import Backoff, Pace
from connectors.telegram.parse import ALLOWED, to_arrivals
from connectors.telegram.wire import Wire
from connectors.trouble import Trouble

log = structlog.get_logger()

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  the header's name
RETRY_LIMIT = 3600  # Telegram honours no longer Retry-After


class Webhook:
    """The route Telegram posts to, and its registration. `url` is the route's public address."""

    def __init__(self, channel: str, bot: Bot, wire: Wire, ports: Ports, pace: Pace, secret: str, url: str) -> None:
        self._channel = channel
        self._bot = bot
        self._wire = wire
        self._ports = ports
        self._pace = pace
        self._secret = secret
        self._url = url
        self.trouble = Trouble("telegram", channel)

    async def run(self) -> None:
        """Register, and look again from time to time: somebody else may have taken the webhook away."""
        backoff = Backoff(self._pace.network)
        while True:
            try:
                await self._register()
                backoff.reset()
                wait = self._pace.watch
            except TelegramError as error:
                self.trouble.say(self._wire.scrubbed(error))
                wait = backoff.next()
            await asyncio.sleep(wait)

    async def _register(self) -> None:
        """Set the webhook where it differs; updates that wait are kept (T4), the list of types is said anew (T8)."""
        webhook = await self._bot.get_webhook_info()
        if webhook.url != self._url or set(webhook.allowed_updates) != set(ALLOWED):
            await self._bot.set_webhook(
                self._url, secret_token=self._secret, allowed_updates=ALLOWED, drop_pending_updates=False
            )
            log.info("telegram.webhook_set", channel=self._channel, url=self._url)
        if webhook.last_error_message and webhook.pending_update_count:
            self.trouble.say(f"Telegram could not post here: {webhook.last_error_message}")
        else:
            self.trouble.over()

    async def receive(self, request: web.Request) -> web.Response:
        """Secret, form, size, then store; an update we cannot read is stored all the same and never comes again."""
        said = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(said.encode("utf-8", "replace"), self._secret.encode()):
            return web.Response(status=401)
        if request.content_type != "application/json":
            return web.Response(status=415)
        body = await body_of(request)
        if body is None:
            return web.Response(status=413)
        try:
            update = orjson.loads(body)
        except orjson.JSONDecodeError:
            update = {"unreadable": body.decode("utf-8", "backslashreplace")}
        arrivals = to_arrivals([update], self._channel)
        try:
            await self._ports.intake(arrivals)
        except NotStored as error:
            wait = min(RETRY_LIMIT, max(1, math.ceil(error.retry_after)))
            return web.Response(status=503, headers={"Retry-After": str(wait)})
        await answer_buttons(self._bot, arrivals)
        return web.Response()  # empty: a JSON body with `method` would be executed as a call
