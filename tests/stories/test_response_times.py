"""Response times through the real application: warnings, the breach at its time, the answer, the metrics."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.policies import with_policies
from gateway.sandbox.slack.workspace import Post
from gateway.sandbox.telegram_faults import broken
from storage.intake import quarantine_counts
from storage.statement import Statement
from tests.stories.gateway import Gateway, running, settled

ROUNDS = Statement(
    "SELECT kind, outcome, sla, wall_ms, start_at, end_at, deadline, breached_at, author FROM rounds ORDER BY number"
)
QUEUED = Statement("SELECT 1 FROM outbox WHERE channel = 'tg' AND state = 'ready'")
STATUS = Statement("SELECT status FROM conversations")
ALARMS = Statement("SELECT ref, due_at, fired_at FROM timers WHERE kind = 'alarm' ORDER BY due_at")
TARGET = 4.0
PATIENCE = 10.0
"""Seconds that a busy machine may be late; alone it is a few hundredths."""


def with_policy(config: dict[str, Any], seconds: float = TARGET) -> None:
    config["policies"] = [
        {"id": "fast", "calendar": "ALWAYS", "first": {"seconds": seconds}, "next": {"seconds": seconds}}
    ]


def with_undo_time(config: dict[str, Any]) -> None:
    with_policy(config, 60)
    for route in config["routes"]:
        route["hold"] = "2s"


@pytest.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    running = Gateway(tmp_path, database_url, with_policy)
    await running.start()
    yield running
    await running.stop()


async def metric(gateway: Gateway, line: str) -> float:
    """The value of one line of /metrics; 0 when it is not there."""
    url = f"http://127.0.0.1:{gateway.app.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        text = await response.text()
    return next((float(each.rpartition(" ")[2]) for each in text.splitlines() if each.startswith(line)), 0.0)


async def status(gateway: Gateway) -> str:
    (row,) = await gateway.app.database.read(lambda tx: tx.all(STATUS, {}))
    return str(row[0])


async def rounds(gateway: Gateway) -> list[dict[str, Any]]:
    names = ("kind", "outcome", "sla", "wall_ms", "start_at", "end_at", "deadline", "breached_at", "author")
    rows = await gateway.app.database.read(lambda tx: tx.all(ROUNDS, {}))
    return [dict(zip(names, row, strict=True)) for row in rows]


async def test_nobody_answers_warned_three_times_breached_at_the_deadline_once(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello?")
    await gateway.shown("Hello?")
    (waiting,) = await rounds(gateway)
    assert (waiting["outcome"], waiting["deadline"] - waiting["start_at"]) == ("open", TARGET * 1_000_000)
    for level in ("50 %", "75 %", "90 %"):
        await gateway.shown(level)
    breach = await gateway.shown("Overdue")
    posted = datetime.fromtimestamp(float(breach.ts), UTC).timestamp()
    assert 0 <= posted - waiting["deadline"] / 1e6 < PATIENCE
    (waiting,) = await rounds(gateway)
    assert (waiting["sla"], waiting["breached_at"]) == ("breached", waiting["deadline"])
    fired = await gateway.app.database.read(lambda tx: tx.all(ALARMS, {}))
    assert [row[2] is not None for row in fired] == [True] * 4
    assert all(0 <= row[2] - row[1] < PATIENCE * 1_000_000 for row in fired)
    assert await metric(gateway, "onevoice_sla_breaches_total{") == 1
    assert await metric(gateway, "onevoice_rounds_overdue{") in {0, 1}
    await settled(lambda: _is_told_on_both_clocks(gateway))


async def _is_told_on_both_clocks(gateway: Gateway) -> bool:
    names = [f'onevoice_oldest_wait_seconds{{channel="tg",clock="{clock}"}}' for clock in ("wall", "business")]
    return all([await metric(gateway, name) > 0 for name in names])


async def test_an_answer_ends_the_round_and_its_alarms(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, partial(with_policy, seconds=60)) as gateway:
        gateway.world.telegram.say("tom", "Hello?")
        post = await gateway.shown("Hello?")
        ts = await gateway.answer(post, "Hi Tom")
        await gateway.world.telegram.until(lambda: gateway.world.telegram.heard("tom") == ["Hi Tom"])
        await gateway.marked(post, ts, "white_check_mark")
        (first,) = await rounds(gateway)
        assert (first["kind"], first["outcome"], first["sla"]) == ("first", "answered", "met")
        assert first["author"] == "alice"
        assert await gateway.app.database.read(lambda tx: tx.all(ALARMS, {})) == []
        assert await metric(gateway, "onevoice_response_seconds_count{") == 1
        report = await asyncio.to_thread(_report, gateway)
        assert [(each["group"], each["n"], each["waiting"]) for each in report["groups"]] == [("tg", 1, 0)]
        assert report["groups"][0]["attainment"] == 1.0
        assert sum(report["groups"][0]["parts"].values()) == pytest.approx(report["groups"][0]["values"][0], abs=0.01)
        gateway.world.telegram.say("tom", "And another thing")
        await gateway.shown("And another thing")
        assert [each["kind"] for each in await rounds(gateway)] == ["first", "next"]


async def test_d2_d5_agents_say_that_nobody_waits_or_that_somebody_does(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, partial(with_policy, seconds=60)) as gateway:
        gateway.world.telegram.say("tom", "Hello?")
        post = await gateway.shown("Hello?")

        async def says(line: str, answer: str) -> None:
            gateway.world.slack.mention("alice", post.channel, line, thread_ts=post.thread_ts)
            await gateway.shown(answer)

        await says("answered-elsewhere on the phone", "answered elsewhere. Nothing was sent.")
        (first,) = await rounds(gateway)
        assert (first["outcome"], first["author"], first["sla"]) == ("answered", "alice", "met")
        gateway.world.telegram.say("tom", "I see")
        gateway.world.telegram.say("tom", "and so be it")
        await gateway.shown("and so be it")
        waiting = (await rounds(gateway))[1]
        await says("no-reply-needed", "no answer is needed")
        assert [each["outcome"] for each in await rounds(gateway)] == ["answered"]
        assert await gateway.app.database.read(lambda tx: tx.all(ALARMS, {})) == []
        await says("no-reply-needed", "Nobody waits for an answer here")
        await says("pending", "Pending")
        await says("needs-reply", "waits for an answer since they wrote")
        again = (await rounds(gateway))[1]
        assert (again["kind"], again["outcome"]) == ("next", "open")
        assert again["start_at"] >= waiting["start_at"]
        assert await status(gateway) == "open"
        await says("needs-reply", "waits for an answer already")
        assert gateway.world.telegram.heard("tom") == []


async def answered_and_resolved(gateway: Gateway) -> tuple[Post, str]:
    """The question's post and the ts of an answer that waits for its undo time, in a matter that is resolved."""
    gateway.world.telegram.say("tom", "Hello?")
    post = await gateway.shown("Hello?")
    ts = await gateway.answer(post, "Hi Tom")
    await settled(lambda: _is_queued(gateway))
    gateway.world.slack.mention("alice", post.channel, "resolve", thread_ts=post.thread_ts)
    await gateway.shown("Resolved.")
    assert gateway.world.telegram.heard("tom") == []
    assert [each["outcome"] for each in await rounds(gateway)] == ["open"]
    return post, ts


async def _is_queued(gateway: Gateway) -> bool:
    return bool(await gateway.app.database.read(lambda tx: tx.all(QUEUED, {})))


async def test_d22_what_is_resolved_within_the_undo_time_of_its_answer_is_answered(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, with_undo_time) as gateway:
        post, ts = await answered_and_resolved(gateway)
        await gateway.marked(post, ts, "white_check_mark")
        (found,) = await rounds(gateway)
        assert (found["outcome"], found["sla"], found["author"]) == ("answered", "met", "alice")
        assert await status(gateway) == "resolved"


async def test_d22_an_answer_that_is_taken_back_opens_again_what_was_resolved_with_it(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, with_undo_time) as gateway:
        post, ts = await answered_and_resolved(gateway)
        gateway.world.slack.delete("alice", post.channel, ts)
        await gateway.shown("It is open again")
        assert await status(gateway) == "open"
        assert [each["outcome"] for each in await rounds(gateway)] == ["open"]


async def test_d22_an_answer_that_fails_opens_again_what_was_resolved_with_it(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, with_undo_time) as gateway:
        gateway.world.telegram.fail("sendMessage", broken(400, "Bad Request: message is too strange"))
        await answered_and_resolved(gateway)
        await gateway.shown("was not delivered")
        await gateway.shown("It is open again")
        assert await status(gateway) == "open"
        assert [each["outcome"] for each in await rounds(gateway)] == ["open"]


def _report(gateway: Gateway) -> Any:
    """`onevoice report response --format json` while the node runs."""
    config = gateway.config_path
    result = CliRunner(env=gateway.variables).invoke(
        cli, ["report", "response", "--config", str(config), "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_a_breach_while_the_process_was_away_is_dated_at_the_deadline_and_told_once(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello?")
    await gateway.shown("75 %")
    await gateway.halt()
    (waiting,) = await _rounds_of(gateway)
    await asyncio.sleep(2)
    await gateway.boot()
    await gateway.shown("Overdue")
    (late,) = await rounds(gateway)
    assert late["breached_at"] == waiting["deadline"]
    await asyncio.sleep(1)
    assert len([post for post in gateway.posts() if "Overdue" in post.text]) == 1


async def _rounds_of(gateway: Gateway) -> list[dict[str, Any]]:
    """The rounds while no node runs."""
    from storage.database import Database

    database = Database(gateway.app.settings.gateway.database)
    rows = await database.read(lambda tx: tx.all(ROUNDS, {}))
    database.close()
    names = ("kind", "outcome", "sla", "wall_ms", "start_at", "end_at", "deadline", "breached_at", "author")
    return [dict(zip(names, row, strict=True)) for row in rows]


async def test_d30_a_policy_that_another_node_has_read_first_holds_up_nothing(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello?")
    await gateway.shown("Hello?")
    settings = gateway.app.settings
    (fast,) = settings.policies
    changed = settings.model_copy(update={"policies": (fast.model_copy(update={"first": {"seconds": 3600}}),)})
    other = await with_policies(gateway.app.rulebook, changed, gateway.app.database, lambda touched: None)
    assert [policy.version for policy in other.policies] == [2]
    gateway.world.telegram.say("tom", "Are you there?")
    gateway.world.telegram.say("ann", "Me too?")
    await gateway.shown("Are you there?")
    await gateway.shown("Me too?")
    post = await gateway.shown("Hello?")
    await gateway.answer(post, "Hi Tom")
    await gateway.world.telegram.until(lambda: gateway.world.telegram.heard("tom") == ["Hi Tom"])
    await settled(lambda: _is_answered(gateway))
    assert await gateway.app.database.read(quarantine_counts) == {}


async def _is_answered(gateway: Gateway) -> bool:
    return "answered" in [each["outcome"] for each in await rounds(gateway)]
