"""Conversations that are merged, unmerged and split, as agents and customers see it: the real application, on both
databases."""

import asyncio
import json
from typing import Any

from click.testing import CliRunner

from gateway.cli import cli
from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled

STATE = Statement("SELECT number, status, merged_into IS NOT NULL FROM conversations ORDER BY number")
ROUNDS = Statement(
    """
    SELECT c.number, r.kind, r.outcome FROM rounds r JOIN conversations c ON c.id = r.conversation
    ORDER BY c.number, r.number
    """
)


def ask(gateway: Gateway, post: Post, text: str, user: str = "alice") -> None:
    """Somebody says "@onevoice ..." in the thread of a post."""
    gateway.world.slack.mention(user, post.channel, text, thread_ts=post.thread_ts)


def thread(gateway: Gateway, post: Post) -> list[str]:
    """What is said in the thread of a post."""
    return [each.text for each in gateway.world.slack.thread(post.channel, post.thread_ts or "")]


async def says(gateway: Gateway, post: Post, text: str) -> None:
    """Wait until the thread of this post shows a text."""
    await gateway.world.slack.until(lambda: any(text in each for each in thread(gateway, post)))


async def two_channels(gateway: Gateway) -> tuple[Post, Post]:
    """Ann wrote a mail (1) and on Telegram (2), and the agents know that she is one person."""
    await gateway.world.mail.send("ann@customer.example", "My lamp is broken.", subject="Lamp", name="Ann")
    by_mail = await gateway.shown("My lamp is broken.")
    gateway.world.telegram.say("ann", "It is Ann, did you get my mail?")
    on_chat = await gateway.shown("did you get my mail?")
    ask(gateway, on_chat, "link #1 she says so")
    await says(gateway, on_chat, "is this customer too")
    return by_mail, on_chat


async def test_a_merged_conversation_goes_on_in_the_other_thread_and_its_own_still_reaches_the_customer(
    gateway: Gateway,
) -> None:
    by_mail, on_chat = await two_channels(gateway)
    ask(gateway, on_chat, "merge #1 the same lamp")
    await says(gateway, on_chat, "Merged into conversation #1")
    await says(gateway, by_mail, "Conversation #2 was merged into this one: the same lamp")
    assert [row[2] for row in await rows(gateway, STATE)] == [False, True]

    gateway.world.telegram.say("ann", "Hello? Anybody?")
    await says(gateway, by_mail, "Hello? Anybody?")
    await gateway.world.mail.send("ann@customer.example", "I wait.", subject="Lamp", name="Ann")
    await says(gateway, by_mail, "I wait.")
    gateway.world.telegram.say("ann", "Here I am again.")
    await says(gateway, by_mail, "Here I am again.")
    assert not any("Anybody" in each or "I wait" in each or "again" in each for each in thread(gateway, on_chat))

    ts = await gateway.answer(on_chat, "Hello Ann, we send a new lamp.")
    telegram = gateway.world.telegram
    await telegram.until(lambda: telegram.heard("ann") == ["Hello Ann, we send a new lamp."])
    await gateway.marked(on_chat, ts, "white_check_mark")
    await says(gateway, by_mail, "Alice Chen answered in the thread of #2:")
    gateway.world.slack.edit("alice", on_chat.channel, ts, "Hello Ann, we send two new lamps.")
    await telegram.until(lambda: telegram.heard("ann") == ["Hello Ann, we send two new lamps."])
    await settled(lambda: _is(gateway, [(1, "first", "answered")]))
    assert [row[0] for row in await rows(gateway, STATE)] == [1, 2]


async def test_an_unmerge_makes_both_what_they_were(gateway: Gateway) -> None:
    by_mail, on_chat = await two_channels(gateway)
    before = await rows(gateway, ROUNDS)
    ask(gateway, on_chat, "merge #1")
    await says(gateway, by_mail, "was merged into this one")
    assert len(await rows(gateway, ROUNDS)) == 1
    ask(gateway, on_chat, "unmerge another lamp")
    await says(gateway, on_chat, "stands by itself again")
    await says(gateway, by_mail, "Conversation #2 is not part of this one any more")
    assert await rows(gateway, ROUNDS) == before
    gateway.world.telegram.say("ann", "About my other lamp")
    await says(gateway, on_chat, "About my other lamp")
    await gateway.answer(by_mail, "We send a new one.")
    await gateway.world.mail.until(lambda: bool(gateway.world.mail.mailbox("ann@customer.example")))
    await settled(lambda: _is(gateway, [(1, "first", "answered"), (2, "first", "open")]))


async def test_an_absorbed_conversation_is_in_no_figure_and_says_where_it_went(gateway: Gateway) -> None:
    by_mail, on_chat = await two_channels(gateway)
    ask(gateway, on_chat, "merge #1 the same lamp")
    await says(gateway, by_mail, "was merged into this one")
    report = json.loads(await command(gateway, "report", "response", "--format", "json"))
    assert [(each["group"], each["waiting"]) for each in report["groups"]] == [("mail", 1)]
    await settled(lambda: _waits(gateway, 1))
    said = await command(gateway, "explain", "2")
    assert said.startswith("#2 void, merged into #1")
    assert "Alice Chen merged it into conversation 1: the same lamp (D25)" in said
    assert "it absorbed conversation 2: the same lamp (D25)" in await command(gateway, "explain", "1")


async def test_a_second_matter_gets_a_thread_of_its_own_and_its_answer_reaches_the_customer(gateway: Gateway) -> None:
    telegram = gateway.world.telegram
    telegram.say("tom", "Where is my parcel?")
    first = await gateway.shown("Where is my parcel?")
    await gateway.answer(first, "It comes tomorrow.")
    await telegram.until(lambda: telegram.heard("tom") == ["It comes tomorrow."])
    telegram.say("tom", "Do you sell blue shoes?")
    await says(gateway, first, "Do you sell blue shoes?")
    ask(gateway, first, "split last 1 Blue shoes")
    await says(gateway, first, "went to the new conversation #2 (Blue shoes)")
    await settled(lambda: _is(gateway, [(1, "first", "answered"), (2, "first", "open")]))

    def fresh() -> list[Post]:
        shown = [each for each in gateway.posts() if each.thread_ts and "Do you sell blue shoes?" in each.text]
        return [each for each in shown if each.thread_ts != first.thread_ts]

    await gateway.world.slack.until(lambda: bool(fresh()))
    await gateway.answer(fresh()[0], "We do.")
    await telegram.until(lambda: telegram.heard("tom") == ["It comes tomorrow.", "We do."])
    await settled(lambda: _is(gateway, [(1, "first", "answered"), (2, "first", "answered")]))


async def _is(gateway: Gateway, expected: list[tuple[Any, ...]]) -> bool:
    return await rows(gateway, ROUNDS) == expected


async def _waits(gateway: Gateway, customers: int) -> bool:
    """Whether the metrics count so many customers who wait."""
    page = gateway.app.metrics.render()[0].decode()
    lines = [line for line in page.splitlines() if line.startswith("onevoice_rounds_waiting{")]
    return sum(float(line.split()[-1]) for line in lines) == customers


async def command(gateway: Gateway, *words: str) -> str:
    """What a command prints while the node runs."""
    name, *rest = words
    options = ["--config", str(gateway.config_path)]
    arguments = [name, *options, *rest] if name == "explain" else [*words, *options]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=dict(gateway.variables))
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_what_is_edited_and_held_in_the_old_thread_is_seen_there(gateway: Gateway) -> None:
    message = gateway.world.telegram.say("ann", "I want a blue lamp")
    on_chat = await gateway.shown("I want a blue lamp")
    await gateway.world.mail.send("ann@customer.example", "It is Ann.", subject="Lamp", name="Ann")
    by_mail = await gateway.shown("It is Ann.")
    ask(gateway, on_chat, "link #2")
    await says(gateway, on_chat, "is this customer too")
    await gateway.answer(on_chat, "That is not my department.", user="bob")
    await says(gateway, on_chat, "Held: the reply by Bob Li")
    ask(gateway, on_chat, "merge #2")
    await says(gateway, by_mail, "was merged into this one")

    gateway.world.telegram.edit("ann", message, "I want a red lamp")
    await says(gateway, on_chat, "I want a red lamp")
    ask(gateway, by_mail, "send it is not", "bob")
    mail = gateway.world.mail
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    await gateway.answer(on_chat, "Are you an idiot?", user="carol")
    await says(gateway, on_chat, "block W-INSULT")
    await says(gateway, by_mail, "block W-INSULT")
    ask(gateway, on_chat, "discard", "carol")
    await says(gateway, on_chat, "Discarded")
    await says(gateway, by_mail, "Discarded")
