"""A visitor's send frame as an Arrival: pure, and the same content always gives the same bytes (W4)."""

import re
from collections.abc import Mapping, Sequence

import orjson

from connectors.base import Arrival
from connectors.webchat.protocol import Send
from connectors.webchat.tokens import Visitor
from router.model import Attachment, Inbound, InboundKind, Sender
from router.richtext import of_text

_NO_META: Mapping[str, str] = {}
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def to_arrival(
    channel: str,
    visitor: Visitor,
    sender: Sender,
    send: Send,
    attachments: Sequence[Attachment] = (),
) -> Arrival:
    """The message as the model knows it; key and remote id are (visitor, client uuid), decisions 2.

    The raw bytes hold the content alone, without the client's clock, so that a repetition is recognised as one.
    """
    text = _CONTROLS.sub("", send.text)
    content: dict[str, object] = {"text": text}
    if attachments:
        content["files"] = [[each.name, each.content_type, each.blob.sha256.hex()] for each in attachments if each.blob]
    key = f"{visitor.id}:{send.id}"
    inbound = Inbound(
        kind=InboundKind.MESSAGE,
        channel=channel,
        address=visitor.id,
        sender=sender,
        remote_id=key,
        text=of_text(text),
        attachments=tuple(attachments),
        language=visitor.language,
        claimed_at=send.at,
    )
    return Arrival(key=key, raw=orjson.dumps(content), inbound=inbound, meta=_meta(visitor))


def _meta(visitor: Visitor) -> Mapping[str, str]:
    """Which consent text the visitor accepted is kept with what he wrote under it (W18)."""
    return {"consent": visitor.consent} if visitor.consent else _NO_META
