"""A real `onevoice serve` that is attacked through its front doors, and what the attack costs it."""

import asyncio
import os
import re
import signal
import struct
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yaml

from gateway import clock
from gateway.sandbox.slack.workspace import Post
from gateway.sandbox.world import World
from gateway.settings import packaged
from tests.ports import free_port

DESKS = ("#support-1", "#support-2", "#aftersale")

_LAG = re.compile(r'onevoice_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')


class Besieged:
    """One node with the limits of production and a world of stand-ins that lives in the test's process."""

    def __init__(self, folder: Path, database: str) -> None:
        self.world = World.of(clock.now)
        self.port, self.smtp_port = free_port(), free_port()
        self._folder = folder
        self.database = database
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = threading.Event()
        self._late = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start the world and the node; returns when it is ready."""
        threading.Thread(target=self._sleep, daemon=True).start()
        await self.world.start()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", "--config", str(self._config())),
            env={**os.environ, **self.world.variables(f"127.0.0.1:{self.port}", self._folder)},
        )
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            while True:
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    if self._process.returncode is not None:
                        raise RuntimeError("the gateway did not start") from None
                await asyncio.sleep(0.02)

    def _config(self) -> Path:
        config: dict[str, Any] = yaml.safe_load(packaged("sandbox.yaml").read_text())
        config["gateway"] |= {
            "database": self.database,
            "secret": "a secret of the siege, 32 bytes!",
            "log_level": "error",
        }
        for channel in config["channels"]:
            match channel["type"]:
                case "slack":
                    channel["rate_per_channel"] = 1000.0
                case "email":
                    del channel["imap"]
                    channel["smtp_listen"] = {"listen": f"127.0.0.1:{self.smtp_port}", "domains": ["shop.example"]}
        config["routes"] = [{"id": "default", "hold": "0s", "desk": {"channel": "desk", "slack": [*DESKS]}}]
        path = self._folder / "onevoice.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    async def stop(self) -> None:
        """End the node as its supervisor would, then the world."""
        self._stopped.set()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()
        await self.world.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def own_megabytes(self) -> float:
        """Resident memory of the gateway's own process, its parsers left out."""
        return _status(self.pid, "VmRSS")

    def peak_megabytes(self) -> float:
        """The most its own process used since `forget_peak`."""
        return _status(self.pid, "VmHWM")

    def forget_peak(self) -> float:
        """Start the peak anew; the memory used now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self.own_megabytes()

    async def shown(self, text: str, within: float = 30.0) -> Post:
        """The post in a desk thread that shows this text, once it is there."""

        def found() -> list[Post]:
            return [
                post
                for desk in DESKS
                for post in self.world.slack.messages(desk)
                if post.thread_ts and text in post.text
            ]

        await self.world.slack.until(lambda: bool(found()), within)
        return found()[0]

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            return await answer.text()

    async def worst_lag(self) -> float:
        """The smallest bucket that holds every measurement of the loop's lag, in seconds; less what a thread that only
        sleeps was late, the machine being shared."""
        buckets = [(float(limit), float(count)) for limit, count in _LAG.findall(await self.metrics())]
        return min(limit for limit, count in buckets if count == buckets[-1][1]) - 2 * self._late

    def _sleep(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            time.sleep(0.05)
            self._late = max(self._late, time.monotonic() - began - 0.05)

    @asynccontextmanager
    async def smtp(self, sender: str = "mallory@evil.example") -> AsyncIterator["Mailing"]:
        """An SMTP connection that has said everything up to the 354."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.smtp_port)
        try:
            mailing = Mailing(reader, writer)
            await mailing.answer()
            for line in ("EHLO evil.example", f"MAIL FROM:<{sender}>", "RCPT TO:<help@shop.example>", "DATA"):
                writer.write(f"{line}\r\n".encode())
                await mailing.answer()
            yield mailing
        finally:
            writer.close()

    async def mail(self, content: bytes, sender: str = "mallory@evil.example") -> str:
        """Send one mail; what the door says to it."""
        async with self.smtp(sender) as mailing:
            mailing.writer.write(content.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
            return await mailing.answer()

    @asynccontextmanager
    async def socket(self, origin: str | None = None) -> AsyncIterator["Wire"]:
        """A WebSocket without a library: whatever bytes we like."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(
            (
                f"GET /webchat/web/ws HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nOrigin: {origin or self.url}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            ).encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            yield Wire(reader, writer, int(head.split()[1]))
        finally:
            writer.transport.abort()


class Mailing:
    """One SMTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> str:
        """The last line of a reply."""
        while True:
            line = (await self.reader.readline()).decode()
            if line[3:4] != "-":
                return line.rstrip()


class Wire:
    """One raw WebSocket; `status` is what the handshake was answered with."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int) -> None:
        self.reader = reader
        self.writer = writer
        self.status = status

    def frame(self, opcode: int, data: bytes, *, final: bool = True) -> None:
        """Write a masked frame (the mask is zero)."""
        head = bytes([opcode | (0x80 if final else 0)])
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 65536:
            head += struct.pack("!BH", 0x80 | 126, len(data))
        else:
            head += struct.pack("!BQ", 0x80 | 127, len(data))
        self.writer.write(head + b"\0\0\0\0" + data)

    def say(self, **fields: object) -> None:
        self.frame(1, orjson.dumps({"v": 1, **fields}))

    async def receive(self) -> tuple[int, bytes]:
        """Opcode and content of the next frame from the server; opcode 8 with b"" when it just hung up."""
        try:
            first, second = await self.reader.readexactly(2)
            size = second & 127
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 15, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 8, b""

    async def ended(self, within: float = 30.0) -> int:
        """The code it was closed with; 1006 when the server just hung up."""
        async with asyncio.timeout(within):
            while True:
                opcode, data = await self.receive()
                if opcode == 8:
                    return int.from_bytes(data[:2], "big") if data else 1006


def _status(pid: int, name: str) -> float:
    """A line of /proc/pid/status in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0
