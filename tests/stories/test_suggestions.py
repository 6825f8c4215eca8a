"""Two customers who are perhaps one: the thread asks, once, and remembers the answer; on both databases (4.1)."""

import asyncio

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled
from tests.stories.test_held_buttons import says
from tests.stories.test_one_voice import ask
from tests.stories.test_promise_buttons import press

ANN = "ann@customer.example"
SUGGESTED = "Perhaps this customer is"
LINKS = Statement("SELECT actor FROM contact_merges WHERE undone_at IS NULL")
PAIRS = Statement("SELECT apart, actor FROM contact_pairs")
BEAT = 2.5
"""Seconds in which a question would have been asked."""


async def mailed(gateway: Gateway, text: str, name: str = "Ann") -> Post:
    await gateway.world.mail.send(ANN, text, subject="A parcel", name=name)
    return await gateway.shown(text)


async def said(gateway: Gateway, text: str, who: str = "ann") -> Post:
    gateway.world.telegram.say(who, text)
    return await gateway.shown(text)


def suggestions(gateway: Gateway) -> list[Post]:
    return [post for post in gateway.posts() if SUGGESTED in post.text]


async def suggested(gateway: Gateway, post: Post) -> Post:
    notice = await gateway.shown(SUGGESTED)
    assert notice.thread_ts == post.thread_ts
    return notice


async def remembers(gateway: Gateway, apart: bool, actor: str) -> None:
    async def so() -> bool:
        return [(bool(row[0]), row[1]) for row in await rows(gateway, PAIRS)] == [(apart, actor)]

    await settled(so)


async def test_4_1_who_writes_the_address_of_one_of_the_same_name_may_be_them(gateway: Gateway) -> None:
    await mailed(gateway, "Where is my parcel?")
    post = await said(gateway, f"Hello, I wrote from {ANN.upper()} already.")
    notice = await suggested(gateway, post)
    assert "is Ann (#1) as well: their mail address was written here, they have the same name." in notice.text
    press(gateway, notice, "link")
    await says(gateway, notice, "Ann of #1 is this customer too, said by Alice Chen.")
    await gateway.shown("Linked: Ann of #1 is this customer too")
    assert await rows(gateway, LINKS) == [("agent:alice",)]


async def test_4_1_not_the_same_is_remembered(gateway: Gateway) -> None:
    await mailed(gateway, "Where is my parcel?")
    notice = await suggested(gateway, await said(gateway, f"Hello, please ask {ANN}."))
    await remembers(gateway, False, "system:suggestions")
    press(gateway, notice, "not-same")
    await says(gateway, notice, "Ann of #1 is not this customer, said by Alice Chen.")
    await remembers(gateway, True, "agent:alice")
    await gateway.halt()
    await gateway.boot()
    await said(gateway, f"Once more: please ask {ANN}.")
    await asyncio.sleep(BEAT)
    assert suggestions(gateway) == []
    assert await rows(gateway, LINKS) == []


async def test_4_1_who_is_not_the_same_customer_is_said_without_being_asked(gateway: Gateway) -> None:
    await mailed(gateway, "Where is my parcel?")
    post = await said(gateway, "Hello, where is mine?", who="tom")
    ask(gateway, post, "not-same")
    await gateway.shown("Say who is not the same customer")
    ask(gateway, post, "not-same #1 other surname")
    await gateway.shown("Ann of #1 is not this customer, said by Alice Chen.")
    await said(gateway, f"My name is Ann, and I have written from {ANN}", who="tom")
    ask(gateway, post, f"link {ANN} it is her")
    await gateway.shown("Linked: Ann of ann@customer.example is this customer too")
    ask(gateway, post, "not-same #1")
    await gateway.shown("The customer of #1 is linked with this one")
    await remembers(gateway, True, "agent:alice")


async def test_4_1_the_same_order_and_the_same_question_are_enough_and_an_address_alone_is_not(
    gateway: Gateway,
) -> None:
    asked = "the blue jacket of order US-20260301-77 came without its hood, what do we do?"
    await mailed(gateway, f"Hello, {asked}", name="Mrs Miller")
    await said(gateway, f"Please write to {ANN}", who="tom")
    post = await said(gateway, f"Good morning, {asked}", who="ben")
    notice = await suggested(gateway, post)
    assert "their order was named here, they ask the same" in notice.text
    assert len(suggestions(gateway)) == 1


async def test_4_1_what_a_colleague_names_is_not_theirs(gateway: Gateway) -> None:
    await mailed(gateway, "Where is the parcel of order US-20260301-77?")
    gateway.world.slack.post("dana", "#help", f"What do we tell {ANN} about order US-20260301-77?")
    await gateway.shown("What do we tell")
    await asyncio.sleep(BEAT)
    assert suggestions(gateway) == []
