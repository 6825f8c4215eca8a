"""A delivery's content as the messages Telegram takes: limits, captions, which file is a photo (T16, T19)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from connectors.base import Rejected
from connectors.telegram.content import human_size
from connectors.telegram.render import Entity, to_text, utf16_length
from router.model import Attachment, Blob, Outgoing

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PHOTO_LIMIT = 10 * 1024 * 1024
UPLOAD_LIMIT = 50 * 1024 * 1024
PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})

Method = Literal["sendMessage", "sendPhoto", "sendDocument"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message to send: text, or a file with `text` as its caption."""

    method: Method
    text: str = ""
    entities: tuple[Entity, ...] = ()
    reply_to: int | None = None
    file: Path | None = None
    name: str = ""


def to_steps(outgoing: Outgoing, path: Callable[[Blob], Path], address: str) -> list[Step] | Rejected:
    """The messages to send in order: files first, the text as the first one's caption or, too long, as the last.

    `path` finds a blob's file. Rejected, and nothing is sent, when one of them can never be taken.
    """
    text, entities = to_text(outgoing.text)
    length = utf16_length(text)
    if length > TEXT_LIMIT:
        return Rejected(f"the text has {length} characters, Telegram takes {TEXT_LIMIT}")
    if not text.strip() and not outgoing.attachments:
        return Rejected("the message is empty")
    steps: list[Step] = []
    for attachment in outgoing.attachments:
        if attachment.blob is None:
            return Rejected(f"the file {attachment.name} is not stored here")
        if attachment.blob.size > UPLOAD_LIMIT:
            return Rejected(
                f"the file {attachment.name} has {human_size(attachment.blob.size)}, "
                f"Telegram takes {human_size(UPLOAD_LIMIT)}: send a link instead"
            )
        steps.append(Step(method=_method(attachment), file=path(attachment.blob), name=attachment.name))
    if text.strip():
        if steps and length <= CAPTION_LIMIT:
            steps[0] = replace(steps[0], text=text, entities=tuple(entities))
        else:
            steps.append(Step(method="sendMessage", text=text, entities=tuple(entities)))
    steps[0] = replace(steps[0], reply_to=_reply_to(outgoing.in_reply_to, address))
    return steps


def _method(attachment: Attachment) -> Method:
    assert attachment.blob is not None
    photo = attachment.content_type in PHOTOS and attachment.blob.size <= PHOTO_LIMIT
    return "sendPhoto" if photo else "sendDocument"


def _reply_to(remote_id: str | None, address: str) -> int | None:
    """The message number of a remote id in this chat; a message of another channel cannot be replied to here."""
    chat, _, number = (remote_id or "").rpartition(":")
    return int(number) if chat == address and number.isdecimal() else None
