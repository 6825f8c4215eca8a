"""The Telegram phone: the chats of a few people with the shop's bot."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.sandbox.pane import SHOWN, File, Json, Misuse, number_of, text_of
from gateway.sandbox.telegram import TEXT_LIMIT, ChatMessage, TelegramStandIn
from gateway.sandbox.telegram_text import units

PEOPLE = ("Tom", "李梅")
_PHOTOS = frozenset({"image/jpeg", "image/png"})


class Phone:
    """One phone that any of `people` may hold."""

    def __init__(self, telegram: TelegramStandIn, people: Sequence[str] = PEOPLE) -> None:
        self._telegram = telegram
        self._people = people
        self._files: dict[str, File] = {}
        self.watch: Callable[[Callable[[], None]], Callable[[], None]] = telegram.watch

    def view(self) -> Json:
        chats = [(name, self._telegram.chat(name)[-SHOWN:]) for name in self._people]
        return {"people": [{"name": name, "messages": [self._message(each) for each in chat]} for name, chat in chats]}

    def _message(self, shown: ChatMessage) -> Json:
        raw = shown.raw
        message: Json = {"id": shown.message_id, "mine": not shown.from_bot, "at": raw["date"] * 1000}
        if shown.deleted:
            return {**message, "deleted": True}
        replied = raw.get("reply_to_message")
        return {
            **message,
            "text": shown.text,
            "entities": shown.entities,
            "edited": shown.edited,
            "file": self._attached(raw),
            "replied": (replied.get("text") or replied.get("caption") or "…") if replied else None,
        }

    def _attached(self, raw: Mapping[str, Any]) -> Json | None:
        if photo := raw.get("photo"):
            return self._linked(photo[-1], "photo.jpg", "image/jpeg")
        if document := raw.get("document"):
            return self._linked(document, document.get("file_name") or "file", document.get("mime_type") or "")
        return None

    def _linked(self, about: Mapping[str, Any], name: str, content_type: str) -> Json:
        number = about["file_id"]
        if number not in self._files:
            content = self._telegram.file(number)
            self._files[number] = File(name=name, content_type=content_type, content=content)
        return self._files[number].view(f"telegram/{number}")

    async def act(self, verb: str, body: Mapping[str, Any], files: Sequence[File]) -> None:
        person = text_of(body, "person")
        if person not in self._people:
            raise LookupError(f"nobody here is called {person!r}")
        text = text_of(body, "text").strip()
        if units(text) > TEXT_LIMIT:
            raise Misuse(f"Telegram takes at most {TEXT_LIMIT} characters in one message.")
        match verb:
            case "say":
                self._say(person, text, files)
            case "edit":
                if not text:
                    raise Misuse("An edited message needs a text.")
                self._telegram.edit(person, number_of(body, "message"), text)
            case _:
                raise LookupError(f"a phone cannot {verb}")

    def _say(self, person: str, text: str, files: Sequence[File]) -> None:
        """A message for each file, the text as the caption of the first; without files the text alone."""
        if not text and not files:
            raise Misuse("Write something or choose a file.")
        if not files:
            self._telegram.say(person, text)
        for number, file in enumerate(files):
            caption = "" if number else text
            if file.kind in _PHOTOS:
                self._telegram.say(person, caption, photo=file.content)
            else:
                self._telegram.say(person, caption, document=(file.name, file.content, file.content_type))

    def file(self, path: Sequence[str]) -> File:
        (number,) = path
        return self._files[number]
