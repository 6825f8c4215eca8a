"""Digests through the real application: who waits for an owner, and how yesterday went (service.md 2.6)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, running, settled
from tests.stories.test_alerts import elements, hears, told
from tests.stories.test_response_times import metric, rounds

BEFORE = Statement("UPDATE rounds SET start_at = start_at - 86400000000")


def often(config: dict[str, Any]) -> None:
    config["digests"] = {"queue_every": "2s", "queue_after": "0s", "daily_at": None, "calendar": "ALWAYS"}


def leads(gateway: Gateway) -> list[Post]:
    return [post for post in gateway.world.slack.messages("#leads") if post.bot]


async def test_the_queue_is_told_of_in_one_post_that_changes_while_it_is_the_newest(
    database_url: str, tmp_path: Path
) -> None:
    def change(config: dict[str, Any]) -> None:
        often(config)
        config["teams"][1]["slack"] = "#leads"

    gateway = Gateway(tmp_path, database_url, change)
    gateway.world.slack.workspace.add_channel("leads")
    await gateway.start()
    try:
        slack = gateway.world.slack
        gateway.world.telegram.say("tom", "I want a refund")
        post = await gateway.shown("I want a refund")
        await slack.until(lambda: bool(leads(gateway)) and bool(elements(leads(gateway)[0], "link")))
        first = leads(gateway)[0]
        assert "After-sales: 1 customer waits for somebody to take them." in first.text
        assert elements(first, "link")[0]["url"].endswith(
            f"/archives/{post.channel}/p{(post.thread_ts or '').replace('.', '')}"
        )
        said = first.text
        await slack.until(lambda: leads(gateway)[0].text != said)
        assert len(leads(gateway)) == 1
        slack.post("alice", "#leads", "I am looking")
        await slack.until(lambda: len(leads(gateway)) == 2)
        slack.mention("bob", post.channel, "take", post.thread_ts)
        await gateway.shown("Bob Li has it")
        claimed = [(each.ts, each.text) for each in leads(gateway)]
        gateway.world.telegram.say("ann", "Hello?")
        await hears(gateway, "bob", "Sales: 1 customer waits")
        assert [(each.ts, each.text) for each in leads(gateway)][:1] == claimed[:1]
        assert len(leads(gateway)) == 2
    finally:
        await gateway.stop()


async def test_the_figures_of_yesterday_are_told_once_across_a_restart(database_url: str, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        often(config)
        config["policies"] = [{"id": "all", "calendar": "ALWAYS", "first": {"seconds": 3600}}]

    def daily(config: dict[str, Any]) -> None:
        change(config)
        config["digests"]["daily_at"] = f"{clock.now():%H:%M}"

    async with running(database_url, tmp_path, change) as gateway:
        gateway.world.telegram.say("tom", "I want a refund")
        post = await gateway.shown("I want a refund")
        await gateway.answer(post, "It is on its way", "bob")

        async def answered() -> bool:
            return [each["outcome"] for each in await rounds(gateway)] == ["answered"]

        await settled(answered)
        await gateway.app.database.transact(lambda tx: tx.run(BEFORE, {}))
        await gateway.halt()
        gateway.change = daily
        await gateway.boot()
        digest = await hears(gateway, "alice", "first answers of")
        yesterday = datetime.fromtimestamp(float(digest.ts) - 86400, UTC)
        assert f"After-sales: first answers of {yesterday:%a %d %b} (UTC), business time" in digest.text
        assert "tg: 1 answered (" in digest.text
        assert "100 % in time" in digest.text
        assert "Nobody waits for an answer now." in digest.text
        assert await metric(gateway, 'onevoice_alerts_total{kind="digest",level="daily"}') == 1
        await gateway.halt()
        await gateway.boot()
        gateway.world.telegram.say("ann", "Where is my refund?")
        queue = await hears(gateway, "alice", "1 customer waits")
        for _ in range(2):  # in between the time of the daily one is looked at, too
            said = queue.text
            await gateway.world.slack.until(lambda said=said: told(gateway, "alice")[-1].text != said)  # type: ignore[misc]
            queue = told(gateway, "alice")[-1]
        assert len([each for each in told(gateway, "alice") if "first answers of" in each.text]) == 1
