"""The feed over the socket: whatever breaks, a client ends with what the server holds, each entry once (W3)."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientError

from connectors.base import NotStored
from connectors.webchat.chat import PAGE
from router.model import Attachment, AuthorKind, Visibility
from router.richtext import Break, Mention, Paragraph, RichText, Span, of_text
from tests.connectors.webchat_shop import FeedPorts, Frame, Shop, a_message, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


async def test_an_answer_of_the_shop_arrives_live_with_name_and_time(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        assert await client.resume() == [{"v": 1, "type": "ack", "id": client.last, "seq": 0}]
        message = shop.ports.says(client.visitor, "It is on its way.")
        assert await client.next() == {
            "v": 1,
            "type": "event",
            "id": message.id.hex,
            "seq": 1,
            "kind": "message",
            "at": 1_772_424_000_000,
            "author": {"kind": "agent", "name": "Alice Chen"},
            "text": ["It is on its way."],
            "files": [],
        }


async def test_edits_carry_the_new_text_and_deletes_carry_none(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        await client.resume()
        message = shop.ports.says(client.visitor, "Tomorow")
        await client.next()
        shop.ports.append(client.visitor, replace(message, text=of_text("Tomorrow")), "edit", "Alice Chen")
        edit = await client.next()
        shop.ports.append(client.visitor, message, "delete")
        delete = await client.next()
    assert (edit["kind"], edit["id"], edit["text"]) == ("edit", message.id.hex, ["Tomorrow"])
    assert (delete["kind"], delete["id"], delete["text"], delete["files"]) == ("delete", message.id.hex, [], [])


async def test_the_text_is_a_tree_without_agents_ids_and_without_links_a_browser_must_not_follow(shop: Shop) -> None:
    text = RichText(
        (
            Paragraph(
                (
                    Mention("Bob", "U0123"),
                    Break(),
                    Span("shop", link="https://shop.example"),
                    Span("trap", link="JavaScript:alert(1)"),
                )
            ),
        )
    )
    async with shop.visit() as client:
        await client.hello()
        await client.resume()
        shop.ports.says(client.visitor, text)
        event = await client.next()
    assert event["text"] == [["p", ["@", "Bob", None], ["br"], ["s", "shop", 0, "https://shop.example"], "trap"]]


async def test_inv8_a_note_never_leaves_even_if_it_is_in_the_feed(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        note = a_message(of_text("He is rude."), AuthorKind.AGENT, visibility=Visibility.NOTE)
        shop.ports.append(client.visitor, note)
        shop.ports.says(client.visitor, "Hello")
        frames = await client.resume()
    assert [frame["type"] for frame in frames] == ["event", "ack"]
    assert frames[0]["text"] == ["Hello"]
    assert frames[1]["seq"] == 2


async def test_x9_a_file_that_is_not_stored_is_a_placeholder(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        await client.resume()
        shop.ports.says(client.visitor, "", (Attachment(name="film.mp4", content_type="video/mp4", size=31_000_000),))
        event = await client.next()
    assert event["files"] == [{"name": "film.mp4", "type": "video/mp4", "size": 31_000_000, "url": None}]


async def test_w3_a_cursor_of_another_feed_is_reset(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        shop.ports.says(client.visitor, "One")
        reset, event, ack = await client.resume(7)
    assert (reset["type"], reset["seq"]) == ("reset", 0)
    assert (event["type"], event["seq"], ack["seq"]) == ("event", 1, 1)


async def test_w3_an_erased_entry_at_the_cursor_resets_the_client(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        for text in ("One", "Two", "Three"):
            shop.ports.says(client.visitor, text)
        shop.ports.erase(client.visitor, 2)
        frames = await client.resume(2)
    assert [(frame["type"], frame["seq"]) for frame in frames] == [
        ("reset", 0),
        ("event", 1),
        ("event", 3),
        ("ack", 3),
    ]


async def test_a_history_of_many_pages_arrives_whole_and_in_order(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        for number in range(2 * PAGE + 1):
            shop.ports.says(client.visitor, str(number))
        *events, ack = await client.resume()
    assert [event["seq"] for event in events] == list(range(1, 2 * PAGE + 2))
    assert ack["seq"] == 2 * PAGE + 1


async def test_the_socket_that_sent_a_message_gets_the_acknowledgement_alone_and_others_the_event(shop: Shop) -> None:
    async with shop.visit() as first, shop.visit() as second:
        await first.hello()
        await second.hello(token=first.token)
        await first.resume()
        await second.resume()
        reads = shop.ports.reads
        frame = await first.tell("send", text="Hello")
        assert (await first.next())["type"] == "ack"
        event = await second.next()
        assert (event["type"], event["client"], event["author"]) == ("event", frame, {"kind": "customer", "name": ""})
        assert shop.ports.reads == reads + 1, "only the second socket looked at the feed"
        shop.ports.says(first.visitor, "Hi")
        assert [(await each.next())["seq"] for each in (first, second)] == [2, 2]


async def test_when_the_shop_was_faster_both_messages_come_as_events(shop: Shop) -> None:
    shop.ports.delay = 0.05
    async with shop.visit() as client:
        await client.hello()
        await client.resume()
        frame = await client.tell("send", text="Hello")
        await asyncio.sleep(0.01)
        shop.ports.says(client.visitor, "Are you there?")
        ack, first, second = [await client.next() for _ in range(3)]
    assert (ack["type"], ack["id"], ack["seq"]) == ("ack", frame, 2)
    assert (first["seq"], first["text"]) == (1, ["Are you there?"])
    assert (second["seq"], second["client"]) == (2, frame)


async def test_what_an_acknowledgement_told_while_the_feed_was_read_is_not_told_again(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        await client.resume()
        shop.ports.lag, shop.ports.hinted = 0.05, False
        shop.ports.hint(client.visitor)
        await asyncio.sleep(0.02)  # the feed is being asked
        await client.tell("send", text="Hello")
        ack = await client.next()
        shop.ports.says(client.visitor, "Hi")
        event = await client.next()
    assert (ack["type"], ack["seq"]) == ("ack", 1)
    assert (event["type"], event["seq"]) == ("event", 2)


class Device:
    """A client as docs/webchat-protocol.md tells to write one: cursor, queue, and what is on the screen."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.token = ""
        self.cursor = 0
        self.screen: dict[int, str] = {}
        self.queue: dict[str, str] = {}
        self.strays = 0

    async def talk(self, chance: random.Random, seconds: float) -> None:
        """Connect, resume, send what is queued, listen; then vanish without saying goodbye."""
        with suppress(TimeoutError, ClientError, AssertionError):
            async with asyncio.timeout(seconds), self.shop.visit() as client:
                hello = await client.hello(token=self.token)
                self.token = hello["token"]
                for frame in await client.resume(self.cursor):
                    self.hear(frame)
                for id_, text in list(self.queue.items()):
                    await client.tell("send", id_, text=text)
                while True:
                    self.hear(await client.next())
                    if chance.random() < 0.1:
                        client.socket._response.close()  # the network is gone

    def hear(self, frame: Frame) -> None:
        match frame["type"]:
            case "ack" if frame["id"] in self.queue:
                text = self.queue.pop(frame["id"])
                if frame["seq"] == self.cursor + 1:
                    self.show(frame["seq"], text)
            case "event" if frame["seq"] <= self.cursor:
                self.strays += 1
            case "event":
                self.queue.pop(frame.get("client", ""), None)
                self.show(frame["seq"], frame["text"][0])
            case "reset":
                self.cursor, self.screen = frame["seq"], {}

    def show(self, seq: int, text: str) -> None:
        self.screen[seq] = text
        self.cursor = seq


@pytest.mark.parametrize("seed", range(4))
async def test_w3_after_any_disconnects_and_restarts_the_screen_equals_the_feed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    ports = FeedPorts(tmp_path)
    ports.hinted = chance.random() < 0.5
    limits = {"limits": {"messages_per_second": 10_000, "burst": 10_000, "sockets_per_visitor": 50}}
    devices: list[Device] = []
    sent: list[str] = []
    for _ in range(4):  # each round on another server over the same store
        async with open_shop(tmp_path, ports, **limits) as shop:
            if not devices:
                async with shop.visit() as client:
                    await client.hello()
                    devices = [Device(shop), Device(shop)]
                    for device in devices:
                        device.token = client.token
                    visitor = client.visitor
            async with asyncio.TaskGroup() as tasks:
                for device in devices:
                    device.shop = shop
                    tasks.create_task(life(device, chance, sent))
                for number in range(25):
                    ports.delay, ports.lag = chance.choice((0.0, 0.002)), chance.choice((0.0, 0.001, 0.003))
                    ports.says(visitor, f"agent {number}")
                    await asyncio.sleep(chance.random() * 0.01)
    async with open_shop(tmp_path, ports, **limits) as shop:
        quiet = random.Random(0)
        quiet.random = lambda: 1.0  # type: ignore[method-assign]  # a network that holds
        for device in devices:
            device.shop = shop
        # what one of them has still to send, the other must see
        while behind := [each for each in devices if each.queue or each.cursor < len(ports.feed[visitor])]:
            for device in behind:
                await device.talk(quiet, 0.3)
    truth = {item.seq: item.message.text for item in ports.feed[visitor]}
    for device in devices:
        assert {seq: of_text(text) for seq, text in device.screen.items()} == truth
        assert device.strays == 0, "what an acknowledgement told is not told again"
    written = [arrival.inbound.text for arrival in ports.arrivals if arrival.inbound]
    assert sorted(map(str, written)) == sorted(str(of_text(text)) for text in sent), "each once, none lost"


async def life(device: Device, chance: random.Random, sent: list[str]) -> None:
    for _ in range(4):
        for _ in range(chance.randrange(3)):
            text = f"visitor {len(sent)}"
            sent.append(text)
            device.queue[str(uuid.UUID(int=chance.getrandbits(128)))] = text
        await device.talk(chance, 0.03 + chance.random() * 0.1)


async def test_fault_36_a_socket_that_dies_after_the_commit_sends_the_same_message_once(shop: Shop) -> None:
    shop.ports.delay = 0.1
    frame = str(uuid.uuid4())
    async with shop.visit() as client:
        await client.hello()
        await client.tell("send", frame, text="Hello")
        await asyncio.sleep(0.02)
        token = client.token
    async with shop.visit() as client:
        await client.hello(token=token)
        await client.tell("send", frame, text="Hello")
        ack = await client.next()
        assert (ack["id"], ack["seq"]) == (frame, 1)
    assert len(shop.ports.feed[client.visitor]) == 1


async def test_w19_a_drain_stores_what_was_read_and_sends_clients_away_with_jitter(shop: Shop) -> None:
    shop.ports.delay = 0.1
    async with shop.visit() as client, shop.visit() as other:
        await client.hello()
        await other.hello()
        frame = await client.tell("send", text="Just in time")
        await asyncio.sleep(0.03)
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(shop.connector.close())
            assert (await client.next())["id"] == frame
            ending = await client.socket.receive()
            assert (ending.data, ending.extra) == (1012, "jitter=30000")
            assert await other.ended() == 1012
    assert shop.connector.sockets == 0
    status, refused = await shop.post({"v": 1, "type": "hello", "id": "1"})
    assert (status, refused["code"]) == (503, "webchat.unavailable")


async def test_x15_a_store_that_cannot_be_read_ends_the_socket_with_1013_and_http_with_503(shop: Shop) -> None:
    async with shop.visit() as client, shop.visit() as window:
        token = (await client.hello())["token"]
        await client.resume()
        await window.hello(token=token)
        shop.ports.away = NotStored("the database is away", retry_after=2)
        shop.ports.says(client.visitor, "Hello")
        assert await client.ended() == 1013
        await window.tell("resume", seq=0)
        assert await window.ended() == 1013
    async with shop.visit() as client:
        await client.tell("hello", token=token)
        assert await client.ended() == 1013
    headers = {"Origin": shop.url, "Authorization": f"Bearer {token}"}
    async with shop.http.get(f"{shop.url}/webchat/web/messages?seq=0", headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert (await answer.json())["code"] == "webchat.unavailable"
