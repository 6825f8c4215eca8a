"""Work that outlives its lease: nobody doubles it, nothing stops, and each safety that sees to that is needed.

A second owner exists only on PostgreSQL: a SQLite file has one process (DB3), and a node does not take a lane from
itself.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.checker import Violation
from tests.chaos.outside import outside

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]


async def test_a_delivery_that_outlives_its_lease_is_not_taken_from_oneself(database_url: str, tmp_path: Path) -> None:
    async with outside(tmp_path, database_url) as world:
        node = world.nodes[0]
        await node.start("before_write:tg/message=stall:5@1")
        await node.ready()
        await world.ask("tg-1")
        thread = await world.thread("tg-1")
        world.agents.write(thread)
        world.agents.write(thread)
        await asyncio.sleep(5.5)
        world.agents.write(thread)
        await world.settle(30)
        assert await world.verdict() == []
        assert world.pending() == set()
        assert (await world.ledger.count()).uncertain == 0
        assert "job.failed" not in node.log.read_text()


async def test_r4_without_the_lease_check_a_sleeper_posts_what_another_node_has_posted(
    postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    """The sleeper wakes after the other node has looked twice, 10 s apart, and posted."""
    sleeper = "before_write:desk/root=stall:20@1"
    safe, unsafe = await asyncio.gather(
        _taken_over("tg-1", sleeper, 22, tmp_path / "safe", postgres_url()),
        _taken_over("tg-1", f"{sleeper},lease_before_write=skip", 22, tmp_path / "unsafe", postgres_url()),
    )
    assert safe == []
    assert {each.rule for each in unsafe} == {"INV4"}


async def test_r6_without_the_fence_a_sleeper_completes_what_another_node_has_completed(
    postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    sleeper = "after_write:web/message=stall:7@1"
    safe, unsafe = await asyncio.gather(
        _taken_over("web-1", sleeper, 8, tmp_path / "safe", postgres_url()),
        _taken_over("web-1", f"{sleeper},fence=skip", 8, tmp_path / "unsafe", postgres_url()),
    )
    assert safe == []
    assert {each.rule for each in unsafe} == {"INV4"}


async def _taken_over(owner: str, failpoints: str, asleep: float, folder: Path, database: str) -> list[Violation]:
    """One node falls asleep over a delivery, another comes up and takes it over, the first wakes up."""
    async with outside(folder, database, nodes=2) as world:
        first, second = world.nodes
        await first.start(failpoints)
        await first.ready()
        await world.ask(owner)
        if owner.startswith("web"):
            world.agents.write(await world.thread(owner))
            await asyncio.sleep(0.5)
        await second.start()
        await second.ready()
        world.front = 1
        for widget in world.widgets:
            await widget.hang_up()
        await asyncio.sleep(asleep)
        await world.ask(owner)
        await world.settle(15)
        assert world.pending() == set()
        return await world.verdict()
