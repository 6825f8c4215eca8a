"""One conversation for one matter in the running gateway: topics, orders, reopening, thanks, on both databases."""

import json

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled

MATTERS = Statement("SELECT number, status, topic, orders, priority FROM conversations ORDER BY number")
ROUNDS = Statement("SELECT kind, outcome FROM rounds ORDER BY conversation, number")
SENT = Statement("SELECT payload FROM events WHERE type = 'message_sent' ORDER BY seq")


async def said(gateway: Gateway, text: str, who: str = "tom") -> Post:
    gateway.world.telegram.say(who, text)
    return await gateway.shown(text)


async def test_hello_the_matter_and_the_order_number_are_one_conversation_and_another_matter_is_another(
    gateway: Gateway,
) -> None:
    first = await said(gateway, "Hello?")
    assert (await said(gateway, "I want to return the blue jacket")).thread_ts == first.thread_ts
    assert (await said(gateway, "My order number is US-20260301-77")).thread_ts == first.thread_ts
    other = await said(gateway, "And I was charged twice, this is a complaint")
    assert other.thread_ts != first.thread_ts
    assert (await said(gateway, "Order US-20260301-77: which address?")).thread_ts == first.thread_ts
    assert await rows(gateway, MATTERS) == [
        (1, "open", "return", '["US-20260301-77"]', "normal"),
        (2, "open", "transaction", "[]", "complaint"),
    ]


async def test_thanks_open_no_round_and_reopen_nothing_and_a_question_does(gateway: Gateway) -> None:
    post = await said(gateway, "Where is my parcel?")
    ts = await gateway.answer(post, "Hello, it is with the courier.")
    await gateway.marked(post, ts, "white_check_mark")
    gateway.world.slack.mention("alice", post.channel, "resolve", thread_ts=post.thread_ts)
    await gateway.shown("Resolved")
    assert (await said(gateway, "Thanks!")).thread_ts == post.thread_ts
    assert [row[1] for row in await rows(gateway, MATTERS)] == ["resolved"]
    assert await rows(gateway, ROUNDS) == [("first", "answered")]
    assert (await said(gateway, "Which courier?")).thread_ts == post.thread_ts
    assert [row[1] for row in await rows(gateway, MATTERS)] == ["open"]
    assert await rows(gateway, ROUNDS) == [("first", "answered"), ("next", "open")]


async def test_d10_a_holding_phrase_is_an_answer_without_substance(gateway: Gateway) -> None:
    post = await said(gateway, "Where is my parcel?")
    telegram = gateway.world.telegram
    await gateway.answer(post, "Hello, I am looking for it, one moment.")
    await telegram.until(lambda: len(telegram.heard("tom")) == 1)
    await gateway.answer(post, "Hello, it is at the depot in Leeds.")
    await settled(lambda: _sent_twice(gateway))
    assert [json.loads(str(row[0]))["holding"] for row in await rows(gateway, SENT)] == [True, False]


async def _sent_twice(gateway: Gateway) -> bool:
    return len(await rows(gateway, SENT)) == 2
