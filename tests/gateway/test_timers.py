"""One timer whose meaning fails must not hold up the others."""

from pathlib import Path

from gateway.timers import HANDLERS, Timers
from storage import timers
from storage.changes import Touched
from storage.database import Database
from storage.statement import Statement
from tests.storage.inbounds import RULES

UNFIRED = Statement("SELECT count(*) FROM timers WHERE fired_at IS NULL")


async def test_a_poisonous_timer_is_given_up_and_the_next_fires(database: Database, tmp_path: Path) -> None:
    woken: list[Touched] = []
    loop = Timers(database, lambda: RULES, woken.append)
    known = next(iter(HANDLERS))
    await database.transact(timers.start, "no such kind", "x", 1)
    await database.transact(timers.start, known, f"{'00' * 16} 0", 2)
    assert await loop._fire() == 2
    assert await database.read(lambda tx: tx.all(UNFIRED, {})) == [(0,)]
    assert len(woken) == 1
