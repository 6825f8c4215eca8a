"""Conversations as lists show them, by owner, queue or number; each look-up begins with an index."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from router.listing import Listed
from router.model import Priority, Promise, Status
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_LEG = "FROM legs l WHERE l.conversation = c.id AND NOT l.desk ORDER BY COALESCE(l.last_in_at, 0) DESC, l.id LIMIT 1"
_LISTED = f"""
    SELECT c.number, c.status, k.name, c.subject, (SELECT l.channel {_LEG}), (SELECT l.address {_LEG}),
           (SELECT l.thread_key FROM legs l WHERE l.conversation = c.id AND l.desk AND l.channel = :desk
            AND l.thread_key IS NOT NULL LIMIT 1),
           c.owner, c.team, c.priority, c.opened_at, c.last_in_at, c.waiting_since,
           (SELECT r.deadline FROM rounds r WHERE r.conversation = c.id AND r.outcome = 'open'
            ORDER BY r.number DESC LIMIT 1), o.agent
    FROM conversations c JOIN contacts k ON k.id = c.contact
    LEFT JOIN offers o ON o.conversation = c.id AND o.state = 'open'
    """  # noqa: S608  no value is part of it
_QUEUED = "c.owner IS NULL AND c.status = 'open' AND c.waiting_since IS NOT NULL AND c.merged_into IS NULL"
_OF_TEAMS = "(:every = 1 OR c.team IS NULL OR c.team IN :teams)"
_OWNED = Statement(f"{_LISTED} WHERE c.owner = :agent AND c.status = 'open' AND c.merged_into IS NULL LIMIT :limit")
_OFFERED = Statement(f"{_LISTED} WHERE o.agent = :agent AND c.merged_into IS NULL LIMIT :limit")
_QUEUE = Statement(f"{_LISTED} WHERE {_QUEUED} AND {_OF_TEAMS} ORDER BY c.waiting_since LIMIT :limit")
_QUEUE_COUNT = Statement(f"SELECT count(*) FROM conversations c WHERE {_QUEUED} AND {_OF_TEAMS}")  # noqa: S608  the same
_NUMBERED = Statement(f"{_LISTED} WHERE c.number IN :numbers")
_SURVIVORS = Statement(
    """
    SELECT c.number, s.number FROM conversations c JOIN conversations s ON s.id = c.merged_into
    WHERE c.number IN :numbers
    """
)
_PROMISES = Statement(
    """
    SELECT p.conversation, p.kind, p.due_at, c.number, k.name,
           (SELECT l.thread_key FROM legs l WHERE l.conversation = c.id AND l.desk AND l.channel = :desk
            AND l.thread_key IS NOT NULL LIMIT 1)
    FROM promises p JOIN conversations c ON c.id = p.conversation JOIN contacts k ON k.id = c.contact
    WHERE p.state IN ('open', 'late') AND p.owner = :agent ORDER BY p.due_at LIMIT :limit
    """
)
LONGEST_CHAIN = 20
"""Merges that are followed, one after the other."""
MOST = 200
"""Conversations of one list that are looked at."""


def owned(tx: Transaction, desk: str, agent: str) -> list[Listed]:
    """What an agent has and is open, in no order; `desk` is the channel whose threads are meant."""
    return [_listed(row, desk) for row in tx.all(_OWNED, {"desk": desk, "agent": agent, "limit": MOST})]


def offered(tx: Transaction, desk: str, agent: str) -> list[Listed]:
    """What an agent is offered now."""
    return [_listed(row, desk) for row in tx.all(_OFFERED, {"desk": desk, "agent": agent, "limit": MOST})]


def queued(tx: Transaction, desk: str, teams: Collection[str] | None, limit: int) -> tuple[list[Listed], int]:
    """The first `limit` that wait without an owner, longest first, of these teams or of no team (None: of all), and
    how many there are."""
    among = {"every": 1 if teams is None else 0, "teams": sorted(teams or ("",))}
    rows = tx.all(_QUEUE, {"desk": desk, "limit": limit, **among})
    count = tx.one(_QUEUE_COUNT, among)
    return [_listed(row, desk) for row in rows], count[0] if count else 0


def numbered(tx: Transaction, desk: str, numbers: Sequence[int]) -> list[Listed]:
    """Those of these numbers, in their order; absorbed ones are shown as the one they became part of."""
    if not numbers:
        return []
    wanted = list(numbers)
    for _ in range(LONGEST_CHAIN):
        became: dict[int, int] = dict(tx.all(_SURVIVORS, {"numbers": wanted}))
        wanted = list(dict.fromkeys(became.get(each, each) for each in wanted))
        if not became:
            break
    found = {row[0]: _listed(row, desk) for row in tx.all(_NUMBERED, {"desk": desk, "numbers": wanted})}
    return [found[each] for each in wanted if each in found]


def promised(tx: Transaction, desk: str, agent: str) -> list[tuple[Promise, Listed]]:
    """What an agent has promised and not kept yet, soonest due first."""
    return [
        (
            Promise(conversation=UUID(bytes=row[0]), kind=row[1], due_at=of_micros(row[2]), span=(0, 0), owner=agent),
            Listed(
                number=row[3],
                status=Status.OPEN,
                contact=row[4],
                thread=_ref(row[5], desk),
                opened_at=of_micros(row[2]),
            ),
        )
        for row in tx.all(_PROMISES, {"desk": desk, "agent": agent, "limit": MOST})
    ]


def _listed(row: Row, desk: str) -> Listed:
    return Listed(
        number=row[0],
        status=Status(row[1]),
        contact=row[2],
        subject=row[3],
        channel=row[4] or "",
        address=row[5] or "",
        thread=_ref(row[6], desk),
        owner=row[7],
        team=row[8],
        priority=Priority(row[9]),
        opened_at=of_micros(row[10]),
        last_in_at=_instant(row[11]),
        waiting_since=_instant(row[12]),
        due_at=_instant(row[13]),
        offered_to=row[14],
    )


def _ref(key: str | None, desk: str) -> str | None:
    return key[len(desk) + 1 :] if key is not None else None


def _instant(micros: int | None) -> datetime | None:
    return of_micros(micros) if micros is not None else None
