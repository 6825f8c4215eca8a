"""The duplicate rule on both databases: one question on two channels is one conversation and one round (C33)."""

from dataclasses import replace
from uuid import UUID

from router.decision import Decision, Snapshot
from router.model import IdentityKey, Inbound, Sender
from router.routing import decide
from storage import intake, rounds
from storage.database import Database
from storage.intake import Submission
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.router.test_attaching import BOOK
from tests.storage.inbounds import arrival, question

CONVERSATIONS = Statement("SELECT count(*) FROM conversations")
ROUNDS = Statement("SELECT kind, outcome, channel FROM rounds")
ANY = Statement("SELECT id FROM conversations")
TOPIC = Statement("UPDATE conversations SET topic = 'tech'")
LATER = Statement("UPDATE messages SET received_at = received_at - :micros")
ASKED = "When will the money for the blue jacket be on my account, please?"
TOM = Sender(identity=IdentityKey("tg", "42"), name="Tom", verification=1)


def rules(snapshot: Snapshot, inbound: Inbound) -> Decision:
    return decide(snapshot, inbound, BOOK)


async def receive(database: Database, *inbounds: Inbound) -> None:
    for each in inbounds:
        await database.transact(intake.receive, [Submission(each.channel, [arrival(each)])], rules, BOOK)


async def rows(database: Database, statement: Statement) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(statement, {}))


def by_mail(text: str) -> Inbound:
    return replace(question(text, channel="mail", who="tom@x.example"), sender=TOM)


async def test_c33_one_question_on_two_channels_is_one_round(database: Database) -> None:
    await receive(database, question(ASKED))
    await database.transact(lambda tx: tx.run(TOPIC, {}))
    await receive(database, by_mail(f"Hello, a refund! {ASKED}"))
    assert await rows(database, CONVERSATIONS) == [(1,)]
    assert await rows(database, ROUNDS) == [("first", "open", "tg")]
    ((found,),) = await rows(database, ANY)
    figures = await database.read(rounds.figures_of, UUID(bytes=bytes(found)), BOOK.terms)  # type: ignore[call-overload]  # an id
    assert [each.channels for each in figures.rounds] == [("tg", "mail")]


async def test_after_72_hours_it_is_a_new_conversation(database: Database) -> None:
    await receive(database, question(ASKED))
    await database.transact(lambda tx: tx.run(TOPIC, {}))
    await database.transact(lambda tx: tx.run(LATER, {"micros": 73 * 3_600_000_000}))
    await receive(database, by_mail(f"Hello, a refund! {ASKED}"))
    assert await rows(database, CONVERSATIONS) == [(2,)]


async def test_texts_are_loaded_only_for_a_message_on_another_address_and_only_the_latest(database: Database) -> None:
    await receive(database, *(question(f"Question number {number}") for number in range(7)))

    async def asked(inbound: Inbound) -> list[str]:
        snapshot = await database.read(lambda tx: Snapshots(tx, [inbound], lock=False).of(inbound))
        return [each.text for each in snapshot.asked]

    assert await asked(question("And?")) == []
    assert await asked(by_mail("And?")) == [f"Question number {number}" for number in (6, 5, 4, 3, 2)]
