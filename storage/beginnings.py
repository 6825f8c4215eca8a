"""How conversations began, as far as it is stored: what their route and policy were chosen by."""

from collections.abc import Sequence
from uuid import UUID

from router.model import Priority
from router.replay import Beginning
from router.richtext import plain
from storage.codec import json_value, rich_text
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_BEGINNING = """
    SELECT c.id, c.number, c.opened_at, c.subject, c.priority, c.topic, t.language, t.tier, e.payload, m.channel,
           m.body, i.verification, x.meta
    FROM conversations c
    JOIN contacts t ON t.id = c.contact
    JOIN events e ON e.conversation = c.id AND e.type = 'conversation_opened'
    JOIN messages m ON m.conversation = c.id AND m.seq = (
        SELECT min(x.seq) FROM messages x WHERE x.conversation = c.id AND x.author_kind = 'customer'
    )
    LEFT JOIN identities i ON i.key = m.author
    LEFT JOIN inbox x ON x.id = m.id
    """
_OF = Statement(_BEGINNING + "WHERE c.id IN :conversations")
_SINCE = Statement(
    _BEGINNING
    + "WHERE c.number > :after AND c.opened_at >= :since AND c.opened_at <= :now ORDER BY c.number LIMIT :limit"
)
_COUNT = Statement("SELECT count(*) FROM conversations WHERE opened_at >= :since AND opened_at <= :now")


def of(tx: Transaction, conversations: Sequence[UUID]) -> dict[UUID, Beginning]:
    """Those of some conversations; one that no customer began is not there."""
    rows = tx.all(_OF, {"conversations": [each.bytes for each in conversations]})
    return {found.conversation: found for found in map(_beginning, rows)}


def since(tx: Transaction, opened: int, after: int, limit: int) -> list[Beginning]:
    """A page of those opened since an instant (microseconds) whose numbers are higher than `after`, by number."""
    rows = tx.all(_SINCE, {"since": opened, "after": after, "limit": limit, "now": tx.now})
    return [_beginning(row) for row in rows]


def count(tx: Transaction, opened: int) -> int:
    """How many conversations were opened since an instant (microseconds)."""
    row = tx.one(_COUNT, {"since": opened, "now": tx.now})
    found: int = row[0] if row else 0
    return found


def _beginning(row: Row) -> Beginning:
    opened = json_value(row[8])
    return Beginning(
        conversation=UUID(bytes=row[0]),
        number=row[1],
        opened_at=of_micros(row[2]),
        subject=row[3],
        priority=Priority(row[4]),
        topic=row[5],
        language=row[6],
        tier=row[7],
        route=opened.get("route", ""),
        policy=opened.get("policy"),
        policy_version=opened.get("policy_version", 0),
        traits=opened.get("traits", {}),
        channel=row[9],
        text=plain(rich_text(row[10])),
        verification=row[11] or 0,
        to=_only_recipient(row[12]),
    )


def _only_recipient(meta: str | None) -> str | None:
    """Whom a mail came in for, by its envelope; None when there was none or it named several."""
    recipients = json_value(meta).get("rcpts", "").split() if meta is not None else []
    return recipients[0] if len(recipients) == 1 else None
