"""What waits to leave and for how long, by address: for whoever asks while a channel is in trouble."""

from collections.abc import Collection
from dataclasses import dataclass

from storage.database import Transaction
from storage.statement import Statement

_BY_ADDRESS = Statement(
    """
    SELECT address, count(*), min(created_at) FROM outbox
    WHERE state IN ('ready', 'sending', 'unknown') AND kind <> 'card' AND channel = :channel
    GROUP BY address
    """
)
_BY_CHANNEL = Statement(
    """
    SELECT channel, count(*), min(created_at) FROM outbox
    WHERE state IN ('ready', 'sending', 'unknown') AND kind <> 'card' GROUP BY channel ORDER BY channel
    """
)
_LATE = Statement(
    """
    SELECT channel, address, count(*), min(created_at), max(error) FROM outbox
    WHERE state IN ('ready', 'sending', 'unknown') AND kind <> 'card' AND created_at <= :before AND error IS NOT NULL
          AND channel IN :channels
    GROUP BY channel, address ORDER BY min(created_at) LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open deliveries to an address; `oldest` in microseconds."""

    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Late:
    """The same, with the reason why an attempt failed."""

    channel: str
    address: str
    waiting: Waiting
    reason: str


def by_address(tx: Transaction, channel: str) -> dict[str, Waiting]:
    """What waits on a channel. It reads everything that is open: not for every second."""
    return {row[0]: Waiting(row[1], row[2]) for row in tx.all(_BY_ADDRESS, {"channel": channel})}


def left_behind(tx: Transaction, configured: Collection[str]) -> dict[str, Waiting]:
    """What is open on channels that are not among these, by channel: nobody sends it."""
    return {row[0]: Waiting(row[1], row[2]) for row in tx.all(_BY_CHANNEL, {}) if row[0] not in configured}


def late(tx: Transaction, channels: Collection[str], patience: int, limit: int) -> list[Late]:
    """What has waited on these channels longer than `patience` (microseconds) after an attempt that failed, longest
    first."""
    rows = tx.all(_LATE, {"channels": sorted(channels), "before": tx.now - patience, "limit": limit})
    return [Late(row[0], row[1], Waiting(row[2], row[3]), row[4]) for row in rows]
