"""Two nodes on one PostgreSQL, without a bus: what one does, the customers of the other see."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.outside import outside

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]


async def test_pg3_a_visitor_of_one_node_sees_within_seconds_what_the_other_node_stored(
    postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    """The node the visitor came to gets stuck over whatever it sends, so that the other one stores the answer."""
    async with outside(tmp_path, postgres_url(), nodes=2) as world:
        socket, worker = world.nodes
        await socket.start("before_write:web/message=stall:60")
        await socket.ready()
        await world.ask("web-1")
        thread = await world.thread("web-1")
        await worker.start()
        await worker.ready()
        began = time.monotonic()
        answer = world.agents.write(thread)
        await world.until(lambda: answer in world.history.delivered, 20)
        assert time.monotonic() - began < 10
        await world.settle(20)
        assert await world.verdict() == []
