"""What "merge" and "split" look at: a conversation by its number, and the latest messages of the customer."""

from uuid import UUID

from router.dividing import MOST
from router.model import Conversation, Leg
from router.regrouping import Movable
from storage import logs, targets
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_OF_NUMBER = Statement("SELECT id FROM conversations WHERE number = :number")
_LATEST = Statement(
    """
    SELECT m.id, m.conversation, m.channel, m.author, m.author_name, m.body, m.received_at, m.remote_key,
           COALESCE(i.verification, 0)
    FROM messages m LEFT JOIN identities i ON i.key = m.author
    WHERE m.conversation IN :conversations AND m.author_kind = 'customer' AND m.visibility = 'public' AND NOT m.deleted
    ORDER BY m.received_at DESC, m.seq DESC LIMIT :limit
    """
)


def of_number(tx: Transaction, number: int) -> UUID | None:
    """The conversation with that number, absorbed or not."""
    row = tx.one(_OF_NUMBER, {"number": number})
    return UUID(bytes=row[0]) if row is not None else None


def latest(tx: Transaction, conversation: Conversation) -> list[Movable]:
    """The customer's latest messages in a conversation and those it absorbed, oldest first."""
    origins = [each.bytes for each in logs.group(tx, conversation.id)]
    rows = tx.all(_LATEST, {"conversations": origins, "limit": MOST + 1})
    return [_movable(tx, row, conversation) for row in reversed(rows)]


def _movable(tx: Transaction, row: Row, conversation: Conversation) -> Movable:
    message = UUID(bytes=row[0])
    return Movable(
        id=message,
        origin=UUID(bytes=row[1]),
        channel=row[2],
        leg=_leg(conversation, row[2], row[3]),
        author_name=row[4],
        verification=row[8],
        remote_id=row[7][len(row[2]) + 1 :] if row[7] else None,
        text=rich_text(row[5]),
        attachments=targets.attachments(tx, message),
        received_at=of_micros(row[6]),
    )


def _leg(conversation: Conversation, channel: str, author: str) -> Leg | None:
    """The leg a message came on: that of its author, else the only one of its channel that can be meant."""
    legs = [leg for leg in conversation.legs if not leg.desk and leg.channel == channel]
    for leg in legs:
        if leg.identity is not None and f"{leg.identity.type}:{leg.identity.value}" == author:
            return leg
    return legs[0] if legs else None
