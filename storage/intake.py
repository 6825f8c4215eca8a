"""The unit of work behind the one door in: store raw items, load what the rules need, carry out what they decide.

Everything about a batch happens in one transaction (R1). The UNIQUE key of the inbox is the only judge of what is new
(X3); a message has the id of the inbox row it was made from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from router.arrivals import Arrival, Cursor, Fate, Receipt
from router.automatic import wants_receipt
from router.decision import Decision, Outcome, Snapshot
from router.desk_view import Read
from router.model import Inbound, InboundKind
from router.routing import choked
from router.rulebook import Rulebook
from storage import assignments, automatic, failpoints, merging, settling
from storage.changes import Changes, Touched
from storage.codec import digest, json_of, json_value
from storage.database import Transaction
from storage.ids import new_id
from storage.snapshots import Snapshots, identity_key
from storage.statement import Statement

Decide = Callable[[Snapshot, Inbound], Decision]

PASSING = frozenset({InboundKind.ECHO, InboundKind.TYPING, InboundKind.READ})
"""Kinds that are acted on but not kept: doing them twice changes nothing."""
_IN_THREADS = frozenset({InboundKind.MESSAGE, InboundKind.EDIT, InboundKind.DELETE, InboundKind.BUTTON})

_INSERT = """
    INSERT INTO inbox (id, channel, dedupe_key, digest, received_at, raw, meta, state, error)
    VALUES (:id, :channel, :dedupe_key, :digest, :received_at, :raw, :meta, :state, :error)
    """
_STORE = Statement(_INSERT + "ON CONFLICT (channel, dedupe_key) DO NOTHING")
_STORED = Statement("SELECT id FROM inbox WHERE id IN :ids")
_KNOWN = Statement("SELECT id, digest FROM inbox WHERE channel = :channel AND dedupe_key = :dedupe_key")
_FEED_SEQ = Statement("SELECT seq FROM feed WHERE message = :message AND kind = 'message'")
_MOVE_CURSOR = Statement(
    """
    INSERT INTO cursors (channel, name, value, fence) VALUES (:channel, :name, :value, :fence)
    ON CONFLICT (channel, name) DO UPDATE SET value = excluded.value, fence = excluded.fence
    WHERE cursors.fence <= excluded.fence
    """
)
_CURSOR = Statement("SELECT value FROM cursors WHERE channel = :channel AND name = :name")
_WAITING = Statement(
    """
    SELECT id, channel, raw, meta FROM inbox
    WHERE state = 'new' AND received_at <= :before ORDER BY received_at, id LIMIT :limit
    """
)
_DROP = Statement("DELETE FROM inbox WHERE id = :id")
_ROOT_UNDER_WAY = Statement(
    """
    SELECT 1 FROM outbox WHERE state IN ('ready', 'sending', 'unknown') AND state <> 'ready' AND kind = 'root'
      AND channel = :channel
    UNION ALL SELECT 1 FROM legs WHERE thread_key = :thread LIMIT 1
    """
)
_SETTLE = Statement("UPDATE inbox SET state = :state, error = :error WHERE id = :id AND state <> 'done'")
_QUARANTINED = Statement(
    """
    SELECT id, channel, received_at, error, raw, meta FROM inbox
    WHERE state = 'quarantined' ORDER BY received_at LIMIT :limit
    """
)
_ONE = Statement("SELECT id, channel, received_at, error, raw, meta, state FROM inbox WHERE id = :id")
_REPLAY = Statement("UPDATE inbox SET state = 'new', error = NULL WHERE id = :id AND state = 'quarantined'")
_QUARANTINE_COUNT = Statement("SELECT channel, count(*) FROM inbox WHERE state = 'quarantined' GROUP BY channel")


@dataclass(frozen=True, slots=True)
class Submission:
    """What one call of a connector brings: arrivals of one channel and its cursor. `read`: the text checks of replies
    among them, by remote id."""

    channel: str
    arrivals: Sequence[Arrival]
    cursor: Cursor | None = None
    read: Mapping[str, Read] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a batch: receipts for each submission (None: its lease is lost, nothing of it was stored), what
    is to be woken, and the inbox ids waiting for a parser."""

    receipts: tuple[tuple[Receipt, ...] | None, ...]
    touched: Touched
    unparsed: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A raw item that waits for its parser."""

    id: UUID
    channel: str
    raw: bytes
    meta: Mapping[str, str]


def receive(tx: Transaction, submissions: Sequence[Submission], decide: Decide, rules: Rulebook) -> Received:
    """Store a batch and carry out the decisions about it."""
    rows: list[dict[str, Any]] = []
    passing: list[tuple[str, Inbound]] = []
    kept: list[bool] = []
    for submission in submissions:
        kept.append(_move_cursor(tx, submission))
        if not kept[-1]:
            continue
        for arrival in submission.arrivals:
            if arrival.inbound is not None and arrival.inbound.kind in PASSING:
                passing.append((submission.channel, arrival.inbound))
                rows.append({})
            else:
                rows.append(_row(submission.channel, arrival, tx.now))
    stored = _store(tx, [row for row in rows if row])
    receipts: list[tuple[Receipt, ...] | None] = []
    fresh: list[tuple[UUID, Inbound]] = []
    unparsed: list[UUID] = []
    position = iter(rows)
    for submission, wanted in zip(submissions, kept, strict=True):
        if not wanted:
            receipts.append(None)
            continue
        mine: list[Receipt] = []
        for arrival in submission.arrivals:
            row = next(position)
            if not row:
                mine.append(Receipt(Fate.STORED))
            elif row["id"] not in stored:
                mine.append(_known(tx, row, rules.pulls))
            else:
                inbox_id = UUID(bytes=row["id"])
                if arrival.problem is not None:
                    mine.append(Receipt(Fate.QUARANTINED, inbox_id))
                    continue
                mine.append(Receipt(Fate.STORED, inbox_id))
                if arrival.inbound is None:
                    unparsed.append(inbox_id)
                else:
                    fresh.append((inbox_id, arrival.inbound))
        receipts.append(tuple(mine))
    echoed = Touched()
    for channel, inbound in passing:
        if inbound.kind is InboundKind.ECHO:
            echoed = echoed.and_then(settling.confirm(tx, channel, inbound.value, inbound.remote_id, rules))
    touched, early = _carry_out(tx, fresh, decide, rules)
    if passing:
        touched = echoed.and_then(touched)
    for item in early:
        tx.run(_DROP, {"id": item.bytes})
    if touched.feed_seqs or early:
        receipts = [_complete(each, touched, early) for each in receipts]
    return Received(tuple(receipts), touched, tuple(unparsed))


def _carry_out(
    tx: Transaction, items: Sequence[tuple[UUID, Inbound]], decide: Decide, rules: Rulebook
) -> tuple[Touched, frozenset[UUID]]:
    """Decide about items that are already in the inbox, in their order, and save what follows; the ids of those that
    came too early to be decided about."""
    early: set[UUID] = set()
    if not items:
        return Touched(), frozenset()
    snapshots = Snapshots(tx, [inbound for _, inbound in items], window=rules.terms.longest_window)
    strangers = {
        key
        for _, inbound in items
        if inbound.thread.ref is None
        and inbound.kind is not InboundKind.BUTTON
        and not (inbound.thread.apart and inbound.thread.remote_ids)
        and snapshots.is_new(key := identity_key(inbound.sender.identity))
    }
    changes = Changes(tx, snapshots, rules, openings=len(strangers))
    snapshots.look_again(strangers)  # the numbers are taken one unit after the other: who was first has committed
    touched = Touched()
    for item_id, inbound in items:
        if changes.hides(inbound):
            touched = touched.and_then(changes.save())
        snapshot = snapshots.of(inbound)
        decision = decide(snapshot, inbound)
        if decision.outcome is Outcome.STORED and decision.conversation is None and decision.opening is None:
            changes.apply_outside(decision)
        elif decision.outcome is Outcome.STORED:
            changes.apply(item_id, inbound, decision)
            if wants_receipt(decision, inbound, rules):
                automatic.ask(tx, item_id)
            if decision.reroute is not None and decision.conversation is not None:
                touched = touched.and_then(changes.save())
                own = decision.conversation.id
                touched = touched.and_then(assignments.reroute(tx, snapshots, own, decision.reroute, rules))
            if decision.regrouping is not None:
                touched = touched.and_then(changes.save())
                touched = touched.and_then(merging.carry_out(tx, snapshots, decision.regrouping, rules))
        elif snapshot.proof is None and _answers_a_root_under_way(tx, inbound):
            early.add(item_id)
    return touched.and_then(changes.save()), frozenset(early)


def _answers_a_root_under_way(tx: Transaction, inbound: Inbound) -> bool:
    """Somebody may answer in a desk thread before we know that its root was posted, if we were cut off in between, and
    change that answer or press a button there. The thread may have become known since the batch was loaded. Of a
    deletion we may not be told the thread."""
    thread = inbound.thread.ref
    if inbound.kind not in _IN_THREADS or (thread is None and inbound.kind is not InboundKind.DELETE):
        return False
    return tx.one(_ROOT_UNDER_WAY, {"channel": inbound.channel, "thread": f"{inbound.channel}:{thread}"}) is not None


def _move_cursor(tx: Transaction, submission: Submission) -> bool:
    """Move the poller's cursor; False when another node holds the lease now (N1)."""
    cursor = submission.cursor
    if cursor is None:
        return True
    parameters = {
        "channel": submission.channel,
        "name": cursor.name,
        "value": cursor.value,
        "fence": cursor.lease.fence if cursor.lease else 0,
    }
    return tx.run(_MOVE_CURSOR, parameters) == 1


def _row(channel: str, arrival: Arrival, now: int) -> dict[str, Any]:
    state = "new" if arrival.inbound is None else "done"
    key = arrival.key
    if failpoints.left_out("unique_key"):
        key = f"{key} {new_id().hex}"
    return {
        "id": new_id().bytes,
        "channel": channel,
        "dedupe_key": key,
        "digest": digest(arrival.raw),
        "received_at": now,
        "raw": arrival.raw,
        "meta": json_of(dict(arrival.meta)) if arrival.meta else "{}",
        "state": state if arrival.problem is None else "quarantined",
        "error": arrival.problem,
    }


def _store(tx: Transaction, rows: list[dict[str, Any]]) -> set[bytes]:
    """Insert what is new; the ids that were."""
    if not rows:
        return set()
    if len(rows) == 1:
        return {rows[0]["id"]} if tx.run(_STORE, rows[0]) == 1 else set()
    tx.many(_STORE, rows)
    return {row[0] for row in tx.all(_STORED, {"ids": [row["id"] for row in rows]})}


def _known(tx: Transaction, row: dict[str, Any], pulls: frozenset[str]) -> Receipt:
    """The receipt of a redelivery: the answer the first delivery got (W4)."""
    known = tx.one(_KNOWN, row)
    if known is None:
        return Receipt(Fate.DUPLICATE)
    message = UUID(bytes=known[0])
    fate = Fate.DUPLICATE if known[1] == row["digest"] else Fate.CONFLICT
    if row["channel"] not in pulls:
        return Receipt(fate, message)
    place = tx.one(_FEED_SEQ, {"message": known[0]})
    return Receipt(fate, message, place[0] if place else None)


def _complete(
    receipts: tuple[Receipt, ...] | None, touched: Touched, early: frozenset[UUID]
) -> tuple[Receipt, ...] | None:
    """Receipts with what the decisions added: places in feeds, and items that must come again."""
    if receipts is None:
        return None
    return tuple(_completed(each, touched, early) for each in receipts)


def _completed(receipt: Receipt, touched: Touched, early: frozenset[UUID]) -> Receipt:
    if receipt.message in early:
        return Receipt(Fate.EARLY)
    if receipt.message is not None and receipt.message in touched.feed_seqs:
        return Receipt(receipt.fate, receipt.message, touched.feed_seqs[receipt.message])
    return receipt


def quarantine(tx: Transaction, channel: str, arrival: Arrival, reason: str, cursor: Cursor | None = None) -> Receipt:
    """Keep an item the rules choked on, so that its sender can be acknowledged (decisions 7)."""
    row = _row(channel, arrival, tx.now) | {"state": "quarantined", "error": reason}
    if cursor is not None:
        _move_cursor(tx, Submission(channel, (), cursor))
    if not _store(tx, [row]):
        return _known(tx, row, frozenset())
    return Receipt(Fate.QUARANTINED, UUID(bytes=row["id"]))


def quarantine_told(
    tx: Transaction, channel: str, arrival: Arrival, reason: str, cursor: Cursor | None, rules: Rulebook
) -> tuple[Receipt, Touched]:
    """The same, and its desk thread is told, if it is of one. May choke on the thread itself."""
    receipt, inbound = quarantine(tx, channel, arrival, reason, cursor), arrival.inbound
    if receipt.fate is not Fate.QUARANTINED or inbound is None or not rules.is_desk(channel):
        return receipt, Touched()
    snapshots = Snapshots(tx, [inbound])
    decision = choked(snapshots.of(inbound), inbound)
    changes = Changes(tx, snapshots, rules, openings=0)
    if decision.outcome is Outcome.STORED:
        changes.apply(new_id(), None, decision)
    return receipt, changes.save()


def cursor_value(tx: Transaction, channel: str, name: str) -> str | None:
    row = tx.one(_CURSOR, {"channel": channel, "name": name})
    return row[0] if row else None


def waiting(tx: Transaction, limit: int, older_than: int = 0) -> list[Waiting]:
    """Raw items that wait for a parser and came at least `older_than` microseconds ago."""
    rows = tx.all(_WAITING, {"limit": limit, "before": tx.now - older_than})
    return [Waiting(UUID(bytes=row[0]), row[1], bytes(row[2]), json_value(row[3])) for row in rows]


def store_parsed(tx: Transaction, items: Sequence[tuple[UUID, Inbound]], decide: Decide, rules: Rulebook) -> Touched:
    """Carry out decisions about items whose raw bytes were stored before; an item already done is left alone."""
    open_items = [
        (item_id, inbound)
        for item_id, inbound in items
        if tx.run(_SETTLE, {"id": item_id.bytes, "state": "done", "error": None}) == 1
    ]
    touched, _ = _carry_out(tx, open_items, decide, rules)
    return touched


def give_up(tx: Transaction, item: UUID, reason: str) -> None:
    """Move a stored item into quarantine."""
    tx.run(_SETTLE, {"id": item.bytes, "state": "quarantined", "error": reason})


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A raw item nobody could make a message of; `received_at` in microseconds."""

    id: UUID
    channel: str
    received_at: int
    error: str
    raw: bytes


def quarantined(tx: Transaction, limit: int) -> list[Quarantined]:
    rows = tx.all(_QUARANTINED, {"limit": limit})
    return [Quarantined(UUID(bytes=row[0]), row[1], row[2], row[3] or "", bytes(row[4] or b"")) for row in rows]


def quarantined_item(tx: Transaction, item: UUID) -> Quarantined | None:
    row = tx.one(_ONE, {"id": item.bytes})
    if row is None or row[6] != "quarantined":
        return None
    return Quarantined(UUID(bytes=row[0]), row[1], row[2], row[3] or "", bytes(row[4] or b""))


def replay(tx: Transaction, item: UUID) -> bool:
    """Put an item out of quarantine back before its parser; False when it is not in quarantine (D2)."""
    return tx.run(_REPLAY, {"id": item.bytes}) == 1


def quarantine_counts(tx: Transaction) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.all(_QUARANTINE_COUNT, {})}
