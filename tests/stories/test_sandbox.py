"""The first minute in the sandbox over plain HTTP, as the page plays it: every customer channel and the Slack desk."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from tests.browser.sandbox import Sandbox, open_sandbox

Json = dict[str, Any]
PATIENCE = 30.0
"""Seconds; the machine may be busy, and a mail is held for ten."""


class Page:
    """What the page knows, from the events, and what it asks for."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self.http = http
        self.url = url
        self.views: dict[str, Json] = {}
        self._news = asyncio.Event()

    async def listen(self) -> None:
        """Follow the events until cancelled."""
        async with self.http.get(f"{self.url}/sandbox/events") as events:
            name = ""
            async for line in events.content:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    self.views[name] = orjson.loads(value)
                    self._news.set()

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self.views) < 4 or not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            shown = orjson.dumps(self.views).decode()
            raise AssertionError(f"waited for: {what}; the page shows {shown[:6000]}") from None

    async def act(self, path: str, **body: Any) -> None:
        async with self.http.post(f"{self.url}/sandbox/{path}", json=body) as answer:
            assert answer.status == 204, await answer.text()

    async def refused(self, path: str, body: Any, **headers: str) -> tuple[int, str]:
        sent = {"Content-Type": "application/json", **headers}
        async with self.http.post(f"{self.url}/sandbox/{path}", data=orjson.dumps(body), headers=sent) as answer:
            return answer.status, (await answer.json())["error"]

    async def upload(self, name: str, content: bytes, content_type: str) -> str:
        headers = {"X-File-Name": name, "Content-Type": content_type}
        async with self.http.post(f"{self.url}/sandbox/files", data=content, headers=headers) as answer:
            number: str = (await answer.json())["id"]
            return number

    # The tour and the panes.

    def step(self, number: str) -> Json:
        return next(step for step in self.views["tour"]["steps"] if step["id"] == number)

    async def done(self, *numbers: str) -> None:
        await self.until(f"steps {numbers}", lambda: all(self.step(each)["state"] == "done" for each in numbers))

    def thread(self, channel: str) -> Json:
        place = self.step(f"{channel}.show")["thread"]
        return {"channel": place["channel"], "thread": place["ts"]}

    def replies(self, channel: str) -> list[Json]:
        place = self.thread(channel)
        roots = [root for each in self.views["slack"]["channels"] for root in each["roots"]]
        found: list[Json] = next(root["replies"] for root in roots if root["ts"] == place["thread"])
        return found

    def said(self, channel: str) -> list[Json]:
        """What people wrote in the thread."""
        return [reply for reply in self.replies(channel) if not reply["bot"]]

    def heard(self) -> list[Json]:
        """What Tom's phone shows of the shop."""
        tom = next(each for each in self.views["telegram"]["people"] if each["name"] == "Tom")
        return [each for each in tom["messages"] if not each["mine"]]

    def inbox(self) -> list[Json]:
        inbox: list[Json] = self.views["mail"]["accounts"][0]["inbox"]
        return inbox


class Visitor:
    """A visitor of the shop on the real web-chat protocol."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self.token = ""

    async def ask(self, type_: str, **fields: Any) -> Json:
        number = str(uuid.uuid4())
        await self._socket.send_str(orjson.dumps({"v": 1, "type": type_, "id": number, **fields}).decode())
        while (frame := await self.next())["id"] != number:
            pass
        assert frame["type"] == "ack", frame
        return frame

    async def next(self) -> Json:
        frame: Json = orjson.loads((await self._socket.receive(timeout=PATIENCE)).data)
        return frame

    async def answered(self) -> Json:
        """The next message of an agent."""
        while (frame := await self.next())["type"] != "event" or frame["author"]["kind"] != "agent":
            pass
        return frame


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for all tests: the tour begins again for each. Ctrl-C ends it without a word."""
    with open_sandbox(tmp_path_factory.mktemp("sandbox") / "data") as opened:
        yield opened
        assert opened.end(signal.SIGINT) == (0, "")
        assert "Traceback" not in opened.log


@asynccontextmanager
async def a_page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with ClientSession() as http:
        page = Page(http, sandbox.url)
        listening = asyncio.create_task(page.listen())
        try:
            await page.until("the first views", lambda: True)
            await page.act("tour/restart")
            await page.until("the tour from its start", lambda: page.views["tour"]["current"] == "telegram.ask")
            yield page
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@asynccontextmanager
async def a_visitor(page: Page) -> AsyncIterator[Visitor]:
    async with page.http.ws_connect(f"{page.url}/webchat/web/ws", headers={"Origin": page.url}) as socket:
        visitor = Visitor(socket)
        visitor.token = (await visitor.ask("hello"))["token"]
        await visitor.ask("resume", seq=0)
        yield visitor


async def test_the_first_minute_passes_on_every_channel(sandbox: Sandbox) -> None:
    """Files travel with their messages; notes and guests stay in Slack; a reply can be undone or reworded in time."""
    async with a_page(sandbox) as page, a_visitor(page) as visitor:
        await page.act("telegram/say", person="Tom", text="Where is my order 1042?")
        await visitor.ask("send", text="Is the teapot dishwasher-safe?")
        letter = {"account": "ann@customer.example", "subject": "Order 1077", "text": "I want a refund."}
        await page.act("mail/write", **letter, files=[await page.upload("lamp.txt", b"a crack", "text/plain")])
        await page.done("telegram.show", "webchat.show", "email.show")

        await page.act("slack/post", user="alice", **page.thread("email"), text="For somebody else")
        await page.act("slack/post", user="alice", **page.thread("email"), text="It is on it's way.")
        await page.act("slack/post", user="bob", **page.thread("telegram"), text="// ask the warehouse")
        await page.act("slack/post", user="guest", **page.thread("telegram"), text="A guest is no agent.")
        receipt = await page.upload("receipt.txt", b"42 EUR", "text/plain")
        await page.act("slack/post", user="alice", **page.thread("telegram"), text="It left today.", files=[receipt])
        await page.act("slack/post", user="bob", **page.thread("webchat"), text="Yes, it is.")

        await page.until("both answers to the mail", lambda: len(page.said("email")) == 2)
        place = page.thread("email")["channel"]
        wrong, worded = page.said("email")
        await page.act("slack/delete", user="alice", channel=place, ts=wrong["ts"])
        await page.act("slack/edit", user="alice", channel=place, ts=worded["ts"], text="It is on its way back.")

        assert (await visitor.answered())["text"] == ["Yes, it is."]
        await page.done("telegram.arrive", "webchat.arrive", "email.arrive")
        assert page.views["tour"]["current"] is None
        (answer,) = page.heard()
        assert answer["text"] == "It left today."
        async with page.http.get(f"{page.url}{answer['file']['url']}") as got:
            assert await got.read() == b"42 EUR"
            assert got.headers["Content-Disposition"].startswith("attachment")
        assert [mail["text"] for mail in page.inbox()] == ["It is on its way back."]

        await page.act("mail/reply", account="ann@customer.example", mail=0, text="Thank you!")
        await page.until("Ann's thanks in her thread", lambda: "Thank you!" in page.replies("email")[-1]["text"])
        assert [file["name"] for reply in page.replies("email") for file in reply["files"]] == ["lamp.txt"]

        await page.act("slack/post", user="bob", **page.thread("telegram"), text="@onevoice priority vip")
        await page.until("what was asked of the app", lambda: "VIP" in page.replies("telegram")[-1]["text"].upper())
        assert len(page.heard()) == 1


async def test_the_tour_can_be_skipped_ended_and_taken_again(sandbox: Sandbox) -> None:
    async with a_page(sandbox) as page:
        await page.act("tour/skip")
        await page.until("the second step", lambda: page.views["tour"]["current"] == "telegram.show")
        assert page.step("telegram.ask")["state"] == "skipped"
        await page.act("tour/end")
        await page.until("no tour", lambda: not page.views["tour"]["on"])
        await page.act("telegram/say", person="Tom", text="Hello?")
        await page.done("telegram.show")
        await page.act("tour/restart")
        await page.until("the tour from its start", lambda: page.views["tour"]["current"] == "telegram.ask")
        assert page.views["tour"]["on"]


async def test_what_cannot_be_done_is_refused_with_a_sentence(sandbox: Sandbox) -> None:
    async with a_page(sandbox) as page:
        say = {"person": "Tom", "text": "Hello"}
        assert await page.refused("telegram/say", {"person": "Tom", "text": " "}) == (
            400,
            "Write something or choose a file.",
        )
        assert (await page.refused("telegram/say", {"person": "Mallory", "text": "Hello"}))[0] == 404
        assert (await page.refused("telegram/sing", say))[0] == 404
        assert (await page.refused("fax/say", say))[0] == 404
        assert (await page.refused("telegram/say", [say]))[0] == 400
        assert (await page.refused("telegram/say", {**say, "files": ["none"]}))[0] == 404
        assert (await page.refused("tour/dance", {}))[0] == 404
        foreign = await page.refused("telegram/say", say, **{"Sec-Fetch-Site": "cross-site"})
        assert foreign == (403, "Only the sandbox's own page may do this.")
        assert await page.refused("telegram/say", say, Origin="https://elsewhere.example") == foreign
        assert (await page.refused("telegram/say", say, **{"Content-Type": "text/plain"}))[0] == 415
        desk = page.views["slack"]
        for path, body, sentence in (
            ("telegram/say", {**say, "files": 5}, "files must be a list of ids"),
            ("telegram/edit", {**say, "message": "x"}, "message must be a whole number"),
            (
                "mail/reply",
                {"account": "ann@customer.example", "text": "Hi", "mail": "x"},
                "mail must be a whole number",
            ),
            (
                "slack/react",
                {"user": desk["people"][0]["name"], "channel": desk["channels"][0]["id"], "ts": "1.0", "name": "eyes"},
                "added must be true or false",
            ),
        ):
            assert await page.refused(path, body) == (400, f"This cannot be read: {sentence}")
        async with page.http.get(f"{page.url}/sandbox/files/slack/none") as got:
            assert got.status == 404
        async with page.http.get(f"{page.url}/sandbox/page/..%2Frun.py") as got:
            assert got.status == 404


def test_a_port_in_use_is_said_in_one_sentence(sandbox: Sandbox) -> None:
    ended = sandbox.another()
    assert (ended.returncode, ended.stdout) == (2, "")
    port = sandbox.url.rpartition(":")[2]
    assert ended.stderr == f"--port {port} cannot be used: Address already in use; choose another one\n"


async def test_the_page_weighs_less_than_150_kb_and_runs_nothing_from_elsewhere(sandbox: Sandbox) -> None:
    async with ClientSession() as http, http.get(sandbox.url) as got:
        assert (got.status, got.content_type) == (200, "text/html")
        policy = got.headers["Content-Security-Policy"]
        page = await got.text()
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http:" not in page
    assert "https:" not in page
    folder = Path(__file__).parents[2] / "gateway" / "sandbox" / "page"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 150_000
