"""Model values as the text and bytes that columns hold, and back."""

import hashlib
from typing import Any
from uuid import UUID

import orjson

from router.model import (
    Attachment,
    AuthorKind,
    Blob,
    Card,
    CardButton,
    ChannelType,
    Outgoing,
    Status,
)
from router.richtext import EMPTY, RichText, of_json, to_json

_OPENED_WITH = (
    "number",
    "contact",
    "verification",
    "channel",
    "channel_type",
    "address",
    "status",
    "subject",
    "team",
    "owner",
)
"""What a root is queued with; everything else on its card is read when it is sent."""


def text_of(text: RichText) -> str:
    """Rich text as a column holds it."""
    return orjson.dumps(to_json(text)).decode()


def rich_text(stored: str) -> RichText:
    """The inverse of `text_of`."""
    return of_json(orjson.loads(stored))


def json_of(value: object) -> str:
    return orjson.dumps(value, default=_plain).decode()


def json_value(stored: str) -> Any:
    return orjson.loads(stored)


def first_remote(remote_ids: str) -> str | None:
    """The first of a stored list of remote ids."""
    return next(iter(json_value(remote_ids)), None)


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return value.hex
    raise TypeError(f"{type(value).__name__} cannot be stored in an event")


def digest(raw: bytes) -> bytes:
    """What tells two items with the same key apart (W4): 16 bytes."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def outgoing_json(outgoing: Outgoing) -> str:
    """The frozen content of a delivery (R8), defaults left out. Attachments go by their place in the message."""
    stored: dict[str, Any] = {"k": outgoing.author_kind.value}
    if outgoing.text:
        stored["t"] = to_json(outgoing.text)
    if outgoing.author:
        stored["a"] = outgoing.author
    if outgoing.attachments:
        stored["f"] = [_attachment_json(each) for each in outgoing.attachments]
    if outgoing.subject:
        stored["s"] = outgoing.subject
    if outgoing.in_reply_to:
        stored["i"] = outgoing.in_reply_to
    if outgoing.references:
        stored["r"] = outgoing.references
    if outgoing.automatic:
        stored["auto"] = True
    if outgoing.target:
        stored["to"] = outgoing.target
    if outgoing.reaction:
        stored["e"] = outgoing.reaction
    if outgoing.only_for:
        stored["o"] = outgoing.only_for
    if outgoing.buttons:
        stored["b"] = [[each.line, each.label, *([True] if each.primary else [])] for each in outgoing.buttons]
    if outgoing.about:
        stored["ab"] = outgoing.about
    if outgoing.replaces is not None:
        stored["rp"] = outgoing.replaces.hex
    if (card := outgoing.card) is not None:
        stored["c"] = {name: getattr(card, name) for name in _OPENED_WITH}
    return orjson.dumps(stored).decode()


def outgoing_of(stored: str) -> Outgoing:
    """The inverse of `outgoing_json`."""
    value = orjson.loads(stored)
    return Outgoing(
        text=of_json(value["t"]) if "t" in value else EMPTY,
        author=value.get("a", ""),
        author_kind=AuthorKind(value["k"]),
        attachments=tuple(_attachment_of(each) for each in value.get("f", ())),
        subject=value.get("s", ""),
        in_reply_to=value.get("i"),
        references=tuple(value.get("r", ())),
        automatic=value.get("auto", False),
        target=value.get("to"),
        reaction=value.get("e"),
        only_for=value.get("o"),
        buttons=tuple(CardButton(line=each[0], label=each[1], primary=len(each) > 2) for each in value.get("b", ())),
        about=value.get("ab"),
        replaces=UUID(hex=value["rp"]) if "rp" in value else None,
        card=_card_of(value["c"]) if "c" in value else None,
    )


def _card_of(value: dict[str, Any]) -> Card:
    return Card(**{**value, "channel_type": ChannelType(value["channel_type"]), "status": Status(value["status"])})


def _attachment_json(attachment: Attachment) -> dict[str, Any]:
    stored: dict[str, Any] = {"n": attachment.name, "t": attachment.content_type, "s": attachment.size}
    if attachment.blob is not None:
        stored["b"] = attachment.blob.sha256.hex()
        stored["bs"] = attachment.blob.size
    if attachment.remote is not None:
        stored["r"] = attachment.remote
    if attachment.inline:
        stored["i"] = True
    if attachment.content_id is not None:
        stored["c"] = attachment.content_id
    return stored


def _attachment_of(stored: dict[str, Any]) -> Attachment:
    return Attachment(
        name=stored["n"],
        content_type=stored["t"],
        size=stored["s"],
        blob=Blob(sha256=bytes.fromhex(stored["b"]), size=stored["bs"]) if "b" in stored else None,
        remote=stored.get("r"),
        inline=stored.get("i", False),
        content_id=stored.get("c"),
    )
