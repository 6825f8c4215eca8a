"""The web chat as a connector: routes, who may open them, and deliveries, which visitors pull by cursor."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from connectors.base import Clock, NotSent, NotStored, Outcome, Ports, Rejected, Sent
from connectors.webchat import fallback, files
from connectors.webchat.chat import Chat
from connectors.webchat.limits import client_network
from connectors.webchat.pages import Pages
from connectors.webchat.presence import Ending
from connectors.webchat.protocol import Refused
from connectors.webchat.sessions import Session
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.tokens import Visitor
from router.model import Attachment, Capabilities, ChannelType, Delivery, DeliveryKind

PING_SECONDS = 25.0  # W7; aiohttp gives the pong half of it
JITTER_MS = 30_000  # clients come back after a drain within this time (W19)
_CLOSING_SECONDS = 5.0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebchatConnector:
    """One web-chat channel. `public_url` is the gateway's address as browsers see it, `files_url` the origin
    that files are served from; both may be "" (then: the Host header, and the same origin)."""

    def __init__(
        self, settings: WebchatSettings, ports: Ports, clock: Clock, *, public_url: str = "", files_url: str = ""
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._chat = Chat(settings, ports, clock, files_url)
        self._pages = Pages(settings, self._chat.consent_version, files_url)
        self._origins = frozenset({*settings.origins, *([_origin(public_url)] if public_url else [])})
        self._open: set[Session] = set()
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._polls: set[asyncio.Timeout] = set()
        self._places = 0
        self._addresses: Counter[str] = Counter()
        self._draining = False

    @property
    def channel(self) -> str:
        return self._settings.id

    @property
    def channel_type(self) -> ChannelType:
        return ChannelType.WEBCHAT

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            text_limit=self._settings.text_limit,
            text_unit="chars",
            edits=True,
            deletes=True,
            file_limit=self._settings.file_limit,
            pulls=True,
        )

    @property
    def parser(self) -> str | None:
        return None

    @property
    def sockets(self) -> int:
        """Open sockets on this node (metric `onevoice_websockets`)."""
        return len(self._open)

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Everything under `/webchat/{channel}/`."""
        base = f"/webchat/{self.channel}"
        return [
            web.get(f"{base}/widget.js", self._pages.loader),
            web.get(f"{base}/frame", self._pages.frame),
            web.get(f"{base}/frame/{{name}}", self._pages.asset),
            web.get(f"{base}/ws", self._guarded(self._socket)),
            web.get(f"{base}/messages", self._guarded(self._wait)),
            web.post(f"{base}/messages", self._guarded(self._post)),
            web.post(f"{base}/files", self._guarded(self._upload)),
            web.get(f"{base}/files/{{token}}", self._download),
            web.options(f"{base}/messages", self._guarded(self._preflight)),
            web.options(f"{base}/files", self._guarded(self._preflight)),
        ]

    async def run(self) -> None:
        """Visitors come to us: there is nothing to receive but the end, at which they are sent away (W19)."""
        self._draining = False
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Ask every client to come back, to another node or later, spread over 30 s (W19)."""
        self._draining = True
        now = asyncio.get_running_loop().time()
        for poll in self._polls:
            if not poll.expired():
                poll.reschedule(now)
        for session in self._open:
            session.end(Ending(1012, f"jitter={JITTER_MS}"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._nobody.wait()

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Done by the commit that settles the row: it appends to the feed, and visitors pull (W3)."""
        if delivery.kind in (DeliveryKind.MESSAGE, DeliveryKind.EDIT, DeliveryKind.DELETE):
            return Sent(())
        return Rejected(f"Web chat cannot show a {delivery.kind}.")

    async def reconcile(self, delivery: Delivery) -> Outcome:
        """Nothing ever leaves us, so nothing can have left unseen: repeat it."""
        return NotSent("web chat delivers by its own commit")

    async def probe(self) -> str | None:
        return None

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Visitors' files are stored before they are sent: there is nothing remote to fetch."""
        raise FileNotFoundError(f"web chat keeps no remote file {attachment.name!r}: it was stored on upload")
        yield b""

    # Who may ask.

    def _guarded(self, handler: _Handler) -> _Handler:
        """Only pages of the allowed origins reach the handler, and refusals become answers (W8)."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get(hdrs.ORIGIN)
            try:
                self._refuse_foreign(request, origin)
                response = await handler(request)
            except Refused as refused:
                response = fallback.refusal(refused)
            except NotStored as error:
                text = "Nothing can be stored just now: send it again."
                response = fallback.refusal(Refused("webchat.unavailable", 503, text, retry_after=error.retry_after))
            if not response.prepared:
                response.headers[hdrs.VARY] = hdrs.ORIGIN
                response.headers[hdrs.CACHE_CONTROL] = "no-store"
                if origin is not None and self._allows(request, origin):
                    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            return response

        return guarded

    def _refuse_foreign(self, request: web.Request, origin: str | None) -> None:
        if origin is None:
            # Browsers leave Origin out of a GET to the page's own origin and say so in this header.
            own = request.headers.get("Sec-Fetch-Site") == "same-origin" and hdrs.UPGRADE not in request.headers
        else:
            own = self._allows(request, origin)
        if not own:
            raise Refused("webchat.origin", 403, "This page may not use the chat: add its origin to the channel.")

    def _allows(self, request: web.Request, origin: str) -> bool:
        return origin in self._origins or urlsplit(origin).netloc == request.host

    async def _bearer(self, request: web.Request) -> Visitor:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        return await self._chat.bearer(token.strip() if scheme.lower() == "bearer" else "")

    async def _rated(self, request: web.Request) -> Visitor:
        visitor = await self._bearer(request)
        if wait := self._chat.bucket(visitor.id).take():
            raise Refused("webchat.rate", 429, "Too fast: send it again later.", retry_after=wait)
        return visitor

    # What they may ask.

    async def _preflight(self, request: web.Request) -> web.Response:
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Content-Type, X-File-Name",
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
        }
        return web.Response(status=204, headers=headers)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self._refuse_draining()
        visitor = await self._rated(request) if hdrs.AUTHORIZATION in request.headers else None
        return await fallback.post(self._chat, visitor, request)

    async def _wait(self, request: web.Request) -> web.StreamResponse:
        self._refuse_draining()
        visitor = await self._bearer(request)
        with self._place(request):
            return await fallback.get(self._chat, visitor, request, self._polls)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._refuse_draining()
        return await files.upload(self._chat, await self._rated(request), request)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        try:
            return await files.download(self._chat, request)
        except Refused as refused:
            return fallback.refusal(refused)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._refuse_draining()
        with self._place(request):
            return await self._talk(request)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        socket: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
            timeout=_CLOSING_SECONDS,
            autoping=False,  # pings count against the rate (W11)
            heartbeat=PING_SECONDS,
            compress=False,  # 115 kB a socket otherwise
            max_msg_size=self._settings.limits.frame_bytes,
            decode_text=False,
        )
        await socket.prepare(request)
        session = Session(self._chat, socket, client_network(request.remote))
        self._open.add(session)
        self._nobody.clear()
        try:
            if (ending := await session.run()) is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSING_SECONDS):
                        await socket.close(code=ending.code, message=ending.reason.encode())
        finally:
            self._open.discard(session)
            if not self._open:
                self._nobody.set()
            if (transport := request.transport) is not None and transport.get_write_buffer_size():
                transport.abort()  # nobody reads: do not keep what he was sent
        return socket

    def _refuse_draining(self) -> None:
        if self._draining:
            text = "The server is restarting: come back in a moment."
            raise Refused("webchat.unavailable", 503, text, retry_after=5.0)

    @contextlib.contextmanager
    def _place(self, request: web.Request) -> Iterator[None]:
        """Holds one of the places an IP address and the channel have (W11)."""
        limits, address = self._settings.limits, client_network(request.remote)
        if self._places >= limits.sockets:
            raise Refused("webchat.unavailable", 503, "The chat is full: try again later.", retry_after=30.0)
        if self._addresses[address] >= limits.sockets_per_address:
            raise Refused("webchat.rate", 429, "Too many connections from this address.", retry_after=30.0)
        self._places += 1
        self._addresses[address] += 1
        try:
            yield
        finally:
            self._places -= 1
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
