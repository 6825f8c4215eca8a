"""The Telegram stand-in's queue of updates: given to polls or posted to a webhook, kept until confirmed (T1-T6)."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import aiohttp

from gateway.sandbox.telegram_wire import Json, Refusal, value

UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})  # only sent when asked for by name
LOOK_AHEAD, LOOK_BACK = 10, 100_000  # an offset outside of these is answered from the head of the queue (T3)


class Signal:
    """Wakes everybody who waits, each time."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        await self._event.wait()


class Updates:
    """One bot's queue. `seconds` tells the time in Unix seconds; `changed` is woken when something came or went."""

    def __init__(self, seconds: Callable[[], int], changed: Signal) -> None:
        self.allowed: list[str] | None = None
        self.webhook: Json = {}
        self.webhook_error = ""
        self.next_id = 100_001
        self._seconds = seconds
        self._changed = changed
        self._queue: deque[Any] = deque()
        self._again: list[Any] = []
        self._given: deque[Any] = deque(maxlen=1000)
        self._turn = 0
        self._postman: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, kind: str, body: Any) -> int:
        """Queue an update as the server would; returns its id. Kinds nobody asked for are not queued."""
        number = self.next_id
        if self.allowed is None and kind in UNASKED:
            return number
        if self.allowed and kind not in self.allowed:
            return number
        self.next_id += 1
        self._queue.append({"update_id": number, kind: body})
        self._changed.wake()
        return number

    def push_raw(self, update: Any) -> None:
        """Queue something that need not be an update at all."""
        self._queue.append(update)
        self._changed.wake()

    def repeat(self, count: int) -> None:
        """Give the last updates once more, confirmed or not, before everything else."""
        self._again += list(self._given)[-count:]
        self._changed.wake()

    async def get(self, parameters: Json) -> list[Any]:
        """getUpdates: wait for the first update, then give what there is."""
        if self.webhook:
            reason = (
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
            raise Refusal(409, f"Conflict: {reason}")
        if "allowed_updates" in parameters:
            self.allowed = value(parameters, "allowed_updates") or None
        self._turn += 1
        turn = self._turn
        self._changed.wake()  # an older poll ends with 409
        self._confirm(int(value(parameters, "offset") or 0))
        limit = min(100, max(1, int(value(parameters, "limit") or 100)))
        until = asyncio.get_running_loop().time() + min(50, int(value(parameters, "timeout") or 0))
        while not self._queue and not self._again:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return []
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return []
            if turn != self._turn:
                reason = "terminated by other getUpdates request; make sure that only one bot instance is running"
                raise Refusal(409, f"Conflict: {reason}")
        again, self._again = self._again, []
        given = [*again, *list(self._queue)[: limit - len(again)]]
        self._given.extend(given[len(again) :])
        return given

    def _confirm(self, offset: int) -> None:
        """Drop what an offset confirms; far ahead or behind it means nothing and the head is answered (T3)."""
        numbers = [each["update_id"] for each in self._queue if isinstance(each, dict) and "update_id" in each]
        if offset < 0:
            while len(self._queue) > -offset:
                self._queue.popleft()
        elif numbers and numbers[0] - LOOK_BACK <= offset <= numbers[-1] + LOOK_AHEAD:
            while self._queue and _update_id(self._queue[0]) < offset:
                self._queue.popleft()

    def info(self) -> Json:
        """getWebhookInfo."""
        info: Json = {"url": self.webhook.get("url", ""), "has_custom_certificate": False}
        info["pending_update_count"] = len(self._queue)
        if self.webhook and self.allowed:
            info["allowed_updates"] = self.allowed
        if self.webhook_error:
            info |= {"last_error_date": self._seconds(), "last_error_message": self.webhook_error}
        return info

    async def set_webhook(self, parameters: Json) -> bool:
        """setWebhook; an empty URL takes it away."""
        await self.stop()
        self.webhook = {"url": parameters["url"], "secret": parameters.get("secret_token", "")}
        if "allowed_updates" in parameters:
            self.allowed = value(parameters, "allowed_updates") or None
        if value(parameters, "drop_pending_updates"):
            self._queue.clear()
        if not self.webhook["url"]:
            self.webhook = {}
        self.start()
        return True

    def start(self) -> None:
        """Post to the webhook if there is one."""
        if not self.webhook:
            return
        self._postman = asyncio.get_running_loop().create_task(self._deliver(), name="telegram-webhook")

    async def stop(self) -> None:
        """Post no more."""
        postman, self._postman = self._postman, None
        if postman is not None:
            postman.cancel()
            await asyncio.wait([postman])

    async def _deliver(self) -> None:
        """Post one update after the other; a failing one is tried again and holds up the rest (T6)."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]} if self.webhook["secret"] else {}
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            wait = 0.05
            while True:
                while not self._queue:
                    await self._changed.wait()
                try:
                    async with session.post(self.webhook["url"], json=self._queue[0]) as response:
                        status, asked = response.status, response.headers.get("Retry-After")
                        await response.read()
                except (aiohttp.ClientError, TimeoutError) as error:
                    status, asked = 0, None
                    self.webhook_error = f"Connection failed: {type(error).__name__}"
                if 200 <= status < 300:
                    self._given.append(self._queue.popleft())
                    self.webhook_error, wait = "", 0.05
                    self._changed.wake()
                    continue
                if status:
                    self.webhook_error = f"Wrong response from the webhook: {status}"
                    self._changed.wake()
                wait = min(60.0, wait * 2)
                await asyncio.sleep(float(asked) if asked else wait)


def _update_id(update: Any) -> int:
    return int(update["update_id"]) if isinstance(update, dict) and "update_id" in update else 0
