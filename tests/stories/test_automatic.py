"""What customers are told by nobody: receipts, opening hours, waiting; through the real application, both databases."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from structlog.testing import capture_logs

from gateway import clock
from gateway.config import load
from gateway.sandbox.mail import AUTHSERV_ID
from gateway.sandbox.slack.workspace import Post
from gateway.settings import Settings
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled

EVENTS = Statement("SELECT type, actor, payload FROM events ORDER BY conversation, seq")
ROUNDS = Statement("SELECT kind, outcome, sla, start_at, deadline FROM rounds ORDER BY conversation, number")
ALARMS = Statement("SELECT ref FROM timers WHERE kind = 'alarm' AND ref LIKE :like")
SOON = Statement("UPDATE agent_status SET ooo_until = :until WHERE agent = :agent")
OWNERS = Statement("SELECT owner FROM conversations ORDER BY number")

RECEIPT = "Hello, we have received your message (number 1). A colleague will answer you here."
WAITING = (
    "All our colleagues are busy right now. "
    "Your message is in the queue, and the next free colleague will answer you here."
)
ZONE = ZoneInfo("Asia/Shanghai")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def acknowledging(config: dict[str, Any]) -> None:
    """A policy with a receipt, and a mailbox that is told who is who."""
    config["policies"] = [{"id": "all", "calendar": "ALWAYS", "ack": "5s", "first": "1h", "next": "1h"}]
    for channel in config["channels"]:
        if channel["type"] == "email":
            channel["authserv_ids"] = [AUTHSERV_ID]


def nobody_there(config: dict[str, Any]) -> None:
    """Offers, but nobody has said that they are there."""
    config["policies"] = [{"id": "all", "calendar": "ALWAYS", "first": "1h"}]
    config["assignment"] = {"mode": "offer", "default_status": "offline"}


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(database_url, tmp_path, acknowledging) as gateway:
        yield gateway


async def alarms_of_receipts(gateway: Gateway) -> list[tuple[Any, ...]]:
    return await rows(gateway, ALARMS, like="%:ack:%")


def page(gateway: Gateway) -> str:
    """What /metrics says."""
    return gateway.app.metrics.render()[0].decode()


async def types(gateway: Gateway) -> list[str]:
    return [row[0] for row in await rows(gateway, EVENTS)]


async def noted(gateway: Gateway, kind: str, text: str = "") -> None:
    """Wait for an event whose payload holds a text."""

    async def there() -> bool:
        return any(row[0] == kind and text in row[2] for row in await rows(gateway, EVENTS))

    await settled(there)


async def heard(gateway: Gateway, *texts: str) -> None:
    telegram = gateway.world.telegram
    await telegram.until(lambda: telegram.heard("tom") == list(texts))


def ask(gateway: Gateway, post: Post, text: str, user: str = "alice") -> None:
    gateway.world.slack.mention(user, post.channel, text, thread_ts=post.thread_ts)


async def test_a_receipt_that_answers_nothing(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my order?")
    await heard(shop, RECEIPT)
    line = await shop.shown("Receipt sent to the customer.")
    assert line.thread_ts == (await shop.shown("Where is my order?")).thread_ts
    await noted(shop, "message_sent")
    assert [row[1] for row in await rows(shop, EVENTS) if row[0] == "message_sent"] == ["system:ack"]
    ((kind, outcome, sla, start, deadline),) = await rows(shop, ROUNDS)
    assert (kind, outcome, sla, deadline - start) == ("first", "open", "running", 3_600_000_000)
    assert 'onevoice_ack_seconds_bucket{channel="tg",le="5.0"} 1.0' in page(shop)
    assert await alarms_of_receipts(shop) == []


async def test_d3_the_first_answer_after_a_receipt_is_the_first_and_collides_with_nobody(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my order?")
    await heard(shop, RECEIPT)
    post = await shop.shown("Where is my order?")
    await shop.answer(post, "Hello Tom, it left the warehouse this morning.")
    await heard(shop, RECEIPT, "Hello Tom, it left the warehouse this morning.")

    async def answered() -> bool:
        return [row[:2] for row in await rows(shop, ROUNDS)] == [("first", "answered")]

    await settled(answered)
    shop.world.telegram.say("tom", "Hello, are you there?")
    await shop.shown("Hello, are you there?")
    await asyncio.sleep(1.2)
    assert len(shop.world.telegram.heard("tom")) == 2
    assert await rows(shop, Statement("SELECT 1 FROM promises")) == []


async def test_it_speaks_the_customers_language(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "您好,我的包裹到哪里了?")
    await heard(shop, "您好,我们已收到您的消息(编号 1),客服会在这里回复您。")


async def test_l2_a_proven_mail_gets_one_a_day_marked_as_automatic(shop: Gateway) -> None:
    mail = shop.world.mail
    sent = await mail.send("ann@customer.example", "Where is my lamp?", subject="Buy =?cheap?= pills", name="Ann")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    (receipt,) = mail.mailbox("ann@customer.example")
    assert receipt.sender == ""
    assert receipt.message["Auto-Submitted"] == "auto-replied"
    assert receipt.message["In-Reply-To"] == receipt.message["References"] == f"<{sent}>"
    assert receipt.subject == "We have your message (number 1)"
    post = await shop.shown("Receipt sent")
    ask(shop, post, "resolve")
    await shop.shown("Resolved.")
    await shop.app.database.transact(
        lambda tx: tx.run(Statement("UPDATE conversations SET resolved_at = 1, last_in_at = 1"), {})
    )
    await mail.send("ann@customer.example", "Where is my chair?", subject="Another thing", name="Ann")
    await shop.shown("Where is my chair?")
    await noted(shop, "receipt_suppressed", "this address got an automatic mail")
    assert len(mail.mailbox("ann@customer.example")) == 1
    assert await alarms_of_receipts(shop) == []


async def test_l1_l3_machines_lists_and_unproven_senders_get_none_and_that_is_no_breach(shop: Gateway) -> None:
    mail = shop.world.mail
    await mail.send("bot@customer.example", "I am away", subject="Away", headers={"Auto-Submitted": "auto-replied"})
    await mail.send("news@customer.example", "Our news", subject="News", headers={"List-Id": "<news.example>"})
    await mail.send("ann@customer.example", "Hello there", subject="Hi", verified=False)
    for text in ("I am away", "Our news", "Hello there"):
        await shop.shown(text)
    await asyncio.sleep(1)
    suppressed = [row[2] for row in await rows(shop, EVENTS) if row[0] == "receipt_suppressed"]
    assert sorted("unverified" if "unverified" in each else "automatic" for each in suppressed) == [
        "automatic",
        "automatic",
        "unverified",
    ]
    assert all(not mail.mailbox(f"{who}@customer.example") for who in ("bot", "news", "ann"))
    assert await alarms_of_receipts(shop) == []


async def test_outside_opening_hours_the_receipt_says_when_we_open(database_url: str, tmp_path: Path) -> None:
    opening = clock.now().astimezone(ZONE) + timedelta(days=2)

    def closed(config: dict[str, Any]) -> None:
        acknowledging(config)
        hours = {DAYS[opening.weekday()]: [["09:30", "18:00"]]}
        config["calendars"] = {"SHOP": {"tz": "Asia/Shanghai", "weekly": hours}}
        config["policies"][0]["calendar"] = "SHOP"

    async with running(database_url, tmp_path, closed) as shop:
        shop.world.telegram.say("tom", "Where is my order?")
        await shop.world.telegram.until(lambda: bool(shop.world.telegram.heard("tom")))
        (said,) = shop.world.telegram.heard("tom")
        assert f"open again on {opening:%A}, {opening.day} {opening:%B}, at 09:30" in said


async def test_nobody_is_free_the_customer_hears_it_once_and_waits_on(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, nobody_there) as shop:
        shop.world.telegram.say("tom", "Where is my order?")
        await heard(shop, WAITING)
        await shop.shown("The customer was told that everybody is busy.")
        shop.world.telegram.say("tom", "Hello?")
        await shop.shown("Hello?")
        await asyncio.sleep(2.7)
        await heard(shop, WAITING)
        ((kind, outcome, sla, *_),) = await rows(shop, ROUNDS)
        assert (kind, outcome, sla) == ("first", "open", "running")
        assert await rows(shop, OWNERS) == [(None,)]
        assert (await types(shop)).count("automatic_composed") == 1
        assert 'onevoice_assignments_total{outcome="nobody",team="presale"} 1.0' in page(shop)
        await shop.world.slack.until(lambda: 'onevoice_queue{team="presale"} 1.0' in page(shop))


async def test_a_text_that_the_standards_block_is_reported_once_and_never_sent(
    database_url: str, tmp_path: Path
) -> None:
    def insulting(config: dict[str, Any]) -> None:
        acknowledging(config)
        text = {"text": "Only an idiot would write now (number {number})."}
        config["standards"] = {"messages": {"version": 1, "default": "en", "receipt": {"en": text}}}

    async with running(database_url, tmp_path, insulting) as shop:
        shop.world.telegram.say("tom", "Where is my order?")
        line = await shop.shown("Not sent: the standards block the automatic text receipt")
        assert "W-INSULT" in line.text
        shop.world.telegram.say("tom", "Hello?")
        await shop.shown("Hello?")
        await asyncio.sleep(1.2)
        assert shop.world.telegram.heard("tom") == []
        assert len([post for post in shop.posts() if "Not sent: the standards" in post.text]) == 1


async def test_x14_three_automatic_messages_in_ten_minutes_and_no_more(shop: Gateway) -> None:
    """The other side answers whatever we say, and every answer begins a new cycle."""
    telegram = shop.world.telegram
    for number in range(1, 6):
        telegram.say("tom", f"automatic answer {number} of a machine")
        post = await shop.shown(f"automatic answer {number} of")
        await (
            noted(shop, "receipt_suppressed", "three automatic messages in ten minutes")
            if number > 3
            else shop_said(shop, number)
        )
        ask(shop, post, "resolve")
        await resolved(shop)
        await shop.app.database.transact(lambda tx: tx.run(Statement("UPDATE events SET at = at - 400000000000"), {}))
    assert len(telegram.heard("tom")) == 3


async def shop_said(shop: Gateway, count: int) -> None:
    await shop.world.telegram.until(lambda: len(shop.world.telegram.heard("tom")) == count)


async def resolved(shop: Gateway) -> None:
    async def so() -> bool:
        return not await rows(shop, Statement("SELECT 1 FROM conversations WHERE status <> 'resolved'"))

    await settled(so)


async def test_out_of_office_gives_the_waiting_back_and_ends_by_itself(database_url: str, tmp_path: Path) -> None:
    def two(config: dict[str, Any]) -> None:
        for agent in config["agents"]:
            agent["teams"] = ["presale"] if agent["id"] in {"alice", "bob"} else []
            agent["languages"] = []
        config["assignment"] = {"mode": "assign"}

    async with running(database_url, tmp_path, two) as shop:
        shop.world.telegram.say("tom", "Where is my order?")
        post = await shop.shown("Assigned to @Alice Chen")
        ask(shop, post, "ooo until yesterday")
        await shop.shown("@onevoice ooo until")
        ask(shop, post, "ooo until 2020-01-01")
        await shop.shown("is over already")
        until = datetime.now(UTC).astimezone(ZONE) + timedelta(days=3)
        ask(shop, post, f"ooo until {until:%Y-%m-%d} 09:00")
        await shop.shown(f"Alice Chen is out of office until {until:%Y-%m-%d} 09:00 (Asia/Shanghai)")
        await shop.shown("Alice Chen is out of office; another agent is looked for.")
        await shop.shown("Assigned to @Bob Li")
        ask(shop, post, f"ooo until {until:%Y-%m-%d}", "bob")
        await shop.shown("Bob Li is out of office; another agent is looked for.")
        await nobody_has_it(shop)
        await shop.app.database.transact(lambda tx: tx.run(SOON, {"agent": "alice", "until": tx.now + 1_000_000}))
        await shop.world.slack.until(lambda: assigned_to_alice(shop) == 2)
        ask(shop, post, "ooo off", "bob")
        await shop.shown("Bob Li is back.")
        assert await rows(shop, Statement("SELECT ooo_until FROM agent_status WHERE agent = 'bob'")) == [(None,)]


async def nobody_has_it(shop: Gateway) -> None:
    async def so() -> bool:
        return await rows(shop, OWNERS) == [(None,)]

    await settled(so)


def assigned_to_alice(shop: Gateway) -> int:
    return sum("Assigned to @Alice Chen" in post.text for post in shop.posts())


async def test_a_configuration_with_other_channels_is_not_taken_over_at_all(shop: Gateway) -> None:
    before = shop.app.rulebook
    written = yaml.safe_load(shop.config_path.read_text())
    written["gateway"]["log_level"] = "debug"
    written["agents"][0]["name"] = "Somebody Else"
    shop.config_path.write_text(yaml.safe_dump(written))
    with capture_logs() as logged:
        await shop.app.reload(lambda: load(shop.config_path, shop.variables))
    assert shop.app.rulebook is before
    (line,) = [each for each in logged if each["event"] == "config.restart_needed"]
    assert line["reason"] == "nothing was taken over: gateway or channels changed; restart"


async def test_a_new_configuration_is_read_and_compiled_beside_the_loop(shop: Gateway) -> None:
    threads: list[str] = []

    def reload() -> Settings:
        threads.append(threading.current_thread().name)
        written = yaml.safe_load(shop.config_path.read_text())
        text = {"text": "Number {number} is with us."}
        written["standards"] = {"messages": {"version": 2, "default": "en", "receipt": {"en": text}}}
        shop.config_path.write_text(yaml.safe_dump(written))
        return load(shop.config_path, shop.variables)

    ticks = [0]

    async def tick() -> None:
        while True:
            ticks[0] += 1
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        await shop.app.reload(reload)
        ticking.cancel()
    assert "MainThread" not in threads
    assert ticks[0] > 10
    shop.world.telegram.say("tom", "Where is my order?")
    await heard(shop, "Number 1 is with us.")
