"""The answer that is there already leaves by a button: the official one of an incident, or our last one."""

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows
from tests.stories.test_card import buttons
from tests.stories.test_held_buttons import says, whispered
from tests.stories.test_incidents import ASKED, OFFICIAL, ask, many_ask, told_times

USED = Statement("SELECT actor FROM events WHERE type = 'reply_composed' ORDER BY at")


def press(gateway: Gateway, user: str, notice: Post, times: int = 1) -> None:
    [action] = [each for each in buttons(notice) if each.startswith("ask.use-answer")]
    gateway.world.slack.press(user, notice.channel, notice.ts, action, times=times)


async def test_4_3_the_official_answer_of_an_incident_is_used_once(gateway: Gateway) -> None:
    threads = await many_ask(gateway)
    await told_times(gateway, ASKED, 5)
    ask(gateway, threads["ann"], f"answer {OFFICIAL}", "alice")
    heard = await told_times(gateway, "has an official answer by alice", 4)
    notice = next(each for each in heard if each.thread_ts == threads["ben"].thread_ts)
    press(gateway, "guest", notice)
    assert await whispered(gateway, "Not done") == "U0GUEST"
    press(gateway, "carol", notice, times=2)
    press(gateway, "bob", notice)
    telegram = gateway.world.telegram
    await telegram.until(lambda: telegram.heard("ben") == [OFFICIAL])
    assert await whispered(gateway, "Not sent again") == "U0BOB"
    await says(gateway, notice, "Used by Carol Wu at ")
    assert await rows(gateway, USED) == [("agent:carol",)]
    assert telegram.heard("ben") == [OFFICIAL]


async def test_4_3_the_last_answer_is_shown_to_the_one_who_asks_and_sent_by_their_button(gateway: Gateway) -> None:
    telegram = gateway.world.telegram
    telegram.say("tom", "Do you ship to Oslo?")
    post = await gateway.shown("Do you ship to Oslo?")
    await gateway.answer(post, "Hello, we ship to Oslo within three days.")
    await telegram.until(lambda: bool(telegram.heard("tom")))
    telegram.say("tom", "Do you really ship to Oslo?")
    await gateway.shown("Do you really ship to Oslo?")
    ask(gateway, post, "use-answer", "bob")
    assert await whispered(gateway, "Answered by Alice Chen") == "U0BOB"
    whisper = gateway.world.slack.workspace.whispers[-1]
    [line] = [each["value"] for block in whisper.blocks if block["type"] == "actions" for each in block["elements"]]
    ask(gateway, post, str(line), "alice")
    await telegram.until(lambda: telegram.heard("tom") == ["Hello, we ship to Oslo within three days."] * 2)
