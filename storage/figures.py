"""Response times counted by the database (service.md 2.6): groups of equal whole seconds, not rows."""

from datetime import datetime

from router.figures import Count
from storage.database import Transaction, to_micros
from storage.statement import Statement

_FIRST = Statement(
    """
    SELECT channel, outcome, CASE WHEN outcome = 'open' AND deadline < :now THEN 'breached' ELSE sla END,
           CASE WHEN outcome = 'answered' THEN business_ms / 1000 ELSE 0 END,
           CASE WHEN start_at >= :recent THEN 1 ELSE 0 END, count(*)
    FROM rounds WHERE start_at >= :since AND kind = 'first' GROUP BY 1, 2, 3, 4, 5
    """
)
_OWN = Statement(
    """
    SELECT kind, outcome, sla, business_ms / 1000, count(*) FROM rounds
    WHERE start_at >= :since AND author = :agent AND outcome = 'answered' GROUP BY 1, 2, 3, 4
    """
)
_WAITING = Statement("SELECT channel, count(*), min(start_at) FROM rounds WHERE outcome = 'open' GROUP BY channel")


def first_responses(tx: Transaction, since: datetime, recent: datetime) -> list[Count]:
    """The first rounds that began since then, by channel; `recent` marks those of the latest part."""
    at = {"since": to_micros(since), "recent": to_micros(recent), "now": tx.now}
    return [
        Count(channel=row[0], outcome=row[1], sla=row[2], seconds=row[3], recent=bool(row[4]), rounds=row[5])
        for row in tx.all(_FIRST, at)
    ]


def answers_of(tx: Transaction, agent: str, since: datetime) -> tuple[int, list[Count]]:
    """How many rounds that began since then an agent has answered, and the first ones among them."""
    rows = tx.all(_OWN, {"since": to_micros(since), "agent": agent})
    first = [
        Count(channel="", outcome=row[1], sla=row[2], seconds=row[3], rounds=row[4])
        for row in rows
        if row[0] == "first"
    ]
    return sum(row[4] for row in rows), first


def waiting(tx: Transaction) -> dict[str, tuple[int, int]]:
    """How many customers wait on each channel, and since when the longest (microseconds)."""
    return {row[0]: (row[1], row[2]) for row in tx.all(_WAITING, {})}
