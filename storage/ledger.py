"""What customers were told and promised, as rows (`service.md` 4.6, 4.10)."""

from collections.abc import Sequence
from uuid import UUID

from router.consistency.promises import PromiseKind, reminders
from router.model import Promise, Statement
from router.record import NewPromise, Record
from storage import timers
from storage.database import Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.statement import Row
from storage.statement import Statement as Sql

TIMER = "promise"
"""The timer of a promise; its ref is "<id in hex>:<percent of the time given>"."""

_STATEMENT = Sql(
    """
    INSERT INTO statements (id, contact, conversation, message, order_no, slot, value, unit, said_at, channel, agent,
                            state, supersedes)
    VALUES (:id, :contact, :conversation, :message, :order_no, :slot, :value, :unit, :now, :channel, :agent, 'active',
            :supersedes)
    """
)
_END_STATEMENT = Sql("UPDATE statements SET state = :state, ended_at = :now WHERE id = :id AND state = 'active'")
_ACTIVE = Sql(
    """
    SELECT id, contact, conversation, message, order_no, slot, value, unit, said_at, channel, agent FROM statements
    WHERE contact IN :contacts AND state = 'active' ORDER BY said_at, id
    """
)
_PROMISE = Sql(
    """
    INSERT INTO promises (id, conversation, message, kind, owner, made_at, due_at, span_start, span_end, state, slip)
    VALUES (:id, :conversation, :message, :kind, :owner, :now, :due_at, :span_start, :span_end, 'open', :slip)
    """
)
_END_PROMISE = Sql("UPDATE promises SET state = :state, settled_at = :now WHERE id = :id AND state IN ('open', 'late')")
_LATE = Sql("UPDATE promises SET state = 'late' WHERE id = :id AND state = 'open'")
_OPEN = Sql(
    """
    SELECT id, conversation, message, kind, owner, due_at, span_start, span_end, state FROM promises
    WHERE conversation = :conversation AND state IN ('open', 'late') ORDER BY due_at, id
    """
)
_PROMISED = Sql("SELECT id, kind, made_at FROM promises WHERE message = :message AND state IN ('open', 'late')")
_CANCELLED = Sql(
    """
    SELECT id, conversation, message, kind, owner, due_at, span_start, span_end, state FROM promises
    WHERE message = :message AND state = 'cancelled' AND settled_at = :at ORDER BY due_at, id
    """
)
_REOPEN = Sql(
    """
    UPDATE promises SET state = CASE WHEN settled_at > due_at THEN 'late' ELSE 'open' END, settled_at = NULL
    WHERE id = :id RETURNING made_at, due_at, kind
    """
)
_ONE = Sql(
    """
    SELECT id, conversation, message, kind, owner, due_at, span_start, span_end, state FROM promises WHERE id = :id
    """
)


def save(tx: Transaction, message: UUID, record: Record) -> None:
    """Write what a reply says, and end what it replaces."""
    for statement, state in record.ended_statements.items():
        tx.run(_END_STATEMENT, {"id": statement.bytes, "state": state, "now": tx.now})
    superseded = [each for each, state in record.ended_statements.items() if state == "superseded"]
    tx.many(_STATEMENT, [_row(each, message, superseded, tx.now) for each in record.statements])
    for promise, state in record.ended_promises.items():
        tx.run(_END_PROMISE, {"id": promise.bytes, "state": state, "now": tx.now})
        for part in _PARTS:
            timers.clear(tx, TIMER, f"{promise.hex}:{part}")
    for made in record.promises:
        _promise(tx, message, made)


def _row(statement: Statement, message: UUID, superseded: Sequence[UUID], now: int) -> dict[str, object]:
    return {
        "id": new_id().bytes,
        "contact": statement.contact.bytes,
        "conversation": statement.conversation.bytes,
        "message": message.bytes,
        "order_no": statement.order,
        "slot": statement.slot,
        "value": statement.value,
        "unit": statement.unit,
        "now": now,
        "channel": statement.channel,
        "agent": statement.agent,
        "supersedes": superseded[0].bytes if len(superseded) == 1 else None,
    }


_PARTS = (50, 80, 100)


def _promise(tx: Transaction, message: UUID, made: NewPromise) -> None:
    promise, promise_id = made.promise, new_id()
    tx.run(
        _PROMISE,
        {
            "id": promise_id.bytes,
            "conversation": promise.conversation.bytes,
            "message": message.bytes,
            "kind": promise.kind,
            "owner": promise.owner or "",
            "now": tx.now,
            "due_at": to_micros(promise.due_at),
            "span_start": promise.span[0],
            "span_end": promise.span[1],
            "slip": made.slip,
        },
    )
    _remind(tx, promise_id, promise.kind, tx.now, to_micros(promise.due_at))


def _remind(tx: Transaction, promise: UUID, kind: str, made_at: int, due_at: int) -> None:
    """Set the reminders of a promise that are still to come; the last one in any case."""
    for part, at in zip(_PARTS, reminders(of_micros(made_at), of_micros(due_at)), strict=True):
        if part == 100 or (kind != PromiseKind.HOLDING and to_micros(at) >= tx.now):
            timers.start(tx, TIMER, f"{promise.hex}:{part}", to_micros(at))


def reopen(tx: Transaction, promise: UUID) -> None:
    """It was neither kept nor replaced after all: it stands as before, with its reminders."""
    row = tx.one(_REOPEN, {"id": promise.bytes})
    if row is not None:
        _remind(tx, promise, row[2], row[0], row[1])


def promised(tx: Transaction, message: UUID) -> list[tuple[UUID, str, int]]:
    """(id, kind, made at) of what a message promises that is neither kept nor given up."""
    return [(UUID(bytes=row[0]), row[1], row[2]) for row in tx.all(_PROMISED, {"message": message.bytes})]


def cancelled(tx: Transaction, message: UUID, at: int) -> list[Promise]:
    """What a message promised that was given up at an instant."""
    return [_promise_of(row) for row in tx.all(_CANCELLED, {"message": message.bytes, "at": at})]


def active(tx: Transaction, contacts: Sequence[UUID]) -> list[Statement]:
    """The statements in force to a person, oldest first."""
    return [statement_of(row) for row in tx.all(_ACTIVE, {"contacts": [each.bytes for each in contacts]})]


def statement_of(row: Row) -> Statement:
    """From id, contact, conversation, message, order_no, slot, value, unit, said_at, channel and agent."""
    return Statement(
        id=UUID(bytes=row[0]),
        contact=UUID(bytes=row[1]),
        conversation=UUID(bytes=row[2]),
        message=UUID(bytes=row[3]),
        order=row[4],
        slot=row[5],
        value=row[6],
        unit=row[7],
        said_at=of_micros(row[8]),
        channel=row[9],
        agent=row[10],
    )


def open_promises(tx: Transaction, conversation: UUID) -> list[Promise]:
    """What is promised in a conversation and neither kept nor given up."""
    return [_promise_of(row) for row in tx.all(_OPEN, {"conversation": conversation.bytes})]


def promise(tx: Transaction, promise_id: UUID) -> Promise | None:
    row = tx.one(_ONE, {"id": promise_id.bytes})
    return _promise_of(row) if row is not None else None


def is_late(tx: Transaction, promise_id: UUID) -> None:
    """Its time has come and it is not kept."""
    tx.run(_LATE, {"id": promise_id.bytes})


def _promise_of(row: Row) -> Promise:
    return Promise(
        id=UUID(bytes=row[0]),
        conversation=UUID(bytes=row[1]),
        message=UUID(bytes=row[2]),
        kind=row[3],
        owner=row[4] or None,
        due_at=of_micros(row[5]),
        span=(row[6], row[7]),
        state=row[8],
    )
