"""The run with two nodes: under load one of them freezes over a delivery, sleeps through its lease, wakes and is
killed, again and again. With all safeties nothing is doubled; with one of them left out the same run fails."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGCONT

import pytest

from tests.chaos.checker import Violation
from tests.chaos.outside import Outside, outside
from tests.chaos.profile import Profile

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

FREEZES = (("before_write:desk/message", 19.0), ("after_write:web/message", 7.0))
"""Where a node freezes and for how long: before a post until another node has looked for it twice and posted, after a
feed entry until another node has taken the lane over."""


@pytest.mark.parametrize("left_out", ["", "lease_before_write", "fence", "unique_key"])
async def test_frozen_nodes_that_wake_up_double_nothing_unless_a_safety_is_left_out(
    left_out: str, postgres_url: Callable[[], str], tmp_path: Path, profile: Profile
) -> None:
    if profile.short:
        pytest.skip("the short profile has one scene for each safety")
    found = await _run(left_out, postgres_url(), tmp_path, profile)
    assert bool(found) == bool(left_out), found


async def _run(left_out: str, database: str, folder: Path, profile: Profile) -> list[Violation]:
    mutation = f"{left_out}=skip" if left_out else ""
    async with outside(folder, database, seed=profile.seed, nodes=2) as world:
        sleeper, other = world.nodes
        world.front = 1
        await other.start(mutation)
        await other.ready()
        load = world.background(world.load(profile.rate))
        for _ in range(profile.freezes):
            for place, seconds in FREEZES:
                await sleeper.start(f"{place}=freeze@{world.chance.randint(1, 5)},{mutation}")
                await _frozen(world)
                await asyncio.sleep(seconds)
                sleeper.send(SIGCONT)
                await asyncio.sleep(world.chance.uniform(0.5, 2.0))
                await sleeper.kill()
        load.cancel()
        await world.settle(profile.settle)
        return await world.verdict()


async def _frozen(world: Outside) -> None:
    """Wait until the first node has stopped itself."""
    until = time.monotonic() + 60
    while not world.nodes[0].frozen:
        assert time.monotonic() < until, world.nodes[0].tail()
        await asyncio.sleep(0.05)
