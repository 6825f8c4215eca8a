"""What a customer asked lately in some of their conversations, as the duplicate rule compares it (`service.md` 4.3)."""

from collections.abc import Iterable
from uuid import UUID

from router.decision import Question
from router.duplicates import WINDOW
from router.richtext import plain
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.statement import Statement

CONVERSATIONS = 5
"""Conversations of one customer that are looked at, the latest first."""
EACH = 5
"""Messages of each."""

_LATEST = Statement(
    """
    SELECT body, received_at FROM messages
    WHERE conversation = :conversation AND author_kind = 'customer' AND visibility = 'public' AND NOT deleted
      AND NOT automatic AND received_at >= :since
    ORDER BY seq DESC LIMIT :limit
    """
)


def lately(tx: Transaction, conversations: Iterable[UUID]) -> tuple[Question, ...]:
    """The latest questions in these conversations, newest first in each."""
    since = tx.now - int(WINDOW.total_seconds()) * 1_000_000
    return tuple(
        Question(conversation=each, text=plain(rich_text(body)), at=of_micros(at))
        for each in list(conversations)[:CONVERSATIONS]
        for body, at in tx.all(_LATEST, {"conversation": each.bytes, "since": since, "limit": EACH})
    )
