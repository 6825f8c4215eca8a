"""Every source delivers again now and then: three times at once and again after a crash is one message (X3)."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import pytest

from tests.chaos.history import Acknowledged, Written, text_of
from tests.chaos.outside import Outside, outside

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

TIMES = 3


async def test_an_item_that_comes_three_times_and_again_after_a_crash_is_one_message(
    database_url: str, tmp_path: Path
) -> None:
    async with outside(tmp_path, database_url) as world:
        again = await _everything_three_times(world, "")
        assert await world.verdict() == []
        assert world.pending() == set()
        assert len(set(again)) == 1  # the widget is told the same message each time


async def test_x3_without_the_unique_key_the_same_run_stores_and_shows_it_again(
    one_database: str, tmp_path: Path
) -> None:
    async with outside(tmp_path, one_database) as world:
        await _everything_three_times(world, "unique_key=skip")
        assert {each.rule for each in await world.verdict()} >= {"INV2", "INV4"}


async def _everything_three_times(world: Outside, failpoints: str) -> list[str]:
    """Each source sends one item three times at once, the node is killed, each sends it three times more; what the
    visitor was told each time."""
    node, slack, door = world.nodes[0], world.world.slack, world.mtas[0]
    slack.faults.duplicates = TIMES - 1
    await node.start(failpoints)
    await node.ready()
    visitor = Visitor(world)
    telegram = await world.ask("tg-1")
    by_smtp, sender, letter = door.compose("smtp-1")
    by_imap, _, copy = door.compose("imap-1")
    asked = {telegram, by_smtp, by_imap, visitor.serial}
    await world.until(lambda: telegram in world.history.acknowledged)

    async def all_at_once() -> list[str]:
        for _ in range(TIMES):
            world.world.telegram.repeat(1)
            await world.world.mail.put(copy, sender="imap-1@customer.example", verified=True)
        assert all(await asyncio.gather(*(door.hand_in(sender, letter) for _ in range(TIMES))))
        told = await visitor.send_thrice()
        for serial in (by_smtp, by_imap):
            world.history.add(Acknowledged(serial))
        return told

    told = await all_at_once()
    await world.until(lambda: asked <= world.history.shown)
    answers = [world.agents.write(await world.thread(owner)) for owner in ("tg-1", "smtp-1", "imap-1")]
    await world.until(lambda: world.pending() == set())
    await node.kill()
    await world.ledger.let_leases_end()
    await node.start(failpoints)
    await node.ready()
    told += await all_at_once()
    for answer in answers:
        slack.events.send(world.eyes.events[answer])
    await asyncio.sleep(2)
    await world.until(lambda: slack.events.waiting == 0)
    return told


class Visitor:
    """A widget in three tabs, all of which send the same frame."""

    def __init__(self, world: Outside) -> None:
        self._world = world
        self._token: str | None = None
        self._id = str(uuid4())
        self.serial = world.serials.next("q")
        world.history.add(Written(self.serial, "web-1"))

    async def send_thrice(self) -> list[str]:
        """The message id each tab is told."""
        async with aiohttp.ClientSession() as client:
            if self._token is None:
                async with await self._open(client):
                    pass
            tabs = [await self._open(client) for _ in range(TIMES)]
            told = await asyncio.gather(*(self._send(tab) for tab in tabs))
            for tab in tabs:
                await tab.close()
        self._world.history.add(Acknowledged(self.serial))
        return told

    async def _open(self, client: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        url = self._world.nodes[0].url
        socket = await client.ws_connect(f"{url}/webchat/web/ws", headers={"Origin": url})
        hello: dict[str, Any] = {"v": 1, "type": "hello", "id": "hello", "name": "web-1"}
        if self._token is not None:
            hello["token"] = self._token
        await socket.send_str(orjson.dumps(hello).decode())
        self._token = orjson.loads(await socket.receive_str())["token"]
        return socket

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        frame = {"v": 1, "type": "send", "id": self._id, "text": text_of(self.serial, "web-1")}
        await socket.send_str(orjson.dumps(frame).decode())
        answer = orjson.loads(await socket.receive_str())
        assert answer["type"] == "ack"
        message: str = answer["message"]
        return message
