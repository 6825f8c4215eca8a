"""A node that has nothing to do: how soon it is ready, what it holds, what it burns."""

import asyncio
import sys
import time

from tests.bench import latency
from tests.bench.bed import Bed, say
from tests.bench.figures import Figure, figure

CASE = "Start and rest"
READY_TARGET = 3.0
RSS_TARGET = 120.0
_BARE = "print(open('/proc/self/statm').read().split()[1])"


async def measure(bed: Bed) -> list[Figure]:
    """Starts on a store that must be made first and on one that is there; the last node stays for its next case."""
    first, again, memory = [], [], []
    for store in [*(f"start {turn} sqlite" for turn in range(bed.profile.starts)), latency.STORE]:
        node = await bed.node(store, "run")
        first.append(node.ready_seconds)
        await asyncio.sleep(bed.profile.settle_seconds)
        memory.append(node.rss_megabytes())
        if store != latency.STORE:
            await node.stop()
            await node.start()
            again.append(node.ready_seconds)
            await node.stop()
    seconds, megabytes = await _bare(bed.profile.starts + 1)
    return [
        figure(CASE, "start to ready, new store", "s", first, READY_TARGET, seconds),
        *([figure(CASE, "start to ready, store exists", "s", again, READY_TARGET, seconds)] if again else []),
        figure(CASE, "resident memory at rest", "MB", memory, RSS_TARGET, megabytes),
    ]


async def _bare(starts: int) -> tuple[float, float]:
    """Seconds and megabytes of a Python that does nothing."""
    best, pages = float("inf"), 0
    for _ in range(starts):
        started = time.perf_counter()
        bare = await asyncio.create_subprocess_exec(sys.executable, "-c", _BARE, stdout=asyncio.subprocess.PIPE)
        output, _ = await bare.communicate()
        best, pages = min(best, time.perf_counter() - started), int(output)
    return best, pages * 4096 / 1024 / 1024


async def burning(bed: Bed, stores: list[str]) -> list[Figure]:
    """CPU of nodes that have nothing to do, on stores of different size, all at once."""
    loads = {store: await bed.load(store) for store in stores}
    before = {store: load.node.cpu_seconds() for store, load in loads.items()}
    say(f"idle: {bed.profile.idle_seconds:.0f} s of nothing")
    await asyncio.sleep(bed.profile.idle_seconds)
    return [
        figure(
            "CPU of a node at rest, a second",
            store,
            "ms/s",
            [(load.node.cpu_seconds() - before[store]) / bed.profile.idle_seconds * 1000],
        )
        for store, load in loads.items()
    ]
