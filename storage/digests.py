"""What digests tell, read team by team; and the taking of a time, so that one node tells it once."""

from datetime import datetime
from uuid import UUID

from router.digest_text import LISTED, Figures, Named, Unclaimed
from router.digests import Days, DigestRules
from router.figures import Count
from router.model import DeliveryKind, DeliveryState, Outgoing
from router.richtext import RichText
from storage import outbox
from storage.changes import Touched
from storage.codec import first_remote, outgoing_json
from storage.database import Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.statement import Row, Statement

QUEUE = "queue"
DAILY = "daily"

_THREAD = """
    (SELECT l.thread_key FROM legs l WHERE l.conversation = c.id AND l.desk AND l.channel = :channel
     AND l.thread_key IS NOT NULL LIMIT 1)
    """
_UNCLAIMED = """
    FROM conversations c WHERE c.owner IS NULL AND c.status = 'open' AND c.waiting_since IS NOT NULL
    AND c.waiting_since <= :before AND c.merged_into IS NULL AND COALESCE(c.team, '') = :team
    """
_COUNT = Statement(f"SELECT count(*) {_UNCLAIMED}")
_LONGEST = Statement(
    f"SELECT c.id, c.number, c.subject, {_THREAD}, c.waiting_since, NULL {_UNCLAIMED} ORDER BY c.waiting_since LIMIT 1"
)
_SOONEST = Statement(
    f"""
    SELECT * FROM (SELECT c.id, c.number, c.subject, {_THREAD}, c.waiting_since,
        (SELECT r.deadline FROM rounds r WHERE r.conversation = c.id AND r.outcome = 'open'
         ORDER BY r.number DESC LIMIT 1) AS due_at {_UNCLAIMED}) AS waiting
    ORDER BY COALESCE(due_at, 9000000000000000), waiting_since LIMIT :limit
    """  # noqa: S608  no value is part of it
)
_BEGUN = """
    FROM rounds r JOIN conversations c ON c.id = r.conversation
    WHERE r.start_at >= :begin AND r.start_at < :end AND r.kind = 'first' AND COALESCE(r.team, c.team, '') = :team
    """
_FIRST = Statement(
    f"""
    SELECT r.channel, r.outcome, CASE WHEN r.outcome = 'open' AND r.deadline < :now THEN 'breached' ELSE r.sla END,
           CASE WHEN r.outcome = 'answered' THEN r.business_ms / 1000 ELSE 0 END, count(*) {_BEGUN} GROUP BY 1, 2, 3, 4
    """
)
_ANY = Statement(f"SELECT r.conversation {_BEGUN} ORDER BY r.start_at DESC LIMIT 1")
_WAITING = Statement(
    """
    SELECT count(*) FROM rounds r JOIN conversations c ON c.id = r.conversation
    WHERE r.outcome = 'open' AND COALESCE(c.team, '') = :team
    """
)
_WAITS_LONGEST = Statement(
    f"""
    SELECT c.id, c.number, c.subject, {_THREAD}, r.start_at, r.deadline
    FROM rounds r JOIN conversations c ON c.id = r.conversation
    WHERE r.outcome = 'open' AND COALESCE(c.team, '') = :team ORDER BY r.start_at LIMIT 1
    """  # noqa: S608  no value is part of it
)
_LATE = """
    FROM promises p JOIN conversations c ON c.id = p.conversation
    WHERE p.state IN ('open', 'late') AND p.state = 'late' AND COALESCE(c.team, '') = :team
    """
_LATE_COUNT = Statement(f"SELECT count(*) {_LATE}")
_LATE_FIRST = Statement(
    f"SELECT c.id, c.number, c.subject, {_THREAD}, NULL, p.due_at {_LATE} ORDER BY p.due_at LIMIT :limit"
)
_TAKE = Statement(
    """
    INSERT INTO timers (id, kind, ref, due_at, fired_at) VALUES (:id, :kind, :ref, :due_at, :now)
    ON CONFLICT (kind, ref) DO UPDATE SET due_at = excluded.due_at, fired_at = excluded.fired_at
    WHERE timers.due_at < excluded.due_at
    """
)
_TAKEN = Statement("SELECT due_at FROM timers WHERE kind = :kind AND ref = :ref")
_LAST = Statement("SELECT id, state, remote_ids FROM outbox WHERE lane = :lane ORDER BY seq DESC LIMIT 1")
_LANE = Statement(
    """
    INSERT INTO lanes (key, channel, address, due_at, reserved, owner, lease_until, fence)
    VALUES (:lane, :channel, :address, :now, :no, '', 0, 0)
    ON CONFLICT (key) DO UPDATE SET due_at = COALESCE(lanes.due_at, excluded.due_at)
    """
)
_DELIVERY = Statement(
    """
    INSERT INTO outbox (id, lane, seq, part, parts, channel, address, kind, conversation, message, body, state,
                        not_before, created_at, unfetched)
    VALUES (:id, :lane, :now, 1, 1, :channel, :address, :kind, :conversation, NULL, :body, 'ready', :now, :now, :no)
    """
)


def is_told(tx: Transaction, kind: str, rules: DigestRules, slot: datetime) -> bool:
    """Whether somebody has told a digest of that time, or of a later one."""
    row = tx.one(_TAKEN, {"kind": f"digest:{kind}", "ref": rules.team or ""})
    return row is not None and row[0] >= to_micros(slot)


def unclaimed(tx: Transaction, rules: DigestRules) -> Unclaimed | None:
    """Who waits too long for an owner; None when nobody does."""
    key = {
        "channel": rules.channel,
        "team": rules.team or "",
        "before": tx.now - int(rules.queue_after.total_seconds() * 1_000_000),
    }
    count, longest = tx.one(_COUNT, key), tx.one(_LONGEST, key)
    if count is None or longest is None:
        return None
    soonest = tx.all(_SOONEST, key | {"limit": LISTED})
    return Unclaimed(count=count[0], longest=_named(longest, rules), soonest=[_named(row, rules) for row in soonest])


def figures(tx: Transaction, rules: DigestRules, days: Days) -> Figures:
    """The figures of a daily digest; times in business time, open rounds past their deadline are missed (D17)."""
    key = {"channel": rules.channel, "team": rules.team or ""}
    span = {"team": key["team"], "begin": to_micros(days.begin), "end": to_micros(days.end)}
    counts = [
        Count(channel=row[0], outcome=row[1], sla=row[2], seconds=row[3], rounds=row[4])
        for row in tx.all(_FIRST, span | {"now": tx.now})
    ]
    some, waiting = tx.one(_ANY, span), tx.one(_WAITING, {"team": key["team"]})
    longest, late = tx.one(_WAITS_LONGEST, key), tx.one(_LATE_COUNT, {"team": key["team"]})
    promised = [_named(row, rules) for row in tx.all(_LATE_FIRST, key | {"limit": LISTED})]
    about = next((row[0] for row in (some, longest) if row is not None), None)
    return Figures(
        counts=counts,
        waiting=waiting[0] if waiting else 0,
        longest=_named(longest, rules) if longest else None,
        late=late[0] if late else 0,
        promised=promised,
        about=UUID(bytes=about) if about is not None else promised[0].id if promised else None,
    )


def tell(
    tx: Transaction, kind: str, rules: DigestRules, slot: datetime, conversation: UUID, text: RichText
) -> Touched | None:
    """Queue a digest of a time; None when that time was taken by another node, or before a restart. It is kept with one
    of the conversations it is about. One of the queue takes the place of the last: that is rewritten while it waits,
    and changed in Slack as long as it is the newest post."""
    taken = {"id": new_id().bytes, "kind": f"digest:{kind}", "ref": rules.team or "", "due_at": to_micros(slot)}
    if tx.run(_TAKE, taken | {"now": tx.now}) != 1:
        return None
    told = Touched(channels=frozenset((rules.channel,)), alerts=((kind, "digest"),))
    lane = f"{rules.channel}:{rules.address}:{kind}:{rules.team or ''}"
    last = tx.one(_LAST, {"lane": lane}) if kind == QUEUE else None
    outgoing = Outgoing(text=text, automatic=True)
    if last is not None and outbox.rewrite(tx, UUID(bytes=last[0]), outgoing):
        return told
    if last is not None and last[1] == DeliveryState.SENT:
        outgoing = Outgoing(text=text, automatic=True, target=first_remote(last[2]))
    row = {"lane": lane, "channel": rules.channel, "address": rules.address, "now": tx.now, "no": False}
    tx.run(_LANE, row)
    tx.run(
        _DELIVERY,
        row
        | {
            "id": new_id().bytes,
            "kind": DeliveryKind.DIRECT.value,
            "conversation": conversation.bytes,
            "body": outgoing_json(outgoing),
        },
    )
    return told


def _named(row: Row, rules: DigestRules) -> Named:
    key: str | None = row[3]
    return Named(
        id=UUID(bytes=row[0]),
        number=row[1],
        subject=row[2],
        thread=key[len(rules.channel) + 1 :] if key else None,
        since=of_micros(row[4]) if row[4] is not None else None,
        due_at=of_micros(row[5]) if row[5] is not None else None,
    )
