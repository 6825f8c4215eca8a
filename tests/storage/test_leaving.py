"""What is resolved with an answer on its way, whatever becomes of the answer (adr/0015), on both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from router.model import DeliveryState, IdentityKey, Inbound, InboundKind, Sender
from storage import outbox, settling
from storage.database import Database
from storage.outbox import Claim, Settlement
from storage.settling import Ending
from tests.storage.inbounds import answer, question
from tests.storage.test_merging import BOOK, ROUNDS, STATE, asks, link, receive, rows, say, shown
from tests.storage.test_outbox import MovedClock, claim

FAILED = Ending(Settlement(DeliveryState.FAILED, error="rejected"))
DEAD = Ending(Settlement(DeliveryState.DEAD, error="lost"))
SENT = Ending(Settlement(DeliveryState.SENT, remote_ids=("42:99",)))


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def moved(database_url: str, clock: MovedClock) -> AsyncIterator[Database]:
    """Tom waits in conversation 1."""
    database = Database(database_url, clock=clock)
    await asks(database, "Where is my parcel?", "tg", "42")
    clock.move(60)
    yield database
    database.close()


async def status(database: Database, number: int = 1) -> tuple[str, bool]:
    """The status of a conversation and whether somebody waits in it."""
    (found,) = [row for row in await rows(database, STATE) if row[0] == number]
    return found[1], found[4] is not None


async def outcomes(database: Database) -> list[str]:
    return [row[3] for row in await rows(database, ROUNDS)]


async def leave(database: Database, clock: MovedClock, ending: Ending, channel: str = "tg") -> Claim:
    clock.move(3)
    (claimed,) = await claim(database, channel=channel)
    assert await database.transact(settling.settle, claimed, ending, BOOK) is not None
    return claimed


async def answered_in_the_first_of_two(database: Database, clock: MovedClock) -> None:
    """Tom also waits in conversation 2, and the answer in the first is on its way."""
    await asks(database, "My parcel did not come", "mail", "ann@x.example")
    await link(database, 1, 2)
    clock.move(60)
    await receive(database, answer("Tomorrow.", "C1:1"))


def bounce() -> Inbound:
    return Inbound(
        kind=InboundKind.BOUNCE,
        channel="tg",
        address="42",
        sender=Sender(identity=IdentityKey("tg", "mailer"), name="mailer"),
        remote_id="dsn:1",
        target="42:99",
        value="5.1.1",
    )


async def test_an_answer_that_comes_back_opens_again_what_was_resolved_with_it(
    moved: Database, clock: MovedClock
) -> None:
    await receive(moved, answer("Tomorrow.", "C1:1"))
    clock.move(1)
    await say(moved, "resolve", 1)
    await leave(moved, clock, SENT)
    assert await status(moved) == ("resolved", False)
    clock.move(60)
    await receive(moved, bounce())
    assert await outcomes(moved) == ["open"]
    assert await status(moved) == ("open", True)
    assert "It is open again" in "".join(await shown(moved, 1))


async def test_an_answer_that_comes_back_long_after_it_was_resolved_opens_it_again(
    moved: Database, clock: MovedClock
) -> None:
    await receive(moved, answer("Tomorrow.", "C1:1"))
    await leave(moved, clock, SENT)
    clock.move(60)
    await say(moved, "resolve", 1)
    assert (await outcomes(moved), await status(moved)) == (["answered"], ("resolved", False))
    clock.move(3600)
    await receive(moved, bounce())
    assert (await outcomes(moved), await status(moved)) == (["open"], ("open", True))
    assert "It is open again" in "".join(await shown(moved, 1))


async def test_an_answer_written_before_a_merge_that_fails_opens_the_survivor_again(
    moved: Database, clock: MovedClock
) -> None:
    await answered_in_the_first_of_two(moved, clock)
    await say(moved, "merge #2", 1)
    clock.move(1)
    await say(moved, "resolve", 2)
    assert await status(moved, 2) == ("resolved", True)
    await leave(moved, clock, FAILED)
    assert await status(moved, 2) == ("open", True)


async def test_one_of_two_answers_fails_and_the_other_answers(moved: Database, clock: MovedClock) -> None:
    await receive(moved, answer("Tomorrw.", "C1:1"))
    await receive(moved, answer("Tomorrow.", "C1:1"))
    clock.move(1)
    await say(moved, "resolve", 1)
    await leave(moved, clock, FAILED)
    await leave(moved, clock, SENT)
    assert await status(moved) == ("resolved", False)


async def test_an_answer_that_is_sent_again_by_an_administrator_answers(moved: Database, clock: MovedClock) -> None:
    await receive(moved, answer("Tomorrow.", "C1:1"))
    dead = await leave(moved, clock, DEAD)
    assert await status(moved) == ("open", True)
    assert await moved.transact(outbox.retry, dead.delivery.id)
    await leave(moved, clock, SENT)
    assert await status(moved) == ("open", False)
    assert await outcomes(moved) == ["answered"]


async def test_resolved_with_an_answer_that_is_sent_again_by_an_administrator(
    moved: Database, clock: MovedClock
) -> None:
    await receive(moved, answer("Tomorrow.", "C1:1"))
    dead = await leave(moved, clock, DEAD)
    assert await moved.transact(outbox.retry, dead.delivery.id)
    await say(moved, "resolve", 1)
    await leave(moved, clock, SENT)
    assert await status(moved) == ("resolved", False)


async def test_an_edit_that_fails_leaves_the_reply_an_answer(moved: Database, clock: MovedClock) -> None:
    post = answer("Tomorrw.", "C1:1")
    await receive(moved, post)
    await leave(moved, clock, SENT)
    assert await outcomes(moved) == ["answered"]
    edit = replace(
        post,
        kind=InboundKind.EDIT,
        text=question("Tomorrow.").text,
        target=post.remote_id,
        remote_id=f"{post.remote_id}:2",
        order=post.order + 1,
    )
    await receive(moved, edit)
    await leave(moved, clock, FAILED)
    assert await outcomes(moved) == ["answered"]
    assert await status(moved) == ("open", False)


async def test_a_merge_that_is_undone_leaves_nobody_without_an_answer_on_its_way(
    moved: Database, clock: MovedClock
) -> None:
    """The answer to both is that of the first alone, once they are apart."""
    await answered_in_the_first_of_two(moved, clock)
    await say(moved, "resolve", 1)
    await say(moved, "merge #2", 1)
    clock.move(1)
    await say(moved, "resolve", 2)
    assert await status(moved, 2) == ("resolved", True)
    await say(moved, "unmerge", 1)
    assert [await status(moved, each) for each in (1, 2)] == [("resolved", True), ("open", True)]
    await leave(moved, clock, SENT)
    assert await status(moved, 1) == ("resolved", False)


async def test_an_answer_that_failed_while_it_was_merged_opens_it_again_after_an_unmerge(
    moved: Database, clock: MovedClock
) -> None:
    await answered_in_the_first_of_two(moved, clock)
    await say(moved, "resolve", 1)
    await say(moved, "merge #2", 1)
    await leave(moved, clock, FAILED)
    await say(moved, "unmerge", 1)
    assert await status(moved, 1) == ("open", True)
