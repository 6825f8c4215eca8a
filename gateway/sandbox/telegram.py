"""A strict local Bot API with one bot and as many people as one likes: the outside world of the Telegram connector.

It keeps the rules of the real server that cost messages when they are broken (offsets, 409, limits, error texts),
and writes down every message it accepted, so that a test can compare what was seen with what was meant.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from connectors.base import Clock
from gateway.sandbox.telegram_chats import BOT, BOT_ID, UPLOAD_LIMIT, Accepted, Chats, Person
from gateway.sandbox.telegram_chats import TEXT_LIMIT as TEXT_LIMIT
from gateway.sandbox.telegram_chats import ChatMessage as ChatMessage
from gateway.sandbox.telegram_faults import Fault, Faults
from gateway.sandbox.telegram_updates import Signal, Updates
from gateway.sandbox.telegram_wire import Json, Refusal, dropped, parameters

TOKEN = f"{BOT_ID}:stand-in-token"


class TelegramStandIn:
    """One bot. People speak through `say` and its neighbours; the connector through HTTP at `url`."""

    def __init__(self, clock: Clock, token: str = TOKEN) -> None:
        self.token = token
        self.url = ""
        self.calls: deque[tuple[str, Json]] = deque(maxlen=10_000)
        self._signal = Signal()
        self._listeners: list[Callable[[], None]] = []
        self._chats = Chats(clock, self._change)
        self.updates = Updates(self._chats.seconds, self._signal)
        self._faults = Faults()
        self._runner: web.AppRunner | None = None
        self._methods = self._table()

    # Life.

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one, the same port again keeps `url` after a `stop`."""
        app = web.Application(client_max_size=UPLOAD_LIMIT + 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"
        self.updates.start()

    async def stop(self) -> None:
        """Close every connection; what was said and accepted stays."""
        await self.updates.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; the answer takes it off again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def until(self, holds: Callable[[], bool], within: float = 30.0) -> None:
        """Wait until something is so; raises TimeoutError."""
        async with asyncio.timeout(within):
            while not holds():
                await self._signal.wait()

    def _change(self) -> None:
        """Something a person can see is new."""
        self._signal.wake()
        for listener in self._listeners:
            listener()

    # People.

    def person(self, user: str | int, language: str = "en") -> Person:
        """A person by first name or id, made on first use."""
        return self._chats.person(user, language)

    def say(
        self,
        user: str | int,
        text: str = "",
        *,
        entities: list[Json] | None = None,
        photo: bytes | None = None,
        document: tuple[str, bytes, str] | None = None,
        voice: bytes | None = None,
        sticker: bytes | None = None,
        reply_to: int | None = None,
        **content: Any,
    ) -> int:
        """Somebody writes to the bot; returns the message id. `document` is name, bytes and type.

        `content` are further fields of the Bot API message as they are: location, poll, media_group_id, quote.
        """
        person = self.person(user)
        message: Json = {**self._chats.frame(person), "from": person.user(), **content}
        if photo is not None:
            message["photo"] = [{**self._chats.store("photo.jpg", photo, "image/jpeg"), "width": 800, "height": 600}]
        if document is not None:
            name, _, content_type = document
            message["document"] = {**self._chats.store(*document), "file_name": name, "mime_type": content_type}
        if voice is not None:
            message["voice"] = {
                **self._chats.store("voice.oga", voice, "audio/ogg"),
                "duration": 3,
                "mime_type": "audio/ogg",
            }
        if sticker is not None:
            about = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
            message["sticker"] = {**self._chats.store("sticker.webp", sticker, "image/webp"), **about, "emoji": "👍"}
        media = any(file is not None for file in (photo, document, voice, sticker))
        if text:
            message["caption" if media else "text"] = text
        if entities:
            message["caption_entities" if media else "entities"] = entities
        if reply_to is not None:
            message["reply_to_message"] = self._chats.shown(person.id, reply_to).raw
        self._chats.hear(person, message)
        self.push("message", message)
        return int(message["message_id"])

    def edit(self, user: str | int, message_id: int, text: str, entities: list[Json] | None = None) -> None:
        """Somebody edits what they wrote."""
        person = self.person(user)
        shown = self._chats.shown(person.id, message_id)
        place = "text" if "text" in shown.raw else "caption"
        raw = {key: value for key, value in shown.raw.items() if key not in {"entities", "caption_entities"}}
        raw |= {"edit_date": self._chats.seconds(), place: text}
        if entities:
            raw["entities" if place == "text" else "caption_entities"] = entities
        shown.raw, shown.edited = raw, True
        self.push("edited_message", raw)

    def react(self, user: str | int, message_id: int, emoji: str | None) -> None:
        """Somebody reacts to a message, or takes the reaction away."""
        person = self.person(user)
        reaction = [{"type": "emoji", "emoji": emoji}] if emoji else []
        self.push(
            "message_reaction",
            {
                "chat": person.chat(), "message_id": message_id, "user": person.user(), "date": self._chats.seconds(),
                "old_reaction": [], "new_reaction": reaction,
            },
        )  # fmt: skip

    def press(self, user: str | int, message_id: int, data: str) -> None:
        """Somebody presses a button under a message of the bot."""
        person = self.person(user)
        message = self._chats.shown(person.id, message_id).raw
        query = {"id": str(self.updates.next_id), "from": person.user(), "message": message, "data": data}
        self.push("callback_query", {**query, "chat_instance": "1"})

    def block(self, user: str | int) -> None:
        """Somebody blocks the bot."""
        person = self.person(user)
        self._chats.blocked.add(person.id)
        self._member(person, "member", "kicked")

    def unblock(self, user: str | int) -> None:
        """Somebody lets the bot write again."""
        person = self.person(user)
        self._chats.blocked.discard(person.id)
        self._member(person, "kicked", "member")

    def chat(self, user: str | int) -> list[ChatMessage]:
        """The private chat of a person with the bot, oldest first."""
        return self._chats.of(self.person(user))

    def heard(self, user: str | int) -> list[str]:
        """The texts the bot sent to a person that are still there."""
        return [shown.text for shown in self.chat(user) if shown.from_bot and not shown.deleted]

    def file(self, file_id: str) -> bytes:
        """The bytes behind a file id, whoever sent it."""
        return self._chats.file(file_id)

    @property
    def truth(self) -> list[Accepted]:
        """Every message that was accepted, in order."""
        return self._chats.truth

    # The server's side of updates.

    def push(self, kind: str, body: Any) -> int:
        """Queue an update as the server would; returns its id. Kinds nobody asked for are not queued."""
        number = self.updates.push(kind, body)
        self._change()
        return number

    def repeat(self, count: int) -> None:
        """Give the last updates once more, confirmed or not, before everything else."""
        self.updates.repeat(count)

    @property
    def pending(self) -> int:
        """How many updates wait for their confirmation."""
        return len(self.updates)

    def fail(self, method: str, *faults: Fault) -> None:
        """The next calls of this method meet these faults, one each."""
        self._faults.add(method, faults)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        try:
            method, given = await self._read(request)
            fault = self._faults.take(method, given)
            if fault is not None and not fault.accept:
                if fault.drop:
                    return dropped(request)
                raise Refusal(fault.status, fault.description, fault.parameters)
            result = await self._methods[method](given)
            if fault is not None:
                await asyncio.sleep(fault.late)
                if fault.drop:
                    return dropped(request)
        except Refusal as refusal:
            body: Json = {"ok": False, "error_code": refusal.code, "description": refusal.description}
            if refusal.parameters:
                body["parameters"] = dict(refusal.parameters)
            self._signal.wake()
            return web.Response(status=refusal.code, body=orjson.dumps(body), content_type="application/json")
        self._signal.wake()
        answer = json.dumps({"ok": True, "result": result}).encode()  # escaped ASCII, as Telegram: half a pair can pass
        return web.Response(body=answer, content_type="application/json")

    async def _read(self, request: web.Request) -> tuple[str, Json]:
        token, method = request.match_info["token"], request.match_info["method"].lower()
        if ":" not in token or method not in self._methods:
            raise Refusal(404, "Not Found")
        if token != self.token:
            raise Refusal(401, "Unauthorized")
        given = await parameters(request)
        self.calls.append((method, given))
        self._signal.wake()
        return method, given

    async def _download(self, request: web.Request) -> web.StreamResponse:
        try:
            content = self._chats.file(request.match_info["path"].removeprefix("files/"))
        except LookupError:
            return web.Response(status=404)
        if request.match_info["token"] != self.token:
            return web.Response(status=404)
        return web.Response(body=content, content_type="application/octet-stream")

    def _table(self) -> dict[str, Callable[[Json], Awaitable[Any]]]:
        """The methods by lower-case name."""

        async def get_me(_: Json) -> Json:
            return {
                **BOT,
                "can_join_groups": True,
                "can_read_all_group_messages": False,
                "supports_inline_queries": False,
            }

        async def get_webhook_info(_: Json) -> Json:
            return self.updates.info()

        async def delete_webhook(given: Json) -> bool:
            return await self.updates.set_webhook({**given, "url": ""})

        async def accepted(_: Json) -> bool:
            return True

        chats = self._chats
        return {
            "getme": get_me,
            "getupdates": self.updates.get,
            "getwebhookinfo": get_webhook_info,
            "setwebhook": self.updates.set_webhook,
            "deletewebhook": delete_webhook,
            "sendmessage": chats.send_message,
            "sendphoto": chats.send_photo,
            "senddocument": chats.send_document,
            "editmessagetext": chats.edit_message_text,
            "editmessagecaption": chats.edit_message_caption,
            "editmessagereplymarkup": chats.edit_message_reply_markup,
            "deletemessage": chats.delete_message,
            "getfile": chats.get_file,
            "answercallbackquery": accepted,
            "setmycommands": accepted,
        }

    def _member(self, person: Person, old: str, new: str) -> None:
        def member(status: str) -> Json:
            return {"user": BOT, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        self.push(
            "my_chat_member",
            {
                "chat": person.chat(), "from": person.user(), "date": self._chats.seconds(),
                "old_chat_member": member(old), "new_chat_member": member(new),
            },
        )  # fmt: skip
