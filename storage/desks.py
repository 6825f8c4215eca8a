"""Where conversations are shown whose thread is not open yet, when their route names other Slack channels by now."""

from uuid import UUID

from router.routes import shard
from router.rulebook import Rulebook
from storage.cards import lane_of
from storage.database import Transaction
from storage.statement import Statement

_WAITING = Statement(
    """
    SELECT o.lane, o.conversation, o.address, c.route,
           (SELECT l.address FROM legs l WHERE l.conversation = c.id AND NOT l.desk ORDER BY l.id LIMIT 1)
    FROM lanes JOIN outbox o ON o.lane = lanes.key JOIN conversations c ON c.id = o.conversation
    WHERE lanes.channel = :channel AND lanes.due_at IS NOT NULL
      AND o.state IN ('ready', 'sending', 'unknown') AND o.state = 'ready' AND o.kind = 'root'
    ORDER BY o.lane
    """
)
_LOCK = Statement("SELECT 1 FROM lanes WHERE key = :lane AND lease_until < :now", lock="FOR UPDATE")
_ROOT = Statement(
    """
    UPDATE outbox SET address = :address, not_before = :now WHERE lane = :lane AND kind = 'root' AND state = 'ready'
    """
)
_REST = Statement(
    "UPDATE outbox SET address = :address WHERE lane IN :lanes AND state IN ('ready', 'sending', 'unknown')"
)
_LANES = Statement("UPDATE lanes SET address = :address WHERE key IN :lanes")
_DUE = Statement("UPDATE lanes SET due_at = :now, fence = fence + 1 WHERE key = :lane")
_LEG = Statement(
    """
    UPDATE legs SET address = :address
    WHERE conversation = :conversation AND channel = :channel AND desk AND thread_key IS NULL
    """
)


def follow_routes(tx: Transaction, rules: Rulebook) -> frozenset[str]:
    """Show in a channel that their route names what waits for one that it names no more; the desks on which something
    moved. A root that is being sent, or may have been, stays where it is."""
    return frozenset(channel for channel in rules.desks if _follow(tx, channel, rules))


def _follow(tx: Transaction, channel: str, rules: Rulebook) -> bool:
    moved = False
    for lane, conversation, address, route_id, customer in tx.all(_WAITING, {"channel": channel}):
        route = rules.route(route_id)
        if route is None or route.desk.channel != channel or address in route.desk.slack:
            continue
        key = {"lane": lane, "conversation": conversation, "channel": channel, "now": tx.now}
        to = {"address": shard(route, customer or address)}
        if tx.one(_LOCK, key) is None or tx.run(_ROOT, key | to) != 1:
            continue
        lanes = {"lanes": [lane, lane_of(channel, UUID(bytes=conversation))]}
        tx.run(_REST, lanes | to)
        tx.run(_LANES, lanes | to)
        tx.run(_DUE, key)  # the fence keeps out who has read the old address
        tx.run(_LEG, key | to)
        moved = True
    return moved
