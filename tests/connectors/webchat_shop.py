"""A web-chat channel on a real aiohttp server, over in-memory ports whose feed grows as the gateway's would."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from connectors.base import Arrival, Cursor, Fate, FeedItem, NotStored, Receipt
from connectors.webchat.connector import WebchatConnector
from connectors.webchat.settings import WebchatSettings
from router.model import Attachment, AuthorKind, Message, Visibility
from router.richtext import RichText, of_text
from tests.connectors.ports import MemoryPorts

SECRET = "a secret of the shop, for tests only"
ORIGIN = "https://shop.example"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

Frame = dict[str, Any]


class FeedPorts(MemoryPorts):
    """What a visitor sends becomes an entry of his feed. `delay` is the time of a commit, `lag` that of
    answers on their way, `hinted` puts the head
    into hints, `reads` counts looks at the feed and `intakes` the sizes of the batches."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.delay = 0.0
        self.lag = 0.0
        self.hinted = True
        self.away: NotStored | None = None  # raised by reads while set
        self.reads = 0
        self.intakes: list[int] = []
        self._erased: set[uuid.UUID] = set()
        self._receipts: dict[str, tuple[bytes, Receipt]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)

    async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        if self.refuse is not None:
            raise self.refuse
        if self.delay:
            await asyncio.sleep(self.delay)
        if cursor is not None:
            self.cursors[cursor.name] = cursor.value
        if arrivals:
            self.intakes.append(len(arrivals))
        receipts = [self._take(arrival) for arrival in arrivals]
        await asyncio.sleep(self.lag)  # committed and hinted at, but the receipts are still on their way
        return receipts

    def _take(self, arrival: Arrival) -> Receipt:
        if known := self._receipts.get(arrival.key):
            raw, receipt = known
            return replace(receipt, fate=Fate.DUPLICATE if raw == arrival.raw else Fate.CONFLICT)
        assert arrival.inbound is not None
        inbound = arrival.inbound
        message = a_message(inbound.text, AuthorKind.CUSTOMER, remote_id=inbound.remote_id, files=inbound.attachments)
        receipt = Receipt(Fate.STORED, message.id, self.append(inbound.address, message))
        self._receipts[arrival.key] = (arrival.raw, receipt)
        self.arrivals.append(arrival)
        return receipt

    def append(self, address: str, message: Message, kind: str = "message", name: str = "") -> int:
        """A new feed entry, as the commit of a delivery makes it; wakes who watches."""
        seq = len(self.feed[address]) + 1
        self.feed[address].append(FeedItem(seq, kind, message, name))
        self.hint(address)
        return seq

    def hint(self, address: str) -> None:
        """The feed may have grown."""
        for watcher in self._watchers[address]:
            watcher.set()

    def says(self, address: str, text: str | RichText, files: tuple[Attachment, ...] = ()) -> Message:
        """The shop says something to this visitor."""
        message = a_message(of_text(text) if isinstance(text, str) else text, AuthorKind.AGENT, files=files)
        self.append(address, message, name="Alice Chen")
        return message

    def erase(self, address: str, seq: int) -> None:
        """What a privacy request does: the entry is gone, its number stays unused."""
        self._erased.add(self.feed[address][seq - 1].message.id)

    async def cursor(self, name: str) -> str | None:
        if self.away is not None:
            raise self.away
        return await super().cursor(name)

    async def history(self, address: str, after: int, limit: int = 200) -> list[FeedItem]:
        if self.away is not None:
            raise self.away
        self.reads += 1
        await asyncio.sleep(self.lag)
        items = [item for item in self.feed[address][after:] if item.message.id not in self._erased][:limit]
        await asyncio.sleep(self.lag)
        return items

    @asynccontextmanager
    async def watch(self, address: str) -> AsyncIterator[AsyncIterator[int | None]]:  # type: ignore[override]  # heads
        watcher = asyncio.Event()

        async def hints() -> AsyncIterator[int | None]:
            while True:
                await watcher.wait()
                watcher.clear()
                yield len(self.feed[address]) if self.hinted else None

        self._watchers[address].add(watcher)
        try:
            yield hints()
        finally:
            self._watchers[address].discard(watcher)


def a_message(
    text: RichText,
    author: AuthorKind,
    *,
    remote_id: str | None = None,
    files: tuple[Attachment, ...] = (),
    visibility: Visibility = Visibility.PUBLIC,
) -> Message:
    return Message(
        id=uuid.uuid4(),
        conversation=uuid.UUID(int=1),
        seq=1,
        author_kind=author,
        author="alice" if author is AuthorKind.AGENT else "",
        visibility=visibility,
        channel="web",
        text=text,
        attachments=files,
        remote_id=remote_id,
        received_at=NOON,
    )


class Client:
    """A visitor's client at the level of frames."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.token = ""
        self.visitor = ""
        self.last = ""

    async def tell(self, type_: str, id_: str = "", **fields: object) -> str:
        self.last = frame = id_ or str(uuid.uuid4())
        await self.socket.send_str(orjson.dumps({"v": 1, "type": type_, "id": frame, **fields}).decode())
        return frame

    async def next(self) -> Frame:
        """The next frame; raises AssertionError when the socket ends instead."""
        message = await self.socket.receive(timeout=30)
        assert message.type is WSMsgType.TEXT, (message, self.socket.close_code)
        frame: Frame = orjson.loads(message.data)
        return frame

    async def hello(self, **fields: str) -> Frame:
        await self.tell("hello", **fields)
        frame = await self.next()
        if frame["type"] == "ack":
            self.token, self.visitor = frame["token"], frame["visitor"]
        return frame

    async def resume(self, seq: int = 0) -> list[Frame]:
        """Everything up to and with the acknowledgement of the resume."""
        frame = await self.tell("resume", seq=seq)
        frames = [await self.next()]
        while frames[-1]["id"] != frame:
            frames.append(await self.next())
        return frames

    async def ended(self) -> int | None:
        """The close code, once the server has closed; frames before it are dropped."""
        async with asyncio.timeout(30):
            while (await self.socket.receive()).type is WSMsgType.TEXT:
                pass
        return self.socket.close_code


class Shop:
    """The server, its ports and its clock; `url` is its address."""

    def __init__(self, connector: WebchatConnector, ports: FeedPorts, http: ClientSession, url: str) -> None:
        self.connector = connector
        self.ports = ports
        self.http = http
        self.url = url
        self.now = NOON

    @asynccontextmanager
    async def visit(self, origin: str | None = ORIGIN, **options: Any) -> AsyncIterator[Client]:
        headers = {} if origin is None else {"Origin": origin}
        async with self.http.ws_connect(f"{self.url}/webchat/web/ws", headers=headers, **options) as socket:
            yield Client(socket)

    async def post(self, frame: Frame, token: str | None = None) -> tuple[int, Frame]:
        headers = {"Origin": ORIGIN} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.http.post(f"{self.url}/webchat/web/messages", data=orjson.dumps(frame), headers=headers) as got:
            return got.status, orjson.loads(await got.read())

    async def wait(self, token: str, seq: int, wait: int = 0) -> list[Frame]:
        headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
        url = f"{self.url}/webchat/web/messages?seq={seq}&wait={wait}"
        async with self.http.get(url, headers=headers) as got:
            assert got.status == 200, await got.text()
            frames: list[Frame] = orjson.loads(await got.read())
            return frames

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@asynccontextmanager
async def open_shop(folder: Path, ports: FeedPorts | None = None, **settings: Any) -> AsyncIterator[Shop]:
    """A running channel "web"; `settings` as in the configuration."""
    ports = ports or FeedPorts(folder)
    holder: list[Shop] = []
    values = {"id": "web", "origins": (ORIGIN,), "identity_secret": SECRET, **settings}
    connector = WebchatConnector(WebchatSettings(**values), ports, lambda: holder[0].now if holder else NOON)
    app = web.Application()
    app.add_routes(connector.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with ClientSession() as http:
            shop = Shop(connector, ports, http, f"http://{host}:{port}")
            holder.append(shop)
            yield shop
    finally:
        await connector.close()
        await runner.cleanup()
