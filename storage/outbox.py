"""The outbox: lanes, leases and fences of `channels.md` 2.2, rules R1-R9.

A lane is one ordered destination; a claim takes its head and marks it `sending` in one transaction, so `sending` is
committed before the first byte leaves (R2). Every completing write carries the fence of its claim (R6): a worker that
slept through its lease changes nothing. `due_at` of a lane is when its head may be looked at next; while a lane is
leased that is the end of the lease, so an abandoned lane comes back by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from router.model import Delivery, DeliveryKind, DeliveryState, Outgoing
from storage import failpoints
from storage.codec import json_of, json_value, outgoing_json, outgoing_of
from storage.database import Transaction, of_micros, to_micros
from storage.statement import Row, Statement

EARLIER_FAILED = "an earlier part failed"
UNSETTLED = frozenset({DeliveryState.READY, DeliveryState.UNKNOWN})
"""How an attempt leaves a delivery that is not at its end."""

_DUE = Statement(
    """
    SELECT l.key, l.fence, l.reserved, o.id, o.seq, o.part, o.parts, o.channel, o.address, o.kind, o.conversation,
           o.message, o.body, o.state, o.attempt, o.retries, o.lookups, o.unfetched, o.not_before, o.created_at,
           o.started_at, o.checkpoint, c.number, d.thread_key, l.owner
    FROM lanes l
    LEFT JOIN outbox o ON o.id = (
        SELECT h.id FROM outbox h WHERE h.lane = l.key AND h.state IN ('ready', 'sending', 'unknown')
        ORDER BY h.seq, h.part LIMIT 1)
    LEFT JOIN conversations c ON c.id = o.conversation
    LEFT JOIN legs d ON d.conversation = o.conversation AND d.channel = o.channel AND d.desk
    WHERE l.channel = :channel AND l.due_at <= :now
    ORDER BY l.due_at LIMIT :limit
    """
)
_LEASE = Statement(
    """
    UPDATE lanes SET owner = :owner, lease_until = :until, due_at = :until, fence = fence + 1, reserved = :no
    WHERE key = :lane AND fence = :fence
    """
)
_BEGIN = Statement(
    """
    UPDATE outbox SET state = 'sending', fence = :fence, attempt = attempt + 1, started_at = :now, remote_ids = '[]',
        remote_key = NULL
    WHERE id = :id AND state = 'ready' RETURNING body
    """
)
_FENCE = Statement("UPDATE outbox SET fence = :fence WHERE id = :id")
_LOST = Statement("UPDATE outbox SET state = 'unknown' WHERE id = :id AND state = 'sending'")
_WAIT = Statement(
    """
    UPDATE lanes SET due_at = COALESCE(:due_at, (
        SELECT h.not_before FROM outbox h WHERE h.lane = lanes.key AND h.state IN ('ready', 'sending', 'unknown')
        ORDER BY h.seq, h.part LIMIT 1)), reserved = :reserved
    WHERE key = :lane AND fence = :fence AND due_at <= :now
    """
)
_DONE = Statement(
    """
    UPDATE outbox SET state = :state, remote_ids = :remote_ids, remote_key = :remote_key, error = :error,
        settled_at = :settled_at, not_before = :not_before, attempt = attempt - :unburnt, retries = retries + :retried,
        lookups = :lookups
    WHERE id = :id AND state IN ('sending', 'unknown') AND fence = :fence
      AND EXISTS (SELECT 1 FROM lanes WHERE key = :lane AND fence = :fence)
    """
)
_DONE_UNFENCED = Statement(
    """
    UPDATE outbox SET state = :state, remote_ids = :remote_ids, remote_key = :remote_key, error = :error,
        settled_at = :settled_at, not_before = :not_before, attempt = attempt - :unburnt, retries = retries + :retried,
        lookups = :lookups
    WHERE id = :id AND :fence = :fence AND :lane = :lane
    """
)
_LOCK = Statement("SELECT fence FROM lanes WHERE key = :lane", lock="FOR UPDATE")
_RELEASE = Statement(
    """
    UPDATE lanes SET owner = '', lease_until = 0, reserved = :no, due_at = (
        SELECT h.not_before FROM outbox h WHERE h.lane = lanes.key AND h.state IN ('ready', 'sending', 'unknown')
        ORDER BY h.seq, h.part LIMIT 1)
    WHERE key = :lane AND fence = :fence
    """
)
_AGAIN = Statement(
    """
    UPDATE outbox SET not_before = :not_before, retries = retries + 1
    WHERE id = :id AND state = 'ready' AND fence = :fence
    """
)
_FAIL_LATER_PARTS = Statement(
    """
    UPDATE outbox SET state = 'failed', error = :error, settled_at = :now
    WHERE lane = :lane AND seq = :seq AND part > :part AND state = 'ready'
    """
)
_BURY = Statement(
    """
    UPDATE outbox SET state = 'dead', error = :error, settled_at = :now
    WHERE id = :id AND state IN ('ready', 'sending', 'unknown')
    """
)
_QUEUED = Statement("SELECT body FROM outbox WHERE id = :id AND state = 'ready'", lock="FOR UPDATE")
_REWRITE = Statement("UPDATE outbox SET body = :body WHERE id = :id AND state = 'ready'")
_CHECKPOINT = Statement("UPDATE outbox SET checkpoint = :checkpoint WHERE id = :id AND fence = :fence")
_SET_THREAD = Statement(
    "UPDATE legs SET thread_key = :thread_key WHERE conversation = :conversation AND channel = :channel AND desk"
)
_ECHO = Statement(
    """
    UPDATE outbox SET remote_ids = :remote_ids, remote_key = :remote_key,
        state = CASE state WHEN 'sending' THEN 'sending' ELSE 'sent' END,
        settled_at = CASE state WHEN 'sending' THEN settled_at ELSE :now END,
        error = CASE state WHEN 'sending' THEN error END
    WHERE id = :id AND channel = :channel AND (checkpoint IS NULL OR kind = 'card')
      AND (state IN ('sending', 'unknown') OR (state = 'ready' AND started_at IS NOT NULL))
    RETURNING lane, kind, conversation, state
    """
)
_HEARD = Statement(
    "SELECT remote_ids FROM outbox WHERE id = :id AND state IN ('sending', 'unknown')", lock="FOR UPDATE"
)
_NEXT_OF_LANE = Statement(
    """
    UPDATE lanes SET due_at = (
        SELECT h.not_before FROM outbox h WHERE h.lane = lanes.key AND h.state IN ('ready', 'sending', 'unknown')
        ORDER BY h.seq, h.part LIMIT 1)
    WHERE key = :lane AND lease_until < :now
    """
)
_HURRY = Statement("UPDATE lanes SET due_at = :now WHERE channel = :channel AND due_at > :now AND lease_until < :now")
_ABANDONED = Statement(
    """
    UPDATE outbox SET state = 'unknown', not_before = :now WHERE state = 'sending'
    """
)
_FREE_LANES = Statement("UPDATE lanes SET lease_until = 0, owner = '', due_at = :now WHERE lease_until > :now")
_NEXT_DUE = Statement("SELECT min(due_at) FROM lanes WHERE channel = :channel AND due_at IS NOT NULL")
_BACKLOG = Statement(
    """
    SELECT channel, state, count(*), min(created_at) FROM outbox
    WHERE state IN ('ready', 'sending', 'unknown') AND kind <> 'card' GROUP BY channel, state
    """
)
_ENDED = Statement(
    """
    SELECT o.id, o.channel, o.address, o.kind, o.state, o.error, o.settled_at AS since, c.number, o.body, o.attempt
    FROM outbox o JOIN conversations c ON c.id = o.conversation WHERE o.state IN ('failed', 'dead')
    UNION ALL
    SELECT o.id, o.channel, o.address, o.kind, o.state, o.error, o.started_at AS since, c.number, o.body, o.attempt
    FROM outbox o JOIN conversations c ON c.id = o.conversation
    WHERE o.state IN ('ready', 'sending', 'unknown') AND o.state = 'unknown'
    ORDER BY since DESC LIMIT :limit
    """
)
_ENDED_ONE = Statement(
    """
    SELECT o.id, o.channel, o.address, o.kind, o.state, o.error, COALESCE(o.settled_at, o.started_at), c.number,
           o.body, o.attempt
    FROM outbox o JOIN conversations c ON c.id = o.conversation
    WHERE o.id = :id
    """
)
_RETRY = Statement(
    """
    UPDATE outbox SET state = 'ready', attempt = 0, retries = 0, lookups = 0, not_before = :now, settled_at = NULL
    WHERE id = :id AND state IN ('failed', 'dead', 'unknown') AND NOT (kind = 'message' AND EXISTS (
        SELECT 1 FROM messages m WHERE m.id = outbox.message AND m.author_kind = 'agent'
               AND (m.deleted OR m.sealed OR m.visibility = 'note')))
    RETURNING lane, seq, part
    """
)
_RETRY_LATER_PARTS = Statement(
    """
    UPDATE outbox SET state = 'ready', not_before = :now, settled_at = NULL, error = NULL
    WHERE lane = :lane AND seq = :seq AND part > :part AND state = 'failed' AND error = :error RETURNING id
    """
)
_ARRIVED = Statement(
    "UPDATE outbox SET remote_ids = :seen, not_before = :now WHERE id = :id AND state = 'unknown' RETURNING lane"
)
_WAKE_LANE = Statement("UPDATE lanes SET due_at = :now WHERE key = :lane AND lease_until < :now")
_DISCARD = Statement("UPDATE outbox SET error = :error, state = 'failed' WHERE id = :id AND state = 'dead'")


@dataclass(frozen=True, slots=True)
class Head:
    """A due lane with its head as it stands before a claim."""

    lane: str
    fence: int
    reserved: bool
    state: DeliveryState
    seq: int
    retries: int
    lookups: int
    unfetched: bool
    not_before: int
    body: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Claim:
    """A lane that is ours until `until` (database time), with its head, which could leave from `ready_at` on;
    `reconcile`: its outcome is to be found out."""

    lane: str
    fence: int
    until: int
    seq: int
    retries: int
    lookups: int
    ready_at: int
    delivery: Delivery
    reconcile: bool = False
    unfetched: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claim ends. `state` ready means once more at `not_before` (microseconds); `burnt` counts the attempt
    (R9); `lookups` is how often it was looked for in vain."""

    state: DeliveryState
    remote_ids: tuple[str, ...] = ()
    error: str | None = None
    not_before: int = 0
    burnt: bool = True
    retried: bool = False
    lookups: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Look at a lane again at `due_at` (None: when its head wants). `reserved` keeps the place in the rate it has
    been given; `bury` names a head that can never be sent, and why."""

    lane: str
    fence: int
    due_at: int | None
    reserved: bool = False
    bury: tuple[bytes, str] | None = None


def due(tx: Transaction, channel: str, limit: int) -> tuple[list[Head], list[Wait]]:
    """The lanes of a channel whose head may be worked on, longest due first, and lanes that were due in vain.

    A head that cannot be read is among the latter, to be buried: it must not hold up the others.
    """
    heads: list[Head] = []
    waits: list[Wait] = []
    for row in tx.all(_DUE, {"channel": channel, "now": tx.now, "limit": limit}):
        if row[3] is None:
            waits.append(Wait(row[0], row[1], None))
        elif row[13] == DeliveryState.READY and row[18] > tx.now:
            waits.append(Wait(row[0], row[1], row[18]))
        else:
            try:
                heads.append(head_of(row))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                waits.append(Wait(row[0], row[1], None, bury=(row[3], f"its content cannot be read: {error!r}")))
    return heads, waits


def postpone(tx: Transaction, waits: Sequence[Wait]) -> None:
    """Carry out waits; a lane that changed since it was looked at is left alone."""
    for each in waits:
        _lock(tx, each.lane)
        if each.bury is not None:
            tx.run(_BURY, {"id": each.bury[0], "error": each.bury[1], "now": tx.now})
        tx.run(
            _WAIT,
            {"lane": each.lane, "fence": each.fence, "due_at": each.due_at, "reserved": each.reserved, "now": tx.now},
        )


def claim(tx: Transaction, heads: Sequence[Head], owner: str, lease: int) -> list[Claim]:
    """Lease lanes for `lease` microseconds and mark their heads: `ready` becomes `sending`, a head found `sending`
    belongs to somebody who is gone and becomes `unknown` (R2)."""
    claims: list[Claim] = []
    until = tx.now + lease
    for head in heads:
        fence = head.fence + 1
        leased = tx.run(_LEASE, {"lane": head.lane, "fence": head.fence, "owner": owner, "until": until, "no": False})
        if leased != 1:
            continue
        key = {"id": head.delivery.id.bytes}
        delivery = head.delivery
        reconcile = head.state is not DeliveryState.READY
        if reconcile:
            tx.run(_LOST, key)
            tx.run(_FENCE, key | {"fence": fence})
        elif head.unfetched:
            tx.run(_FENCE, key | {"fence": fence})
        else:
            begun = tx.one(_BEGIN, key | {"fence": fence, "now": tx.now})
            if begun is None:  # it was taken back since it was looked at
                _free(tx, head.lane, fence)
                continue
            delivery = replace(delivery, started_at=of_micros(tx.now))
            if begun[0] != head.body:  # it was edited since it was looked at (R8)
                delivery = replace(delivery, outgoing=outgoing_of(begun[0]))
        claims.append(
            Claim(
                lane=head.lane,
                fence=fence,
                until=until,
                seq=head.seq,
                retries=head.retries,
                lookups=head.lookups,
                ready_at=head.not_before if head.retries == 0 else to_micros(delivery.created_at),
                delivery=delivery,
                reconcile=reconcile,
                unfetched=head.unfetched and not reconcile,
            )
        )
    return claims


def settle(tx: Transaction, held: Claim, settlement: Settlement) -> bool:
    """Complete a claim and free its lane. False: the lane was taken over meanwhile (R6) or its head settled by an echo
    (X5), and nothing is changed; a lane that is still ours is free all the same."""
    delivery = held.delivery
    remote_ids = settlement.remote_ids
    final = settlement.state not in UNSETTLED
    parameters = {
        "id": delivery.id.bytes,
        "lane": held.lane,
        "fence": held.fence,
        "state": settlement.state.value,
        "remote_ids": json_of(remote_ids),
        "remote_key": f"{delivery.channel}:{remote_ids[0]}" if remote_ids else None,
        "error": settlement.error,
        "settled_at": tx.now if final else None,
        "not_before": settlement.not_before or tx.now,
        "unburnt": 0 if settlement.burnt else 1,
        "retried": 1 if settlement.retried else 0,
        "lookups": settlement.lookups,
    }
    _lock(tx, held.lane)
    if tx.run(_DONE_UNFENCED if failpoints.left_out("fence") else _DONE, parameters) != 1:
        _free(tx, held.lane, held.fence)
        return False
    if delivery.kind is DeliveryKind.ROOT and remote_ids:
        _link_thread(tx, delivery.conversation.bytes, delivery.channel, remote_ids[0])
    if settlement.state in {DeliveryState.FAILED, DeliveryState.DEAD}:
        later = {"lane": held.lane, "seq": held.seq, "part": delivery.part}
        tx.run(_FAIL_LATER_PARTS, later | {"error": EARLIER_FAILED, "now": tx.now})
    _free(tx, held.lane, held.fence)
    return True


def relink(tx: Transaction, held: Claim, thread: str) -> None:
    """The desk thread was lost and begins anew elsewhere (S29)."""
    _link_thread(tx, held.delivery.conversation.bytes, held.delivery.channel, thread)


def _link_thread(tx: Transaction, conversation: bytes, channel: str, thread: str) -> None:
    tx.run(_SET_THREAD, {"thread_key": f"{channel}:{thread}", "conversation": conversation, "channel": channel})


def _lock(tx: Transaction, lane: str) -> None:
    """Hold the lane before its next head is looked for. PostgreSQL would else look with a snapshot from before a
    delivery that is just being queued, and the lane would sleep with it."""
    tx.one(_LOCK, {"lane": lane})


def _free(tx: Transaction, lane: str, fence: int) -> None:
    """End our lease of a locked lane; one that was taken over is left alone."""
    tx.run(_RELEASE, {"lane": lane, "fence": fence, "no": False})


def release(tx: Transaction, held: Claim, again: timedelta | None = None) -> None:
    """Give a lane back with nothing sent of its head (which is not `sending`); it is tried once more after `again`."""
    _lock(tx, held.lane)
    if again is not None:
        not_before = tx.now + int(again.total_seconds() * 1_000_000)
        tx.run(_AGAIN, {"id": held.delivery.id.bytes, "fence": held.fence, "not_before": not_before})
    _free(tx, held.lane, held.fence)


def checkpoint(tx: Transaction, held: Claim, state: str) -> None:
    """Store the connector's own progress with a delivery (S26)."""
    tx.run(_CHECKPOINT, {"id": held.delivery.id.bytes, "fence": held.fence, "checkpoint": state})


def confirm(tx: Transaction, channel: str, delivery: str, remote_id: str) -> bool:
    """Our own message came back: a delivery of unknown outcome was sent after all, also one that was looked for in
    vain and waits to be sent again (X5). One that is still being sent is settled by its sender, who finds with `heard`
    what came back; a new root's thread is linked at once, somebody may answer in it. Of what has a checkpoint only the
    connector knows how far it has come, and in which thread (S26, S29)."""
    try:
        delivery_id = UUID(hex=delivery)
    except ValueError:
        return False
    row = tx.one(
        _ECHO,
        {
            "id": delivery_id.bytes,
            "channel": channel,
            "remote_ids": json_of([remote_id]),
            "remote_key": f"{channel}:{remote_id}",
            "now": tx.now,
        },
    )
    if row is None:
        return False
    if row[1] in {DeliveryKind.ROOT, DeliveryKind.CARD}:
        _link_thread(tx, row[2], channel, remote_id)
    if row[3] == DeliveryState.SENDING:
        return False
    look_again(tx, row[0])
    return True


def heard(tx: Transaction, held: Claim) -> tuple[str, ...]:
    """The remote ids under which a delivery came back while it was being sent, and no others before the commit; empty
    when it did not (X5)."""
    _lock(tx, held.lane)  # first, as a claim does
    row = tx.one(_HEARD, {"id": held.delivery.id.bytes})
    return tuple(json_value(row[0])) if row is not None else ()


def take_back(tx: Transaction) -> None:
    """At the start of the only process of a database: every lease belongs to a process that is gone (2.3)."""
    tx.run(_ABANDONED, {"now": tx.now})
    tx.run(_FREE_LANES, {"now": tx.now})


def queued(tx: Transaction, delivery: UUID) -> Outgoing | None:
    """What a delivery says that has not left, and goes on saying until the commit; None once it is being sent or was
    taken back."""
    row = tx.one(_QUEUED, {"id": delivery.bytes})
    return outgoing_of(row[0]) if row is not None else None


def rewrite(tx: Transaction, delivery: UUID, outgoing: Outgoing) -> bool:
    """Let a delivery say something else (R8); False when it has not waited for that."""
    return tx.run(_REWRITE, {"id": delivery.bytes, "body": outgoing_json(outgoing)}) == 1


def look_again(tx: Transaction, lane: str) -> None:
    """Something of a lane was taken back: it is due when its head is, unless somebody holds it."""
    _lock(tx, lane)
    tx.run(_NEXT_OF_LANE, {"lane": lane, "now": tx.now})


def hurry(tx: Transaction, channel: str) -> None:
    """A channel works again: look at its waiting lanes now."""
    tx.run(_HURRY, {"channel": channel, "now": tx.now})


def next_due(tx: Transaction, channel: str) -> int | None:
    """When the next lane of a channel is due (microseconds); None without open deliveries."""
    row = tx.one(_NEXT_DUE, {"channel": channel})
    due: int | None = row[0] if row else None
    return due


@dataclass(frozen=True, slots=True)
class Backlog:
    channel: str
    state: str
    count: int
    oldest: int


def backlog(tx: Transaction) -> list[Backlog]:
    """Open deliveries for each channel and state; `oldest` in microseconds. A card that waits keeps nobody waiting."""
    return [Backlog(*row) for row in tx.all(_BACKLOG, {})]


@dataclass(frozen=True, slots=True)
class Ended:
    """A delivery that did not succeed, as far as is known; `since` it ended so, or was begun, in microseconds."""

    id: UUID
    channel: str
    address: str
    kind: str
    state: str
    error: str
    since: int
    number: int
    body: str
    attempt: int


def _ended(row: Row) -> Ended:
    return Ended(UUID(bytes=row[0]), row[1], row[2], row[3], row[4], row[5] or "", row[6] or 0, row[7], row[8], row[9])


def ended(tx: Transaction, limit: int) -> list[Ended]:
    """Failed and dead deliveries and those of unknown outcome, latest first (D3)."""
    return [_ended(row) for row in tx.all(_ENDED, {"limit": limit})]


def ended_one(tx: Transaction, delivery: UUID) -> Ended | None:
    row = tx.one(_ENDED_ONE, {"id": delivery.bytes})
    return _ended(row) if row is not None and row[4] in {"failed", "dead", "unknown"} else None


def retry(tx: Transaction, delivery: UUID) -> list[UUID]:
    """Send a delivery again that failed, is dead or of unknown outcome, and the parts of its message that failed with
    it; all that is sent, nothing when it is not one or its author has taken it back since."""
    row = tx.one(_RETRY, {"id": delivery.bytes, "now": tx.now})
    if row is None:
        return []
    later = {"lane": row[0], "seq": row[1], "part": row[2], "error": EARLIER_FAILED, "now": tx.now}
    along = tx.all(_RETRY_LATER_PARTS, later)
    tx.run(_WAKE_LANE, {"lane": row[0], "now": tx.now})
    return [delivery, *(UUID(bytes=each[0]) for each in along)]


def arrived(tx: Transaction, delivery: UUID) -> bool:
    """Somebody has seen a delivery of unknown outcome where it was sent; its next look finds that (X5). False when its
    outcome is known."""
    row = tx.one(_ARRIVED, {"id": delivery.bytes, "seen": json_of([""]), "now": tx.now})
    if row is None:
        return False
    tx.run(_WAKE_LANE, {"lane": row[0], "now": tx.now})
    return True


def discard(tx: Transaction, delivery: UUID, reason: str) -> bool:
    """Take a dead delivery off the list of things to look at; it is kept as failed. False when it is not dead."""
    return tx.run(_DISCARD, {"id": delivery.bytes, "error": f"discarded: {reason}"}) == 1


def head_of(row: Row) -> Head:
    """A row of the due lanes as a value."""
    channel, thread_key = row[7], row[23]
    return Head(
        lane=row[0],
        fence=row[1],
        reserved=bool(row[2]),
        state=DeliveryState(row[13]),
        seq=row[4],
        retries=row[15],
        lookups=row[16],
        unfetched=bool(row[17]),
        not_before=row[18],
        body=row[12],
        delivery=Delivery(
            id=UUID(bytes=row[3]),
            channel=channel,
            kind=DeliveryKind(row[9]),
            conversation=UUID(bytes=row[10]),
            number=row[22],
            message=UUID(bytes=row[11]) if row[11] is not None else None,
            part=row[5],
            parts=row[6],
            address=row[8],
            thread=thread_key[len(channel) + 1 :] if thread_key else None,
            outgoing=outgoing_of(row[12]),
            attempt=row[14] + 1,
            created_at=of_micros(row[19]),
            started_at=of_micros(row[20]) if row[20] is not None else None,
            checkpoint=row[21],
        ),
    )
