"""What a customer reads of a reply whose new text is held or a note: what they were told, after a reload too."""

import uuid
from typing import Any

import aiohttp
import orjson

from gateway.sandbox.slack.workspace import Post
from tests.stories.gateway import Gateway


class Browser:
    """A visitor who comes back with the same token and reads everything again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._token: str | None = None

    async def ask(self, text: str) -> None:
        async with aiohttp.ClientSession() as session, self._socket(session) as socket:
            await self._hello(socket)
            frame = {"v": 1, "type": "send", "id": str(uuid.uuid4()), "text": text}
            await socket.send_str(orjson.dumps(frame).decode())
            await socket.receive(timeout=30)

    async def reads(self) -> list[object]:
        """The texts of the shop in the feed, from its beginning."""
        async with aiohttp.ClientSession() as session, self._socket(session) as socket:
            await self._hello(socket)
            await socket.send_str(orjson.dumps({"v": 1, "type": "resume", "id": "r", "seq": 0}).decode())
            texts: list[object] = []
            while True:
                try:
                    frame = orjson.loads((await socket.receive(timeout=0.7)).data)
                except TimeoutError:
                    return texts
                if frame["type"] == "event" and frame["author"]["kind"] == "agent" and frame["kind"] == "message":
                    texts.append(frame["text"])

    def _socket(self, session: aiohttp.ClientSession) -> Any:
        return session.ws_connect(f"{self._url}/webchat/web/ws", origin=self._url)

    async def _hello(self, socket: Any) -> None:
        hello = {"v": 1, "type": "hello", "id": "h", **({"token": self._token} if self._token else {})}
        await socket.send_str(orjson.dumps(hello).decode())
        self._token = orjson.loads((await socket.receive(timeout=30)).data).get("token") or self._token


async def told(gateway: Gateway) -> tuple[Browser, Post, str]:
    browser = Browser(gateway.variables["SANDBOX_URL"])
    await browser.ask("Where is my parcel?")
    post = await gateway.shown("Where is my parcel?")
    ts = await gateway.answer(post, "Hello, it is on its way.")
    await gateway.marked(post, ts, "white_check_mark")
    assert await browser.reads() == [["Hello, it is on its way."]]
    return browser, post, ts


async def test_inv8_a_held_edit_is_not_in_the_feed(gateway: Gateway) -> None:
    browser, post, ts = await told(gateway)
    gateway.world.slack.edit("alice", post.channel, ts, "Hello, only an idiot would ask that.")
    await gateway.shown("The customer has the earlier text until this is decided")
    assert await browser.reads() == [["Hello, it is on its way."]]


async def test_inv8_a_reply_that_became_a_note_too_late_stays_what_it_was(gateway: Gateway) -> None:
    browser, post, ts = await told(gateway)
    gateway.world.slack.edit("alice", post.channel, ts, "// he is a thief")
    await gateway.shown("had left before it became a note")
    assert await browser.reads() == [["Hello, it is on its way."]]
    for again in ("he is a thief after all", "Hello, it left today."):
        gateway.world.slack.edit("alice", post.channel, ts, again)
    await gateway.world.slack.until(lambda: gateway.world.slack.events.waiting == 0)
    late = await gateway.answer(post, "Hello, it left today.")
    await gateway.marked(post, late, "white_check_mark")
    assert await browser.reads() == [["Hello, it is on its way."], ["Hello, it left today."]]


async def test_inv8_a_held_edit_whose_post_becomes_a_note_is_held_no_longer(gateway: Gateway) -> None:
    browser, post, ts = await told(gateway)
    gateway.world.slack.edit("alice", post.channel, ts, "Hello, only an idiot would ask that.")
    await gateway.shown("The customer has the earlier text until this is decided")
    gateway.world.slack.edit("alice", post.channel, ts, "// only an idiot would ask that")
    await gateway.shown("had left before it became a note")
    await gateway.shown("Taken back by Alice Chen")
    assert await browser.reads() == [["Hello, it is on its way."]]
