"""Trouble with Slack (S28, S29): nothing is lost or given up, the state is told, and threads catch up in order."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml
from click.testing import CliRunner
from structlog.testing import capture_logs

from gateway.cli import cli
from gateway.config import load
from gateway.sandbox.mail import Fault as SmtpFault
from gateway.sandbox.slack.faults import Broken, Fault, Limited, Refused
from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled

ENDED = Statement("SELECT state, error FROM outbox WHERE state IN ('failed', 'dead')")


def one_desk_each(config: dict[str, Any]) -> None:
    """Tom's questions go to #support-1, what is about a refund to #aftersale. Lost answers are asked about soon."""
    config["gateway"]["http_timeout"] = "2s"
    for route in config["routes"]:
        route["desk"]["slack"] = "#aftersale" if route["id"] == "refunds" else "#support-1"


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    running = Gateway(tmp_path, database_url, one_desk_each)
    await running.start()
    yield running
    await running.stop()


async def ready(gateway: Gateway, channel: str = "desk") -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{gateway.app.port}/readyz") as answer:
        assert answer.status == 200
        body: dict[str, Any] = await answer.json()
        state: dict[str, Any] = body["channels"][channel]
        return state


async def thread_of(gateway: Gateway, first: Post, *texts: str) -> None:
    """The customer's posts of a thread are these, once each and in this order."""

    def shown() -> list[str]:
        posts = gateway.world.slack.thread(first.channel, first.thread_ts or "")
        return [text for post in posts for text in texts if text in post.text]

    await gateway.world.slack.until(lambda: len(shown()) >= len(texts))
    assert shown() == list(texts)


async def state_of(gateway: Gateway, word: str) -> dict[str, Any]:
    """The state of the desk once its account is said to be in trouble because of `word`."""

    async def is_down() -> bool:
        return word in (await ready(gateway))["state"]

    await settled(is_down)
    return await ready(gateway)


async def works_again(gateway: Gateway) -> None:
    async def is_up() -> bool:
        state = await ready(gateway)
        return state["state"] == "ok" and "places" not in state and "deaf" not in state

    await settled(is_up)
    assert await rows(gateway, ENDED) == []


async def called_again(gateway: Gateway, method: str) -> None:
    """Wait for one more call, whatever is answered."""
    before = gateway.world.slack.calls[method]

    async def is_called() -> bool:
        return gateway.world.slack.calls[method] > before

    await settled(is_called)


def metrics(gateway: Gateway) -> str:
    return gateway.app.metrics.render()[0].decode()


@pytest.mark.parametrize("trouble", ["is_archived", "not_in_channel"])
async def test_s28_one_slack_channel_in_trouble_stops_no_other_and_catches_up(shop: Gateway, trouble: str) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    first = await shop.shown("Where is my parcel?")
    channel = shop.world.slack.channel("#support-1")
    with capture_logs() as logged:
        channel.archived, channel.member = trouble == "is_archived", trouble != "not_in_channel"
        shop.world.telegram.say("tom", "one")

        async def is_told() -> bool:
            return "#support-1" in (await ready(shop)).get("places", {})

        await settled(is_told)
        shop.world.telegram.say("tom", "two")
        shop.world.telegram.say("ann", "I want a refund of my lamp")
        await shop.shown("I want a refund of my lamp")

        async def both_wait() -> bool:
            waiting: int = (await ready(shop))["places"]["#support-1"]["waiting"]
            return waiting >= 2

        await settled(both_wait)
        state = await ready(shop)
        assert state["state"] == "ok"
        place = state["places"]["#support-1"]
        assert trouble in place["state"]
        assert ("unarchive" if trouble == "is_archived" else "/invite") in place["state"]
        assert place["since"].startswith("20")
        assert place["oldest_seconds"] > 0
        assert 'onevoice_places_down{channel="desk"} 1.0' in metrics(shop)
        assert 'onevoice_channel_up{channel="desk"} 1.0' in metrics(shop)

        await called_again(shop, "chat.postMessage")  # one more try says nothing more
        if trouble == "not_in_channel":  # people write on, of which Slack tells the app nothing
            shop.world.slack.post("alice", first.channel, "It left this morning", thread_ts=first.thread_ts)
        channel.archived, channel.member = False, True
        await thread_of(shop, first, "Where is my parcel?", "one", "two")
        await works_again(shop)
        if trouble == "not_in_channel":
            telegram = shop.world.telegram
            await telegram.until(lambda: telegram.heard("tom") == ["It left this morning"])
    told = [each["event"] for each in logged if each["event"].startswith(("place.", "channel."))]
    assert told == ["place.down", "place.up"]
    assert 'onevoice_places_down{channel="desk"} 0.0' in metrics(shop)


async def test_s28_who_has_no_thread_yet_gets_it_in_the_slack_channel_that_the_route_names_now(shop: Gateway) -> None:
    shop.world.slack.channel("#support-1").archived = True
    shop.world.telegram.say("tom", "Where is my parcel?")

    async def is_told() -> bool:
        return "#support-1" in (await ready(shop)).get("places", {})

    await settled(is_told)
    config = yaml.safe_load(shop.config_path.read_text())
    for route in config["routes"]:
        route["desk"]["slack"] = "#support-2"
    shop.config_path.write_text(yaml.safe_dump(config))
    await shop.app.reload(lambda: load(shop.config_path, shop.variables))
    shop.world.telegram.say("tom", "Anybody there?")
    first = await shop.shown("Where is my parcel?")
    assert first.channel == shop.world.slack.channel("#support-2").id
    await thread_of(shop, first, "Where is my parcel?", "Anybody there?")
    await shop.answer(first, "Yes, Tom.")
    await shop.world.telegram.until(lambda: shop.world.telegram.heard("tom") == ["Yes, Tom."])


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Refused("token_revoked"), "bot_token"),
        (Refused("missing_scope"), "scope"),
        (Broken(503), "503"),
    ],
    ids=["token_revoked", "missing_scope", "503"],
)
async def test_s28_the_account_in_trouble_loses_nothing_and_says_what_to_do(
    shop: Gateway, fault: Fault, word: str
) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    first = await shop.shown("Where is my parcel?")
    slack = shop.world.slack
    with capture_logs() as logged:
        slack.faults.always["*"] = fault
        for text in ("one", "two"):
            shop.world.telegram.say("tom", text)
        for who in ("ann", "mia", "liu", "eva"):  # enough that attempts fail which open the breaker
            shop.world.telegram.say(who, f"It is {who}, I want a refund")
        state = await state_of(shop, word)
        assert state["waiting"] >= 6
        assert state["oldest_seconds"] >= 0
        assert 'onevoice_channel_up{channel="desk"} 0.0' in metrics(shop)
        await called_again(shop, "auth.test")  # a probe in vain says nothing more
        slack.faults.always.clear()
        await thread_of(shop, first, "Where is my parcel?", "one", "two")
        for who in ("ann", "mia", "liu", "eva"):
            await shop.shown(f"It is {who}, I want a refund")
        await works_again(shop)
    assert [each["event"] for each in logged if each["event"].startswith("channel.")] == ["channel.down", "channel.up"]
    assert 'onevoice_channel_up{channel="desk"} 1.0' in metrics(shop)


async def test_s28_slack_gone_altogether_is_told_and_both_directions_catch_up(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    first = await shop.shown("Where is my parcel?")
    slack = shop.world.slack
    port = urlsplit(slack.url).port or 0
    await slack.stop()
    try:
        for text in ("one", "two"):
            shop.world.telegram.say("tom", text)
        for who in ("ann", "mia", "liu", "eva"):
            shop.world.telegram.say(who, f"It is {who}, I want a refund")
        state = await state_of(shop, "unreachable")
        assert state["deaf"] == "no socket to Slack is open"
        assert state["waiting"] >= 6
        slack.post("alice", first.channel, "It left this morning", thread_ts=first.thread_ts)
    finally:
        await slack.start(port=port)
    await thread_of(shop, first, "Where is my parcel?", "one", "two")
    await shop.world.telegram.until(lambda: shop.world.telegram.heard("tom") == ["It left this morning"])
    await works_again(shop)


async def test_a_channel_that_nothing_comes_in_by_says_so_until_it_does(shop: Gateway) -> None:
    world = shop.world
    port = urlsplit(world.telegram.url).port or 0
    imap, smtp = world.mail.imap_port, world.mail.smtp_port

    async def are_deaf() -> bool:
        return all([(await ready(shop, channel)).get("deaf") for channel in ("tg", "mail")])

    async def hear_again() -> bool:
        return not any([(await ready(shop, channel)).get("deaf") for channel in ("tg", "mail")])

    await settled(hear_again)
    assert 'onevoice_channel_up{channel="mail"} 1.0' in metrics(shop)
    await world.telegram.stop()
    await world.mail.stop()
    try:
        await settled(are_deaf)
        assert "Telegram" in (await ready(shop, "tg"))["deaf"]
        assert f"127.0.0.1:{imap}" in (await ready(shop, "mail"))["deaf"]
        for channel in ("tg", "mail"):
            assert f'onevoice_channel_up{{channel="{channel}"}} 0.0' in metrics(shop)
    finally:
        await world.telegram.start(port=port)
        await world.mail.start(smtp_port=smtp, imap_port=imap)
    world.telegram.say("tom", "Where is my parcel?")
    await settled(hear_again)
    for channel in ("tg", "mail"):
        assert f'onevoice_channel_up{{channel="{channel}"}} 1.0' in metrics(shop)


async def test_x13_a_limit_of_one_channel_is_kept_and_delays_no_other(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    first = await shop.shown("Where is my parcel?")
    shop.world.slack.faults.on("chat.postMessage", Limited(3))
    shop.world.telegram.say("tom", "one")
    await called_again(shop, "chat.postMessage")
    shop.world.telegram.say("ann", "I want a refund of my lamp")
    await shop.shown("I want a refund of my lamp")
    assert not [post for post in shop.posts() if post.text.endswith("one")]
    await thread_of(shop, first, "Where is my parcel?", "one")
    assert (await ready(shop))["state"] == "ok"
    await works_again(shop)


async def test_b1_a_mailbox_that_cannot_be_read_keeps_no_reply_from_leaving(shop: Gateway) -> None:
    mail = shop.world.mail
    await mail.send("ann@customer.example", "Where is my parcel?", subject="A parcel", name="Ann")
    post = await shop.shown("Where is my parcel?")
    mail.imap.password = "another"
    mail.fail("mail", SmtpFault(reply="530 5.7.0 authenticate"))
    await shop.answer(post, "It is on its way.")
    await mail.until(lambda: any("It is on its way." in each.text for each in mail.mailbox("ann@customer.example")))


async def test_the_doctor_names_what_waits_where_and_why(shop: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    await shop.shown("Where is my parcel?")
    shop.world.slack.channel("#support-1").archived = True
    shop.world.telegram.say("tom", "one")

    async def is_told() -> bool:
        return "#support-1" in (await ready(shop)).get("places", {})

    await settled(is_told)
    old = Statement("UPDATE outbox SET created_at = created_at - 120000000 WHERE state = 'ready'")
    await shop.app.database.transact(lambda tx: tx.run(old, {}))
    await shop.halt()
    try:
        for name, value in shop.variables.items():
            monkeypatch.setenv(name, value)
        arguments = ["doctor", "--config", str(shop.config_path), "--json"]
        answer = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    finally:
        shop.world.slack.channel("#support-1").archived = False
        await shop.boot()
    found = {each["thing"]: each["sentence"] for each in json.loads(answer.stdout)}
    assert "1 wait to be delivered" in found["desk #support-1"]
    assert "unarchive" in found["desk #support-1"]


async def test_s29_a_deleted_thread_begins_anew_and_reaches_the_customer(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    first = await shop.shown("Where is my parcel?")
    slack = shop.world.slack
    for post in (*slack.thread(first.channel, first.thread_ts or ""), *slack.roots("#support-1")):
        slack.workspace.remove(post)
    assert slack.messages("#support-1") == []
    shop.world.telegram.say("tom", "Still nothing")
    again = await shop.shown("Still nothing")
    assert again.thread_ts != first.thread_ts
    shop.world.telegram.say("tom", "Anybody there?")
    await thread_of(shop, again, "Still nothing", "Anybody there?")
    await shop.answer(again, "It left this morning")
    await shop.world.telegram.until(lambda: shop.world.telegram.heard("tom") == ["It left this morning"])
    await works_again(shop)
