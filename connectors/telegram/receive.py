"""The receive loop: long polls whose updates are stored before the next poll confirms them (T1-T5, T8, N1)."""

import asyncio
import time
from typing import Any

import structlog
from telegram import Bot
from telegram.error import TelegramError

from connectors.base import Cursor, Lease, LeaseLost, NotStored, Ports
from connectors.telegram.buttons import answer_buttons
from connectors.telegram.pace import Backoff, Pace
from connectors.telegram.parse import ALLOWED, next_offset, to_arrivals
from connectors.telegram.wire import POLL_MARGIN_SECONDS, Lost, Refused, Wire
from connectors.trouble import Trouble

log = structlog.get_logger()

CURSOR = "updates"
BACKLOG_ALARM = 50_000  # Telegram keeps 100,000 updates and drops the rest (T4)


class Receiver:
    """Polls one bot while it holds the lease. `webhook_path` tells our own old webhook from a foreign one (T5)."""

    def __init__(self, channel: str, bot: Bot, wire: Wire, ports: Ports, pace: Pace, webhook_path: str) -> None:
        self._channel = channel
        self._bot = bot
        self._wire = wire
        self._ports = ports
        self._pace = pace
        self._webhook_path = webhook_path
        self.trouble = Trouble("telegram", channel)

    async def run(self) -> None:
        """Receive until cancelled; a poll under way is then abandoned and confirms nothing (2.7)."""
        while True:
            try:
                async with self._ports.lease("poll") as lease:
                    await self._free_of_webhooks()
                    await self._poll(lease)
            except LeaseLost:
                log.info("telegram.lease_lost", channel=self._channel)
                self.trouble.forget()

    async def _free_of_webhooks(self) -> None:
        """Delete our own webhook; while a foreign one is set, wait and say so: deleting it would rob its owner (T5)."""
        backoff = Backoff(self._pace.conflict)
        while True:
            try:
                webhook = await self._bot.get_webhook_info()
                if webhook.pending_update_count > BACKLOG_ALARM:
                    log.error("telegram.backlog", channel=self._channel, pending=webhook.pending_update_count)
                if not webhook.url:
                    return
                if webhook.url.endswith(self._webhook_path):
                    await self._bot.delete_webhook(drop_pending_updates=False)
                    return
                self.trouble.say(
                    f"another program's webhook is set ({webhook.url}): delete it, or use mode webhook here"
                )
            except TelegramError as error:
                self.trouble.say(self._wire.scrubbed(error))
            await asyncio.sleep(backoff.next())

    async def _poll(self, lease: Lease) -> None:
        offset = await self._committed()
        network, conflict = Backoff(self._pace.network), Backoff(self._pace.conflict)
        ended = 0.0
        while True:
            try:
                updates = await self._next(offset)
                offset = await self._store(updates, offset, lease)
            except Refused as error:
                self.trouble.say(_advice(error))
                wait = conflict.next() if error.code == 409 else network.next()
                if error.retry_after is not None:
                    wait = max(wait, error.retry_after.total_seconds())
                await asyncio.sleep(wait)
            except TelegramError as error:
                self.trouble.say(str(error))
                await asyncio.sleep(network.next())
            except NotStored as error:  # nothing is confirmed: the same updates come again (X15)
                self.trouble.say(f"not stored: {error}")
                await asyncio.sleep(max(error.retry_after, network.next()))
            else:
                self.trouble.over()
                network.reset()
                conflict.reset()
                before, ended = ended, time.monotonic()
                if updates and ended - before < self._pace.busy:
                    await asyncio.sleep(self._pace.gather)

    async def _committed(self) -> int | None:
        """The offset to begin with, None at the very first start."""
        backoff = Backoff(self._pace.network)
        while True:
            try:
                stored = await self._ports.cursor(CURSOR)
            except NotStored as error:
                self.trouble.say(f"the place of the last poll cannot be read: {error}")
                await asyncio.sleep(max(error.retry_after, backoff.next()))
            else:
                return int(stored) if stored else None

    async def _next(self, offset: int | None) -> list[Any]:
        parameters: dict[str, Any] = {"timeout": self._pace.poll, "allowed_updates": ALLOWED}
        if offset is not None:
            parameters["offset"] = offset
        updates = await self._wire.call("getUpdates", parameters, self._pace.poll + POLL_MARGIN_SECONDS)
        return updates if isinstance(updates, list) else []

    async def _store(self, updates: list[Any], offset: int | None, lease: Lease) -> int | None:
        """Commit a batch with its cursor, even one that begins below the cursor: ids start anew some day (T3)."""
        if not updates:
            return offset
        arrivals = to_arrivals(updates, self._channel)
        confirmed = next_offset(updates)
        if confirmed is None:
            await self._ports.intake(arrivals)
            raise Lost("Telegram gave updates without ids, which cannot be confirmed")
        await self._ports.intake(arrivals, Cursor(CURSOR, str(confirmed), lease))
        await answer_buttons(self._bot, arrivals)
        return confirmed


def _advice(error: Refused) -> str:
    """What Telegram said about a poll, and what to do about it."""
    match error.code:
        case 409:
            return f"{error.description}: stop the other program that uses this token, or delete its webhook"
        case 401 | 404:
            return f"{error.description}: check the token with @BotFather, and api_url"
    return error.description
