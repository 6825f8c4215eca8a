"""What customers were told of our messages: the words that left, never those of an edit that is held or was dropped."""

from collections.abc import Sequence

from router.model import DeliveryKind
from router.richtext import EMPTY, RichText
from storage.codec import outgoing_of
from storage.database import Transaction
from storage.statement import Statement

_LEFT = Statement(
    """
    SELECT message, kind, body FROM outbox
    WHERE message IN :messages AND kind IN ('message', 'edit') AND state = 'sent'
    ORDER BY created_at, seq, part
    """
)


def texts(tx: Transaction, messages: Sequence[bytes]) -> dict[bytes, RichText]:
    """By message; one of which nothing left is not there. Parts are joined, an edit replaces what was told before."""
    told: dict[bytes, RichText] = {}
    for message, kind, body in tx.all(_LEFT, {"messages": messages}):
        before = told.get(bytes(message), EMPTY) if kind == DeliveryKind.MESSAGE else EMPTY
        told[bytes(message)] = RichText((*before.blocks, *outgoing_of(body).text.blocks))
    return told
