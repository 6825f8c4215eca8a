"""What follows when customers edit what they wrote: like a new message where they ask something else (D9)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from router.agent_state import AgentStatus
from router.assignment_inputs import Mode
from router.model import DeliveryState, Inbound, InboundKind
from router.ownership import StatusChange
from router.richtext import of_text
from storage import agents, settling
from storage.database import Database
from storage.outbox import Settlement
from storage.settling import Ending
from storage.statement import Statement
from tests.storage.inbounds import answer, question
from tests.storage.test_assignments import Shop, in_mode
from tests.storage.test_merging import ALARMS, BOOK, LINK, ROUNDS, STATE, receive, rows, say, shown
from tests.storage.test_outbox import MovedClock, claim

ASKED = question("Please cancel order US-20260301-77")
OTHER = "Please cancel order US-20260301-99"
SENT = Ending(Settlement(DeliveryState.SENT, remote_ids=("42:99",)))
CARDS = Statement("SELECT count(*) FROM outbox WHERE kind = 'card' AND state = 'ready'")
LEG = Statement("SELECT last_in_at, last_remote_id FROM legs WHERE NOT desk")


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def asked(database_url: str, clock: MovedClock) -> AsyncIterator[Database]:
    """Tom waits in conversation 1."""
    database = Database(database_url, clock=clock)
    await receive(database, ASKED)
    await database.transact(lambda tx: tx.run(LINK, {}))
    clock.move(60)
    yield database
    database.close()


async def leave(database: Database, clock: MovedClock) -> None:
    clock.move(3)
    (claimed,) = await claim(database, channel="tg")
    await database.transact(settling.settle, claimed, SENT, BOOK)
    clock.move(30)


async def reply(database: Database, clock: MovedClock, text: str = "It is cancelled.") -> None:
    await receive(database, answer(text, "C1:1"))
    await leave(database, clock)


def edited(text: str, version: int = 1) -> Inbound:
    return replace(
        ASKED,
        kind=InboundKind.EDIT,
        text=of_text(text),
        target=ASKED.remote_id,
        remote_id=f"{ASKED.remote_id}@{version}",
        order=version,
    )


async def outcomes(database: Database) -> list[tuple[str, str]]:
    return [row[2:4] for row in await rows(database, ROUNDS)]


async def standing(database: Database) -> tuple[str, bool]:
    """The status of conversation 1 and whether somebody waits in it."""
    row = (await rows(database, STATE))[0]
    return row[1], row[4] is not None


async def test_d9_who_asks_something_else_after_the_answer_waits_again_since_then(
    asked: Database, clock: MovedClock
) -> None:
    await reply(asked, clock)
    assert (await outcomes(asked), await rows(asked, ALARMS)) == ([("first", "answered")], [])
    await receive(asked, edited(OTHER))
    assert await outcomes(asked) == [("first", "answered"), ("next", "open")]
    started = (await rows(asked, ROUNDS))[1][5]
    assert started == clock.now.timestamp() * 1_000_000
    assert len(await rows(asked, ALARMS)) == 4
    assert await standing(asked) == ("open", True)
    assert (await rows(asked, CARDS))[0][0] == 1
    assert await rows(asked, LEG) == [(started, ASKED.remote_id)]
    await reply(asked, clock, "That one is cancelled too.")
    assert await outcomes(asked) == [("first", "answered"), ("next", "answered")]


async def test_d9_another_edit_is_silent(asked: Database, clock: MovedClock) -> None:
    await reply(asked, clock)
    before = await shown(asked, 1)
    await receive(asked, edited("please cancel order US-20260301-77!"))
    assert await outcomes(asked) == [("first", "answered")]
    assert await standing(asked) == ("open", False)
    assert len(await shown(asked, 1)) == len(before)


async def test_d11_an_answer_written_before_the_edit_does_not_answer_it(asked: Database, clock: MovedClock) -> None:
    await receive(asked, answer("It is cancelled.", "C1:1"))
    clock.move(1)
    await receive(asked, edited(OTHER))
    await leave(asked, clock)
    assert await outcomes(asked) == [("first", "answered"), ("next", "open")]


async def test_d9_an_answer_that_saw_the_edit_answers_both(asked: Database, clock: MovedClock) -> None:
    await receive(asked, edited(OTHER))
    await reply(asked, clock)
    assert await outcomes(asked) == [("first", "answered")]


@pytest.mark.parametrize("said", ["resolve", "snooze 4h", "pending"])
async def test_d21_asking_something_else_opens_again(asked: Database, clock: MovedClock, said: str) -> None:
    await reply(asked, clock)
    await say(asked, said, 1)
    assert await standing(asked) not in {("open", False), ("open", True)}
    await receive(asked, edited(OTHER))
    assert await standing(asked) == ("open", True)


async def test_d9_what_is_asked_anew_while_the_answer_is_on_its_way_survives_the_resolve(
    asked: Database, clock: MovedClock
) -> None:
    await receive(asked, answer("It is cancelled.", "C1:1"))
    clock.move(1)
    await say(asked, "resolve", 1)
    await receive(asked, edited(OTHER))
    await leave(asked, clock)
    assert await standing(asked) == ("open", True)
    assert await outcomes(asked) == [("first", "answered"), ("next", "open")]


async def test_d25_an_edit_that_was_answered_does_not_wait_after_a_split(asked: Database, clock: MovedClock) -> None:
    await receive(asked, question("And where is the other one?"))
    moved = question("What does the green lamp cost?")
    await receive(asked, moved)
    await reply(asked, clock)
    other = replace(edited("What do 20 green lamps cost?"), target=moved.remote_id)
    await receive(asked, other)
    await reply(asked, clock, "They cost 400.")
    await say(asked, "split last 1 Lamps", 1)
    assert {row[3] for row in await rows(asked, ROUNDS)} == {"answered"}


async def test_3_3_who_asks_something_else_after_the_owner_has_gone_gets_another(database_url: str) -> None:
    shop = Shop(database_url, in_mode(Mode.ASSIGN))
    await shop.receive(ASKED)
    await shop.settle()
    await shop.database.transact(lambda tx: tx.run(LINK, {}))
    await shop.receive(answer("It is cancelled.", "C1:1"))
    shop.clock.forward(timedelta(seconds=3))
    (claimed,) = await claim(shop.database, channel="tg")
    await shop.database.transact(settling.settle, claimed, SENT, shop.rules)
    await shop.database.transact(agents.set_status, StatusChange(agent="alice", status=AgentStatus.OFFLINE))
    shop.clock.forward(timedelta(minutes=1))
    await shop.settle()
    assert await shop.owners() == ["alice"]
    await shop.receive(edited(OTHER))
    await shop.settle()
    assert await shop.owners() == ["bob"]
    shop.database.close()
