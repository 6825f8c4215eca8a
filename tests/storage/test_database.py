"""Group commit: units share a commit, a failing one answers for itself alone."""

import asyncio
import threading
import time

import pytest

from storage.database import READERS, Database, Transaction
from storage.errors import Expired, StoreUnavailable
from storage.statement import Statement

PUT = Statement("INSERT INTO counters (name, value) VALUES (:name, :value)")
COUNT = Statement("SELECT count(*) FROM counters WHERE name <> 'conversation'")
FOUND = Statement("SELECT name FROM counters WHERE name IN :names ORDER BY name")


def put(tx: Transaction, name: str) -> str:
    tx.run(PUT, {"name": name, "value": 1})
    return name


def fail(tx: Transaction, name: str) -> None:
    put(tx, name)
    raise ValueError(name)


def total(tx: Transaction) -> int:
    row = tx.one(COUNT, {})
    assert row is not None
    found: int = row[0]
    return found


async def test_units_are_committed_when_transact_returns(database: Database) -> None:
    names = await asyncio.gather(*(database.transact(put, f"n{number}") for number in range(50)))
    assert names == [f"n{number}" for number in range(50)]
    assert await database.read(total) == 50


async def test_a_failing_unit_takes_nobody_with_it(database: Database) -> None:
    results = await asyncio.gather(
        *(database.transact(put, f"good{number}") for number in range(5)),
        database.transact(fail, "bad"),
        *(database.transact(put, f"late{number}") for number in range(5)),
        return_exceptions=True,
    )
    assert [type(each) for each in results].count(ValueError) == 1
    assert await database.read(total) == 10


async def test_who_reads_after_a_commit_sees_it_though_a_reader_has_begun_before(database: Database) -> None:
    for number in range(1, 101):
        gate = threading.Event()

        def slowly(tx: Transaction, gate: threading.Event = gate) -> None:
            total(tx)
            gate.wait(5)

        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(database.read(slowly))
            await asyncio.sleep(0.001)
            await database.transact(put, f"n{number}")
            late = [group.create_task(database.read(total)) for _ in range(READERS)]
            await asyncio.sleep(0)
            gate.set()
        assert [each.result() for each in late] == [number] * READERS


async def test_many_units_share_few_commits(database: Database) -> None:
    commits: list[float] = []
    database.on_commit = commits.append
    await asyncio.gather(*(database.transact(put, f"n{number}") for number in range(200)))
    assert len(commits) < 100


async def test_m4_a_unit_past_its_deadline_never_runs(database: Database) -> None:
    with pytest.raises(Expired):
        await database.transact_on(0, time.monotonic() - 1, put, "late")
    assert await database.read(total) == 0


async def test_a_conflict_is_an_error_only_when_it_stays(database: Database) -> None:
    await database.transact(put, "one")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.transact(put, "one")
    assert await database.read(total) == 1


async def test_what_no_database_takes_is_the_item_s_fault_and_not_the_store_s(database: Database) -> None:
    with pytest.raises(Exception) as raised:
        await database.transact(put, "a\x00b" if database.dialect == "postgresql" else "\ud800")
    assert not isinstance(raised.value, StoreUnavailable)
    assert await database.transact(put, "fine") == "fine"


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 70, 300])
async def test_lists_of_every_size_find_exactly_their_members(database: Database, size: int) -> None:
    names = [f"k{number:04}" for number in range(size)]
    for name in (*names, "other"):
        await database.transact(put, name)
    rows = await database.read(lambda tx: tx.all(FOUND, {"names": names}))
    assert [row[0] for row in rows] == names


async def test_readers_cannot_write_sqlite(database: Database) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL readers use the same role")
    with pytest.raises(Exception, match="readonly"):
        await database.read(put, "sneaky")
