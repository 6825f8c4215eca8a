"""Transactions: `await database.transact(work, *args)` runs a plain function in a writer thread that commits
whatever units are waiting together. Nothing inside a unit awaits, so no transaction is open across network I/O (R7).

SQLite has one writer (`BEGIN IMMEDIATE`, WAL, synchronous=FULL: DB1, DB2); PostgreSQL has a few, and units with
the same key go to the same one. A group runs without savepoints: if a unit raises, the group is rolled back and
its units run again one by one, so a unit must depend on its arguments and the database alone.
"""

import asyncio
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, event, pool
from sqlalchemy.engine import URL, make_url

from storage import failpoints
from storage.errors import Expired, NoSchema, StoreUnavailable
from storage.statement import Parameters, Row, Statement

GROUP_UNITS = 128
GROUP_SECONDS = 0.005
QUEUE_LIMIT = 20_000
TRIES = 5
POSTGRES_WRITERS = 2
READERS = 2

P = ParamSpec("P")
T = TypeVar("T")


class Transaction:
    """What a unit of work sees. `now` is the database's own time in microseconds (R3), one instant a group."""

    __slots__ = ("_cursor", "_dialect", "now")

    def __init__(self, cursor: Any, dialect: str, now: int) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self.now = now

    def run(self, statement: Statement, parameters: Parameters) -> int:
        """Execute; the number of rows it changed."""
        self._cursor.execute(*statement.expanded(self._dialect, parameters))
        count: int = self._cursor.rowcount
        return count

    def many(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        """Execute once for each row; no list parameters."""
        if rows:
            self._cursor.executemany(statement.on(self._dialect), rows)

    def all(self, statement: Statement, parameters: Parameters) -> list[Row]:
        """Every row it returns."""
        self._cursor.execute(*statement.expanded(self._dialect, parameters))
        rows: list[Row] = self._cursor.fetchall()
        return rows

    def one(self, statement: Statement, parameters: Parameters) -> Row | None:
        """The first row it returns, or None."""
        self._cursor.execute(*statement.expanded(self._dialect, parameters))
        row: Row | None = self._cursor.fetchone()
        return row


class _Unit:
    __slots__ = ("args", "deadline", "future", "kwargs", "work")

    def __init__(
        self,
        work: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        future: asyncio.Future[Any],
        deadline: float | None,
    ) -> None:
        self.work = work
        self.args = args
        self.kwargs = kwargs
        self.future = future
        self.deadline = deadline


class Database:
    """A pool of writer and reader threads over one URL. `clock` replaces the database's time in tests."""

    def __init__(self, url: str, *, clock: Callable[[], datetime] | None = None) -> None:
        self.url = normal_url(url)
        self.dialect = self.url.get_backend_name()
        self.engine = engine_for(self.url)
        writers = 1 if self.dialect == "sqlite" else POSTGRES_WRITERS
        self._writers = [_Worker(self, f"writer-{index}", clock, reads=False) for index in range(writers)]
        self._readers = [_Worker(self, f"reader-{index}", clock, reads=True) for index in range(READERS)]
        self._turn = 0
        self.on_commit: Callable[[float], None] = lambda seconds: None

    @property
    def writers(self) -> int:
        """How many units can run side by side."""
        return len(self._writers)

    def writer_of(self, key: str) -> int:
        """Which writer takes the units of a key."""
        return zlib.crc32(key.encode()) % len(self._writers)

    async def transact(self, work: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a unit of work in a write transaction; returns after the commit.

        Raises whatever the unit raises, and StoreUnavailable when the database cannot take it.
        """
        return await self.transact_on(None, None, work, *args, **kwargs)

    async def transact_on(
        self,
        writer: int | None,
        deadline: float | None,
        work: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """`transact` on a certain writer; with a `deadline` (loop time) the unit starts before it or never (M4)."""
        if writer is None:
            self._turn += 1
            writer = self._turn
        result: T = await self._writers[writer % len(self._writers)].submit(work, args, kwargs, deadline)
        return result

    async def read(self, work: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only reads, beside the writers."""
        self._turn += 1
        result: T = await self._readers[self._turn % len(self._readers)].submit(work, args, kwargs, None)
        return result

    def close(self) -> None:
        """Finish what waits, close every connection; SQLite checkpoints its log."""
        for worker in (*self._writers, *self._readers):
            worker.stop()
        self.engine.dispose()


class _Worker:
    """One thread with one connection that runs units in groups."""

    def __init__(self, database: Database, name: str, clock: Callable[[], datetime] | None, *, reads: bool) -> None:
        self._database = database
        self._clock = clock
        self._reads = reads
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=f"onevoice-{name}", daemon=True)
        self._connection: Any = None
        self._cursor: Any = None
        self._started = False

    async def submit(
        self,
        work: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        deadline: float | None,
    ) -> Any:
        if not self._started:
            self._started = True
            self._thread.start()
        if self._queue.qsize() > QUEUE_LIMIT:
            raise StoreUnavailable("too much work is waiting for the database")
        unit = _Unit(work, args, kwargs, asyncio.get_running_loop().create_future(), deadline)
        self._queue.put(unit)
        return await unit.future

    def stop(self) -> None:
        if self._started:
            self._queue.put(None)
            self._thread.join()
            self._started = False

    def _serve(self) -> None:
        while (unit := self._queue.get()) is not None:
            self._commit_group(unit)
        if self._connection is not None and self._database.dialect == "sqlite" and not self._reads:
            self._cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._disconnect()

    def _commit_group(self, first: _Unit) -> None:
        started = time.perf_counter()
        # a reader sees nothing that is committed after it has begun: whoever asks later may know of it
        most = min(1 + self._queue.qsize(), GROUP_UNITS) if self._reads else GROUP_UNITS
        units = [first]
        results: list[tuple[_Unit, Any, BaseException | None]] = []
        try:
            transaction = self._begin()
            results.append((first, self._run(transaction, first), None))
            while len(units) < most and time.perf_counter() - started < GROUP_SECONDS:
                if (unit := self._waiting()) is None:
                    break
                units.append(unit)
                results.append((unit, self._run(transaction, unit), None))
            self._commit()
        except Exception:  # the whole group is undone; each unit then answers for itself
            self._rollback()
            results = self._one_by_one(units)
        self._database.on_commit(time.perf_counter() - started)
        _resolve(results)

    def _waiting(self) -> _Unit | None:
        try:
            unit = self._queue.get_nowait()
        except Empty:
            return None
        if unit is None:
            self._queue.put(None)
        return unit

    def _one_by_one(self, units: Sequence[_Unit]) -> list[tuple[_Unit, Any, BaseException | None]]:
        results: list[tuple[_Unit, Any, BaseException | None]] = []
        for unit in units:
            for attempt in range(1, TRIES + 1):
                try:
                    result = self._run(self._begin(), unit)
                    self._commit()
                    results.append((unit, result, None))
                    break
                except Exception as error:  # belongs to whoever asked for this unit
                    self._rollback()
                    if not _is_conflict(error) or attempt == TRIES:
                        results.append((unit, None, self._translated(error)))
                        break
        return results

    @staticmethod
    def _run(transaction: Transaction, unit: _Unit) -> Any:
        if unit.deadline is not None and time.monotonic() > unit.deadline:
            raise Expired("the database was too slow; nothing was stored")
        return unit.work(transaction, *unit.args, **unit.kwargs)

    def _begin(self) -> Transaction:
        if self._connection is None:
            self._connect()
        if self._database.dialect == "sqlite":
            self._cursor.execute("BEGIN" if self._reads else "BEGIN IMMEDIATE")
        return Transaction(self._cursor, self._database.dialect, self._now())

    def _now(self) -> int:
        if self._clock is not None:
            return to_micros(self._clock())
        if self._database.dialect == "sqlite":
            return time.time_ns() // 1000
        self._cursor.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        now: int = self._cursor.fetchone()[0]
        return now

    def _commit(self) -> None:
        if not self._reads:
            failpoints.hit("before_commit")
        if self._database.dialect == "sqlite":
            self._cursor.execute("COMMIT")
        else:
            self._connection.commit()
        if not self._reads:
            failpoints.hit("after_commit")

    def _rollback(self) -> None:
        try:
            if self._connection is not None:
                if self._database.dialect == "sqlite":
                    if self._connection.in_transaction:
                        self._cursor.execute("ROLLBACK")
                else:
                    self._connection.rollback()
        except Exception:  # the connection is beyond repair: the next unit gets a new one
            self._disconnect()

    def _connect(self) -> None:
        borrowed = self._database.engine.raw_connection()
        self._connection = borrowed.driver_connection
        borrowed.detach()  # it is this worker's own from now on
        if self._database.dialect == "postgresql":
            self._connection.prepared_max = 1000
            self._cursor = self._connection.cursor(binary=True)
            return
        if self._reads:
            self._connection.execute("PRAGMA query_only = ON")
        self._cursor = self._connection.cursor()

    def _disconnect(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            with suppress(Exception):  # it is gone already, which is what we want
                connection.close()

    def _translated(self, error: Exception) -> Exception:
        """Foreign database errors as ours; a lost connection is dropped."""
        if isinstance(error, sqlite3.Error):
            text = str(error)
            if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError):
                return error  # what was to be stored is at fault, not the store
            if text.startswith("no such table"):
                return NoSchema(f"SQLite: {text}")
            return StoreUnavailable(f"SQLite: {text}", full="full" in text)
        if type(error).__module__.startswith("psycopg"):
            state = getattr(error, "sqlstate", None)
            if type(error).__name__ == "DataError" or (state or "").startswith("22"):
                return error
            if state is None or state[:2] in {"08", "57"}:
                self._disconnect()
            elif state.startswith("23"):
                return error
            if state == "42P01":  # undefined_table
                return NoSchema(f"PostgreSQL: {error}".strip())
            return StoreUnavailable(f"PostgreSQL: {error}".strip(), full=state == "53100")
        return error


def _is_conflict(error: Exception) -> bool:
    """Another transaction was in the way (a key taken meanwhile, a deadlock): trying again is the answer."""
    state = getattr(error, "sqlstate", None)
    return isinstance(error, sqlite3.IntegrityError) or state in {"23505", "40001", "40P01"}


def _resolve(results: list[tuple[_Unit, Any, BaseException | None]]) -> None:
    """Hand results to the event loop, one wake-up a group."""
    loop = results[0][0].future.get_loop()
    try:
        loop.call_soon_threadsafe(_settle_futures, results)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


def _settle_futures(results: list[tuple[_Unit, Any, BaseException | None]]) -> None:
    for unit, result, error in results:
        if unit.future.done():
            continue
        if error is None:
            unit.future.set_result(result)
        else:
            unit.future.set_exception(error)


def normal_url(url: str) -> URL:
    """The SQLAlchemy URL of a configured one: psycopg 3 for `postgresql://` (decisions 9)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def engine_for(url: URL) -> Engine:
    """An engine without a pool of its own: each worker keeps one connection."""
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url,
            poolclass=pool.NullPool,
            connect_args={
                "connect_timeout": 10,
                "options": "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=10s",
            },
        )
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        connect_args={"isolation_level": None, "check_same_thread": False, "cached_statements": 512, "timeout": 5.0},
    )
    event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    """DB1; the page cache is 16 MB a connection."""
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 5000",
        "cache_size = -16384",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return round(instant.timestamp() * 1_000_000)


def of_micros(micros: int) -> datetime:
    """The inverse of `to_micros`."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
