"""Fills a store with a shop's past: executemany into SQLite, COPY into PostgreSQL."""

from collections.abc import Callable
from typing import Any

from gateway import clock
from storage.database import engine_for, normal_url, to_micros
from storage.ids import first_id_at
from storage.schema import migrate
from storage.words import CURSOR
from tests.bench.shop import COLUMNS, Rows, Shop

BATCH = 1000


def fill(url: str, conversations: int, letters: int, say: Callable[[str], None]) -> None:
    """Migrate an empty database and write that many conversations of that many messages into it."""
    migrate(url)
    engine = engine_for(normal_url(url))
    borrowed = engine.raw_connection()
    connection: Any = borrowed.driver_connection
    sqlite = engine.dialect.name == "sqlite"
    try:
        cursor = connection.cursor()
        if sqlite:
            for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -262144"):
                cursor.execute(f"PRAGMA {pragma}")
        else:
            cursor.execute("SET session_replication_role = replica")  # references are true by construction
            cursor.execute("SET statement_timeout = 0")
        for number, rows in enumerate(Shop(clock.now(), conversations, letters).batches(BATCH), 1):
            if sqlite:
                cursor.execute("BEGIN")
                _insert(cursor, rows)
                cursor.execute("COMMIT")
            else:
                _copy(cursor, rows)
                connection.commit()
            if number % 20 == 0:
                say(f"  {number * BATCH:,} conversations")
        cursor.execute(f"UPDATE counters SET value = {conversations} WHERE name = 'conversation'")
        noted = first_id_at(to_micros(clock.now())).hex
        cursor.execute(f"INSERT INTO cursors (channel, name, value) VALUES ('', '{CURSOR}', '{noted}')")
        if sqlite:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.commit()
            connection.autocommit = True
            cursor.execute("VACUUM ANALYZE")  # what autovacuum has long done in a store of that age
    finally:
        borrowed.close()
        engine.dispose()


def _insert(cursor: Any, rows: Rows) -> None:
    for table, columns in COLUMNS.items():
        names = columns.split()
        marks = ", ".join("?" * len(names))
        cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows[table])


def _copy(cursor: Any, rows: Rows) -> None:
    for table, columns in COLUMNS.items():
        with cursor.copy(f"COPY {table} ({', '.join(columns.split())}) FROM STDIN") as copy:
            for row in rows[table]:
                copy.write_row(row)
