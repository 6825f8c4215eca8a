"""One open socket: what its visitor was told so far, what is being stored for him, and why it ends."""

import asyncio
import contextlib
from typing import Literal

from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse

from connectors.base import Arrival, FeedItem, NotStored, Receipt
from connectors.webchat import protocol
from connectors.webchat.chat import PAGE, Chat
from connectors.webchat.limits import Bucket
from connectors.webchat.presence import Ending
from connectors.webchat.protocol import Hello, Refused, Reset, Resume, Send
from connectors.webchat.tokens import Visitor
from router.model import Sender

_PENDING = 64  # messages read from one socket and not yet stored; more wait in the kernel


class Session:
    """Reads frames in order, stores them in order, tells the feed in order. `run` returns when the socket is over.

    `address` is the client's IP address.
    """

    def __init__(self, chat: Chat, socket: WebSocketResponse[Literal[False]], address: str) -> None:
        self.visitor: Visitor | None = None
        self._chat = chat
        self._socket = socket
        self._address = address
        self._ending: Ending | None = None
        self._reading = False
        self._sender: Sender | None = None
        self._bucket: Bucket | None = None
        self._seq = -1  # the last feed entry this socket knows of; -1 until it resumed
        self._pending: list[tuple[Send, Arrival]] = []
        self._storing: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()  # clear while a batch of ours is being stored
        self._settled.set()
        self._telling = asyncio.Lock()

    async def run(self) -> Ending | None:
        """Serve the socket; why we end it, or None when the client left. What was read is stored before it returns."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                try:
                    async with asyncio.timeout(self._chat.settings.limits.hello_seconds) as self._deadline:
                        self._reading = True
                        await self._read()
                except TimeoutError:
                    why = "no hello in time" if self.visitor is None else "the token has expired"
                    self._ending = self._ending or Ending(4401, why)
                finally:
                    self._reading = False
                    if self.visitor is not None:
                        self._chat.presence.leave(self.visitor, self)
                    if self._following is not None:
                        self._following.cancel()
        except* Ending as endings:
            self._ending = next(each for each in endings.exceptions if isinstance(each, Ending))
        except* NotStored:
            self._ending = Ending(1013, "the store is away, try again")
        return self._ending

    def end(self, ending: Ending) -> None:
        """Stop reading; what was read is still stored and acknowledged, then `run` returns this."""
        if self._reading and not self._deadline.expired():
            self._ending = ending
            self._deadline.reschedule(asyncio.get_running_loop().time())

    async def _read(self) -> None:
        limits = self._chat.settings.limits
        self._bucket = Bucket(limits.messages_per_second, limits.burst)
        receive = self._socket.receive
        while True:
            message = await receive()
            if message.type not in (WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG, WSMsgType.BINARY):
                return
            wait = self._bucket.take()
            if wait and self._bucket.flooded:
                raise Ending(1008, "flood")
            match message.type:
                case WSMsgType.TEXT:
                    await self._answer(message.data, wait)
                case WSMsgType.BINARY:
                    refused = Refused("webchat.frame", 400, "Frames are text, not binary.")
                    await self._write(protocol.error(refused))
                case WSMsgType.PING if not wait:
                    with contextlib.suppress(ConnectionError):
                        await self._socket.pong(message.data)

    async def _answer(self, data: bytes, wait: float) -> None:
        try:
            frame = protocol.parse(data)
            if wait:
                raise Refused("webchat.rate", 429, "Too fast: send it again later.", frame=frame.id, retry_after=wait)
            match frame:
                case Send():
                    await self._send(frame)
                case Resume():
                    await self._resume(frame)
                case Hello():
                    await self._hello(frame)
                case Reset():
                    await self._reset(frame)
        except Refused as refused:
            await self._write(protocol.error(refused))
            if refused.status in (401, 426):
                raise Ending(4000 + refused.status, refused.code) from refused

    async def _hello(self, hello: Hello) -> None:
        if self.visitor is not None:
            raise Refused("webchat.frame", 400, "Hello was already said on this socket.", frame=hello.id)
        try:
            self.visitor = visitor = await self._chat.admit(hello, self._address)
        except Refused as refused:
            refused.frame = hello.id
            raise
        self._sender = visitor.sender()
        self._bucket = self._chat.bucket(visitor.id)
        left = (visitor.expires_at - self._chat.clock()).total_seconds()
        self._deadline.reschedule(asyncio.get_running_loop().time() + left)
        self._chat.presence.join(visitor, self)
        await self._write(self._chat.welcome(hello, visitor))

    def _known(self, frame: str) -> Visitor:
        if self.visitor is None:
            raise Refused("webchat.token", 401, "Say hello first.", frame=frame)
        return self.visitor

    async def _reset(self, reset: Reset) -> None:
        visitor = self._known(reset.id)
        await self._chat.sign_out(visitor)
        await self._write(protocol.ack(reset.id, None))

    # Storing: in order, several at once while a commit is under way, acknowledged after it (X1, W4).

    async def _send(self, send: Send) -> None:
        visitor = self._known(send.id)
        assert self._sender is not None, "set with the visitor"
        arrival = self._chat.arrival(visitor, self._sender, send)
        while len(self._pending) >= _PENDING and self._storing is not None:
            await asyncio.wait((self._storing,))
        self._pending.append((send, arrival))
        if self._storing is None:
            self._storing = self._tasks.create_task(self._store())

    async def _store(self) -> None:
        while batch := self._pending:
            self._pending = []
            self._settled.clear()
            try:
                receipts = await self._chat.ports.intake([arrival for _, arrival in batch])
            except NotStored as error:
                await self._refuse(batch + self._pending, error)
                raise Ending(1012 if error.draining else 1013, "not stored, try again") from error
            for (send, _), receipt in zip(batch, receipts, strict=True):
                await self._write(self._told(send, receipt))
            self._settled.set()
        self._storing = None

    def _told(self, send: Send, receipt: Receipt) -> bytes:
        try:
            ack = self._chat.answer(send, receipt)
        except Refused as refused:
            return protocol.error(refused)
        if receipt.feed_seq == self._seq + 1:
            self._seq += 1  # the acknowledgement tells this entry: no event, no look at the feed
        return ack

    async def _refuse(self, batch: list[tuple[Send, Arrival]], error: NotStored) -> None:
        for send, _ in batch:
            text = "The message could not be stored: send it again."
            refused = Refused("webchat.unavailable", 503, text, frame=send.id, retry_after=error.retry_after)
            await self._write(protocol.error(refused))

    # Telling: subscribe first, then the snapshot, then hints (W3).

    async def _resume(self, resume: Resume) -> None:
        visitor = self._known(resume.id)
        if self._following is None:
            self._following = self._tasks.create_task(self._follow(visitor, resume))
        else:
            await self._start(visitor, resume)

    async def _follow(self, visitor: Visitor, resume: Resume) -> None:
        async with self._chat.ports.watch(visitor.id) as hints:
            await self._start(visitor, resume)
            async for head in hints:
                await self._settled.wait()  # the hint may be of our own message, whose receipt is on its way
                if head is None or head > self._seq:
                    await self._catch_up(visitor)

    async def _start(self, visitor: Visitor, resume: Resume) -> None:
        async with self._telling:
            known, items = await self._chat.after(visitor, resume.seq)
            self._seq = resume.seq if known else 0
            if not known:
                await self._write(protocol.reset(0))
            for item in items:
                await self._tell(visitor, item)
        if len(items) >= PAGE - 1:
            await self._catch_up(visitor)
        await self._write(protocol.ack(resume.id, self._seq))

    async def _catch_up(self, visitor: Visitor) -> None:
        async with self._telling:
            while True:
                items = await self._chat.ports.history(visitor.id, self._seq, PAGE)
                for item in items:
                    await self._tell(visitor, item)
                if len(items) < PAGE:
                    return

    async def _tell(self, visitor: Visitor, item: FeedItem) -> None:
        if item.seq <= self._seq:
            return  # told meanwhile by an acknowledgement
        self._seq = item.seq
        if (event := self._chat.event(item, visitor)) is not None:
            await self._write(event)

    async def _write(self, frame: bytes) -> None:
        """Waits while the client reads slowly, at most 10 s: then the cursor repairs what it missed (W12)."""
        try:
            async with asyncio.timeout(self._chat.settings.limits.send_seconds):
                await self._socket.send_frame(frame, WSMsgType.TEXT)
        except TimeoutError as error:
            raise Ending(1013, "reads too slowly") from error
        except ConnectionError as error:
            raise Ending(1000, "gone") from error
