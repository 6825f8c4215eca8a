"""Everything an agent does, done from Slack alone on a conversation of each customer channel."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.slack.workspace import Post
from router.model import Status
from tests.stories.gateway import Gateway, running, settled
from tests.stories.test_card import filled, press, root_of, says, stands
from tests.stories.test_desk_verbs import buttons, own_words, whispered
from tests.stories.test_forms import form, known
from tests.stories.test_held_edit import Browser
from tests.stories.test_one_voice import ask

QUESTION = "Where is my parcel A10017?"


class Customer:
    """Somebody on one channel: what they write, and what they were told."""

    def __init__(self, gateway: Gateway, channel: str) -> None:
        self._world = gateway.world
        self._channel = channel
        self._browser = Browser(gateway.variables["SANDBOX_URL"])
        self._asked = ""

    async def write(self, text: str) -> None:
        match self._channel:
            case "mail":
                await self._world.mail.send("ann@customer.example", text, subject="A parcel", name="Ann")
            case "tg":
                self._world.telegram.say("ann", text)
            case "web":
                await self._browser.ask(text)
            case _:
                self._asked = self._world.slack.post("dana", "#help", text, thread_ts=self._asked or None)

    async def told(self) -> str:
        """Everything, as one text."""
        match self._channel:
            case "mail":
                return "\n".join(each.text for each in self._world.mail.mailbox("ann@customer.example"))
            case "tg":
                return "\n".join(self._world.telegram.heard("ann"))
            case "web":
                return str(await self._browser.reads())
        return "\n".join(each.text for each in self._world.slack.thread("#help", self._asked) if each.bot)

    async def hears(self, text: str) -> None:
        async def so() -> bool:
            return text in await self.told()

        await settled(so)


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(database_url, tmp_path, own_words) as gateway:
        yield gateway


def sends(shop: Gateway, post: Post, said: Any) -> None:
    """Press the button of a preview that sends it."""
    shop.world.slack.press_whisper(said, next(each for each in buttons(said) if each.startswith("ask.send-canned")))


@pytest.mark.parametrize("channel", ["mail", "tg", "web", "help"])
async def test_all_that_an_agent_does_is_done_from_slack(shop: Gateway, channel: str) -> None:
    customer = Customer(shop, channel)
    await customer.write(QUESTION)
    post = await shop.shown(QUESTION)
    root = await says(shop, post, channel, "Status: open")

    # whose it is: taken, passed, assigned, taken over, and why it is here
    press(shop, "alice", root, "take")
    await says(shop, post, "Owner: Alice Chen")
    await form(shop, root, "assign")
    await filled(shop, "alice", whom="bob")
    await says(shop, post, "Owner: Bob Li")
    shop.world.slack.press("bob", root.channel, root.ts, "ask.pass_form")
    await filled(shop, "bob", reason="not my parcel")
    await says(shop, post, "Owner: -")
    press(shop, "alice", root, "take")
    await says(shop, post, "Owner: Alice Chen")
    press(shop, "alice", root, "why")
    await shop.shown("Here because")

    # what it is: class, tags, language, history, ways
    ask(shop, post, "priority vip")
    ask(shop, post, "tag parcel late")
    await says(shop, post, "VIP", "Tags: parcel, late")
    ask(shop, post, "untag late")
    await shop.shown("Tags now: parcel.")
    ask(shop, post, "language de")
    await shop.shown("language is de now")
    ask(shop, post, "tier gold")
    await says(shop, post, "Tier: gold")
    await shop.shown("tier is gold now, said by Alice Chen")
    ask(shop, post, "history")
    await whispered(shop, "1 conversation with this customer")
    ask(shop, post, "via")
    await shop.shown("answers go there")

    # what is said: a note, a reply, its edit, a canned reply, a held one sent anyway and one discarded
    await shop.answer(post, "// the courier lost it twice")
    reply = await shop.answer(post, "Hello, it left us yesterday.")
    await customer.hears("it left us yesterday")
    await shop.marked(post, reply, "white_check_mark")
    ask(shop, post, "canned late")
    preview = await whispered(shop, "of Lamps &amp; Co here")
    sends(shop, post, preview)
    await customer.hears("here: it is late.")
    await shop.answer(post, "Hello, only an idiot would pack it so.")
    held = await shop.shown("Held: the reply by Alice Chen")
    ask(shop, post, "discard")
    await shop.shown("iscarded")
    await shop.answer(post, "Hello, we will send a new one to you.")
    await customer.hears("we will send a new one")

    # when: set aside, on hold, opened again, resolved by a form
    ask(shop, post, "snooze 2h")
    await stands(shop, Status.SNOOZED)
    ask(shop, post, "open")
    await stands(shop, Status.OPEN)
    ask(shop, post, "hold")
    await stands(shop, Status.ON_HOLD)
    ask(shop, post, "open")
    await stands(shop, Status.OPEN)
    await known(shop)
    ask(shop, post, "spam")
    await says(shop, post, "spam")
    ask(shop, post, "unspam")
    await says(shop, post, "Status: open")
    await form(shop, root_of(shop, post), "resolve")
    await filled(shop, "alice", category="solved")
    await stands(shop, Status.RESOLVED)

    # and the customer writes again, in the same thread
    await customer.write("Parcel A10017 is not here. What now?")
    again = await shop.shown("is not here. What now?")
    assert again.thread_ts == post.thread_ts
    told = await customer.told()
    assert "idiot" not in told
    assert "courier" not in told
    assert held.thread_ts == post.thread_ts
