"""Offers accepted and passed by the buttons of their notices, which say afterwards what became of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.sandbox.slack.workspace import Post
from storage import offers
from tests.stories.gateway import Gateway, rows, running
from tests.stories.test_assignment import OFFERS, ask, everybody_in_one_team, owned
from tests.stories.test_card import buttons, filled
from tests.stories.test_held_buttons import OPEN, says, whispered
from tests.stories.test_one_voice import hurry


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two agents of one team, offers."""
    async with running(database_url, tmp_path, everybody_in_one_team) as gateway:
        yield gateway


async def offered(shop: Gateway, to: str = "Alice Chen") -> Post:
    """The notice of an offer; the first of a conversation of its own."""
    if to == "Alice Chen":
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
    return await shop.shown(f"Offered to @{to}")


def press(shop: Gateway, user: str, notice: Post, action: str) -> None:
    shop.world.slack.press(user, notice.channel, notice.ts, f"ask.{action}")


async def test_3_3_an_offer_is_accepted_by_its_button_by_the_one_it_is_for_only(shop: Gateway) -> None:
    notice = await offered(shop)
    assert buttons(notice) == ["ask.accept", "ask.pass_form"]
    assert "; until " in notice.text
    press(shop, "bob", notice, "accept")
    assert await whispered(shop, "It is offered to Alice Chen") == "U0BOB"
    press(shop, "guest", notice, "accept")
    assert await whispered(shop, "Not done") == "U0GUEST"
    await owned(shop, None)
    press(shop, "alice", notice, "accept")
    await owned(shop, "alice")
    await says(shop, notice, "Accepted at ")
    assert await rows(shop, OPEN) == []


async def test_3_3_a_passed_offer_says_why_and_the_next_one_asks_anew(shop: Gateway) -> None:
    notice = await offered(shop)
    press(shop, "alice", notice, "pass_form")
    await filled(shop, "alice", reason="I am in a call")
    await says(shop, notice, "I am in a call.")
    newer = await offered(shop, "Bob Li")
    assert buttons(newer) == ["ask.accept", "ask.pass_form"]
    press(shop, "bob", newer, "accept")
    await owned(shop, "bob")
    await says(shop, newer, "Accepted at ")


async def test_3_3_an_offer_that_ran_out_and_one_that_was_taken_say_so(shop: Gateway) -> None:
    notice = await offered(shop)
    await hurry(shop, offers.TIMER)
    await says(shop, notice, "Not accepted in time.")
    newer = await offered(shop, "Bob Li")
    ask(shop, newer, "alice", "take")
    await says(shop, newer, "Alice Chen has it now.")
    assert [row[:2] for row in await rows(shop, OFFERS)] == [("alice", "expired"), ("bob", "withdrawn")]
