"""Receipts and waiting messages in the store: asked for with the message, said once, limited by what is on record."""

from dataclasses import replace
from uuid import UUID

from router.automatic import MAILS_AN_HOUR
from router.decision import Decision, Snapshot
from router.model import IdentityKey, Inbound, Sender
from router.routing import decide
from router.targets import Metric, Policy, Target
from router.terms import Terms
from storage import automatic, intake, timers
from storage.changes import Touched
from storage.database import Database, Transaction
from storage.intake import Submission
from storage.statement import Statement
from tests.router.shipped_standards import standards
from tests.storage.inbounds import RULES, arrival, question

JUDGED = Policy(id="fast", targets={Metric.ACK: Target(seconds=5)})
BOOK = replace(
    RULES,
    channels={**RULES.channels, "sales": replace(RULES.channels["mail"], id="sales")},
    policies=(JUDGED,),
    terms=Terms(policies={("fast", 1): JUDGED}),
    messages=standards().messages,
)
TIMERS = Statement("SELECT kind, ref, fired_at IS NOT NULL FROM timers WHERE kind IN :kinds ORDER BY due_at, ref")
OUTBOX = Statement(
    """
    SELECT o.channel, o.address, o.kind, m.author, m.automatic FROM outbox o JOIN messages m ON m.id = o.message
    WHERE m.author_kind = 'system' ORDER BY o.created_at, o.address
    """
)
AGAIN = Statement("UPDATE timers SET fired_at = :no WHERE kind = 'receipt'")
RESOLVED = Statement("UPDATE conversations SET status = 'resolved', resolved_at = 1, last_in_at = 1")
WAITING = Statement("SELECT id, waiting_since FROM conversations")
OWNED = Statement("UPDATE conversations SET owner = :owner")
COUNTS = Statement("SELECT value FROM counters WHERE name <> 'conversation' ORDER BY name")
SUPPRESSED = Statement("SELECT payload FROM events WHERE type = 'receipt_suppressed' ORDER BY at")


def rules(snapshot: Snapshot, inbound: Inbound) -> Decision:
    return decide(snapshot, inbound, BOOK)


async def receive(database: Database, *inbounds: Inbound) -> None:
    for each in inbounds:
        await database.transact(intake.receive, [Submission(each.channel, [arrival(each)])], rules, BOOK)


def fire(tx: Transaction) -> list[Touched]:
    """What `gateway.timers` does."""
    handlers = {automatic.RECEIPT: automatic.receipt, automatic.WAITING: automatic.waiting}
    due = [each for each in timers.fire(tx, 100) if each.kind in handlers]
    return [handlers[timer.kind](tx, timer.ref, BOOK) for timer in due]


async def all_of(database: Database, statement: Statement, **parameters: object) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(statement, parameters))


async def due(database: Database) -> list[tuple[object, ...]]:
    rows = await all_of(database, TIMERS, kinds=[automatic.RECEIPT, automatic.WAITING])
    return [(row[0], bool(row[2])) for row in rows]


def mail(who: str, to: str = "mail") -> Inbound:
    sender = Sender(identity=IdentityKey("email", who), verification=1)
    return question("Where is my order?", channel=to, who=who, sender=sender)


async def test_a_receipt_is_asked_for_in_the_transaction_of_the_message_and_once(database: Database) -> None:
    first = question()
    await receive(database, first, first, question("Hello?"))
    assert await due(database) == [("receipt", False)]


async def test_it_is_one_message_by_nobody_and_a_second_look_finds_it_there(database: Database) -> None:
    await receive(database, question())
    await database.transact(fire)
    await database.transact(lambda tx: tx.run(AGAIN, {"no": None}))
    await database.transact(fire)
    rows = await all_of(database, OUTBOX)
    assert [(*row[:4], bool(row[4])) for row in rows] == [("tg", "42", "message", "system:ack", True)]
    assert await all_of(database, COUNTS) == []


async def test_x14_an_address_gets_one_automatic_mail_a_day_from_whatever_mailbox(database: Database) -> None:
    await receive(database, mail("ann@customer.example"), mail("bob@customer.example"))
    await database.transact(fire)
    assert [row[1] for row in await all_of(database, OUTBOX)] == ["ann@customer.example", "bob@customer.example"]
    assert await all_of(database, COUNTS) == [(2,)]
    await database.transact(lambda tx: tx.run(RESOLVED, {}))
    await receive(database, mail("ann@customer.example", to="sales"))
    await database.transact(fire)
    assert len(await all_of(database, OUTBOX)) == 2
    ((payload,),) = await all_of(database, SUPPRESSED)
    assert "this address got an automatic mail" in str(payload)


async def test_l3_automatic_mails_of_an_hour_are_counted_and_end(database: Database) -> None:
    for _ in range(MAILS_AN_HOUR):
        await database.transact(automatic.count_mail)
    await receive(database, mail("ann@customer.example"))
    await database.transact(fire)
    assert await all_of(database, OUTBOX) == []
    assert await all_of(database, COUNTS) == [(MAILS_AN_HOUR,)]


async def test_a_waiting_message_is_asked_for_once_a_round_and_not_said_to_whom_somebody_has(
    database: Database,
) -> None:
    await receive(database, question())
    ((conversation, since),) = await all_of(database, WAITING)
    for _ in range(2):
        await database.transact(lambda tx: automatic.nobody(tx, UUID(bytes=conversation), since))  # type: ignore[arg-type]  # columns
    assert [row[0] for row in await due(database)] == ["receipt", "waiting"]
    await database.transact(lambda tx: tx.run(OWNED, {"owner": "alice"}))
    ref = f"{UUID(bytes=conversation).hex}:{since}"  # type: ignore[arg-type]  # a column
    await database.transact(automatic.waiting, ref, BOOK)
    assert await all_of(database, OUTBOX) == []
    await database.transact(lambda tx: tx.run(OWNED, {"owner": None}))
    await database.transact(automatic.waiting, ref, BOOK)
    await database.transact(automatic.waiting, ref, BOOK)
    assert [row[3] for row in await all_of(database, OUTBOX)] == ["system:waiting"]
