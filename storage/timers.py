"""Timers: something to be done at an instant, once, whichever node is awake then."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from storage.database import Transaction
from storage.ids import new_id
from storage.statement import Statement

_SET = Statement(
    """
    INSERT INTO timers (id, kind, ref, due_at) VALUES (:id, :kind, :ref, :due_at)
    ON CONFLICT (kind, ref) DO NOTHING
    """
)
_DUE = Statement(
    "SELECT id, kind, ref, due_at FROM timers WHERE fired_at IS NULL AND due_at <= :now ORDER BY due_at LIMIT :limit",
    lock="FOR UPDATE SKIP LOCKED",
)
_FIRE = Statement("UPDATE timers SET fired_at = :now WHERE id = :id AND fired_at IS NULL")
_CLEAR = Statement("DELETE FROM timers WHERE kind = :kind AND ref = :ref AND fired_at IS NULL")
_NEXT = Statement("SELECT min(due_at) FROM timers WHERE fired_at IS NULL")


@dataclass(frozen=True, slots=True)
class Timer:
    """`due_at` is the nominal time in microseconds, however late it fires."""

    id: UUID
    kind: str
    ref: str
    due_at: int


def start(tx: Transaction, kind: str, ref: str, due_at: int) -> None:
    """Set a timer; one of that kind and name that was set before stays as it was."""
    tx.run(_SET, {"id": new_id().bytes, "kind": kind, "ref": ref, "due_at": due_at})


def clear(tx: Transaction, kind: str, ref: str) -> None:
    """Forget the timers of one thing that have not fired."""
    tx.run(_CLEAR, {"kind": kind, "ref": ref})


def fire(tx: Transaction, limit: int) -> Sequence[Timer]:
    """Take the due timers, in the order of their times; what they mean is done in the same transaction."""
    found = [Timer(UUID(bytes=row[0]), *row[1:]) for row in tx.all(_DUE, {"now": tx.now, "limit": limit})]
    tx.many(_FIRE, [{"id": timer.id.bytes, "now": tx.now} for timer in found])
    return found


def next_due(tx: Transaction) -> int | None:
    """When the next timer is due (microseconds)."""
    row = tx.one(_NEXT, {})
    due: int | None = row[0] if row else None
    return due
