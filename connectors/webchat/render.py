"""A feed entry as the event frame a visitor's client shows; nothing meant for agents leaves here (W10, INV8)."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from connectors.base import FeedItem
from connectors.webchat.protocol import VERSION
from router.model import Attachment, AuthorKind
from router.richtext import (
    Block,
    Inline,
    Json,
    ListBlock,
    Mention,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    to_json,
)

Link = Callable[[Attachment], str]
"""Makes the URL of a stored file, for one visitor and for a while."""

_SAFE_LINKS = ("https://", "http://", "mailto:")


def to_event(item: FeedItem, link: Link) -> bytes:
    """The frame of one feed entry; the text of a deleted message is not in it.

    `client` is the client's own id of a message of this visitor, by which it finds what it sent itself.
    """
    message = item.message
    gone = item.kind == "delete" or message.deleted
    fields: dict[str, object] = {
        "v": VERSION,
        "type": "event",
        "id": message.id.hex,
        "seq": item.seq,
        "kind": item.kind,
        "at": int(message.received_at.timestamp() * 1000),
        "author": {"kind": str(message.author_kind), "name": item.author_name},
        "text": [] if gone else to_wire(message.text),
        "files": [] if gone else [_file(each, link) for each in message.attachments],
    }
    if message.author_kind is AuthorKind.CUSTOMER and message.remote_id is not None:
        fields["client"] = message.remote_id.rpartition(":")[2]
    return orjson.dumps(fields)


def _file(attachment: Attachment, link: Link) -> dict[str, object]:
    """A file that is not stored yet, or never was, is a placeholder without a URL (X9)."""
    url = link(attachment) if attachment.blob is not None else None
    size = attachment.blob.size if attachment.blob is not None else attachment.size
    return {"name": attachment.name, "type": attachment.content_type, "size": size, "url": url}


def to_wire(text: RichText) -> list[Json]:
    """The tree in its stored form, without agents' ids and without links a browser must not follow."""
    match text.blocks:
        case (Paragraph((Span(link=None),)),):
            return to_json(text)
    return to_json(RichText(tuple(_clean_block(block) for block in text.blocks)))


def _clean_block(block: Block) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(tuple(_clean_inline(child) for child in children))
        case Pre():
            return block
        case Quote(blocks):
            return Quote(tuple(_clean_block(each) for each in blocks))
        case ListBlock(items):
            return replace(block, items=tuple(tuple(_clean_block(each) for each in item) for item in items))


def _clean_inline(inline: Inline) -> Inline:
    match inline:
        case Mention(name):
            return Mention(name)
        case Span(link=str(link)) if not link.lower().startswith(_SAFE_LINKS):
            return replace(inline, link=None)
    return inline
