"""What the cases share: a folder, the stand-ins, a PostgreSQL server, and one node for each store, started when it is
first wanted and stopped at the end."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench import fill, process
from tests.bench.load import Load
from tests.bench.node import Node
from tests.bench.outside import Outside
from tests.bench.profile import Profile
from tests.postgres import PostgresServer


class Bed:
    """Use as an async context. A store's name ends in "sqlite" or "postgresql"; a big one's begins with "big"."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._stack = AsyncExitStack()
        self._outside: Outside | None = None
        self._server: PostgresServer | None = None
        self._loads: dict[str, Load] = {}
        self._nodes: dict[str, Node] = {}
        self._urls: dict[str, str] = {}

    async def __aenter__(self) -> "Bed":
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="onevoice-bench-")))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def outside(self) -> Outside:
        if self._outside is None:
            self._outside = await self._stack.enter_async_context(Outside())
        return self._outside

    def server(self) -> PostgresServer:
        if self._server is None:
            say("starting PostgreSQL")
            server = PostgresServer()
            self._stack.callback(server.stop)
            server.start()
            self._server = server
        return self._server

    def url(self, store: str) -> str:
        """The database of a store, filled if it is a big one."""
        if store not in self._urls:
            if store.endswith("postgresql"):
                url = self._stack.enter_context(self.server().database())
            else:
                url = f"sqlite:///{self.folder / store.replace(' ', '-')}.db"
            if store.startswith("big"):
                say(f"{store}: filling with {self.profile.conversations:,} conversations")
                fill.fill(url, self.profile.conversations, self.profile.letters, say)
            self._urls[store] = url
        return self._urls[store]

    async def node(self, store: str, deliveries: str) -> Node:
        """The node on that store, started."""
        if store not in self._nodes:
            url, world = self.url(store), await (await self.outside()).open()
            say(f"{store}: starting a node")
            node = self._nodes[store] = Node(world, self.folder / store.replace(" ", "-"), url, deliveries)
            self._stack.push_async_callback(node.stop)
            await node.start()
        return self._nodes[store]

    async def load(self, store: str) -> Load:
        """Customers of the node on that store, everybody known and warm."""
        if store not in self._loads:
            node = await self.node(store, "paused")
            load = await self._stack.enter_async_context(Load(node, self._server_cpu(store)))
            for path, messages in self.profile.known.items():
                await load.warm_up(path, messages)
            self._loads[store] = load
        return self._loads[store]

    def _server_cpu(self, store: str) -> Callable[[], float]:
        if not store.endswith("postgresql"):
            return lambda: 0.0
        pid = self.server().pid
        return lambda: process.cpu_seconds(pid)


def say(progress: str) -> None:
    """One line to whoever waits."""
    print(progress, file=sys.stderr, flush=True)
