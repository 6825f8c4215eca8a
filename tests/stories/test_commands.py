"""/onevoice and App Home through the real application, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.slack.connector import SlackConnector
from gateway.sandbox.slack.workspace import Whisper
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled
from tests.stories.test_assignment import everybody_in_one_team
from tests.stories.test_card import words

STATUS = Statement("SELECT status FROM agent_status WHERE agent = :agent")
AUDIT = Statement("SELECT actor, action, details FROM audit ORDER BY at")
RAW = Statement("SELECT count(*) FROM inbox WHERE dedupe_key LIKE 'command:%' OR dedupe_key LIKE 'home:%'")
NOTED = Statement("SELECT count(*) FROM words WHERE word = :word")


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two agents of one team; Alice leads."""
    async with running(database_url, tmp_path, everybody_in_one_team) as gateway:
        await gateway.world.slack.until(lambda: gateway.world.slack.events.sockets > 0)
        yield gateway


async def asks(gateway: Gateway, user: str, line: str, place: str = "#support-1") -> str:
    """Say it and wait for the private answer; its words."""
    slack = gateway.world.slack
    before = len(slack.workspace.whispers)
    slack.command(user, place, "/onevoice", line)
    await slack.until(lambda: len(slack.workspace.whispers) > before)
    answer: Whisper = slack.workspace.whispers[before]
    assert answer.user == slack.user(user).id
    assert answer.thread_ts is None, answer.text
    assert answer.blocks, answer.text
    return words(list(answer.blocks)) + "".join(
        block["text"]["text"] for block in answer.blocks if block["type"] == "header"
    )


async def noted(gateway: Gateway, word: str) -> None:
    """Wait until a word that was said can be found."""

    async def so() -> bool:
        return bool((await rows(gateway, NOTED, word=word))[0][0])

    await settled(so)


async def test_help_says_what_there_is_and_what_to_do_in_threads(shop: Gateway) -> None:
    answer = await asks(shop, "alice", "")
    assert "/onevoice latency [channel]" in answer
    assert "Slack does not offer commands in threads" in answer
    assert "I do not know 'dance'" in await asks(shop, "alice", "dance")


async def test_s8_who_is_no_agent_gets_a_sentence_and_changes_nothing(shop: Gateway) -> None:
    assert "Only listed agents" in await asks(shop, "guest", "status offline")
    assert "Only listed agents" in await asks(shop, "guest", "queue")
    assert await rows(shop, AUDIT) == []


async def test_a_status_is_stored_once_audited_and_told_to_its_agent_alone(shop: Gateway) -> None:
    assert "You are available." in await asks(shop, "bob", "status")
    assert "You are on a break." in await asks(shop, "bob", "status break")
    assert await rows(shop, STATUS, agent="bob") == [("break",)]
    assert "You are away." in await asks(shop, "bob", "status busy")
    assert "Say /onevoice status and one of" in await asks(shop, "bob", "status dancing")
    assert await rows(shop, AUDIT) == [
        ("agent:bob", "agent_status_changed", '{"agent":"bob","to":"break"}'),
        ("agent:bob", "agent_status_changed", '{"agent":"bob","to":"away"}'),
    ]
    assert await rows(shop, RAW) == [(2,)]


async def test_my_queue_links_to_the_threads(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    answer = await asks(shop, "alice", "me")
    assert "Offered to you (1)" in answer
    await shop.answer(post, "We do.")
    root = (post.thread_ts or "").replace(".", "")

    async def mine() -> bool:
        return "Your queue (1)" in await asks(shop, "alice", "me")

    await settled(mine)
    links = [
        each["url"]
        for block in shop.world.slack.workspace.whispers[-1].blocks
        if block["type"] == "rich_text"
        for row in block["elements"][0]["elements"]
        for each in row.get("elements", ())
        if each["type"] == "link"
    ]
    assert links == [f"{shop.world.slack.url}/archives/{post.channel}/p{root}"]


async def test_the_queue_of_a_team_and_the_figures_of_a_channel(shop: Gateway) -> None:
    for agent in ("alice", "bob"):
        await asks(shop, agent, "status away")
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Do you ship to Oslo?")
    assert "Waiting, with nobody (1)" in await asks(shop, "bob", "queue")
    answer = await asks(shop, "alice", "latency tg")
    assert "tg · 1 waits now" in answer
    assert "Today: nobody answered" in answer
    await shop.answer(post, "We do.")

    async def counted() -> bool:
        return "Today: 1 answered (" in await asks(shop, "alice", "latency tg")

    await settled(counted)
    assert "tg · nobody waits" in await asks(shop, "alice", "latency")
    assert "There is no channel 'fax'." in await asks(shop, "alice", "latency fax")


async def test_conversations_are_found_by_what_is_remembered_of_them(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my order A10017, the brass lantern?")
    post = await shop.shown("Where is my order A10017")
    await shop.answer(post, "The parcel waits in Bergen.")
    shop.world.telegram.say("mei", "我要退货，地址是什么？")
    await shop.shown("我要退货")
    await noted(shop, "bergen")
    await noted(shop, "退货")
    for sought in ("#1", "a10017", "LANTERN brass", "bergen parcel", "tom"):
        answer = await asks(shop, "bob", f"find {sought}")
        assert "1 found for" in answer, sought
        assert "#1 " in answer, sought
    assert "#2 " in await asks(shop, "bob", "find 退货")
    assert "Nothing found" in await asks(shop, "bob", "find lantern 退货")
    assert "Nothing found" in await asks(shop, "bob", "find #77")
    assert "Say what to look for" in await asks(shop, "bob", "find")


async def test_a_home_is_shown_when_it_is_opened_and_follows_what_its_agent_says(shop: Gateway) -> None:
    slack = shop.world.slack
    desk = shop.app.connectors["desk"]
    assert isinstance(desk, SlackConnector)
    desk.homes.apart = 0.1
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    slack.homes.open(slack.user("alice"))
    await slack.until(lambda: slack.home("alice") is not None)

    def says(*texts: str) -> bool:
        shown = slack.home("alice")
        assert shown is not None
        blocks = shown.view["blocks"]
        said = words(blocks) + " ".join(block["text"]["text"] for block in blocks if block["type"] == "header")
        return all(text in said for text in texts)

    assert says("Alice Chen, available", "Offered to you (1)", "Load 2 of", "Waiting, with nobody (1)")
    assert says("Who is there", "Bob Li · available")
    slack.homes.press(slack.user("alice"), "ask.status_away", times=2)
    await slack.until(lambda: says("Alice Chen, away"))
    assert await rows(shop, STATUS, agent="alice") == [("away",)]
    assert len(await rows(shop, AUDIT)) == 1
    slack.mention("alice", post.channel, "status available", thread_ts=post.thread_ts)
    await slack.until(lambda: says("Alice Chen, available"))


async def test_who_is_no_agent_sees_how_to_ask_for_help(shop: Gateway) -> None:
    slack = shop.world.slack
    slack.homes.open(slack.user("guest"))
    await slack.until(lambda: slack.home("guest") is not None)
    shown = slack.home("guest")
    assert shown is not None
    assert "Only listed agents" in words(shown.view["blocks"])
    assert not any(block["type"] == "actions" for block in shown.view["blocks"])


async def test_many_openings_are_few_publications(shop: Gateway) -> None:
    slack = shop.world.slack
    for _ in range(20):
        slack.homes.open(slack.user("bob"))
    await slack.until(lambda: slack.home("bob") is not None)
    slack.homes.open(slack.user("alice"))
    await slack.until(lambda: slack.home("alice") is not None)
    await asyncio.sleep(0)
    assert slack.homes.published == 2
