"""While Slack is away, agents answer on a page that is sent to them by mail; the threads catch up afterwards."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled

MAILS = Statement("SELECT count(*) FROM events WHERE type = 'outage_mail'")
ENDED = Statement("SELECT state, error FROM outbox WHERE state IN ('failed', 'dead')")
LINK = re.compile(r"http://\S+/answer/[\w-]+")


def with_mail(config: dict[str, Any]) -> None:
    """Alice leads the one team, has an address, and Slack may be away for a second."""
    config["agents"][0]["email"] = "alice@shop.example"
    config["outage"] = {"after": "1s", "fallback": "alice"}
    for route in config["routes"]:
        route["desk"]["slack"] = "#support-1"


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(database_url, tmp_path, with_mail) as gateway:
        yield gateway


class Outage:
    """Slack is gone, with refused connections and no sockets, until `end`."""

    def __init__(self, gateway: Gateway) -> None:
        self._slack = gateway.world.slack
        self._port = urlsplit(self._slack.url).port or 0

    async def begin(self) -> None:
        await self._slack.stop()

    async def end(self) -> None:
        await self._slack.start(port=self._port)


async def link_to(gateway: Gateway, address: str = "alice@shop.example", nth: int = 1) -> str:
    """The link in the agent's newest mail."""
    mail = gateway.world.mail
    await mail.until(lambda: len(mail.mailbox(address)) >= nth)
    found = LINK.search(mail.mailbox(address)[nth - 1].text)
    assert found is not None
    return found[0]


async def get(link: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        return answer.status, unescape(await answer.text())


async def send(link: str, text: str, page: str | None = None) -> tuple[int, str]:
    """Write into the form of a page (fetched now without one) and press the button."""
    shown = page if page is not None else (await get(link))[1]
    fields = dict(re.findall(r'name="(try|seen)" value="(\d*)"', shown))
    async with (
        aiohttp.ClientSession() as session,
        session.post(link, data={**fields, "text": text}) as answer,
    ):
        return answer.status, unescape(await answer.text())


async def asked_by_mail(
    gateway: Gateway, text: str = "Where is my parcel?", shown: str = ""
) -> tuple[Post, Outage, str]:
    """Tom has asked, a note stands below, then Slack is gone and Alice has her link."""
    gateway.world.telegram.say("tom", text)
    post = await gateway.shown(shown or text)
    note = gateway.world.slack.post("bob", post.channel, "note: he is angry", thread_ts=post.thread_ts)
    await gateway.marked(post, note, "memo")
    outage = Outage(gateway)
    await outage.begin()
    return post, outage, await link_to(gateway)


def thread(gateway: Gateway, post: Post) -> str:
    return "\n".join(each.text for each in gateway.world.slack.thread(post.channel, post.thread_ts or ""))


async def test_a_conversation_is_answered_from_a_page_while_slack_is_away(shop: Gateway) -> None:
    post, outage, link = await asked_by_mail(shop)
    telegram = shop.world.telegram
    telegram.say("tom", "Hello? Anybody?")
    (mail,) = shop.world.mail.mailbox("alice@shop.example")
    assert "tom waits" in mail.text
    assert "tg" in mail.text
    assert "parcel" not in mail.raw.decode()

    async def both_shown() -> bool:
        return "Hello? Anybody?" in (await get(link))[1]

    await settled(both_shown)
    for _ in range(3):  # whoever only looks uses nothing up
        status, page = await get(link)
        assert status == 200
    assert page.index("Where is my parcel?") < page.index("he is angry") < page.index("Hello? Anybody?")
    assert "internal note, the customer does not see it" in page
    status, page = await send(link, "It left <this> morning.\n\nSorry & thanks")
    assert (status, "Sent: It left <this> morning." in page, "<form" in page) == (200, True, False)
    await telegram.until(lambda: len(telegram.heard("tom")) == 1)
    assert telegram.heard("tom")[0].startswith("It left <this> morning.")

    status, again = await send(link, "And another one", page='name="try" value="0" name="seen" value="9"')
    assert (status, "Sent: It left <this> morning." in again, "And another one" in again) == (200, True, False)

    await outage.end()
    await shop.shown("answered from the outage page")
    await shop.world.slack.until(lambda: "Hello? Anybody?" in thread(shop, post))
    said = thread(shop, post)
    order = ["Where is my parcel?", "he is angry", "Hello? Anybody?", "It left &lt;this&gt; morning."]
    places = [said.index(each) for each in order]
    assert places == sorted(places)
    assert [said.count(each) for each in order] == [1, 1, 1, 1]
    telegram.say("tom", "Thank you")
    await shop.shown("Thank you")
    await shop.answer(post, "You are welcome")
    await telegram.until(lambda: telegram.heard("tom")[-1] == "You are welcome")
    assert len(telegram.heard("tom")) == 2
    assert not [each for each in telegram.heard("tom") if "angry" in each]
    assert await rows(shop, MAILS) == [(1,)]
    assert await rows(shop, ENDED) == []


async def test_of_two_tabs_one_answer_is_sent(shop: Gateway) -> None:
    _, outage, link = await asked_by_mail(shop)
    try:
        _, first = await get(link)
        _, second = await get(link)
        assert (await send(link, "From the first tab", first))[0] == 200
        _, page = await send(link, "From the second tab", second)
        assert "Sent: From the first tab" in page
        telegram = shop.world.telegram
        await telegram.until(lambda: telegram.heard("tom") == ["From the first tab"])
        telegram.say("tom", "And when will it be here?")  # he waits again, so a new mail comes with a link of its own
        other = await link_to(shop, nth=2)
        assert other != link
        _, page = await get(other)
        await asyncio.gather(*(send(other, f"Tomorrow, tab {tab}", page) for tab in range(4)))  # at the same instant
        await telegram.until(lambda: len(telegram.heard("tom")) == 2)
        telegram.say("tom", "In the morning?")
        await send(await link_to(shop, nth=3), "Yes")
        await telegram.until(lambda: telegram.heard("tom")[-1] == "Yes")
        assert len(telegram.heard("tom")) == 3
    finally:
        await outage.end()


async def test_a_reply_to_the_mail_itself_does_not_get_into_the_conversation(shop: Gateway) -> None:
    post, outage, _ = await asked_by_mail(shop)
    await outage.end()
    await shop.world.mail.reply("alice@shop.example", "Is this the right way?", quote=False)
    stray = await shop.shown("Is this the right way?")
    assert stray.thread_ts != post.thread_ts
    assert "Is this the right way?" not in thread(shop, post)
    assert shop.world.telegram.heard("tom") == []


async def test_a_restart_while_slack_is_away_asks_nobody_twice(shop: Gateway) -> None:
    _, outage, link = await asked_by_mail(shop)
    try:
        await shop.halt()
        await shop.boot()
        shop.world.telegram.say("ann", "And where is mine?")
        other = await link_to(shop, nth=2)
        assert "And where is mine?" in (await get(other))[1]
        assert await rows(shop, MAILS) == [(2,)]  # one for each of the two
        port = urlsplit(shop.variables["SANDBOX_URL"]).port  # the node has another address now; the link is still good
        assert "Where is my parcel?" in (await get(f"http://127.0.0.1:{port}{urlsplit(link).path}"))[1]
    finally:
        await outage.end()


async def test_a_forged_or_expired_link_opens_nothing(shop: Gateway) -> None:
    _, outage, link = await asked_by_mail(shop)
    try:
        head, token = link[: -len(link.rsplit("/", 1)[1])], link.rsplit("/", 1)[1]
        for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), "A" * 80, token[:20], "%00", "é"):
            status, page = await get(head + forged)
            assert status == 404
            assert "parcel" not in page
            assert (await send(head + forged, "Hi", page=""))[0] == 404
        known = shop.app.answers._links.read(token)  # the instant is inside the signature
        assert known is not None
        past = known.expires - timedelta(days=2)
        old = shop.app.answers._links.make(known.conversation, known.agent, past, b"12345678")
        status, page = await get(old)
        assert (status, "expired" in page, "parcel" in page) == (410, True, False)
        assert (await send(old, "Hi", page=""))[0] == 410
        async with aiohttp.ClientSession() as session, session.get(link) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "noindex" in answer.headers["X-Robots-Tag"]
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script" not in policy
        await send(link, "Still good")
        telegram = shop.world.telegram
        await telegram.until(lambda: bool(telegram.heard("tom")))
        assert telegram.heard("tom") == ["Still good"]
    finally:
        await outage.end()


async def test_what_a_customer_writes_is_no_markup_on_the_page(shop: Gateway) -> None:
    _, outage, link = await asked_by_mail(shop, "<script>alert(1)</script> where is it?", "where is it?")
    try:
        async with aiohttp.ClientSession() as session, session.get(link) as answer:
            raw = await answer.text()
        assert "<script" not in raw
        assert "&lt;script&gt;" in raw
    finally:
        await outage.end()


async def test_who_answered_meanwhile_is_shown_before_anything_is_sent(shop: Gateway) -> None:
    post, outage, link = await asked_by_mail(shop)
    _, before = await get(link)
    await outage.end()
    await shop.answer(post, "It is on its way", user="bob")
    telegram = shop.world.telegram
    await telegram.until(lambda: telegram.heard("tom") == ["It is on its way"])
    status, page = await send(link, "It left this morning", before)
    assert status == 409
    assert "Bob Li answered meanwhile" in page
    assert "It left this morning" in page
    assert telegram.heard("tom") == ["It is on its way"]
    status, page = await send(link, "It left this morning", page)  # sent on purpose, it is held like any second answer
    assert (status, "Not sent, it is held" in page) == (200, True)
    await shop.shown("wrote on the outage page (held)")
    telegram.say("ann", "Is this the fence?")
    await shop.shown("Is this the fence?")
    assert telegram.heard("tom") == ["It is on its way"]


async def test_a_held_answer_shows_its_findings_and_may_be_changed(database_url: str, tmp_path: Path) -> None:
    def checked(config: dict[str, Any]) -> None:
        with_mail(config)
        config["checks"] = {"mode": "enforce"}

    async with running(database_url, tmp_path, checked) as shop:
        post, outage, link = await asked_by_mail(shop, "Hello, where is my parcel?")
        status, page = await send(link, "Hello, only an idiot would ask that.")
        assert status == 200
        assert "Not sent, it is held" in page
        assert "W-INSULT" in page
        status, page = await send(link, "Hello Tom, it left the warehouse this morning.", page)
        assert "Sent: Hello Tom, it left the warehouse this morning." in page
        telegram = shop.world.telegram
        await telegram.until(lambda: bool(telegram.heard("tom")))
        assert telegram.heard("tom") == ["Hello Tom, it left the warehouse this morning."]
        await outage.end()
        await shop.shown("wrote on the outage page (held)")
        await shop.world.slack.until(lambda: "answered from the outage page" in thread(shop, post))


async def test_notes_and_commands_do_not_leave_from_the_page(shop: Gateway) -> None:
    _, outage, link = await asked_by_mail(shop)
    try:
        assert (await send(link, "@onevoice resolve"))[0] == 422
        assert (await send(link, "  "))[0] == 422
        _, page = await send(link, "note: he has called twice")
        assert "Kept as an internal note" in page
        await send(link, "It left this morning", page)
        telegram = shop.world.telegram
        await telegram.until(lambda: bool(telegram.heard("tom")))
        assert telegram.heard("tom") == ["It left this morning"]
    finally:
        await outage.end()


async def test_a_customer_who_writes_first_while_slack_is_away_is_answered_too(shop: Gateway) -> None:
    """There is no thread yet; root, question and answer come in order. By mail and web chat it is the same road."""
    outage = Outage(shop)
    await outage.begin()
    await shop.world.mail.send("ann@customer.example", "The lamp is broken.", subject="Lamp", name="Ann")
    link = await link_to(shop)
    await send(link, "We are sorry, a new lamp is on its way.")
    mail = shop.world.mail
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    (answer,) = mail.mailbox("ann@customer.example")
    assert "a new lamp is on its way" in answer.text
    await outage.end()
    post = await shop.shown("The lamp is broken.")
    await shop.world.slack.until(lambda: "a new lamp is on its way" in thread(shop, post))
    said = thread(shop, post)
    assert said.index("The lamp is broken.") < said.index("a new lamp is on its way")


async def test_an_archived_channel_asks_about_its_own_conversations_only(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Where is my parcel?")
    post = await shop.shown("Where is my parcel?")
    shop.world.slack.channel("#support-1").archived = True
    shop.world.telegram.say("tom", "Hello?")
    link = await link_to(shop)
    await send(link, "It left this morning")
    telegram = shop.world.telegram
    await telegram.until(lambda: telegram.heard("tom") == ["It left this morning"])
    shop.world.slack.channel("#support-1").archived = False
    await shop.world.slack.until(lambda: "answered from the outage page" in thread(shop, post))
