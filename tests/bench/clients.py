"""Customers at the front doors: WebSocket, SMTP. They cost the machine as little as they can.

Telegram's customers live with the stand-ins (`outside.StandIns.say`).
"""

import asyncio
import time
import uuid
from email.message import EmailMessage
from itertools import count

import aiohttp
import orjson

PATIENCE = 60.0
_serials = count(1)


def many_sockets() -> aiohttp.ClientSession:
    """A session without the usual limit of 100 connections."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


class WebVisitor:
    """One visitor on one web-chat socket. Use as an async context."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._acks: dict[str, asyncio.Future[float]] = {}

    async def __aenter__(self) -> "WebVisitor":
        address = f"{self._url}/webchat/web/ws"
        self._socket = await self._session.ws_connect(address, origin=self._url, compress=0)
        await self._say(type="hello", id="hello")
        answer = orjson.loads((await self._socket.receive()).data)
        if answer["type"] != "ack":
            raise RuntimeError(f"the web chat refused hello: {answer}")
        await self._say(type="resume", id="resume", seq=0)
        self._reader = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._reader

    async def send(self, text: str) -> float:
        """The instant of the acknowledgement."""
        frame = str(uuid.uuid4())
        future = self._acks[frame] = asyncio.get_running_loop().create_future()
        await self._say(type="send", id=frame, text=text)
        return await asyncio.wait_for(future, PATIENCE)

    async def _say(self, **frame: object) -> None:
        await self._socket.send_str(orjson.dumps({"v": 1, **frame}).decode())

    async def _read(self) -> None:
        async for message in self._socket:
            frame = orjson.loads(message.data)
            if (future := self._acks.pop(frame.get("id", ""), None)) is None:
                continue
            if frame["type"] == "ack":
                future.set_result(time.time())
            else:
                future.set_exception(RuntimeError(f"the web chat refused a message: {frame}"))


def mail(sender: str, text: str) -> bytes:
    """A multipart mail of about 3 KB, lines ended by CRLF."""
    message = EmailMessage()
    message["From"] = f"Customer <{sender}>"
    message["To"] = "help@shop.example"
    message["Subject"] = f"Question {next(_serials)}"
    message["Message-ID"] = f"<{uuid.uuid4()}@customer.example>"
    message["Date"] = "Tue, 10 Mar 2026 10:00:00 +0800"
    lines = [text, "", *["I have been waiting for this parcel for quite a while now."] * 18]
    message.set_content("\n".join(lines))
    message.add_alternative("<html><body>" + "".join(f"<p>{line}</p>" for line in lines) + "</body></html>", "html")
    return message.as_bytes().replace(b"\n", b"\r\n")


async def send_mail(port: int, sender: str, content: bytes) -> float:
    """One mail on one SMTP connection, command by command as SMTP wants it; the instant of the 250."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await _expect(reader, b"220")
            for command, answer in (
                (b"EHLO bench.example\r\n", b"250"),
                (f"MAIL FROM:<{sender}>\r\n".encode(), b"250"),
                (b"RCPT TO:<help@shop.example>\r\n", b"250"),
                (b"DATA\r\n", b"354"),
                (content + b".\r\n", b"250"),
            ):
                writer.write(command)
                await _expect(reader, answer)
            accepted_at = time.time()
            writer.write(b"QUIT\r\n")
            await _expect(reader, b"221")
            return accepted_at
        finally:
            writer.close()


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise RuntimeError(f"SMTP: expected {code!r}, got {line!r}")
        if line[3:4] != b"-":
            return
