"""SIGTERM under load (G1, 2.7): the node ends in time, nothing is lost or doubled, and no outcome is left unknown."""

import asyncio
import time
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.chaos.outside import outside
from tests.chaos.profile import Profile

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

LONGEST = 30.0


async def test_g1_sigterm_under_load_ends_in_time_and_leaves_nothing_unknown(
    one_database: str, tmp_path: Path, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the providers answer in time is settled before the end: no second attempt anywhere."""
    async with outside(tmp_path, one_database, seed=profile.seed) as world:
        node = world.nodes[0]
        load = world.background(world.load(profile.rate))
        slowest = 0.0
        for _ in range(profile.drains):
            await node.start()
            await node.ready()
            await asyncio.sleep(world.chance.uniform(0.3, 1.5))
            began = time.monotonic()
            assert await node.signal(SIGTERM) == 0
            slowest = max(slowest, time.monotonic() - began)
        load.cancel()
        await node.start()
        await node.ready()
        await world.settle(60)
        with capsys.disabled():
            print(f"\n{profile.drains} drains under {profile.rate:.0f} messages/s, the slowest took {slowest:.1f} s")
        assert slowest < LONGEST
        assert await world.verdict() == []
        assert world.pending() == set()
        assert await world.ledger.repeated() == 0
