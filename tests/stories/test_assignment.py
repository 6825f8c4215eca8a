"""Who gets a conversation, as agents and customers see it: through the real application, on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from gateway import clock
from gateway.cli import cli
from gateway.sandbox.slack.workspace import Post
from router.assignment import assign
from storage import decisions
from storage.database import Transaction
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled

OWNERS = Statement("SELECT number, owner FROM conversations ORDER BY number")
OFFERS = Statement("SELECT agent, state, reason FROM offers ORDER BY offered_at, id")
IDS = Statement("SELECT id FROM conversations ORDER BY number")
EVENTS = Statement("SELECT type, actor, payload FROM events WHERE type = :type ORDER BY at")


def everybody_in_one_team(config: dict[str, Any]) -> None:
    """Alice and Bob sell, no languages in the way; what is offered stands for a minute."""
    for agent in config["agents"]:
        agent["teams"] = ["presale"] if agent["id"] in {"alice", "bob"} else []
        agent["languages"] = []
    config["assignment"] = {"mode": "offer", "offer_telegram": "60s", "offer_webchat": "60s"}


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two agents of one team, offers."""
    async with running(database_url, tmp_path, everybody_in_one_team) as gateway:
        yield gateway


def ask(gateway: Gateway, post: Post, user: str, text: str) -> None:
    """An agent says "@onevoice ..." in the thread of a post."""
    gateway.world.slack.mention(user, post.channel, text, thread_ts=post.thread_ts)


async def owned(gateway: Gateway, *owners: str | None) -> None:
    """Wait until the conversations, in order of number, have these owners."""

    async def so() -> bool:
        return [row[1] for row in await rows(gateway, OWNERS)] == list(owners)

    await settled(so)


async def test_it_is_offered_to_one_agent_and_is_theirs_when_they_answer(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    assert "@onevoice accept" in post.text
    assert post.mentions == 1
    await owned(shop, None)
    await shop.answer(post, "We do.")
    await owned(shop, "alice")
    assert await rows(shop, OFFERS) == [("alice", "accepted", "")]
    page = shop.app.metrics.render()[0].decode()
    for outcome in ("offered", "accepted"):
        assert f'onevoice_assignments_total{{outcome="{outcome}",team="presale"}} 1.0' in page
    await shop.world.telegram.until(lambda: shop.world.telegram.heard("tom") == ["We do."])


async def test_the_least_loaded_agent_is_asked_and_two_at_once_are_spread(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "first")
    post = await shop.shown("Offered to @Alice Chen")
    ask(shop, post, "alice", "accept")
    await owned(shop, "alice")
    shop.world.telegram.say("ann", "second")
    await shop.shown("Offered to @Bob Li")
    shop.world.telegram.say("eve", "third")
    shop.world.telegram.say("sue", "fourth")

    async def four() -> bool:
        return len(await rows(shop, OFFERS)) == 4

    await settled(four)
    asked = [row[0] for row in await rows(shop, OFFERS)]
    assert sorted(asked) == ["alice", "alice", "bob", "bob"]


async def test_who_passes_is_not_asked_again_and_the_next_one_is(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    ask(shop, post, "alice", "pass I go to lunch")
    await shop.shown("Alice Chen passes: I go to lunch")
    post = await shop.shown("Offered to @Bob Li")
    ask(shop, post, "bob", "pass")
    await shop.shown("Bob Li passes")

    async def nobody() -> bool:
        found = await shop.app.database.read(decided)
        return found[-1].chosen is None and found[-1].trace["decided_by"] == "queue"

    await settled(nobody)
    excluded = (await shop.app.database.read(decided))[-1].trace["candidates"]
    assert [(each["agent"], each["excluded_by"]) for each in excluded] == [("alice", "F7"), ("bob", "F7")]


def decided(tx: Transaction) -> list[decisions.Decided]:
    """The decisions about the first conversation."""
    return decisions.of(tx, UUID(bytes=tx.all(IDS, {})[0][0]))


async def test_an_offer_that_runs_out_goes_to_the_next_one(database_url: str, tmp_path: Path) -> None:
    def quick(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"]["offer_telegram"] = "1s"

    async with running(database_url, tmp_path, quick) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        await shop.shown("Offered to @Alice Chen")
        await shop.shown("Alice Chen did not accept in time")
        post = await shop.shown("Offered to @Bob Li")
        ask(shop, post, "bob", "accept")
        await owned(shop, "bob")


async def test_somebody_else_may_take_it_over_or_give_it_to_a_person_or_a_team(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    ask(shop, post, "bob", "accept")
    await shop.shown("It is offered to Alice Chen")
    ask(shop, post, "bob", "take")
    await owned(shop, "bob")
    assert await rows(shop, OFFERS) == [("alice", "withdrawn", "")]
    ask(shop, post, "bob", "assign alice")
    await owned(shop, "alice")
    ask(shop, post, "alice", f"assign <@{shop.world.slack.user('bob').id}>")
    await owned(shop, "bob")
    ask(shop, post, "bob", "assign nobody-i-know")
    await shop.shown("I know no agent or team 'nobody-i-know'")
    ask(shop, post, "bob", "assign After-sales")
    await shop.shown("It waits for the team After-sales now.")


async def test_in_mode_assign_the_best_one_has_it_at_once_and_why_says_so(database_url: str, tmp_path: Path) -> None:
    def at_once(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"] = {"mode": "assign"}
        config["agents"][1]["languages"] = ["zh"]

    async with running(database_url, tmp_path, at_once) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        await owned(shop, "alice")
        post = await shop.shown("Assigned to @Alice Chen")
        ask(shop, post, "alice", "why")
        said = await shop.shown("Here because")
        assert "the contact has no open conversation" in said.text
        assert "Alice Chen, " in said.text
        assert "Alice Chen has it." in said.text
        ask(shop, post, "bob", "why")
        await shop.shown("Alice Chen：")


async def test_away_from_chats_and_back_again(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "first")
    post = await shop.shown("Offered to @Alice Chen")
    ask(shop, post, "alice", "accept")
    ask(shop, post, "bob", "status away")
    await shop.shown("Bob Li is away now.")
    ask(shop, post, "alice", "status lunch")
    await shop.shown("Say @onevoice status and one of")
    shop.world.telegram.say("ann", "second")
    again = [post.thread_ts]

    def offered() -> list[Post]:
        return [each for each in shop.posts() if "Offered to @Alice Chen" in each.text and each.thread_ts not in again]

    await shop.world.slack.until(lambda: bool(offered()))


async def test_who_goes_offline_loses_what_customers_write_afterwards(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "first")
    post = await shop.shown("Offered to @Alice Chen")
    await shop.answer(post, "Hello")
    await shop.world.telegram.until(lambda: shop.world.telegram.heard("tom") == ["Hello"])
    ask(shop, post, "alice", "status offline")
    await shop.shown("Alice Chen is offline now.")
    await owned(shop, "alice")
    shop.world.telegram.say("tom", "and to Bergen?")
    await shop.shown("Alice Chen is offline; another agent is looked for.")
    await shop.shown("Offered to @Bob Li")
    released = await rows(shop, EVENTS, type="owner_released")
    assert [row[1] for row in released] == ["system:assignment"]


async def test_the_stored_inputs_lead_to_the_same_decision_again(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    ask(shop, post, "alice", "pass no idea")
    await shop.shown("Offered to @Bob Li")
    found = await shop.app.database.read(decided)
    assert [each.chosen for each in found] == ["alice", "bob"]
    for each in found:
        again = assign(each.inputs).to_json()
        assert again == {name: value for name, value in each.trace.items() if name != "text"}


async def test_in_mode_pull_nobody_is_asked_and_who_answers_has_it(database_url: str, tmp_path: Path) -> None:
    def pull(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"] = {"mode": "pull"}

    async with running(database_url, tmp_path, pull) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        post = await shop.shown("Do you ship")
        await shop.answer(post, "We do.", user="bob")
        await owned(shop, "bob")
        assert await rows(shop, OFFERS) == []


async def test_a_route_may_name_the_agent(database_url: str, tmp_path: Path) -> None:
    def direct(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"] = {"mode": "assign"}
        config["routes"][-1].pop("team")
        config["routes"][-1]["agent"] = "carol"

    async with running(database_url, tmp_path, direct) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        await owned(shop, "carol")
        await shop.shown("whom the route names")


async def test_who_has_the_skill_that_a_route_prefers_is_asked_first(database_url: str, tmp_path: Path) -> None:
    def prefers(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"] = {"mode": "assign"}
        config["agents"][1]["skills"] = {"shipping": 2}
        for route in config["routes"]:
            route.update(team="presale", preferred_skills=["shipping"])

    async with running(database_url, tmp_path, prefers) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        await owned(shop, "bob")
        post = await shop.shown("Assigned to @Bob Li")
        ask(shop, post, "alice", "why")
        await shop.shown("because of the best preferred skills (level 2)")


async def test_tr4_a_skill_whose_certificate_has_ended_is_none(database_url: str, tmp_path: Path) -> None:
    today = clock.now().date()

    def certified(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"] = {"mode": "assign"}
        for agent, days in zip(config["agents"], (-2, 1, 1), strict=True):
            until = (today + timedelta(days=days)).isoformat()
            agent["skills"] = {"shipping": {"level": 2, "certified_until": until}}
        for route in config["routes"]:
            route.update(team="presale", required_skills=["shipping"])

    async with running(database_url, tmp_path, certified) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        await owned(shop, "bob")
        (found,) = await shop.app.database.read(decided)
        (alice,) = [each for each in found.trace["candidates"] if each["agent"] == "alice"]
        assert alice["detail"] == "certificate for shipping has expired"


async def test_rather_who_does_not_speak_the_language_than_too_late(database_url: str, tmp_path: Path) -> None:
    def tongues(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        config["assignment"] = {"mode": "assign"}
        config["policies"] = [{"id": "fast", "calendar": "ALWAYS", "first": {"seconds": 4}}]
        for agent, tag, capacity in zip(config["agents"], ("en", "zh", "zh"), (0, 12, 12), strict=True):
            agent.update(languages=[tag], capacity=capacity)
        for route in config["routes"]:
            route.update(team="presale", language_fallback=True)

    async with running(database_url, tmp_path, tongues) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        await owned(shop, "bob")
        *_, found = await shop.app.database.read(decided)
        assert found.trace["level"] == 3


async def test_explain_prints_the_reasons_of_a_conversation(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    ask(shop, post, "alice", "pass no idea")
    await shop.shown("Offered to @Bob Li")
    said = await explained(shop, "1")
    assert "attached and routed" in said.lower()
    assert "the contact has no open conversation (attach.new)" in said
    assert "new_round: Alice Chen, " in said
    assert "offer passed by agent:alice: alice, no idea" in said
    assert "passed: Bob Li, the only available Sales agent; Alice Chen is kept away (passed: no idea)." in said
    stored = json.loads(await explained(shop, "1", "--json"))
    assert [each["chosen"] for each in stored["assignments"]] == ["alice", "bob"]
    assert "there is no conversation 99" in await explained(shop, "99")


async def explained(gateway: Gateway, *arguments: str) -> str:
    """What `onevoice explain` prints."""
    result = await asyncio.to_thread(
        CliRunner().invoke,
        cli,
        ["explain", "--config", str(gateway.config_path), *arguments],
        env=dict(gateway.variables),
    )
    return result.output
