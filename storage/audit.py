"""Who did what to the records by hand, when and why; kept for three years (decisions 36)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.codec import json_of, json_value
from storage.database import Transaction, of_micros
from storage.statement import Statement

_WRITE = Statement(
    """
    INSERT INTO audit (id, at, actor, action, reason, details)
    VALUES (:id, :at, :actor, :action, :reason, :details)
    """
)
_COMPLETE = Statement("UPDATE audit SET details = :details WHERE id = :id")
_LATEST = Statement("SELECT id, at, actor, action, reason, details FROM audit ORDER BY at DESC, id DESC LIMIT :limit")


@dataclass(frozen=True, slots=True)
class Entry:
    """`actor` is "os:<user>" for a command, `details` are plain JSON."""

    id: UUID
    at: datetime
    actor: str
    action: str
    reason: str
    details: Mapping[str, Any]


def write(tx: Transaction, entry: UUID, actor: str, action: str, reason: str, details: Mapping[str, object]) -> None:
    """Begin an entry, dated now."""
    row = {"id": entry.bytes, "at": tx.now, "actor": actor, "action": action, "reason": reason}
    tx.run(_WRITE, {**row, "details": json_of(details)})


def complete(tx: Transaction, entry: UUID, details: Mapping[str, object]) -> None:
    """What has come of it so far."""
    tx.run(_COMPLETE, {"id": entry.bytes, "details": json_of(details)})


def latest(tx: Transaction, limit: int) -> list[Entry]:
    return [
        Entry(UUID(bytes=row[0]), of_micros(row[1]), row[2], row[3], row[4], json_value(row[5]))
        for row in tx.all(_LATEST, {"limit": limit})
    ]
