"""What a reply said that did not reach the customer, as rows, on both databases (4.6, 4.10)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.model import DeliveryState, Inbound, InboundKind
from router.richtext import EMPTY
from storage import settling
from storage.outbox import Settlement
from storage.settling import Ending
from storage.statement import Statement
from tests.storage.inbounds import question
from tests.storage.test_desk_edits import LINK, SENT, Thread, edited
from tests.storage.test_holds import AMOUNTS, CHECKED, HOLDS, says, wants
from tests.storage.test_leaving import bounce

PROMISES = Statement("SELECT kind, state FROM promises ORDER BY made_at, id")
REMINDERS = Statement("SELECT due_at FROM timers WHERE kind = 'promise' AND fired_at IS NULL ORDER BY due_at")
REPLIES = Statement(
    "SELECT id FROM outbox WHERE channel = 'tg' AND kind = 'message' ORDER BY created_at DESC, seq DESC LIMIT 1"
)
FAILED = Ending(Settlement(DeliveryState.FAILED, error="chat not found"))
DEAD = Ending(Settlement(DeliveryState.DEAD, error="no answer"))
DISCARDED = Statement("UPDATE outbox SET state = 'failed' WHERE state = 'dead'")
LITTLE, MORE = "Hello, we will refund $89.50.", "Hello, we will refund $98.50."


class Shop(Thread):
    """A thread whose replies are checked."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url)
        self.rules = CHECKED

    async def rows(self, statement: Statement) -> list[tuple[object, ...]]:
        return await self.database.read(lambda tx: tx.all(statement, {}))

    async def end(self, ending: Ending) -> None:
        """What waits for the customer ends so."""
        for each in await self.claim():
            await self.settle(each, ending)

    async def says(self, text: str, ending: Ending | None = None, user: str = "U0ALICE") -> Inbound:
        self.move(60)
        post = says(text, user)
        await self.take(post)
        if ending is not None:
            await self.end(ending)
        else:
            await self.leave()
        return post

    async def send_again(self) -> None:
        self.move(60)
        ((newest,),) = await self.rows(REPLIES)
        assert await self.database.transact(settling.send_again, UUID(bytes=bytes(newest)))  # type: ignore[call-overload]  # bytes


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    opened = Shop(database_url)
    await opened.take(question("Hello, what is the refund for order US-20260301-77?"))
    await opened.database.transact(lambda tx: tx.run(LINK, {}))
    yield opened
    opened.database.close()


async def amounts(shop: Shop) -> list[tuple[object, object]]:
    return [(row[1], row[2]) for row in await shop.rows(AMOUNTS)]


async def test_what_a_reply_said_that_failed_contradicts_nothing(shop: Shop) -> None:
    await shop.says(LITTLE, FAILED)
    assert await amounts(shop) == [("89.50", "retracted")]
    await shop.says(MORE)
    assert await shop.rows(HOLDS) == []
    assert await amounts(shop) == [("89.50", "retracted"), ("98.50", "active")]


async def test_what_may_have_left_counts_as_told(shop: Shop) -> None:
    await shop.says(LITTLE, DEAD)
    assert await amounts(shop) == [("89.50", "active")]


@pytest.mark.parametrize(("status", "state"), [("5.1.1", "retracted"), ("4.4.1", "active"), ("2.0.0", "active")])
async def test_l6_what_came_back_was_not_told_and_what_is_late_or_there_was(
    shop: Shop, status: str, state: str
) -> None:
    await shop.says(LITTLE)
    await shop.take(replace(bounce(), target=SENT.settlement.remote_ids[0], value=status))
    assert await amounts(shop) == [("89.50", state)]


async def corrected(shop: Shop) -> None:
    """The customer was told little; the correction is on its way."""
    await shop.says(LITTLE)
    shop.move(60)
    await shop.take(says(MORE), wants("correct the postage is ours", "U0ALICE"))
    assert await amounts(shop) == [("89.50", "superseded"), ("98.50", "active")]


async def test_what_a_correction_replaced_stands_again_when_that_fails(shop: Shop) -> None:
    await corrected(shop)
    await shop.end(FAILED)
    assert await amounts(shop) == [("89.50", "active"), ("98.50", "retracted")]


async def test_of_two_corrections_that_fail_nothing_is_left(shop: Shop) -> None:
    await corrected(shop)
    shop.move(1)
    await shop.take(says("Hello, we will refund $99.00."), wants("correct once more", "U0ALICE"))
    await shop.end(FAILED)
    assert [state for _, state in await amounts(shop)] == ["superseded", "retracted", "active"]
    await shop.end(FAILED)
    assert [state for _, state in await amounts(shop)] == ["active", "retracted", "retracted"]


async def test_what_is_sent_again_is_said_again_as_often_as_it_takes(shop: Shop) -> None:
    await corrected(shop)
    await shop.end(FAILED)
    await shop.send_again()
    assert [state for _, state in await amounts(shop)] == ["superseded", "retracted", "active"]
    await shop.end(FAILED)
    assert [state for _, state in await amounts(shop)] == ["active", "retracted", "retracted"]
    await shop.send_again()
    await shop.leave()
    assert (await amounts(shop))[0] == ("89.50", "superseded")
    assert (await amounts(shop))[-1] == ("98.50", "active")


async def test_an_edit_that_fails_is_not_its_reply(shop: Shop) -> None:
    post = await shop.says(LITTLE)
    shop.move(60)
    await shop.take(edited(post, says("Hello, we will refund $89.50. Sorry for that!").text, 1))
    await shop.end(FAILED)
    assert [state for _, state in await amounts(shop)][-1] == "active"


async def test_a_reply_of_several_parts_fails_as_a_whole(shop: Shop) -> None:
    shop.move(60)
    await shop.take(says(f"{LITTLE}\n\n{'All of this is about your lamp. ' * 200}"))
    await shop.end(SENT)
    assert await amounts(shop) == [("89.50", "active")]
    await shop.end(FAILED)
    assert await amounts(shop) == [("89.50", "retracted")]


async def promised(shop: Shop) -> None:
    await shop.says("Hello, we will get back to you within 2 hours.")
    assert await shop.rows(PROMISES) == [("contact", "open")]
    assert len(await shop.rows(REMINDERS)) == 3


async def test_an_answer_that_fails_keeps_no_promise(shop: Shop) -> None:
    await promised(shop)
    before = await shop.rows(REMINDERS)
    await shop.says("It left this morning with DHL.", FAILED)
    assert await shop.rows(PROMISES) == [("contact", "open")]
    assert await shop.rows(REMINDERS) == before

    await shop.send_again()
    assert await shop.rows(PROMISES) == [("contact", "kept")]
    assert await shop.rows(REMINDERS) == []
    await shop.end(FAILED)
    assert await shop.rows(PROMISES) == [("contact", "open")]


async def test_a_promise_is_kept_by_the_answer_that_left(shop: Shop) -> None:
    await promised(shop)
    shop.move(60)
    await shop.take(says("It left this morning with DHL."), says("It will be there on Friday."))
    await shop.end(FAILED)
    await shop.leave()
    assert (await shop.rows(PROMISES))[0] == ("contact", "kept")


async def test_a_promise_that_an_agent_settled_stays_so(shop: Shop) -> None:
    await promised(shop)
    shop.move(60)
    await shop.take(wants("done", "U0ALICE"))
    await shop.says("It left this morning with DHL.", FAILED)
    assert await shop.rows(PROMISES) == [("contact", "kept")]


async def test_a_promise_that_fails_is_none_and_the_one_before_stands(shop: Shop) -> None:
    await promised(shop)
    await shop.says("Hello, we will get back to you within 5 hours.", FAILED)
    assert await shop.rows(PROMISES) == [("contact", "open"), ("contact", "cancelled")]
    assert len(await shop.rows(REMINDERS)) == 3


async def test_a_promise_that_was_late_is_late_again(shop: Shop) -> None:
    await promised(shop)
    shop.move(timedelta(hours=3).total_seconds())
    await shop.says("It left this morning with DHL.", FAILED)
    assert await shop.rows(PROMISES) == [("contact", "late")]


async def test_an_answer_that_is_taken_back_in_time_was_never_given(shop: Shop) -> None:
    await promised(shop)
    post = says("It left this morning with DHL, and we will refund $98.50.")
    await shop.take(post)
    assert await shop.rows(PROMISES) == [("contact", "kept")]
    await shop.take(replace(edited(post, EMPTY, 1), kind=InboundKind.DELETE))
    assert await shop.rows(PROMISES) == [("contact", "open")]
    assert await amounts(shop) == [("98.50", "retracted")]


async def test_what_was_said_twice_stands_when_the_first_comes_back(shop: Shop) -> None:
    await shop.says(LITTLE)
    first = SENT.settlement.remote_ids[0]
    shop.move(60)
    await shop.take(says(f"{LITTLE} Sorry for the wait."))
    await shop.take(replace(bounce(), target=first, value="5.1.1"))
    assert [value for value, state in await amounts(shop) if state == "active"] == ["89.50"]


async def test_of_two_orders_only_the_matter_of_what_failed_stands_again(shop: Shop) -> None:
    both = "For order US-20260301-77 we refund ${}. For order US-20260301-88 we refund ${}."
    await shop.says("Hello. " + both.format("10.00", "20.00"))
    shop.move(60)
    await shop.take(says("Hello. " + both.format("11.00", "21.00")), wants("correct both", "U0ALICE"))
    shop.move(60)
    last = "For order US-20260301-77 we refund $12.00."
    await shop.take(says(f"Hello. {last}"), wants("correct again", "U0ALICE"))
    assert len(await amounts(shop)) == 5
    await shop.end(FAILED)
    assert {value for value, state in await amounts(shop) if state == "active"} == {"12.00", "20.00"}


async def test_what_was_never_taken_back_is_not_retracted_by_sending_it_again(shop: Shop) -> None:
    await shop.says(LITTLE, DEAD)
    await shop.database.transact(lambda tx: tx.run(DISCARDED, {}))
    await shop.send_again()
    assert await amounts(shop) == [("89.50", "active")]


async def test_a_queued_reply_that_is_edited_into_a_held_one_was_not_said(shop: Shop) -> None:
    shop.move(60)
    post = says(LITTLE)
    await shop.take(post, edited(post, says("That is not my department.").text, 1))
    assert await shop.rows(HOLDS) == [("alice", "held")]
    assert await amounts(shop) == [("89.50", "retracted")]


async def test_a_reply_that_was_deleted_while_it_was_being_sent_and_did_not_leave_was_not_said(shop: Shop) -> None:
    shop.move(60)
    post = says(LITTLE)
    await shop.take(post)
    [claim] = [each for each in await shop.claim() if each.delivery.channel == "tg"]
    await shop.take(replace(edited(post, EMPTY, 1), kind=InboundKind.DELETE))
    await shop.settle(claim, Ending(Settlement(DeliveryState.READY, error="limited")))
    assert await amounts(shop) == [("89.50", "retracted")]
