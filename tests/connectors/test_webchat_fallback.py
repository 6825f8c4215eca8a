"""The same frames over POST and long poll (W6), and the pages a browser loads (W10, W14)."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

import connectors.webchat
from connectors.base import NotStored
from connectors.webchat.connector import WebchatConnector
from connectors.webchat.settings import WebchatSettings
from gateway.clock import now
from tests.connectors.webchat_shop import ORIGIN, SECRET, FeedPorts, Shop, open_shop

WIDGET = Path(connectors.webchat.__file__).parent / "widget"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


async def hello(shop: Shop) -> tuple[str, str]:
    status, ack = await shop.post({"v": 1, "type": "hello", "id": "1", "language": "en"})
    assert (status, ack["type"]) == (200, "ack")
    return ack["token"], ack["visitor"]


async def test_w6_a_conversation_without_websockets(shop: Shop) -> None:
    token, visitor = await hello(shop)
    frame = {"v": 1, "type": "send", "id": str(uuid.uuid4()), "text": "Hello"}
    answers = [await shop.post(frame, token) for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0][1]["type"], answers[0][1]["seq"]) == ("ack", 1)
    status, refused = await shop.post(frame | {"text": "Other"}, token)
    assert (status, refused["code"], refused["id"]) == (409, "webchat.conflict", frame["id"])
    shop.ports.says(visitor, "Hi")
    events = await shop.wait(token, 0)
    assert [(event["seq"], event.get("client")) for event in events] == [(1, frame["id"]), (2, None)]
    assert shop.ports.inbound[0].language == "en"


async def test_w6_the_cursor_and_the_ids_are_those_of_the_socket(shop: Shop) -> None:
    token, visitor = await hello(shop)
    frame = str(uuid.uuid4())
    await shop.post({"v": 1, "type": "send", "id": frame, "text": "Hello"}, token)
    async with shop.visit() as client:
        await client.hello(token=token)
        assert client.visitor == visitor
        await client.tell("send", frame, text="Hello")
        assert (await client.next())["seq"] == 1
        assert await client.resume(1) == [{"v": 1, "type": "ack", "id": client.last, "seq": 1}]
    assert len(shop.ports.arrivals) == 1


async def test_w6_a_long_poll_waits_for_the_next_event_and_no_longer(shop: Shop) -> None:
    token, visitor = await hello(shop)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(shop.wait(token, 0, 20))
        await asyncio.sleep(0.2)
        shop.ports.says(visitor, "Hi")
    assert [event["seq"] for event in waiting.result()] == [1]
    assert 0.2 <= loop.time() - began < 15
    assert await shop.wait(token, 1, 1) == []
    assert loop.time() - began >= 1.2


async def test_a_cursor_that_is_not_ours_is_reset_over_http_too(shop: Shop) -> None:
    token, visitor = await hello(shop)
    shop.ports.says(visitor, "Hi")
    frames = await shop.wait(token, 9, 20)
    assert [(frame["type"], frame["seq"]) for frame in frames] == [("reset", 0), ("event", 1)]


async def test_w19_a_drain_ends_long_polls(shop: Shop) -> None:
    token, _ = await hello(shop)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(shop.wait(token, 0, 20))
        await asyncio.sleep(0.1)
        await shop.connector.close()
    assert waiting.result() == []


async def test_http_answers_in_frames_and_in_status_codes(shop: Shop) -> None:
    token, _ = await hello(shop)
    send = {"v": 1, "type": "send", "id": str(uuid.uuid4()), "text": "Hello"}
    assert (await shop.post(send))[0] == 401
    assert (await shop.post(send, "nonsense"))[0] == 401
    assert (await shop.post({"v": 2, "type": "hello", "id": "1"}))[0] == 426
    assert (await shop.post({"v": 1, "type": "resume", "id": "1", "seq": 0}, token))[0] == 400
    status, refused = await shop.post(send | {"text": "x" * 70_000}, token)
    assert (status, refused["code"]) == (413, "webchat.too_large")
    shop.ports.refuse = NotStored("the disk is full", retry_after=3)
    status, refused = await shop.post(send, token)
    assert (status, refused["code"], refused["retry_after"]) == (503, "webchat.unavailable", 3)
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
    for query in ("seq=-1", "seq=x", "wait=1e9", "seq=٣"):
        async with shop.http.get(f"{shop.url}/webchat/web/messages?{query}", headers=headers) as answer:
            assert answer.status == 400
            assert answer.headers["Cache-Control"] == "no-store"


async def test_http_requests_share_the_visitors_rate(shop: Shop) -> None:
    token, _ = await hello(shop)
    statuses = [(await shop.post({"v": 1, "type": "reset", "id": "1", "x": 1}, "bad"))[0]]
    for number in range(25):
        frame = {"v": 1, "type": "send", "id": str(uuid.uuid4()), "text": f"{number}"}
        statuses.append((await shop.post(frame, token))[0])
    assert statuses[0] == 401
    assert 429 in statuses
    assert statuses.count(200) >= 20


async def test_w14_the_frame_has_a_nonce_policy_and_names_who_may_embed_it(shop: Shop) -> None:
    pages = []
    for _ in range(2):
        async with shop.http.get(f"{shop.url}/webchat/web/frame") as answer:
            policy = answer.headers["Content-Security-Policy"]
            pages.append(await answer.text())
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert pages[0] != pages[1], "a nonce is used once"
    assert f"frame-ancestors 'self' {ORIGIN}" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert re.findall(r"<(?:script|style|link)\b[^>]*>", pages[1])
    for tag in re.findall(r"<(?:script|style|link)\b[^>]*>", pages[1]):
        assert f'nonce="{nonce}"' in tag


async def test_what_a_shop_writes_into_the_settings_is_inert_in_the_page(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    async with open_shop(tmp_path, title=evil, greeting=evil, consent=evil) as shop:
        for name in ("frame", "widget.js"):
            async with shop.http.get(f"{shop.url}/webchat/web/{name}") as answer:
                text = await answer.text()
                assert "<script>alert" not in text or name == "widget.js"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_w14_the_loader_is_small_cached_and_knows_its_channel(shop: Shop) -> None:
    async with shop.http.get(f"{shop.url}/webchat/web/widget.js") as answer:
        body = await answer.read()
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        tag = answer.headers["ETag"]
    assert len(body) < 15_000
    assert b'"channel":"web"' in body
    assert b"{{config}}" not in body
    async with shop.http.get(f"{shop.url}/webchat/web/widget.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_every_module_the_page_imports_is_served_and_nothing_else_is(shop: Shop) -> None:
    seen, queue = set(), ["chat.js"]
    while queue:
        name = queue.pop()
        seen.add(name)
        async with shop.http.get(f"{shop.url}/webchat/web/frame/{name}") as answer:
            assert answer.status == 200, name
            queue += [each for each in re.findall(r'from "\./([a-z]+\.js)"', await answer.text()) if each not in seen]
    assert seen == {path.name for path in WIDGET.glob("*.js")} - {"widget.js"}
    for name in ("frame.html", "..%2fconnector.py", "widget.js", "none.js"):
        async with shop.http.get(f"{shop.url}/webchat/web/frame/{name}") as answer:
            assert answer.status == 404


def test_w10_the_widget_never_makes_markup_from_text() -> None:
    for path in WIDGET.glob("*.js"):
        source = path.read_text("utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
        ):
            assert word not in source, f"{path.name} uses {word}"


def test_the_words_are_complete_in_every_language() -> None:
    source = (WIDGET / "words.js").read_text("utf-8")
    parts = re.split(r"ENGLISH = \{|zh-CN\": \{|zh-TW\": \{", source)
    tables = [set(re.findall(r"^ +(\w+): \"", part, re.M)) for part in parts]
    assert tables[1] == tables[2] == tables[3]
    used = set()
    for path in WIDGET.glob("*.js"):
        used |= set(re.findall(r"\bwords\.(\w+)", path.read_text("utf-8")))
    assert used - {"js"} <= tables[1]


async def test_run_waits_for_the_end_and_drains(tmp_path: Path) -> None:
    settings = WebchatSettings.model_validate({"id": "web", "identity_secret": SECRET})
    connector = WebchatConnector(settings, FeedPorts(tmp_path), now)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connector.run()
    assert await connector.probe() is None


def test_the_protocol_page_names_every_code_frame_and_ending() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webchat-protocol.md").read_text("utf-8")
    sources = "".join(path.read_text("utf-8") for path in WIDGET.parent.glob("*.py"))
    codes = set(re.findall(r'"(webchat\.[a-z_]+)"', sources))
    assert codes == set(re.findall(r"^\| `(webchat\.[a-z_]+)`", page, re.M))
    statuses = set(re.findall(r'"(webchat\.[a-z_]+)", (\d{3})', sources))
    assert statuses == set(re.findall(r"^\| `(webchat\.[a-z_]+)` \| (\d{3})", page, re.M))
    endings = set(re.findall(r"Ending\((\d{4})", sources)) | {"1009", "1012", "1013", "4426"}
    assert endings - {"1000", "4000"} == set(re.findall(r"^\| (\d{4}) \|", page, re.M))
    for example in re.findall(r"^```json\n(.*?)^```", page, re.M | re.S):
        for line in [example] if example.count("\n{") == 0 else example.splitlines():
            orjson.loads(line)


@pytest.mark.parametrize(("colour", "ink"), [("#3056d3", "#ffffff"), ("#ffe000", "#000000"), ("#000000", "#ffffff")])
async def test_w16_text_on_the_shops_colour_stays_readable(tmp_path: Path, colour: str, ink: str) -> None:
    async with open_shop(tmp_path, colour=colour) as shop:
        async with shop.http.get(f"{shop.url}/webchat/web/frame") as answer:
            assert f"--accent: {colour}; --on-accent: {ink};" in await answer.text()
        async with shop.http.get(f"{shop.url}/webchat/web/widget.js") as answer:
            assert f'"ink":"{ink}"' in await answer.text()
