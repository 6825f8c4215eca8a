"""A strict local Bot API with one bot and as many people as one likes: the outside world of the Telegram connector.

It keeps the rules of the real server that cost messages when they are broken (offsets, 409, limits, error texts),
and writes down every message it accepted, so that a test can compare what was seen with what was meant.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from connectors.base import Clock
from gateway.sandbox.telegram_text import checked, units

TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024
PHOTO_LIMIT, UPLOAD_LIMIT, DOWNLOAD_LIMIT = 10 * 1024 * 1024, 50 * 1024 * 1024, 20 * 1024 * 1024
IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")
UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})  # only sent when asked for by name
LOOK_AHEAD, LOOK_BACK = 10, 100_000  # an offset outside of these is answered from the head of the queue (T3)
BOT_ID = 777
TOKEN = f"{BOT_ID}:stand-in-token"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the next matching call meets instead of a normal answer.

    `status` refuses without accepting. `accept` carries the call out first; then `late` seconds pass, and `drop`
    closes the connection without an answer. Without `accept`, `drop` closes it with nothing done.
    """

    status: int = 0
    description: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    accept: bool = False
    drop: bool = False
    late: float = 0.0
    chat: int | None = None


def limited(seconds: int, chat: int | None = None) -> Fault:
    """429 with `retry_after`."""
    return Fault(
        status=429,
        description=f"Too Many Requests: retry after {seconds}",
        parameters={"retry_after": seconds},
        chat=chat,
    )


def broken(status: int = 502, description: str = "Bad Gateway") -> Fault:
    """A 5xx answer, nothing accepted."""
    return Fault(status=status, description=description)


def swallowed(chat: int | None = None) -> Fault:
    """Accepted and done, but the connection closes before the answer."""
    return Fault(accept=True, drop=True, chat=chat)


def cut_off() -> Fault:
    """The connection closes with nothing done."""
    return Fault(drop=True)


def delayed(seconds: float) -> Fault:
    """Accepted and done, answered late."""
    return Fault(accept=True, late=seconds)


def migrated(chat: int, to: int) -> Fault:
    """The group became a supergroup with another id."""
    return Fault(
        status=400,
        description="Bad Request: group chat was upgraded to a supergroup chat",
        parameters={"migrate_to_chat_id": to},
        chat=chat,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A Telegram user as the bot sees them; their private chat has the same id."""

    id: int
    first_name: str
    language: str = "en"

    def user(self) -> Json:
        return {"id": self.id, "is_bot": False, "first_name": self.first_name, "language_code": self.language}

    def chat(self) -> Json:
        return {"id": self.id, "first_name": self.first_name, "type": "private"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One send the bot's owner would see in the chat: the truth a checker reads."""

    method: str
    chat: int
    message_id: int
    text: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class ChatMessage:
    """A message as both sides see it; `raw` is the Bot API object. `from_bot`: the shop wrote it."""

    raw: Json
    from_bot: bool
    edited: bool = False
    deleted: bool = False

    @property
    def message_id(self) -> int:
        return int(self.raw["message_id"])

    @property
    def text(self) -> str:
        return str(self.raw.get("text") or self.raw.get("caption") or "")

    @property
    def entities(self) -> list[Json]:
        return list(self.raw.get("entities") or self.raw.get("caption_entities") or ())

    @property
    def reply_to(self) -> int | None:
        replied = self.raw.get("reply_to_message")
        return int(replied["message_id"]) if replied else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    name: str
    content: bytes
    content_type: str


class Refusal(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, int] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters or {}


def _bad(description: str) -> Refusal:
    return Refusal(400, f"Bad Request: {description}")


class TelegramStandIn:
    """One bot. People speak through `say` and its neighbours; the connector through HTTP at `url`."""

    def __init__(self, clock: Clock, token: str = TOKEN) -> None:
        self.token = token
        self.url = ""
        self.faults: dict[str, deque[Fault]] = {}
        self.truth: list[Accepted] = []
        self.calls: deque[tuple[str, Json]] = deque(maxlen=10_000)
        self.allowed_updates: list[str] | None = None
        self.webhook: Json = {}
        self.webhook_error = ""
        self._clock = clock
        self._people: dict[int, Person] = {}
        self._names: dict[str, int] = {}
        self._blocked: set[int] = set()
        self._chats: dict[int, list[ChatMessage]] = {}
        self._files: dict[str, StoredFile] = {}
        self._queue: deque[Json] = deque()
        self._again: list[Json] = []
        self._given: deque[Json] = deque(maxlen=1000)
        self._next_update = 100_001
        self._next_message = 1
        self._turn = 0
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._runner: web.AppRunner | None = None
        self._postman: asyncio.Task[None] | None = None
        self._methods: dict[str, Callable[[Json], Awaitable[Any]]] = {
            method.__name__[1:].replace("_", ""): method
            for method in (
                self._get_me, self._get_updates, self._get_webhook_info, self._set_webhook, self._delete_webhook,
                self._send_message, self._send_photo, self._send_document, self._edit_message_text,
                self._edit_message_caption, self._edit_message_reply_markup, self._delete_message, self._get_file,
                self._answer_callback_query, self._set_my_commands,
            )
        }  # fmt: skip

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
        if self.webhook:
            self._start_postman()

    async def stop(self) -> None:
        """Close every connection; what was said and accepted stays."""
        await self._stop_postman()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; the answer takes it off again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def until(self, holds: Callable[[], bool], within: float = 5.0) -> None:
        """Wait until something is so; raises TimeoutError."""
        async with asyncio.timeout(within):
            while not holds():
                await self._changed.wait()

    def _wake(self) -> None:
        """Everybody who waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _change(self) -> None:
        """Something a person can see is new."""
        self._wake()
        for listener in self._listeners:
            listener()

    # People.

    def person(self, user: str | int, language: str = "en") -> Person:
        """A person by first name or id, made on first use."""
        number = user if isinstance(user, int) else self._names.get(user, 5001 + len(self._people))
        if number in self._people:
            return self._people[number]
        person = Person(id=number, first_name=user if isinstance(user, str) else f"User {user}", language=language)
        self._people[number] = person
        self._names[person.first_name] = number
        return person

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
        message: Json = {**self._frame(person), "from": person.user(), **content}
        if photo is not None:
            message["photo"] = [{**self._file("photo.jpg", photo, "image/jpeg"), "width": 800, "height": 600}]
        if document is not None:
            name, _, content_type = document
            message["document"] = {**self._file(*document), "file_name": name, "mime_type": content_type}
        if voice is not None:
            message["voice"] = {**self._file("voice.oga", voice, "audio/ogg"), "duration": 3, "mime_type": "audio/ogg"}
        if sticker is not None:
            about = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
            message["sticker"] = {**self._file("sticker.webp", sticker, "image/webp"), **about, "emoji": "👍"}
        media = any(file is not None for file in (photo, document, voice, sticker))
        if text:
            message["caption" if media else "text"] = text
        if entities:
            message["caption_entities" if media else "entities"] = entities
        if reply_to is not None:
            message["reply_to_message"] = self._shown(person.id, reply_to).raw
        self._chats.setdefault(person.id, []).append(ChatMessage(raw=message, from_bot=False))
        self.push("message", message)
        return int(message["message_id"])

    def edit(self, user: str | int, message_id: int, text: str, entities: list[Json] | None = None) -> None:
        """Somebody edits what they wrote."""
        person = self.person(user)
        shown = self._shown(person.id, message_id)
        place = "text" if "text" in shown.raw else "caption"
        raw = {key: value for key, value in shown.raw.items() if key not in {"entities", "caption_entities"}}
        raw |= {"edit_date": self._seconds(), place: text}
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
                "chat": person.chat(), "message_id": message_id, "user": person.user(), "date": self._seconds(),
                "old_reaction": [], "new_reaction": reaction,
            },
        )  # fmt: skip

    def press(self, user: str | int, message_id: int, data: str) -> None:
        """Somebody presses a button under a message of the bot."""
        person = self.person(user)
        message = self._shown(person.id, message_id).raw
        query = {"id": str(self._next_update), "from": person.user(), "message": message, "data": data}
        self.push("callback_query", {**query, "chat_instance": "1"})

    def block(self, user: str | int) -> None:
        """Somebody blocks the bot."""
        person = self.person(user)
        self._blocked.add(person.id)
        self._member(person, "member", "kicked")

    def unblock(self, user: str | int) -> None:
        person = self.person(user)
        self._blocked.discard(person.id)
        self._member(person, "kicked", "member")

    def chat(self, user: str | int) -> list[ChatMessage]:
        """The private chat of a person with the bot, oldest first."""
        return self._chats.get(self.person(user).id, [])

    def heard(self, user: str | int) -> list[str]:
        """The texts the bot sent to a person that are still there."""
        return [shown.text for shown in self.chat(user) if shown.from_bot and not shown.deleted]

    # The server's side of updates.

    def push(self, kind: str, body: Any) -> int:
        """Queue an update as the server would; returns its id. Kinds nobody asked for are not queued."""
        number = self._next_update
        if self.allowed_updates is None and kind in UNASKED:
            return number
        if self.allowed_updates and kind not in self.allowed_updates:
            return number
        self._next_update += 1
        self._queue.append({"update_id": number, kind: body})
        self._change()
        return number

    def push_raw(self, update: Any) -> None:
        """Queue something that need not be an update at all."""
        self._queue.append(update)
        self._change()

    def repeat(self, count: int) -> None:
        """Give the last updates once more, confirmed or not, before everything else."""
        self._again += list(self._given)[-count:]
        self._change()

    def renumber(self, update_id: int) -> None:
        """Go on with another update id, as after an idle week (T3)."""
        self._next_update = update_id

    @property
    def pending(self) -> int:
        """How many updates wait for their confirmation."""
        return len(self._queue)

    def fail(self, method: str, *faults: Fault) -> None:
        """The next calls of this method meet these faults, one each."""
        self.faults.setdefault(method.lower(), deque()).extend(faults)

    # HTTP.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        try:
            method, parameters = await self._read(request)
            fault = self._fault(method, parameters)
            if fault is not None and not fault.accept:
                if fault.drop:
                    return _dropped(request)
                raise Refusal(fault.status, fault.description, fault.parameters)
            result = await self._methods[method](parameters)
            if fault is not None:
                await asyncio.sleep(fault.late)
                if fault.drop:
                    return _dropped(request)
        except Refusal as refusal:
            body: Json = {"ok": False, "error_code": refusal.code, "description": refusal.description}
            if refusal.parameters:
                body["parameters"] = dict(refusal.parameters)
            self._wake()
            return web.Response(status=refusal.code, body=orjson.dumps(body), content_type="application/json")
        self._wake()
        return web.Response(body=orjson.dumps({"ok": True, "result": result}), content_type="application/json")

    async def _read(self, request: web.Request) -> tuple[str, Json]:
        token, method = request.match_info["token"], request.match_info["method"].lower()
        if ":" not in token or method not in self._methods:
            raise Refusal(404, "Not Found")
        if token != self.token:
            raise Refusal(401, "Unauthorized")
        parameters: Json = dict(request.query)
        if request.content_type == "application/json":
            parameters |= orjson.loads(await request.read())
        elif request.body_exists:
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    content = value.file.read()
                    kind = value.content_type
                    parameters[name] = StoredFile(name=value.filename, content=content, content_type=kind)
                else:
                    parameters[name] = value
        self.calls.append((method, parameters))
        self._wake()
        return method, parameters

    def _fault(self, method: str, parameters: Json) -> Fault | None:
        waiting = self.faults.get(method)
        for fault in waiting or ():
            if fault.chat is None or str(fault.chat) == str(parameters.get("chat_id")):
                assert waiting is not None
                waiting.remove(fault)
                return fault
        return None

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.match_info["path"].removeprefix("files/"))
        if request.match_info["token"] != self.token or file is None:
            return web.Response(status=404)
        return web.Response(body=file.content, content_type="application/octet-stream")

    # Methods about the account and about updates.

    async def _get_me(self, _: Json) -> Json:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _get_updates(self, parameters: Json) -> list[Any]:
        if self.webhook:
            reason = (
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
            raise Refusal(409, f"Conflict: {reason}")
        if "allowed_updates" in parameters:
            self.allowed_updates = _value(parameters, "allowed_updates") or None
        self._turn += 1
        turn = self._turn
        self._wake()  # an older poll ends with 409
        self._confirm(int(_value(parameters, "offset") or 0))
        limit = min(100, max(1, int(_value(parameters, "limit") or 100)))
        until = asyncio.get_running_loop().time() + min(50, int(_value(parameters, "timeout") or 0))
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

    async def _get_webhook_info(self, _: Json) -> Json:
        info: Json = {"url": self.webhook.get("url", ""), "has_custom_certificate": False}
        info["pending_update_count"] = len(self._queue)
        if self.webhook and self.allowed_updates:
            info["allowed_updates"] = self.allowed_updates
        if self.webhook_error:
            info |= {"last_error_date": self._seconds(), "last_error_message": self.webhook_error}
        return info

    async def _set_webhook(self, parameters: Json) -> bool:
        await self._stop_postman()
        self.webhook = {"url": parameters["url"], "secret": parameters.get("secret_token", "")}
        if "allowed_updates" in parameters:
            self.allowed_updates = _value(parameters, "allowed_updates") or None
        if _value(parameters, "drop_pending_updates"):
            self._queue.clear()
        if not self.webhook["url"]:
            self.webhook = {}
        else:
            self._start_postman()
        return True

    async def _delete_webhook(self, parameters: Json) -> bool:
        return await self._set_webhook({**parameters, "url": ""})

    def _start_postman(self) -> None:
        self._postman = asyncio.get_running_loop().create_task(self._deliver(), name="telegram-webhook")

    async def _stop_postman(self) -> None:
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
                    self._wake()
                    continue
                if status:
                    self.webhook_error = f"Wrong response from the webhook: {status}"
                    self._wake()
                wait = min(60.0, wait * 2)
                await asyncio.sleep(float(asked) if asked else wait)

    # Methods about messages.

    async def _send_message(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "text", TEXT_LIMIT)
        if not text:
            raise _bad("message text is empty")
        content: Json = {"text": text} | ({"entities": entities} if entities else {})
        return self._sent("sendMessage", parameters, content)

    async def _send_photo(self, parameters: Json) -> Json:
        photo = self._upload(parameters, "photo")
        if len(photo.content) > PHOTO_LIMIT:
            size = len(photo.content)
            raise _bad(f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes")
        if not photo.content.startswith(IMAGES):
            raise _bad("IMAGE_PROCESS_FAILED")
        sizes = [{**self._file("photo.jpg", photo.content, "image/jpeg"), "width": 800, "height": 600}]
        return self._sent("sendPhoto", parameters, {"photo": sizes, **self._caption(parameters)})

    async def _send_document(self, parameters: Json) -> Json:
        file = self._upload(parameters, "document")
        document = {
            **self._file(file.name, file.content, file.content_type),
            "file_name": file.name,
            "mime_type": file.content_type,
        }
        return self._sent("sendDocument", parameters, {"document": document, **self._caption(parameters)})

    async def _edit_message_text(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "text", TEXT_LIMIT)
        if not text:
            raise _bad("message text is empty")
        return self._edited(parameters, "text", text, entities)

    async def _edit_message_caption(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "caption", CAPTION_LIMIT)
        return self._edited(parameters, "caption", text, entities)

    async def _edit_message_reply_markup(self, parameters: Json) -> Json:
        """Without keyboards nothing ever changes: the answers of the existence probe (2.3)."""
        self._editable(parameters)
        raise _bad(NOT_MODIFIED)

    async def _delete_message(self, parameters: Json) -> bool:
        chat, number = int(_value(parameters, "chat_id")), int(_value(parameters, "message_id"))
        for shown in self._chats.get(chat, ()):
            if shown.message_id == number and not shown.deleted:
                if (self._clock().timestamp() - shown.raw["date"]) > 48 * 3600:
                    raise _bad("message can't be deleted for everyone")
                shown.deleted = True
                self._change()
                return True
        raise _bad("message to delete not found")

    async def _get_file(self, parameters: Json) -> Json:
        number = str(parameters.get("file_id"))
        file = self._files.get(number)
        if file is None:
            raise _bad("wrong file_id or the file is temporarily unavailable")
        if len(file.content) > DOWNLOAD_LIMIT:
            raise _bad("file is too big")
        about = {"file_id": number, "file_unique_id": f"u{number}", "file_size": len(file.content)}
        return {**about, "file_path": f"files/{number}"}

    async def _answer_callback_query(self, _: Json) -> bool:
        return True

    async def _set_my_commands(self, _: Json) -> bool:
        return True

    # Small parts.

    def _frame(self, person: Person) -> Json:
        number = self._next_message
        self._next_message += 1
        return {"message_id": number, "date": self._seconds(), "chat": person.chat()}

    def _seconds(self) -> int:
        return int(self._clock().timestamp())

    def _file(self, name: str, content: bytes, content_type: str) -> Json:
        number = f"file{len(self._files) + 1}"
        self._files[number] = StoredFile(name=name, content=content, content_type=content_type)
        return {"file_id": number, "file_unique_id": f"u{number}", "file_size": len(content)}

    def file(self, file_id: str) -> bytes:
        """The bytes behind a file id, whoever sent it."""
        return self._files[file_id].content

    def _upload(self, parameters: Json, name: str) -> StoredFile:
        given = parameters.get(name)
        if isinstance(given, str) and given.startswith("attach://"):
            given = parameters.get(given.removeprefix("attach://"))
        if isinstance(given, str) and given in self._files:
            return self._files[given]
        if not isinstance(given, StoredFile):
            raise _bad(f"there is no {name} in the request")
        if not given.content:
            raise _bad("file must be non-empty")
        if len(given.content) > UPLOAD_LIMIT:
            raise Refusal(413, "Request Entity Too Large")
        return given

    def _text(self, parameters: Json, name: str, limit: int) -> tuple[str, list[Json]]:
        entities = _value(parameters, "entities" if name == "text" else "caption_entities") or []
        try:
            text, kept = checked(str(parameters.get(name) or ""), entities)
        except ValueError as error:
            raise _bad(str(error)) from error
        if units(text) > limit:
            raise _bad("message is too long" if name == "text" else "message caption is too long")
        return text, kept

    def _caption(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "caption", CAPTION_LIMIT)
        caption: Json = {"caption": text} if text else {}
        return caption | ({"caption_entities": entities} if entities else {})

    def _sent(self, method: str, parameters: Json, content: Json) -> Json:
        if not parameters.get("chat_id"):
            raise _bad("chat_id is empty")
        person = self._people.get(int(parameters["chat_id"]))
        if person is None:
            raise _bad("chat not found")
        if person.id in self._blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if person.id not in self._chats:
            raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
        reply = self._replied(person.id, _value(parameters, "reply_parameters") or {})
        message: Json = {**self._frame(person), "from": BOT, **reply, **content}
        shown = ChatMessage(raw=message, from_bot=True)
        self._chats[person.id].append(shown)
        self.truth.append(
            Accepted(
                method=method, chat=person.id, message_id=shown.message_id, text=shown.text, at=self._clock()
            )
        )  # fmt: skip
        self._change()
        return message

    def _replied(self, chat: int, reply: Json) -> Json:
        if not reply:
            return {}
        for shown in self._chats[chat]:
            if shown.message_id == reply.get("message_id") and not shown.deleted:
                return {"reply_to_message": {k: v for k, v in shown.raw.items() if k != "reply_to_message"}}
        if reply.get("allow_sending_without_reply"):
            return {}
        raise _bad("message to be replied not found")

    def _shown(self, chat: int, number: int) -> ChatMessage:
        for shown in self._chats.get(chat, ()):
            if shown.message_id == number and not shown.deleted:
                return shown
        raise LookupError(f"no message {number} in chat {chat}")

    def _editable(self, parameters: Json) -> ChatMessage:
        try:
            shown = self._shown(int(_value(parameters, "chat_id")), int(_value(parameters, "message_id")))
        except LookupError as error:
            raise _bad("message to edit not found") from error
        if not shown.from_bot:
            raise _bad("message can't be edited")
        return shown

    def _edited(self, parameters: Json, place: str, text: str, entities: list[Json]) -> Json:
        shown = self._editable(parameters)
        if ("text" in shown.raw) != (place == "text"):
            raise _bad(f"there is no {place} in the message to edit")
        if shown.text == text and shown.entities == entities:
            raise _bad(NOT_MODIFIED)
        marked = "entities" if place == "text" else "caption_entities"
        raw = {key: value for key, value in shown.raw.items() if key != marked}
        shown.raw = {**raw, place: text, "edit_date": self._seconds()} | ({marked: entities} if entities else {})
        shown.edited = True
        self._change()
        return shown.raw

    def _member(self, person: Person, old: str, new: str) -> None:
        def member(status: str) -> Json:
            return {"user": BOT, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        self.push(
            "my_chat_member",
            {
                "chat": person.chat(), "from": person.user(), "date": self._seconds(),
                "old_chat_member": member(old), "new_chat_member": member(new),
            },
        )  # fmt: skip


BOT: Json = {"id": BOT_ID, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def _value(parameters: Json, name: str) -> Any:
    """A parameter that is no plain string: forms carry it as JSON text."""
    value = parameters.get(name)
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except ValueError as error:
        raise _bad(f"can't parse {name}") from error


def _update_id(update: Any) -> int:
    return int(update["update_id"]) if isinstance(update, dict) and "update_id" in update else 0


def _dropped(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
