"""`python -m tests.bench`: every case, one table."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import desk, idle, latency, limits, machine, paths, rules
from tests.bench.bed import Bed, say
from tests.bench.figures import Figure, table
from tests.bench.profile import FULL, QUICK, Profile

CASES = {
    "start": "start to ready, memory and CPU at rest",
    "limits": "the machine's own limits",
    "paths": "CPU a message on each path, SQLite and PostgreSQL",
    "big": "the same on a store of 1,000,000 messages",
    "latency": "front door to commit and to Slack",
    "desk": "2,000 open conversations under Slack's limits",
    "rules": "folding, deciding, assigning, checking, timers",
}
BASELINE = Path(__file__).with_name("baseline.json")


async def measure(profile: Profile, cases: Sequence[str]) -> list[Figure]:
    """Every wanted case on one bed; the paths are run last, when all stores are there."""
    figures: list[Figure] = []

    def add(found: list[Figure]) -> None:
        say(table(found, {}))
        figures.extend(found)

    async with Bed(profile) as bed:
        if "start" in cases:
            add(await idle.measure(bed))
        floor = await limits.measure(bed) if "limits" in cases else None
        if "latency" in cases:
            add(await latency.measure(bed, floor.commit if floor else None))
        if "desk" in cases:
            add(await desk.measure(bed))
        databases = ["sqlite", "postgresql"] if "paths" in cases else []
        big = list(profile.big) if "big" in cases else []
        stores = list(dict.fromkeys([*databases, *big, *(f"big {each}" for each in big)]))
        samples = await paths.measure(bed, stores, strangers=bool(big)) if stores else {}
        if databases:
            add(paths.in_figures(samples, floor.cpu if floor else {}))
        if big:
            add(paths.big_figures(samples, big))
        if "start" in cases and stores:
            add(await idle.burning(bed, stores))
        if floor is not None:
            add(floor.figures)
        if "rules" in cases:  # last: a million timers leave the database server with work
            add(await rules.measure(bed))
    return figures


async def run(profile: Profile, cases: Sequence[str], *, save: bool) -> None:
    """Measure, print the table; SIGTERM ends it cleanly."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    before = machine.line()
    figures = await measure(profile, cases)
    print(f"before: {before}\nafter:  {machine.line()}\n")
    known: dict[str, float] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print(table(figures, known))
    if save:
        known |= {each.key: round(each.ratio, 3) for each in figures if each.ratio is not None}
        BASELINE.write_text(json.dumps(known, indent=2) + "\n")
        say(f"saved to {BASELINE.name}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = "; ".join(f"{name}: {what}" for name, what in CASES.items())
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="NAME", help=names)
    parser.add_argument("--quick", action="store_true", help="a few messages of everything: does it run at all?")
    parser.add_argument("--save", action="store_true", help="make the ratios of this run the baseline")
    arguments = parser.parse_args()
    if arguments.quick and arguments.save:
        parser.error("a quick run is no baseline")
    try:
        asyncio.run(run(QUICK if arguments.quick else FULL, arguments.only, save=arguments.save))
    except asyncio.CancelledError:
        sys.exit("stopped")


if __name__ == "__main__":
    main()
