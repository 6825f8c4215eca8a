"""Held replies decided by their buttons: what leaves, who may, and what the notice says afterwards."""

import pytest

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled
from tests.stories.test_card import buttons, filled, words
from tests.stories.test_one_voice import HOLDS, ask, asked, heard

RETURNS = "Hello, you can return it within 30 days."
BRUSH_OFF = "That is not my department."
EVENTS = Statement("SELECT actor FROM events WHERE type = :type ORDER BY seq")
OPEN = Statement("SELECT about FROM open_notices")


async def held(gateway: Gateway, text: str, user: str = "bob") -> tuple[Post, Post, str]:
    """The customer's post, the notice of the reply that is held, and the ts of the reply."""
    post = await asked(gateway)
    ts = await gateway.answer(post, text, user=user)
    return post, await gateway.shown("Held: the reply by"), ts


def press(gateway: Gateway, user: str, notice: Post, verb: str, times: int = 1) -> None:
    action = next(each for each in buttons(notice) if each.startswith(f"ask.{verb}_"))
    gateway.world.slack.press(user, notice.channel, notice.ts, action, times=times)


def line_of(notice: Post, verb: str) -> str:
    """What a button says, without what asks for its form."""
    elements = [each for block in notice.blocks if block["type"] == "actions" for each in block["elements"]]
    return next(str(each["value"]) for each in elements if str(each["value"]).startswith(verb)).removesuffix(" …")


async def says(gateway: Gateway, notice: Post, text: str) -> None:
    """The notice was changed in place: it says this, and asks nothing any more."""
    await gateway.world.slack.until(lambda: text in words(notice.blocks))
    assert buttons(notice) == []


async def whispered(gateway: Gateway, text: str) -> str:
    """Whom something was said to in private."""
    whispers = gateway.world.slack.workspace.whispers
    await gateway.world.slack.until(lambda: any(text in each.text for each in whispers))
    return next(each.user for each in whispers if text in each.text)


async def ended(gateway: Gateway, state: str) -> None:
    async def so() -> bool:
        return [row[0] for row in await rows(gateway, HOLDS)] == [state]

    await settled(so)


async def test_4_5_the_approved_sentence_takes_the_place_of_the_wrong_one_and_leaves_once(gateway: Gateway) -> None:
    _, notice, _ = await held(gateway, RETURNS)
    assert [each.split("_")[0] for each in buttons(notice)] == ["ask.insert", "ask.reword", "ask.send", "ask.discard"]
    assert "Release (lead)" in str(notice.blocks)
    press(gateway, "bob", notice, "insert", times=2)
    await heard(gateway, "Hello, you can return it within 7 days of receipt.")
    await says(gateway, notice, "Changed and sent by Bob Li at ")
    assert "you can return it within 7 days" in words(notice.blocks)
    assert await rows(gateway, EVENTS, type="reply_released") == [("agent:bob",)]
    assert await rows(gateway, OPEN) == []


async def test_s16_of_two_who_press_at_once_one_decides_and_the_other_is_told_what_happened(gateway: Gateway) -> None:
    _, notice, _ = await held(gateway, BRUSH_OFF)
    press(gateway, "bob", notice, "discard", times=2)
    press(gateway, "alice", notice, "insert")
    await says(gateway, notice, "Discarded by Bob Li at ")
    assert await whispered(gateway, "Bob Li has dropped this reply already") == "U0ALICE"
    assert await rows(gateway, EVENTS, type="reply_discarded") == [("agent:bob",)]
    assert gateway.world.telegram.heard("tom") == []


async def test_s8_who_is_no_agent_presses_in_vain(gateway: Gateway) -> None:
    _, notice, _ = await held(gateway, BRUSH_OFF)
    for outsider in ("guest", "dana", "eve"):
        press(gateway, outsider, notice, "insert")
    await gateway.world.slack.until(lambda: len(gateway.world.slack.workspace.whispers) == 3)
    assert all("Not done" in each.text for each in gateway.world.slack.workspace.whispers)
    press(gateway, "carol", notice, "insert")
    assert await whispered(gateway, "Only its author or a lead can change a held reply.") == "U0CAROL"
    assert gateway.world.telegram.heard("tom") == []
    press(gateway, "bob", notice, "insert")
    await heard(gateway, "Let me check this for you.")


@pytest.mark.parametrize("first", ["edit", "press"])
async def test_of_an_edit_and_a_press_at_once_one_wins_and_never_both(gateway: Gateway, first: str) -> None:
    post, notice, ts = await held(gateway, BRUSH_OFF)
    better = "Hello Tom, I will ask the warehouse."
    if first == "press":
        press(gateway, "bob", notice, "discard")
    gateway.world.slack.edit("bob", post.channel, ts, better)
    if first == "edit":
        press(gateway, "bob", notice, "discard")
    await settled(lambda: _both_came(gateway))
    [(state, *_)] = await rows(gateway, HOLDS)
    if state == "released":
        await heard(gateway, better)
        await says(gateway, notice, "Changed and sent by Bob Li at ")
        assert await whispered(gateway, "Bob Li has sent this reply already") == "U0BOB"
    else:
        await gateway.shown("It was never sent")
        await says(gateway, notice, "Discarded by Bob Li at ")
        assert gateway.world.telegram.heard("tom") == []


async def _both_came(gateway: Gateway) -> bool:
    [(count,)] = await rows(gateway, Statement("SELECT count(*) FROM inbox WHERE channel = 'desk' AND state = 'done'"))
    return bool(count == 3)


async def test_what_is_decided_are_the_words_that_were_read(gateway: Gateway) -> None:
    post, notice, ts = await held(gateway, BRUSH_OFF)
    before = line_of(notice, "send")
    gateway.world.slack.edit("bob", post.channel, ts, "Only an idiot would ask that.")
    await says(gateway, notice, "Changed and held again, see below, by Bob Li at ")
    newest = await gateway.shown("block W-INSULT")
    ask(gateway, post, f"{before} the customer is in a hurry", "alice")
    await gateway.shown("the words of this reply have changed since")
    ask(gateway, post, f"{line_of(newest, 'send')} a quotation of the customer", "alice")
    await heard(gateway, "Only an idiot would ask that.")
    await says(gateway, newest, "Sent anyway by Alice Chen at ")
    assert "a quotation of the customer" in words(newest.blocks)


async def test_decisions_17_the_buttons_can_be_asked_for_again(gateway: Gateway) -> None:
    post, notice, _ = await held(gateway, BRUSH_OFF)
    ask(gateway, post, "held", "bob")
    await says(gateway, notice, "Asked for again")

    def again() -> list[Post]:
        return [each for each in gateway.posts() if "Held: the reply by" in each.text and each.ts != notice.ts]

    await gateway.world.slack.until(lambda: bool(again()))
    [newest] = again()
    press(gateway, "bob", newest, "discard")
    await says(gateway, newest, "Discarded by Bob Li at ")


async def test_4_4_the_second_answer_is_shown_with_the_first_one_and_its_time(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "Hello Tom, it left the warehouse this morning.", user="alice")
    await heard(gateway, "Hello Tom, it left the warehouse this morning.")
    await gateway.answer(post, "Hello, I am looking for it, one moment.", user="bob")
    notice = await gateway.shown("Held: the reply by Bob Li")
    assert "Alice Chen at " in notice.text
    assert '"Hello Tom, it left the warehouse this morning."' in notice.text
    assert [each.split("_")[0] for each in buttons(notice)] == ["ask.reword", "ask.send", "ask.discard"]


async def test_4_0_send_anyway_asks_for_the_reason_and_only_a_lead_releases_a_block(gateway: Gateway) -> None:
    _, notice, _ = await held(gateway, "Hello, only an idiot would ask that.", user="carol")
    assert "A lead (Bob Li) may send it" in notice.text
    press(gateway, "carol", notice, "send")
    await filled(gateway, "carol", reason="I mean it")
    assert await whispered(gateway, "Only a lead can send this") == "U0CAROL"
    assert gateway.world.telegram.heard("tom") == []
    press(gateway, "alice", notice, "send")
    await filled(gateway, "alice", reason="a quotation")
    await heard(gateway, "Hello, only an idiot would ask that.")
    await says(gateway, notice, "Sent anyway by Alice Chen at ")
    assert (await rows(gateway, HOLDS))[0][:3] == ("released", "a quotation", "agent:alice")


async def test_4_0_edit_shows_the_words_and_checks_the_new_ones(gateway: Gateway) -> None:
    _, notice, _ = await held(gateway, BRUSH_OFF)
    press(gateway, "bob", notice, "reword")
    await filled(gateway, "bob", text="Only an idiot would ask that.")
    await says(gateway, notice, "Changed and held again, see below, by Bob Li at ")
    newest = await gateway.shown("block W-INSULT")
    press(gateway, "bob", newest, "reword")
    await filled(gateway, "bob", text="Hello Tom, I will ask the warehouse.")
    await heard(gateway, "Hello Tom, I will ask the warehouse.")
    await says(gateway, newest, "Hello Tom, I will ask the warehouse.")
    assert await rows(gateway, EVENTS, type="message_edited") == [("agent:bob",)] * 2
