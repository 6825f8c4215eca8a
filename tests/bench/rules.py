"""What the rules alone cost on one core: no socket, no store. And what a tick of the timers costs on a full store."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from router.assignment import assign
from router.assignment_inputs import Inputs
from router.assignment_text import Language, text
from router.consistency.pipeline import check
from router.decision import Snapshot
from router.model import Contact, Conversation, Identity, Inbound, InboundKind, Leg, Sender
from router.model import IdentityKey as Key
from router.richtext import of_text
from router.routing import decide
from router.rulebook import Route, Rulebook, When
from storage import timers
from storage.database import Database, Transaction
from storage.ids import new_id
from storage.schema import migrate
from storage.statement import Statement
from tests.bench.bed import Bed, say
from tests.bench.figures import Figure, figure
from tests.router.assignment_cases import agent, needs
from tests.router.logs import Log
from tests.router.shipped_standards import CALENDAR, NOW, grown, long_replies
from tests.storage.inbounds import RULES

CASE = "The rules alone"
TIMERS = "Timers: a tick"
REPEATS = 40
DUE = 100
_SET = Statement("INSERT INTO timers (id, kind, ref, due_at) VALUES (:id, :kind, :ref, :due_at)")


async def measure(bed: Bed) -> list[Figure]:
    """Every figure is CPU time; the median of many."""
    say("rules: fold, decide, assign, check")
    known, stranger = _known(), Snapshot()
    found = [
        figure(CASE, "fold a conversation of 1,000 events", "ms", _timed(_fold()), 5.0),
        figure(CASE, "decide a message of a known customer: 10 open conversations", "ms", _timed(_decide(known))),
        figure(CASE, "decide the first message of a stranger: 500 routes", "ms", _timed(_decide(stranger))),
        figure(CASE, "assign it: 200 agents, in words too", "ms", _timed(_assign())),
        figure(CASE, "decide the first message and assign it", "ms", _timed(_decide(stranger), _assign()), 1.0),
        figure(CASE, "check a reply: 500 characters, 300 rules, 200 facts, 100 entries", "ms", _timed(_check()), 5.0),
    ]
    for database in bed.profile.big:
        found += await _ticks(bed, database)
    return found


def _timed(*works: Callable[[], object]) -> list[float]:
    samples = []
    for _ in range(REPEATS):
        began = time.thread_time()
        for work in works:
            work()
        samples.append((time.thread_time() - began) * 1000)
    return samples


def _fold() -> Callable[[], object]:
    log = Log()
    for number in range(1000):
        if number % 2:
            log.agent(number, composed=number - 0.1)
        else:
            log.customer(number, f"m{number}", source=number)
    return lambda: log.now(1000)


def _decide(snapshot: Snapshot) -> Callable[[], object]:
    inbound = Inbound(
        kind=InboundKind.MESSAGE,
        channel="tg",
        address="42",
        sender=Sender(identity=Key("telegram", "42"), name="Tom", verification=1),
        remote_id="42:7",
        text=of_text("Hello, I wrote to you on Monday. " * 15),
        language="en",
    )
    book = _many_routes()
    return lambda: decide(snapshot, inbound, book)


def _known() -> Snapshot:
    """A customer with ten open conversations, none of them on this address or in this thread."""
    contact = Contact(id=UUID(int=4), name="Tom", language="en")
    identity = Identity(contact=contact.id, key=Key("telegram", "42"), verification=1)
    return Snapshot(identity=identity, contact=contact, open=tuple(_open(contact, number) for number in range(10)))


def _open(contact: Contact, number: int) -> Conversation:
    here = UUID(int=100 + number)
    desk = Leg(id=UUID(int=200 + number), conversation=here, channel="desk", address="C1", desk=True, thread="C1:1.1")
    mail = Leg(id=UUID(int=300 + number), conversation=here, channel="mail", address="tom@customer.example")
    return Conversation(id=here, number=number, contact=contact.id, legs=(desk, mail), opened_at=NOW)


def _many_routes() -> Rulebook:
    """Only the last one takes the message."""
    last = RULES.routes[-1]
    conditions = (
        When(channel=frozenset({"tg"}), keyword=("zipper", "colour")),
        When(channel=frozenset({"tg"}), language=frozenset({"de"})),
        When(tier=frozenset({"vip"}), verified=True),
        When(channel=frozenset({"tg"}), verified=False),
    )
    routes = tuple(Route(id=f"r{n}", desk=last.desk, when=conditions[n % len(conditions)]) for n in range(499))
    return replace(RULES, routes=(*routes, last))


def _assign() -> Callable[[], object]:
    """The whole field is judged: everybody may take it."""
    agents = tuple(agent(f"agent{number:03}", load=number % 9) for number in range(200))
    inputs = Inputs(now=NOW, needs=needs(), agents=agents)
    return lambda: text(assign(inputs), Language.EN)


def _check() -> Callable[[], object]:
    large = grown()
    (_, english) = long_replies()
    return lambda: check(english, large, CALENDAR, NOW)


async def _ticks(bed: Bed, database: str) -> list[Figure]:
    """Looking when nothing is due, and firing a hundred that are, with few and with many pending ones behind them."""
    few, many = [await _tick(bed, database, pending) for pending in bed.profile.pending]
    names = ("nothing is due", f"{DUE} are due")
    found = []
    for name, small, large in zip(names, few, many, strict=True):
        lines = zip(bed.profile.pending, (small, large), strict=True)
        found += [figure(TIMERS, f"{name}, {pending:,} pending, {database}", "ms", each) for pending, each in lines]
        ratio = sorted(large)[len(large) // 2] / sorted(small)[len(small) // 2]
        found.append(figure(TIMERS, f"{name}, many v. few, {database}", "x", [ratio], 2.0))
    return found


async def _tick(bed: Bed, store: str, pending: int) -> tuple[list[float], list[float]]:
    say(f"timers: {pending:,} pending, {store}")
    url = bed.url(f"timers {pending} {store}")
    migrate(url)
    database = Database(url)
    try:
        for first in range(0, pending, 10_000):
            await database.transact(_pend, min(10_000, pending - first))
        looks, fires = [], []
        for _ in range(REPEATS):
            looks.append(await _wall(database.read(timers.next_due)))
            await database.transact(_make_due)
            fires.append(await _wall(database.transact(timers.fire, DUE)))
        return looks, fires
    finally:
        database.close()


async def _wall(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


def _pend(tx: Transaction, count: int) -> None:
    """Timers that are due some time next month, each of its own conversation."""
    _set(tx, count, tx.now + 30 * 86_400_000_000)


def _make_due(tx: Transaction) -> None:
    _set(tx, DUE, tx.now - 1)


def _set(tx: Transaction, count: int, due_at: int) -> None:
    ids = [new_id() for _ in range(count)]
    tx.many(_SET, [{"id": id_.bytes, "kind": "bench", "ref": id_.hex, "due_at": due_at} for id_ in ids])
