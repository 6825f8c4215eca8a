"""The final count in the database: the one look behind the scenes a verdict takes."""

from collections import Counter
from uuid import UUID

from router.richtext import plain
from storage.codec import outgoing_of
from storage.database import Database, Transaction
from storage.statement import Statement
from tests.chaos.checker import Store
from tests.chaos.history import found_in

_MESSAGES = Statement("SELECT body FROM messages")
_REPLIES = Statement(
    """
    SELECT body, state, lane, checkpoint FROM outbox WHERE channel <> 'desk' AND state <> 'sent' ORDER BY seq, part
    """
)
_QUARANTINED = Statement("SELECT count(*) FROM inbox WHERE state = 'quarantined'")
_UNCERTAIN = Statement("SELECT coalesce(sum(attempt - 1), 0) FROM outbox WHERE channel = 'tg' AND attempt > 1")
_UNSETTLED = Statement(
    "SELECT channel, kind FROM outbox WHERE state IN ('ready', 'sending', 'unknown') GROUP BY channel, kind"
)
_REPEATED = Statement("SELECT count(*) FROM outbox WHERE attempt > 1")
_DEAD = Statement("SELECT id, kind, body FROM outbox WHERE state = 'dead'")
_EXPIRE = Statement("UPDATE leases SET until = 0")


class Ledger:
    """Reads beside the node that owns the database."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def close(self) -> None:
        self._database.close()

    async def count(self) -> Store:
        """What is there."""
        return await self._database.read(_count)

    async def unsettled(self) -> set[str]:
        """The "channel/kind" of open deliveries."""
        return await self._database.read(_unsettled)

    async def dead(self) -> dict[str, tuple[str, str]]:
        """Dead letters by id: their kind and the serial they carry, if any."""
        return await self._database.read(_dead)

    async def repeated(self) -> int:
        """Deliveries that were begun more than once because their outcome was unknown."""
        return await self._database.read(_repeated)

    async def let_leases_end(self) -> None:
        """As if half a minute went by: the pollers' leases of a killed node are over. On SQLite a node knows itself
        that it is alone."""
        if self._database.dialect == "postgresql":
            await self._database.transact(_let_leases_end)


def _unsettled(tx: Transaction) -> set[str]:
    return {f"{row[0]}/{row[1]}" for row in tx.all(_UNSETTLED, {})}


def _dead(tx: Transaction) -> dict[str, tuple[str, str]]:
    return {
        str(UUID(bytes=row[0])): (row[1], next((serial for serial, _ in found_in(plain(outgoing_of(row[2]).text))), ""))
        for row in tx.all(_DEAD, {})
    }


def _repeated(tx: Transaction) -> int:
    row = tx.one(_REPEATED, {})
    assert row is not None
    count: int = row[0]
    return count


def _let_leases_end(tx: Transaction) -> None:
    tx.run(_EXPIRE, {})


def _count(tx: Transaction) -> Store:
    stored: Counter[str] = Counter()
    for (body,) in tx.all(_MESSAGES, {}):
        stored.update(serial for serial, _ in found_in(str(body)))
    open_: dict[str, str] = {}
    left: set[str] = set()
    parked: set[str] = set()
    for body, state, lane, checkpoint in tx.all(_REPLIES, {}):
        if state == "unknown" and '"repeated":true' in (checkpoint or ""):
            parked.add(lane)  # T11: repeated once already, from here on an agent decides
        for serial, _ in found_in(plain(outgoing_of(body).text)):
            open_[serial] = state
            if state in ("failed", "dead") or lane in parked:
                left.add(serial)
    quarantined = tx.one(_QUARANTINED, {})
    uncertain = tx.one(_UNCERTAIN, {})
    assert quarantined is not None
    assert uncertain is not None
    return Store(
        stored=stored,
        open=open_,
        left=frozenset(left),
        quarantined=quarantined[0],
        uncertain=int(uncertain[0]),
    )
