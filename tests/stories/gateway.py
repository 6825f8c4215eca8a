"""The real application against the stand-ins, as stories use it: everything inside is real, the outside is local."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from gateway import clock
from gateway.app import Application
from gateway.config import load
from gateway.sandbox.slack.workspace import Post
from gateway.sandbox.world import World
from gateway.settings import packaged
from storage.statement import Statement
from tests.ports import free_port

Change = Callable[[dict[str, Any]], None]
DESKS = ("#support-1", "#support-2", "#aftersale")


class Gateway:
    """A sandbox without its page: the world, a configuration that a test may change, and the node."""

    def __init__(self, folder: Path, database: str, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.world = World.of(clock.now)
        self.world.slack.modals.trigger_life = 60.0  # the machine that runs stories may be slow
        self._folder = folder
        self._database = database
        self.change = change
        self.app: Application

    async def start(self) -> None:
        await self.world.start()
        await self.boot()

    async def boot(self) -> None:
        """Start the node; again after `halt`, on the same database."""
        config = yaml.safe_load(packaged("sandbox.yaml").read_text())
        config["gateway"]["database"] = self._database
        config["gateway"]["secret"] = "a secret of the stories, 32 bytes"
        del config["checks"]
        for channel in config["channels"]:
            if channel["type"] == "slack":
                channel["rate_per_channel"] = 1000.0
        for route in config["routes"]:
            route["hold"] = "0s"
        config["assignment"] = {"mode": "pull"}  # stories about something else count the posts in threads
        config["digests"] = {"daily_at": None}  # and at some hours of the day they would be told of yesterday
        if self.change is not None:
            self.change(config)
        self.config_path = self._folder / "onevoice.yaml"
        self.config_path.write_text(yaml.safe_dump(config))
        self.variables = self.world.variables(f"127.0.0.1:{free_port()}", self._folder)
        self.app = Application(load(self.config_path, self.variables))
        await self.app.start(migrated=True)

    async def halt(self) -> None:
        """Stop the node; the world goes on."""
        await self.app.stop()

    async def stop(self) -> None:
        await self.halt()
        await self.world.stop()
        shutil.rmtree(self._folder / "files", ignore_errors=True)

    def posts(self) -> list[Post]:
        """Every post on the desks, oldest first."""
        return sorted((post for desk in DESKS for post in self.world.slack.messages(desk)), key=lambda post: post.ts)

    async def shown(self, text: str, within: float = 30.0) -> Post:
        """The post in a desk thread that shows this text, once it is there."""

        def found() -> list[Post]:
            return [post for post in self.posts() if post.thread_ts and text in post.text]

        await self.world.slack.until(lambda: bool(found()), within)
        return found()[0]

    async def marked(self, post: Post, ts: str, name: str) -> None:
        """Wait for a reaction on a post in the thread of another."""

        def found() -> bool:
            thread = self.world.slack.thread(post.channel, post.thread_ts or "")
            return any(each.ts == ts and name in each.reactions for each in thread)

        await self.world.slack.until(found)

    async def answer(self, to: Post, text: str, user: str = "alice") -> str:
        """An agent answers in the thread of a post; the ts of the answer."""
        return self.world.slack.post(user, to.channel, text, thread_ts=to.thread_ts)


@asynccontextmanager
async def running(database_url: str, folder: Path, change: Change) -> AsyncIterator[Gateway]:
    """The application with a changed configuration, stopped at the end."""
    gateway = Gateway(folder, database_url, change)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def rows(gateway: Gateway, statement: Statement, **parameters: object) -> list[tuple[Any, ...]]:
    """What a statement finds in the store."""
    return await gateway.app.database.read(lambda tx: tx.all(statement, parameters))


async def settled(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition about the node holds."""
    import asyncio

    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.05)
