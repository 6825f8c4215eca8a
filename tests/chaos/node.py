"""One gateway node as a real process on a database: configured against the stand-ins, started, killed, drained."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

import aiohttp
import yaml

from gateway.sandbox.world import World
from tests.chaos.nursery import Born, Nursery
from tests.ports import free_port

DESKS = tuple(f"#support-{number}" for number in range(1, 9))
READY_SECONDS = 60.0
SECRET = "a secret of the fault runs, 32 bytes"


class Node:
    """Times are short: a lease of 4 s, 1.5 s for a provider, no undo hold, no rate limits."""

    def __init__(
        self, name: str, folder: Path, database: str, world: World, nursery: Nursery, settings: Mapping[str, Any] = {}
    ) -> None:
        self.port = free_port()
        self.smtp_port = free_port()
        self.log = folder / f"{name}.log"
        self.config = folder / f"{name}.yaml"
        self._nursery = nursery
        self._born: Born | None = None
        self.config.write_text(yaml.safe_dump(_configuration(self, folder, database, world, settings)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, failpoints: str = "", *, cold: bool = False) -> asyncio.Future[int]:
        """Start it; the future is its exit code. `cold`: as a shell would, imports included."""
        variables = {"ONEVOICE_FAILPOINTS": failpoints}
        self._born = await self._nursery.start(["serve", "--config", str(self.config)], variables, self.log, cold=cold)
        return self._born.ended

    async def command(self, *arguments: str) -> None:
        """Run another command of the command line on the same configuration; raises RuntimeError when it fails."""
        born = await self._nursery.start([*arguments[:2], "--config", str(self.config), *arguments[2:]], {}, self.log)
        if code := await born.ended:
            raise RuntimeError(f"onevoice {' '.join(arguments[:2])} ended with {code}:\n{self.tail()}")

    async def ready(self) -> None:
        """Wait until it serves; raises RuntimeError with its log when it ends before."""
        assert self._born is not None
        async with aiohttp.ClientSession() as client, asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    async with client.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                if self._born.ended.done():
                    raise RuntimeError(f"the node ended with {self._born.ended.result()}:\n{self.tail()}")
                await asyncio.sleep(0.03)

    async def kill(self) -> None:
        """kill -9, unless it is dead already."""
        await self.signal(SIGKILL)

    async def signal(self, number: Signals) -> int:
        """Send a signal that ends it; its exit code."""
        assert self._born is not None
        self.send(number)
        async with asyncio.timeout(60):
            return await self._born.ended

    def send(self, number: Signals) -> None:
        """Send a signal."""
        if self._born is not None and not self._born.ended.done():
            os.kill(self._born.pid, number)

    @property
    def frozen(self) -> bool:
        """Stopped by a signal."""
        assert self._born is not None
        state = Path(f"/proc/{self._born.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


def _configuration(
    node: Node, folder: Path, database: str, world: World, settings: Mapping[str, Any]
) -> dict[str, Any]:
    unlimited = 10_000
    mail = {"host": "127.0.0.1", "tls": False, "user": world.mail.user, "password": world.mail.password}
    return {
        "gateway": {
            "listen": f"127.0.0.1:{node.port}",
            "database": database,
            "files": str(folder / "files"),
            "secret": SECRET,
            "lease": "4s",
            "http_timeout": "1.5s",
            **settings,
        },
        "channels": [
            {
                "id": "desk",
                "type": "slack",
                "mode": "socket",
                "bot_token": world.slack.bot_token,
                "app_token": world.slack.app_token,
                "api_url": world.slack.api_url,
                "rate_per_channel": float(unlimited),
                "calls_per_minute": 60_000,
            },
            {
                "id": "tg",
                "type": "telegram",
                "token": world.telegram.token,
                "api_url": world.telegram.url,
                "rate_per_chat": float(unlimited),
                "rate_per_bot": float(unlimited),
            },
            {
                "id": "mail",
                "type": "email",
                "address": world.mail.address,
                "smtp_listen": {"listen": f"127.0.0.1:{node.smtp_port}", "domains": ["shop.example"]},
                "imap": {**mail, "port": world.mail.imap_port},
                "smtp": {**mail, "port": world.mail.smtp_port},
            },
            {
                "id": "web",
                "type": "webchat",
                "identity_secret": SECRET,
                "limits": {
                    "messages_per_second": unlimited,
                    "burst": unlimited,
                    "visitors_per_second": unlimited,
                    "visitors_burst": unlimited,
                    "sockets_per_address": unlimited,
                },
            },
        ],
        # nothing depends on the hour, and no customer is told that everybody is busy: kills are aimed at other messages
        "agents": [{"id": "alice", "name": "Alice", "slack": "U0ALICE", "teams": ["all"], "capacity": unlimited}],
        "digests": {"daily_at": None},
        "teams": [{"id": "all"}],
        "routes": [{"id": "default", "team": "all", "hold": "0s", "desk": {"channel": "desk", "slack": [*DESKS]}}],
    }
