"""Work that outlives its lease: nobody doubles it, nothing stops, and each safety that sees to that is needed."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.outside import Outside, outside

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

ONE_NODE = "before_write:tg/message=stall:5@1"


async def conversation(world: Outside, owner: str) -> tuple[str, str]:
    """A customer has written and is seen in Slack; the thread."""
    world.chatter.write(owner)
    await world.settle(30)
    return next(thread for thread, about in world.eyes.threads.items() if about == owner)


async def test_a_delivery_that_outlives_its_lease_is_not_taken_from_oneself(database_url: str, tmp_path: Path) -> None:
    async with outside(tmp_path, database_url) as world:
        node = world.nodes[0]
        await node.start(ONE_NODE)
        await node.ready()
        thread = await conversation(world, "tg-1")
        world.agents.write(thread)
        world.agents.write(thread)
        await asyncio.sleep(6)
        world.agents.write(thread)
        await world.settle(30)
        assert await world.verdict() == []
        assert world.pending() == set()
        assert (await world.ledger.count()).uncertain == 0
        assert "job.failed" not in node.log.read_text()
