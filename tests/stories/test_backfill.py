"""Replies written while Slack was away from us reach the customers once, a restart in between or not (S13)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.sandbox.slack.faults import Cut
from gateway.sandbox.slack.workspace import Post
from storage import threads
from tests.stories.gateway import Gateway, running, settled

SOON = 25.0
"""Seconds; ten threads are a little more than Slack lets us read at once."""


async def ten_threads(gateway: Gateway) -> list[Post]:
    for number in range(10):
        gateway.world.telegram.say(f"customer{number}", f"question {number}")
    return [await gateway.shown(f"question {number}") for number in range(10)]


async def thirty_posts(gateway: Gateway, places: list[Post]) -> None:
    for number in range(30):
        await gateway.answer(places[number % 10], f"answer {number:02d}")


async def each_heard_theirs(gateway: Gateway) -> None:
    telegram = gateway.world.telegram

    def heard() -> list[list[str]]:
        return [telegram.heard(f"customer{number}") for number in range(10)]

    wanted = [[f"answer {number + turn:02d}" for turn in (0, 10, 20)] for number in range(10)]
    await telegram.until(lambda: heard() == wanted, SOON)


def part(gateway: Gateway) -> None:
    """Slack is away: what it tells is lost."""
    gateway.world.slack.faults.drop_events = True


def meet(gateway: Gateway) -> None:
    """The sockets turn out to be dead, and new ones are opened."""
    gateway.world.slack.faults.drop_events = False
    gateway.world.slack.events.refresh(close=True)


async def test_s13_thirty_replies_of_a_disconnection_arrive_once_and_in_order(gateway: Gateway) -> None:
    places = await ten_threads(gateway)
    part(gateway)
    await thirty_posts(gateway, places)
    meet(gateway)
    await each_heard_theirs(gateway)
    last = await gateway.answer(places[0], "and one more")
    await gateway.marked(places[0], last, "white_check_mark")
    assert len(gateway.world.telegram.truth) == 31


async def test_s13_thirty_replies_of_a_disconnection_with_a_restart_arrive_once(gateway: Gateway) -> None:
    places = await ten_threads(gateway)
    part(gateway)
    await thirty_posts(gateway, places)
    await gateway.halt()
    gateway.world.slack.faults.drop_events = False
    await gateway.boot()
    await each_heard_theirs(gateway)
    assert len(gateway.world.telegram.truth) == 30


async def test_s13_notes_edits_and_deletions_of_a_disconnection_are_what_they_would_have_been(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.say("tom", "Hello")
    post = await gateway.shown("Hello")
    edited = await gateway.answer(post, "It costs 40")
    await gateway.marked(post, edited, "white_check_mark")
    deleted = await gateway.answer(post, "For somebody else")
    await gateway.marked(post, deleted, "white_check_mark")
    part(gateway)
    note = await gateway.answer(post, "// he is angry")
    slack.edit("alice", post.channel, edited, "It costs 42")
    slack.delete("alice", post.channel, deleted)
    await gateway.halt()
    slack.faults.drop_events = False
    await gateway.boot()
    await gateway.marked(post, note, "memo")

    def shown() -> list[tuple[str, bool]]:
        return [(each.text, each.deleted) for each in telegram.chat("tom") if each.from_bot]

    await telegram.until(lambda: shown() == [("It costs 42", False), ("For somebody else", True)], SOON)


async def test_s13_what_was_told_in_vain_about_a_root_of_unknown_fate_is_read_when_the_root_is_found(
    database_url: str, tmp_path: Path
) -> None:
    """Slack took the root, its answer and its events are lost: nobody knows the thread that somebody answers in."""

    def impatient(config: dict[str, Any]) -> None:
        config["gateway"]["http_timeout"] = "1s"

    async with running(database_url, tmp_path, impatient) as gateway:
        slack, telegram = gateway.world.slack, gateway.world.telegram
        part(gateway)
        slack.faults.on("chat.postMessage", Cut())
        telegram.say("tom", "Hello")
        await slack.until(lambda: len(slack.truth) == 1)
        [root] = slack.truth
        slack.post("alice", root.channel, "Hello Tom", thread_ts=root.ts)
        slack.faults.drop_events = False
        await telegram.until(lambda: telegram.heard("tom") == ["Hello Tom"], SOON)
        assert (await gateway.shown("Hello")).thread_ts == root.ts


async def test_s13_only_threads_in_use_are_read_again(gateway: Gateway) -> None:
    telegram, database = gateway.world.telegram, gateway.app.database
    telegram.say("tom", "Hello")
    first = await gateway.shown("Hello")
    telegram.say("ann", "Good morning")
    second = await gateway.shown("Good morning")
    ts = await gateway.answer(second, "Good morning, Ann")
    await gateway.marked(second, ts, "white_check_mark")
    now = clock.now()
    known = await database.read(threads.busy, "desk", now - timedelta(days=7))
    assert [each.ref for each in known] == [f"{post.channel}:{post.thread_ts}" for post in (second, first)]
    assert f"{known[0].read_to.timestamp():.6f}" == ts
    assert await database.read(threads.posts, "desk", known[0].ref, now - timedelta(days=1)) == [
        f"{second.channel}:{ts}"
    ]
    assert await database.read(threads.posts, "desk", known[1].ref, now - timedelta(days=1)) == []
    gateway.world.slack.mention("bob", first.channel, "resolve other", thread_ts=first.thread_ts)
    later = now + timedelta(days=8)

    async def one_left() -> bool:
        return [each.ref for each in await database.read(threads.busy, "desk", later)] == [known[0].ref]

    await settled(one_left)
