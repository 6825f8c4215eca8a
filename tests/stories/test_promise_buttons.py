"""What was promised is settled by buttons, and a conversation is not resolved over it without a word."""

from gateway.sandbox.slack.workspace import Post
from storage import ledger
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled
from tests.stories.test_card import buttons, words
from tests.stories.test_held_buttons import OPEN, says, whispered
from tests.stories.test_one_voice import ask, asked, heard, hurry

STATES = Statement("SELECT state FROM promises ORDER BY due_at")
STATUS = Statement("SELECT status FROM conversations")
PROMISE = "Hello Tom, we will get back to you within 2 hours."


async def promised(gateway: Gateway) -> Post:
    post = await asked(gateway, "Hello, where is my parcel?")
    await gateway.answer(post, PROMISE)
    await heard(gateway, PROMISE)
    return post


async def stands(gateway: Gateway, status: str, *states: str) -> None:
    async def so() -> bool:
        found = [row[0] for row in await rows(gateway, STATUS)], [row[0] for row in await rows(gateway, STATES)]
        return found == ([status], list(states))

    await settled(so)


def press(gateway: Gateway, notice: Post, verb: str, user: str = "alice") -> None:
    action = next(each for each in buttons(notice) if each.startswith(f"ask.{verb}"))
    gateway.world.slack.press(user, notice.channel, notice.ts, action)


async def test_4_10_resolving_over_a_promise_asks_and_can_be_left(gateway: Gateway) -> None:
    post = await promised(gateway)
    ask(gateway, post, "resolve")
    notice = await gateway.shown("this is still promised to the customer")
    assert "an answer by " in notice.text
    assert "promised by Alice Chen" in notice.text
    assert buttons(notice) == ["ask.resolve-done", "ask.keep-open", "ask.resolve-anyway"]
    press(gateway, notice, "keep-open")
    await says(gateway, notice, "Kept open by Alice Chen at ")
    await stands(gateway, "open", "open")


async def test_4_10_what_was_promised_is_done_and_resolved_with_one_press(gateway: Gateway) -> None:
    post = await promised(gateway)
    ask(gateway, post, "resolve")
    notice = await gateway.shown("this is still promised to the customer")
    press(gateway, notice, "resolve-done")
    await stands(gateway, "resolved", "kept")
    await says(gateway, notice, "Resolved by Alice Chen.")
    assert await rows(gateway, OPEN) == []


async def test_4_10_resolved_anyway_the_promise_stands(gateway: Gateway) -> None:
    post = await promised(gateway)
    ask(gateway, post, "resolve")
    press(gateway, await gateway.shown("this is still promised to the customer"), "resolve-anyway")
    await stands(gateway, "resolved", "open")


async def test_4_10_a_reminder_is_settled_by_its_button_once(gateway: Gateway) -> None:
    await promised(gateway)
    await hurry(gateway, ledger.TIMER)
    notice = await gateway.shown("late: an answer was promised for")
    press(gateway, notice, "not-promised")
    press(gateway, notice, "done", user="bob")
    assert await whispered(gateway, "this promise is settled already") == "U0BOB"
    await stands(gateway, "open", "cancelled")
    await says(gateway, notice, "Not to be kept any more.")


async def test_4_10_the_promises_are_listed_and_done_by_word(gateway: Gateway) -> None:
    post = await promised(gateway)
    ask(gateway, post, "promises")
    listed = await gateway.shown("1. An answer by ")
    assert [each.split("_")[0] for each in buttons(listed)] == ["ask.done", "ask.not-promised"]
    ask(gateway, post, "done")
    await gateway.shown("Done: an answer by ")
    await stands(gateway, "open", "kept")
    await says(gateway, listed, "Done.")
    assert "An answer by " in words(listed.blocks)
