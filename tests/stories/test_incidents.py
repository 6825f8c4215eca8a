"""The same question from many customers in the running gateway, on both databases (4.3)."""

import asyncio

from gateway.sandbox.slack.workspace import Post
from tests.stories.gateway import Gateway, settled

DOWN = "Hello, the website shows an error when I pay"
OFFICIAL = "The payment page is being mended and works again at noon."
ASKED = "customers ask this since"
FIVE = ("ann", "ben", "cleo", "dan", "eve")


def told(gateway: Gateway, text: str) -> list[Post]:
    return [post for post in gateway.posts() if text in post.text]


async def told_times(gateway: Gateway, text: str, times: int) -> list[Post]:
    """The posts with a text once there are so many."""
    await gateway.world.slack.until(lambda: len(told(gateway, text)) >= times)
    found = told(gateway, text)
    assert len(found) == times
    return found


async def many_ask(gateway: Gateway) -> dict[str, Post]:
    """Five customers ask the same; their questions in the threads."""
    for who in FIVE:
        gateway.world.telegram.say(who, f"{DOWN}, {who}")
    return {who: await gateway.shown(f"{DOWN}, {who}") for who in FIVE}


def ask(gateway: Gateway, post: Post, text: str, user: str) -> None:
    gateway.world.slack.mention(user, post.channel, text, thread_ts=post.thread_ts)


async def again(gateway: Gateway) -> None:
    """The node stops, starts, and has had time to look at everything once more."""
    await gateway.halt()
    await gateway.boot()
    await asyncio.sleep(1.5)


async def test_many_customers_get_one_answer(gateway: Gateway) -> None:
    threads = await many_ask(gateway)
    notices = await told_times(gateway, f"5 {ASKED}", 5)
    assert {each.thread_ts for each in notices} == {each.thread_ts for each in threads.values()}
    assert "incident #1" in notices[0].text
    assert "@onevoice answer" in notices[0].text
    await again(gateway)
    assert len(told(gateway, ASKED)) == 5

    ask(gateway, threads["ann"], f"answer {OFFICIAL}", "carol")
    await gateway.shown("Only a lead can set the official answer")
    ask(gateway, threads["ann"], f"answer {OFFICIAL}", "alice")
    await gateway.shown("4 other threads will hear of it")
    heard = await told_times(gateway, "has an official answer by alice", 4)
    assert {each.thread_ts for each in heard} == {threads[who].thread_ts for who in FIVE[1:]}

    await gateway.answer(threads["ben"], "Hello Ben, please try another browser.", user="carol")
    held = await gateway.shown("Held: the reply by Carol Wu has not been sent")
    assert "ANSWER-INCIDENT" in held.text
    assert OFFICIAL in held.text
    await gateway.answer(threads["cleo"], f"Hello Cleo! {OFFICIAL}", user="carol")
    telegram = gateway.world.telegram
    await telegram.until(lambda: telegram.heard("cleo") == [f"Hello Cleo! {OFFICIAL}"])
    assert telegram.heard("ben") == []

    telegram.say("fay", f"{DOWN}, fay")
    (late,) = await told_times(gateway, f"6 {ASKED}", 1)
    assert OFFICIAL in late.text
    await again(gateway)
    assert len(told(gateway, ASKED)) == 6
    assert len(told(gateway, "has an official answer by alice")) == 4


async def test_a_closed_incident_asks_for_nothing_and_is_not_opened_again_by_the_same_questions(
    gateway: Gateway,
) -> None:
    threads = await many_ask(gateway)
    await told_times(gateway, ASKED, 5)
    ask(gateway, threads["dan"], f"answer {OFFICIAL}", "alice")
    await told_times(gateway, "has an official answer by alice", 4)
    await settled(lambda: _counted(gateway))
    ask(gateway, threads["eve"], "incident", "carol")
    assert OFFICIAL in (await told_times(gateway, ASKED, 6))[-1].text
    ask(gateway, threads["eve"], "incident close", "carol")
    await gateway.shown("Only a lead can close an incident")
    ask(gateway, threads["eve"], "incident close", "alice")
    await gateway.shown("Incident #1 is closed")
    ask(gateway, threads["eve"], "incident", "carol")
    await gateway.shown("belongs to no open incident")
    await gateway.answer(threads["ben"], "Hello Ben, please try another browser.", user="carol")
    telegram = gateway.world.telegram
    await telegram.until(lambda: telegram.heard("ben") == ["Hello Ben, please try another browser."])
    telegram.say("fay", f"{DOWN}, fay")
    await gateway.shown(f"{DOWN}, fay")
    await again(gateway)
    assert len(told(gateway, ASKED)) == 6


async def _counted(gateway: Gateway) -> bool:
    return "onevoice_incidents_open 1.0" in gateway.app.metrics.render()[0].decode()
