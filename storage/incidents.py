"""Incidents as rows: which are open, which conversations belong to them, what leads say about them (4.3).

What their threads are told is in `storage.joining`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from router.clusters import QUIET
from router.decision import IncidentChange
from router.incidents import QUIET as NOBODY
from router.model import Incident
from storage.database import Transaction, of_micros
from storage.ids import new_id
from storage.statement import Row, Statement

_INCIDENT = """
    SELECT i.id, i.number, i.question, i.since, i.opened_at, i.answer, i.set_by, i.revision,
           (SELECT count(*) FROM incident_conversations c WHERE c.incident = i.id),
           (SELECT count(DISTINCT contact) FROM incident_conversations c WHERE c.incident = i.id)
    FROM incidents i
    """
_OF = Statement(
    f"""{_INCIDENT} JOIN incident_conversations m ON m.incident = i.id
    WHERE m.conversation IN :conversations AND i.closed_at IS NULL ORDER BY i.number DESC LIMIT 1"""
)
_OPEN_ONE = Statement(f"{_INCIDENT} WHERE i.id = :id AND i.closed_at IS NULL", lock="FOR SHARE OF i")
_NUMBER = Statement(
    """
    INSERT INTO counters (name, value) VALUES ('incident', 1)
    ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value
    """
)
_INSERT = Statement(
    """
    INSERT INTO incidents (id, number, question, since, opened_at, last_at, answer, revision, announced)
    VALUES (:id, :number, :question, :since, :now, :now, '', 0, 0)
    """
)
_MEMBER = Statement(
    """
    INSERT INTO incident_conversations (incident, conversation, contact, joined_at, told)
    VALUES (:incident, :conversation, :contact, :now, :told) ON CONFLICT (incident, conversation) DO NOTHING
    """
)
_GREW = Statement("UPDATE incidents SET last_at = :now WHERE id = :id")
_ANSWER = Statement(
    """
    UPDATE incidents SET answer = :answer, set_by = :actor, revision = revision + 1
    WHERE id = :id AND closed_at IS NULL RETURNING revision
    """
)
_CLOSE = Statement("UPDATE incidents SET closed_at = :now, closed_by = :actor WHERE id = :id AND closed_at IS NULL")
_TELL = Statement(
    "UPDATE incident_conversations SET told = :told WHERE incident = :id AND conversation = :conversation"
)
_UNTOLD = Statement(
    """
    SELECT conversation FROM incident_conversations WHERE incident = :id AND told < :revision
    ORDER BY joined_at, conversation LIMIT :limit
    """
)
_ANNOUNCED = Statement("UPDATE incidents SET announced = :revision WHERE id = :id AND revision = :revision")
_OPEN = Statement(
    """
    SELECT id, question, since, closed_at, last_at, revision > announced FROM incidents WHERE closed_at IS NULL
    UNION ALL
    SELECT id, question, since, closed_at, last_at, revision > announced FROM incidents WHERE closed_at >= :since
    """
)
_CLOSE_QUIET = Statement(
    "UPDATE incidents SET closed_at = :now, closed_by = :actor WHERE closed_at IS NULL AND last_at < :before"
)
_COUNT = Statement("SELECT count(*) FROM incidents WHERE closed_at IS NULL")


@dataclass(frozen=True, slots=True)
class Known:
    """An incident that is open or was closed within the hour; `untold`: not every thread has heard its answer,
    `quiet`: nobody has joined it for long."""

    id: UUID
    question: str
    since: datetime
    closed_at: datetime | None
    untold: bool
    quiet: bool


def of(tx: Transaction, conversations: Collection[UUID]) -> Incident | None:
    """The open incident one of these conversations belongs to, the newest of several."""
    row = tx.one(_OF, {"conversations": [each.bytes for each in conversations]})
    return _incident(row) if row is not None else None


def change(tx: Transaction, said: IncidentChange, conversation: UUID) -> None:
    """Carry out what a lead said in the thread of a conversation, which then needs not be told of it."""
    key = {"id": said.incident.bytes}
    if said.answer is None:
        tx.run(_CLOSE, key | {"now": tx.now, "actor": said.actor})
        return
    row = tx.one(_ANSWER, key | {"answer": said.answer, "actor": said.actor})
    if row is not None:
        tx.run(_TELL, key | {"told": row[0], "conversation": conversation.bytes})


def known(tx: Transaction, since: int) -> list[Known]:
    """The open incidents, and those closed since then (microseconds)."""
    quiet = tx.now - int(QUIET.total_seconds()) * 1_000_000
    return [
        Known(
            UUID(bytes=row[0]),
            row[1],
            of_micros(row[2]),
            of_micros(row[3]) if row[3] is not None else None,
            bool(row[5]),
            row[3] is None and row[4] < quiet,
        )
        for row in tx.all(_OPEN, {"since": since})
    ]


def open_(tx: Transaction, question: str, since: int) -> UUID:
    """A new incident, without conversations yet."""
    found = new_id()
    number = tx.one(_NUMBER, {})
    assert number is not None
    tx.run(_INSERT, {"id": found.bytes, "number": number[0], "question": question, "since": since, "now": tx.now})
    return found


def lock(tx: Transaction, incident: UUID) -> tuple[Incident, int] | None:
    """An open incident, which stays open until the commit, and the revision of its answer; None when it is closed."""
    row = tx.one(_OPEN_ONE, {"id": incident.bytes})
    return (_incident(row), row[7]) if row is not None else None


def add(tx: Transaction, incident: UUID, conversation: UUID, contact: UUID, told: int) -> bool:
    """A conversation belongs to it from now on and knows that revision of the answer; False when it did already."""
    row = {"incident": incident.bytes, "conversation": conversation.bytes, "contact": contact.bytes}
    return tx.run(_MEMBER, row | {"now": tx.now, "told": told}) == 1


def grew(tx: Transaction, incident: UUID) -> None:
    """Somebody joined it just now."""
    tx.run(_GREW, {"id": incident.bytes, "now": tx.now})


def untold(tx: Transaction, incident: UUID, revision: int, limit: int) -> Sequence[UUID]:
    """Conversations that have not heard that revision of the answer."""
    rows = tx.all(_UNTOLD, {"id": incident.bytes, "revision": revision, "limit": limit})
    return [UUID(bytes=row[0]) for row in rows]


def told(tx: Transaction, incident: UUID, conversation: UUID, revision: int) -> None:
    """A conversation has heard that revision."""
    tx.run(_TELL, {"id": incident.bytes, "conversation": conversation.bytes, "told": revision})


def all_told(tx: Transaction, incident: UUID, revision: int) -> None:
    """Every conversation has heard that revision."""
    tx.run(_ANNOUNCED, {"id": incident.bytes, "revision": revision})


def close_quiet(tx: Transaction) -> None:
    """Close those that nobody has joined for long."""
    before = tx.now - int(QUIET.total_seconds()) * 1_000_000
    tx.run(_CLOSE_QUIET, {"now": tx.now, "actor": NOBODY, "before": before})


def open_count(tx: Transaction) -> int:
    row = tx.one(_COUNT, {})
    count: int = row[0] if row is not None else 0
    return count


def _incident(row: Row) -> Incident:
    return Incident(
        id=UUID(bytes=row[0]),
        number=row[1],
        question=row[2],
        since=of_micros(row[3]),
        opened_at=of_micros(row[4]),
        answer=row[5],
        set_by=row[6],
        conversations=row[8],
        customers=row[9],
    )
