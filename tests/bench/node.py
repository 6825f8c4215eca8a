"""A real gateway process under the bench: `onevoice serve` on a store, with stand-ins around it."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from gateway.settings import packaged
from tests.bench import process
from tests.bench.outside import StandIns
from tests.ports import free_port

DESKS = [f"#support-{number}" for number in range(1, 9)]
LIFTED = {
    "messages_per_second": 1e6,
    "burst": 1_000_000,
    "visitors_per_second": 1e6,
    "visitors_burst": 1_000_000,
    "sockets_per_visitor": 100,
    "sockets_per_address": 10_000,
}
"""All load comes from one address; the real limits are for real visitors."""
READY_WITHIN = 60.0


class Node:
    """One gateway. `deliveries` "paused" keeps everything in the outbox; there is no undo hold."""

    def __init__(self, outside: StandIns, folder: Path, database: str, deliveries: str) -> None:
        self.outside = outside
        self.folder = folder
        self.database = database
        self._deliveries = deliveries
        self.limited = False
        """From the next start on the node keeps to Slack's limits."""
        self.process: process.Process | None = None
        self.ready_seconds = 0.0

    async def start(self) -> None:
        """Start and wait until it says that it is ready."""
        self.folder.mkdir(exist_ok=True)
        port, smtp_port = free_port(), free_port()
        self.url, self.smtp_port = f"http://127.0.0.1:{port}", smtp_port
        variables = self.outside.variables | {
            "SANDBOX_LISTEN": f"127.0.0.1:{port}",
            "SANDBOX_URL": self.url,
            "SANDBOX_DATA": str(self.folder),
            "SANDBOX_SECRET": "0123456789abcdef0123456789abcdef",
        }
        path = self._config()
        started = time.perf_counter()
        self.process = await process.start("gateway", "serve", "--config", str(path), environment=variables)
        async with aiohttp.ClientSession() as session, asyncio.timeout(READY_WITHIN):
            while not await self._is_ready(session):
                if self.process.handle.returncode is not None:
                    raise RuntimeError("the gateway did not start")
                await asyncio.sleep(0.01)
        self.ready_seconds = time.perf_counter() - started

    async def stop(self) -> None:
        if self.process is not None:
            await self.process.stop()

    def cpu_seconds(self) -> float:
        """User and system time of the gateway and its parsers so far."""
        assert self.process is not None
        return self.process.cpu_seconds()

    def rss_megabytes(self) -> float:
        """Resident memory of the gateway and its parsers."""
        assert self.process is not None
        return self.process.rss_megabytes()

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    def _config(self) -> Path:
        config: dict[str, Any] = yaml.safe_load(packaged("sandbox.yaml").read_text())
        config["gateway"] |= {
            "database": self.database,
            "secret": "a secret of the bench, 32 bytes.",
            "deliveries": self._deliveries,
            "log_level": "warning",
        }
        for channel in config["channels"]:
            match channel["type"]:
                case "slack":
                    channel["rate_per_channel"] = 1.0 if self.limited else 1000.0
                    if self.limited:
                        channel.pop("calls_per_minute", None)
                case "email":
                    del channel["imap"]
                    channel["smtp_listen"] = {
                        "listen": f"127.0.0.1:{self.smtp_port}",
                        "domains": ["shop.example"],
                        "max_connections_per_host": 500,
                    }
                case "webchat":
                    channel["limits"] = LIFTED
        config["routes"] = [{"id": "default", "hold": "0s", "desk": {"channel": "desk", "slack": DESKS}}]
        path = self.folder / "bench.yaml"
        path.write_text(yaml.safe_dump(config))
        return path
