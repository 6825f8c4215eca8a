"""What this machine can do at best, measured in the same run: bare e-mail parse, bare inserts of the same rows, a bare
WebSocket echo. CPU of the side that does it; for PostgreSQL that is the client."""

import asyncio
import email
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any

import aiohttp
from sqlalchemy import Connection, Table, insert, select

from storage import tables
from storage.database import engine_for, normal_url
from storage.schema import migrate
from storage.statement import Statement
from tests.bench import process
from tests.bench.bed import Bed, say
from tests.bench.clients import mail
from tests.bench.figures import Figure, figure
from tests.bench.load import SENDERS
from tests.bench.paths import NAMES

CASE = "The machine's own limits, CPU a message"
RUNS = 3
BATCHES = (1, 64)
_PARENTS = (tables.contacts, tables.conversations, tables.lanes)
_WRITTEN = (tables.inbox, tables.messages, tables.events, tables.outbox, tables.feed)
"""What one message of a known customer writes, in this order."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """`cpu` is the cheapest a message can be (ms), by database and path; `commit` one durable commit in seconds."""

    figures: list[Figure]
    cpu: Mapping[tuple[str, str], float]
    commit: float


async def measure(bed: Bed) -> Limits:
    """On rows the node itself has just written."""
    load = await bed.load("sqlite")
    say("limits: bare parse and echo")
    parse = _parse(bed.profile.sample * 4)
    echo = await _echo(bed.profile.sample * 32)
    figures = [
        figure(CASE, "bare parse of the 3 KB mail (compat32)", "ms", parse),
        figure(CASE, "bare aiohttp WebSocket echo", "ms", echo),
    ]
    front = {"web": statistics.median(echo), "tg": 0.0, "mail": statistics.median(parse)}
    floor: dict[tuple[str, str], float] = {}
    commit = 0.0
    for path, name in NAMES.items():
        await load.burst(path, bed.profile.sample, known=True)
        rows = _rows_of(load.node.database, path, bed.profile.sample)
        for database, title in (("sqlite", "SQLite FULL"), ("postgresql", "PostgreSQL")):
            for batch in BATCHES:
                say(f"limits: bare insert, {name}, {title}, batch {batch}")
                cpu, wall = await asyncio.to_thread(_insert, bed.url(f"bare {path} {database}"), rows, batch)
                figures.append(figure(CASE, f"bare insert, {name}, {title}, batch {batch}", "ms", cpu))
                floor[database, path] = statistics.median(cpu) + front[path]
                if database == "sqlite" and batch == 1:
                    commit = statistics.median(wall)
    figures.append(figure("The machine's own limits, time", "one durable SQLite commit", "ms", [commit * 1000]))
    return Limits(figures, floor, commit)


def _parse(messages: int) -> list[float]:
    content = mail("customer@customer.example", "Where is order 1?")
    return _timed(lambda: [email.message_from_bytes(content) for _ in range(messages)], messages)


def _timed(work: Callable[[], object], messages: int) -> list[float]:
    """CPU milliseconds a message of this thread, a few times."""
    found = []
    for _ in range(RUNS):
        started = time.thread_time()
        work()
        found.append((time.thread_time() - started) / messages * 1000)
    return found


async def _echo(messages: int) -> list[float]:
    server = await process.start("tests.bench.echo", stdout=PIPE)
    try:
        assert server.handle.stdout is not None
        port = int(await server.handle.stdout.readline())
        async with aiohttp.ClientSession() as session:
            sockets = [await session.ws_connect(f"http://127.0.0.1:{port}/", compress=0) for _ in range(SENDERS)]

            async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
                for _ in range(messages // SENDERS):
                    await socket.send_str('{"v":1,"type":"send","id":"0b9f4a64-6a68-4d2c-8c5e-5a4a7f9be1a1"}')
                    await socket.receive()

            found = []
            for _ in range(RUNS):
                before = server.cpu_seconds()
                await asyncio.gather(*map(talk, sockets))
                found.append((server.cpu_seconds() - before) / messages * 1000)
            for socket in sockets:
                await socket.close()
            return found
    finally:
        await server.stop()


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the last messages of a channel wrote, and what those rows refer to."""

    parents: Mapping[Table, Sequence[Row]]
    written: Sequence[Mapping[Table, Sequence[Row]]]


def _rows_of(url: str, channel: str, count: int) -> _Rows:
    messages, events, outbox = tables.messages, tables.events, tables.outbox
    engine = engine_for(normal_url(url))
    with engine.connect() as connection:
        latest = select(messages).where(messages.c.channel == channel).order_by(messages.c.id.desc()).limit(count)
        found = _all(connection, latest)
        ids = [row["id"] for row in found]
        conversations = _where(connection, tables.conversations, "id", {row["conversation"] for row in found})
        deliveries = _where(connection, outbox, "message", ids)
        parents = {
            tables.contacts: _where(connection, tables.contacts, "id", {row["contact"] for row in conversations}),
            tables.conversations: conversations,
            tables.lanes: _where(connection, tables.lanes, "key", {row["lane"] for row in deliveries}),
        }
        inbox = {row["id"]: row for row in _where(connection, tables.inbox, "id", ids)}
        events_of = {
            (row["conversation"], row["seq"]): row
            for row in _where(connection, events, "conversation", {row["conversation"] for row in found})
        }
        feed = {row["message"]: row for row in _where(connection, tables.feed, "message", ids)}
    engine.dispose()
    return _Rows(
        parents,
        [
            {
                tables.inbox: [inbox[row["id"]]],
                messages: [row],
                events: [events_of[row["conversation"], row["seq"]]],
                outbox: [each for each in deliveries if each["message"] == row["id"]],
                tables.feed: [feed[row["id"]]] if row["id"] in feed else [],
            }
            for row in found
        ],
    )


def _where(connection: Connection, table: Table, column: str, values: Sequence[Any] | set[Any]) -> list[Row]:
    return _all(connection, select(table).where(table.c[column].in_(list(values))))


def _all(connection: Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _insert(url: str, rows: _Rows, batch: int) -> tuple[list[float], list[float]]:
    """CPU milliseconds a message and wall seconds a commit of each run."""
    migrate(url)
    engine = engine_for(normal_url(url))
    dialect = engine.dialect.name
    statements = {table: _statement(table).on(dialect) for table in _WRITTEN}
    with engine.begin() as connection:
        for table in reversed((*_PARENTS, *_WRITTEN)):
            connection.execute(table.delete())
        for table in _PARENTS:
            connection.execute(insert(table), list(rows.parents[table]))
    chunks = [rows.written[first : first + batch] for first in range(0, len(rows.written), batch)]
    walls: list[float] = []
    with closing(engine.raw_connection()) as borrowed:
        connection_ = borrowed.driver_connection
        assert connection_ is not None
        cursor = connection_.cursor()

        def write() -> None:
            started = time.perf_counter()
            for chunk in chunks:
                if dialect == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")
                for table, statement in statements.items():
                    if many := [row for message in chunk for row in message[table]]:
                        cursor.executemany(statement, many)
                cursor.execute("COMMIT")
            walls.append((time.perf_counter() - started) / len(chunks))

        found = []
        for _ in range(RUNS):
            for table in reversed(_WRITTEN):
                cursor.execute(f"DELETE FROM {table.name}")
            connection_.commit()
            found += _timed_once(write, len(rows.written))
    engine.dispose()
    return found, walls


def _statement(table: Table) -> Statement:
    names = [column.name for column in table.columns]
    return Statement(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(':' + n for n in names)})")


def _timed_once(work: Callable[[], object], messages: int) -> list[float]:
    started = time.thread_time()
    work()
    return [(time.thread_time() - started) / messages * 1000]
