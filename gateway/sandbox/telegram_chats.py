"""The Telegram stand-in's private chats: people, messages, files, and the bot's methods that act on them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.base import Clock
from gateway.sandbox.telegram_text import checked, units
from gateway.sandbox.telegram_wire import Json, Refusal, StoredFile, bad, value

TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024
PHOTO_LIMIT, UPLOAD_LIMIT, DOWNLOAD_LIMIT = 10 * 1024 * 1024, 50 * 1024 * 1024, 20 * 1024 * 1024
IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")
BOT_ID = 777
BOT: Json = {"id": BOT_ID, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
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


class Chats:
    """What was written on both sides. `changed` is called when a person can see something new."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self.truth: list[Accepted] = []
        self.blocked: set[int] = set()
        self._clock = clock
        self._changed = changed
        self._people: dict[int, Person] = {}
        self._names: dict[str, int] = {}
        self._chats: dict[int, list[ChatMessage]] = {}
        self._files: dict[str, StoredFile] = {}
        self._next_message = 1

    def person(self, user: str | int, language: str = "en") -> Person:
        """A person by first name or id, made on first use."""
        number = user if isinstance(user, int) else self._names.get(user, 5001 + len(self._people))
        if number in self._people:
            return self._people[number]
        person = Person(id=number, first_name=user if isinstance(user, str) else f"User {user}", language=language)
        self._people[number] = person
        self._names[person.first_name] = number
        return person

    def of(self, person: Person) -> list[ChatMessage]:
        """The chat with this person, oldest first."""
        return self._chats.get(person.id, [])

    def hear(self, person: Person, message: Json) -> None:
        """Somebody wrote."""
        self._chats.setdefault(person.id, []).append(ChatMessage(raw=message, from_bot=False))

    def frame(self, person: Person) -> Json:
        """The start of a new message in this chat."""
        number = self._next_message
        self._next_message += 1
        return {"message_id": number, "date": self.seconds(), "chat": person.chat()}

    def seconds(self) -> int:
        """The time as Telegram writes it."""
        return int(self._clock().timestamp())

    def store(self, name: str, content: bytes, content_type: str) -> Json:
        """Keep a file; returns what a message says of it."""
        number = f"file{len(self._files) + 1}"
        self._files[number] = StoredFile(name=name, content=content, content_type=content_type)
        return {"file_id": number, "file_unique_id": f"u{number}", "file_size": len(content)}

    def file(self, file_id: str) -> bytes:
        """The bytes behind a file id, whoever sent it."""
        return self._files[file_id].content

    async def send_message(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "text", TEXT_LIMIT)
        if not text:
            raise bad("message text is empty")
        content: Json = {"text": text} | ({"entities": entities} if entities else {})
        return self._sent("sendMessage", parameters, content)

    async def send_photo(self, parameters: Json) -> Json:
        photo = self._upload(parameters, "photo")
        if len(photo.content) > PHOTO_LIMIT:
            size = len(photo.content)
            raise bad(f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes")
        if not photo.content.startswith(IMAGES):
            raise bad("IMAGE_PROCESS_FAILED")
        sizes = [{**self.store("photo.jpg", photo.content, "image/jpeg"), "width": 800, "height": 600}]
        return self._sent("sendPhoto", parameters, {"photo": sizes, **self._caption(parameters)})

    async def send_document(self, parameters: Json) -> Json:
        file = self._upload(parameters, "document")
        document = {
            **self.store(file.name, file.content, file.content_type),
            "file_name": file.name,
            "mime_type": file.content_type,
        }
        return self._sent("sendDocument", parameters, {"document": document, **self._caption(parameters)})

    async def edit_message_text(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "text", TEXT_LIMIT)
        if not text:
            raise bad("message text is empty")
        return self._edited(parameters, "text", text, entities)

    async def edit_message_caption(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "caption", CAPTION_LIMIT)
        return self._edited(parameters, "caption", text, entities)

    async def edit_message_reply_markup(self, parameters: Json) -> Json:
        """Without keyboards nothing ever changes: the answers of the existence probe (2.3)."""
        self._editable(parameters)
        raise bad(NOT_MODIFIED)

    async def delete_message(self, parameters: Json) -> bool:
        chat, number = int(value(parameters, "chat_id")), int(value(parameters, "message_id"))
        for shown in self._chats.get(chat, ()):
            if shown.message_id == number and not shown.deleted:
                if (self._clock().timestamp() - shown.raw["date"]) > 48 * 3600:
                    raise bad("message can't be deleted for everyone")
                shown.deleted = True
                self._changed()
                return True
        raise bad("message to delete not found")

    async def get_file(self, parameters: Json) -> Json:
        number = str(parameters.get("file_id"))
        file = self._files.get(number)
        if file is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if len(file.content) > DOWNLOAD_LIMIT:
            raise bad("file is too big")
        about = {"file_id": number, "file_unique_id": f"u{number}", "file_size": len(file.content)}
        return {**about, "file_path": f"files/{number}"}

    def _upload(self, parameters: Json, name: str) -> StoredFile:
        given = parameters.get(name)
        if isinstance(given, str) and given.startswith("attach://"):
            given = parameters.get(given.removeprefix("attach://"))
        if isinstance(given, str) and given in self._files:
            return self._files[given]
        if not isinstance(given, StoredFile):
            raise bad(f"there is no {name} in the request")
        if not given.content:
            raise bad("file must be non-empty")
        if len(given.content) > UPLOAD_LIMIT:
            raise Refusal(413, "Request Entity Too Large")
        return given

    def _text(self, parameters: Json, name: str, limit: int) -> tuple[str, list[Json]]:
        entities = value(parameters, "entities" if name == "text" else "caption_entities") or []
        try:
            text, kept = checked(str(parameters.get(name) or ""), entities)
        except ValueError as error:
            raise bad(str(error)) from error
        if units(text) > limit:
            raise bad("message is too long" if name == "text" else "message caption is too long")
        return text, kept

    def _caption(self, parameters: Json) -> Json:
        text, entities = self._text(parameters, "caption", CAPTION_LIMIT)
        caption: Json = {"caption": text} if text else {}
        return caption | ({"caption_entities": entities} if entities else {})

    def _sent(self, method: str, parameters: Json, content: Json) -> Json:
        if not parameters.get("chat_id"):
            raise bad("chat_id is empty")
        person = self._people.get(int(parameters["chat_id"]))
        if person is None:
            raise bad("chat not found")
        if person.id in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if person.id not in self._chats:
            raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
        reply = self._replied(person.id, value(parameters, "reply_parameters") or {})
        message: Json = {**self.frame(person), "from": BOT, **reply, **content}
        shown = ChatMessage(raw=message, from_bot=True)
        self._chats[person.id].append(shown)
        self.truth.append(
            Accepted(
                method=method, chat=person.id, message_id=shown.message_id, text=shown.text, at=self._clock()
            )
        )  # fmt: skip
        self._changed()
        return message

    def _replied(self, chat: int, reply: Json) -> Json:
        if not reply:
            return {}
        for shown in self._chats[chat]:
            if shown.message_id == reply.get("message_id") and not shown.deleted:
                return {"reply_to_message": {k: v for k, v in shown.raw.items() if k != "reply_to_message"}}
        if reply.get("allow_sending_without_reply"):
            return {}
        raise bad("message to be replied not found")

    def shown(self, chat: int, number: int) -> ChatMessage:
        """A message that is still there; raises LookupError."""
        for shown in self._chats.get(chat, ()):
            if shown.message_id == number and not shown.deleted:
                return shown
        raise LookupError(f"no message {number} in chat {chat}")

    def _editable(self, parameters: Json) -> ChatMessage:
        try:
            shown = self.shown(int(value(parameters, "chat_id")), int(value(parameters, "message_id")))
        except LookupError as error:
            raise bad("message to edit not found") from error
        if not shown.from_bot:
            raise bad("message can't be edited")
        return shown

    def _edited(self, parameters: Json, place: str, text: str, entities: list[Json]) -> Json:
        shown = self._editable(parameters)
        if ("text" in shown.raw) != (place == "text"):
            raise bad(f"there is no {place} in the message to edit")
        if shown.text == text and shown.entities == entities:
            raise bad(NOT_MODIFIED)
        marked = "entities" if place == "text" else "caption_entities"
        raw = {key: value for key, value in shown.raw.items() if key != marked}
        shown.raw = {**raw, place: text, "edit_date": self.seconds()} | ({marked: entities} if entities else {})
        shown.edited = True
        self._changed()
        return shown.raw
