"""Deadlines through the real application: who is told when, in the thread and by direct message (service.md RT-12)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled
from tests.stories.test_response_times import metric

TARGET = 4.0
ENDED = Statement(
    "SELECT address, state, error, attempt FROM outbox WHERE kind = 'direct' ORDER BY created_at, address"
)


def with_policy(config: dict[str, Any]) -> None:
    config["policies"] = [{"id": "fast", "calendar": "ALWAYS", "first": {"seconds": TARGET}}]


@pytest.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(database_url, tmp_path, with_policy) as started:
        yield started


def told(gateway: Gateway, name: str) -> list[Post]:
    """What the app wrote to somebody alone."""
    return gateway.world.slack.messages(f"@{name}")


async def hears(gateway: Gateway, name: str, words: str) -> Post:
    """The direct message with these words, once it is there."""
    await gateway.world.slack.until(lambda: any(words in post.text for post in told(gateway, name)))
    return next(post for post in told(gateway, name) if words in post.text)


async def taken(gateway: Gateway, words: str, name: str) -> Post:
    """A conversation that begins with these words, and that somebody takes."""
    gateway.world.telegram.say("tom", words)
    post = await gateway.shown(words)
    gateway.world.slack.mention(name, post.channel, "take", post.thread_ts)
    await gateway.shown(f"{gateway.world.slack.user(name).real_name} has it")
    return post


def elements(post: Post, kind: str) -> list[Any]:
    """The elements of a kind in the text of a post, mentions or links."""
    rich = [each for block in post.blocks if block["type"] == "rich_text" for each in block["elements"]]
    return [element for each in rich for element in each["elements"] if element["type"] == kind]


async def test_the_owner_is_mentioned_then_told_alone_and_at_the_breach_the_lead_is_as_well(gateway: Gateway) -> None:
    post = await taken(gateway, "I want a refund", "bob")
    assert elements(await gateway.shown("50 %"), "user") == []
    assert [each["user_id"] for each in elements(await gateway.shown("75 %"), "user")] == ["U0BOB"]
    nearly = await hears(gateway, "bob", "90 %")
    assert "It is yours." in nearly.text
    [link] = elements(nearly, "link")
    assert link["url"].endswith(f"/archives/{post.channel}/p{(post.thread_ts or '').replace('.', '')}")
    await hears(gateway, "bob", "Overdue")
    assert "Bob Li has it." in (await hears(gateway, "alice", "Overdue")).text
    overdue = await gateway.shown("Overdue")
    assert [each["user_id"] for each in elements(overdue, "user")] == ["U0BOB", "U0ALICE"]
    assert [len(told(gateway, name)) for name in ("alice", "bob", "carol")] == [1, 2, 0]
    assert await metric(gateway, 'onevoice_alerts_total{kind="dm",level="90"}') == 1
    assert await metric(gateway, 'onevoice_alerts_total{kind="page",level="breach"}') == 1


async def test_what_nobody_has_is_the_leads_to_look_at(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "I want a refund")
    assert [each["user_id"] for each in elements(await gateway.shown("75 %"), "user")] == ["U0ALICE"]
    assert "Nobody has it." in (await hears(gateway, "alice", "90 %")).text
    await hears(gateway, "alice", "Overdue")
    assert len(told(gateway, "alice")) == 2


async def test_an_agent_known_by_e_mail_is_found_once_and_told(gateway: Gateway) -> None:
    await taken(gateway, "Hello?", "carol")
    assert [each["user_id"] for each in elements(await gateway.shown("75 %"), "user")] == ["U0CAROL"]
    await hears(gateway, "carol", "90 %")
    await hears(gateway, "carol", "Overdue")
    await hears(gateway, "bob", "Overdue")
    assert gateway.world.slack.calls["users.lookupByEmail"] == 1
    assert gateway.world.slack.calls["conversations.open"] == 2


async def test_an_alert_is_given_once_across_a_restart(gateway: Gateway) -> None:
    await taken(gateway, "I want a refund", "bob")
    await hears(gateway, "bob", "90 %")
    await gateway.halt()
    await gateway.boot()
    await hears(gateway, "bob", "Overdue")
    await hears(gateway, "alice", "Overdue")
    gateway.world.telegram.say("ann", "Where is my refund?")
    await hears(gateway, "alice", "90 %")
    assert [("90 %" in post.text, "Overdue" in post.text) for post in told(gateway, "bob")] == [
        (True, False),
        (False, True),
    ]


async def test_somebody_who_cannot_be_reached_holds_up_nobody(database_url: str, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        with_policy(config)
        config["teams"][1]["lead"] = "zoe"
        config["agents"].append({"id": "zoe", "name": "Zoe Ma", "email": "zoe@shop.example", "teams": ["aftersale"]})

    async with running(database_url, tmp_path, change) as gateway:
        await taken(gateway, "I want a refund", "bob")
        await hears(gateway, "bob", "Overdue")

        async def refused() -> bool:
            found = await rows(gateway, ENDED)
            return [row[1:2] + row[3:] for row in found if row[0] == "zoe@shop.example"] == [("failed", 1)]

        await settled(refused)
        gateway.world.telegram.say("ann", "Hello?")
        await gateway.shown("Hello?")
        assert all(outlet.breaker.reason is None for outlet in gateway.app.outlets.values())


async def test_an_offer_reaches_the_agent_alone_with_a_link_and_its_end(database_url: str, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["assignment"] = {"mode": "offer"}
        config["agents"] = [each for each in config["agents"] if each["id"] != "bob"]
        config["teams"][0]["lead"] = "carol"

    async with running(database_url, tmp_path, change) as gateway:
        gateway.world.telegram.say("tom", "I want a refund")
        post = await gateway.shown("I want a refund")
        offer = await hears(gateway, "alice", "is offered to you until")
        [link] = elements(offer, "link")
        assert link["url"].endswith(f"/archives/{post.channel}/p{(post.thread_ts or '').replace('.', '')}")
        assert await metric(gateway, 'onevoice_alerts_total{kind="dm",level="offer"}') == 1
        await gateway.answer(post, "We look into it")
        await gateway.world.slack.until(lambda: "Accepted at" in told(gateway, "alice")[0].text)
        assert len(told(gateway, "alice")) == 1


async def test_the_lead_is_paged_once_when_nobody_can_have_it_and_the_time_is_used_up(
    database_url: str, tmp_path: Path
) -> None:
    def change(config: dict[str, Any]) -> None:
        quiet: dict[str, list[str]] = {"at_50": [], "at_75": [], "at_90": [], "breach": []}
        config["policies"] = [{"id": "fast", "calendar": "ALWAYS", "first": {"seconds": 1.0}, "alerts": quiet}]
        config["assignment"] = {"mode": "offer", "default_status": "offline"}

    async with running(database_url, tmp_path, change) as gateway:
        gateway.world.telegram.say("tom", "I want a refund")
        await hears(gateway, "alice", "#1 (")
        assert await metric(gateway, 'onevoice_alerts_total{kind="page",level="nobody"}') == 1
        gateway.world.telegram.say("ann", "And my refund?")
        await hears(gateway, "alice", "#2 (")
        assert len(told(gateway, "alice")) == 2
        assert not [post for post in gateway.posts() if "Overdue" in post.text]
