"""CPU a message on each way in: the paths themselves, PostgreSQL against SQLite, a big store against an empty one.

All stores take turns in the same run, so that whatever else the machine does falls on all of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.bed import Bed, say
from tests.bench.figures import Figure, figure
from tests.bench.load import Sample

NAMES = {"web": "web chat", "tg": "Telegram", "mail": "mail, 3 KB multipart"}
TARGETS = {"web": 0.8, "tg": 1.2, "mail": 3.0}
POSTGRES_TARGET = 1.5
BIG_TARGET = 1.2


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of run."""

    store: str
    path: str
    known: bool


Samples = Mapping[Cell, Sequence[Sample]]


async def measure(bed: Bed, stores: Sequence[str], *, strangers: bool) -> Samples:
    """Alternating runs on every store; `strangers` runs them with new contacts too."""
    profile = bed.profile
    for store in stores:
        await asyncio.to_thread(bed.url, store)  # a big one takes minutes to fill
    async with asyncio.TaskGroup() as group:
        starting = {store: group.create_task(bed.load(store)) for store in stores}
    loads = {store: task.result() for store, task in starting.items()}
    samples: defaultdict[Cell, list[Sample]] = defaultdict(list)
    for turn in range(profile.rounds):
        say(f"paths: round {turn + 1} of {profile.rounds} on {', '.join(stores)}")
        for path in NAMES:
            for known in (True, False) if strangers else (True,):
                messages = profile.known[path] if known else profile.new[path]
                for store in stores if turn % 2 == 0 else reversed(stores):
                    sample = await loads[store].burst(path, messages, known=known)
                    samples[Cell(store, path, known)].append(sample)
    return samples


def in_figures(samples: Samples, limits: Mapping[tuple[str, str], float]) -> list[Figure]:
    """The paths on both databases; `limits` are the machine's own, by database and path."""
    case = "CPU a message, whole path in"
    found = []
    for path, name in NAMES.items():
        cpu = [each.cpu for each in samples[Cell("sqlite", path, True)]]
        found.append(figure(case, f"{name}, SQLite", "ms", cpu, TARGETS[path], limits.get(("sqlite", path))))
    for path, name in NAMES.items():
        runs = samples[Cell("postgresql", path, True)]
        limit = limits.get(("postgresql", path))
        found.append(figure(case, f"{name}, PostgreSQL", "ms", [each.cpu for each in runs], None, limit))
    for path, name in NAMES.items():
        ratios = _ratios(samples, Cell("postgresql", path, True), Cell("sqlite", path, True))
        found.append(figure(case, f"{name}, PostgreSQL / SQLite", "x", ratios, POSTGRES_TARGET))
    for path, name in NAMES.items():
        server = [each.server for each in samples[Cell("postgresql", path, True)]]
        found.append(figure(case, f"{name}, the PostgreSQL server itself", "ms", server))
    for database, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        for path, name in NAMES.items():
            rates = [each.rate for each in samples[Cell(database, path, True)]]
            found.append(figure("Messages a second, 16 senders", f"{name}, {title}", "/s", rates))
    return found


def big_figures(samples: Samples, databases: Sequence[str]) -> list[Figure]:
    """The big store against the empty one."""
    return [
        figure(
            "CPU a message, big store / empty store",
            f"{NAMES[path]}, {'known' if known else 'new'} contacts, {database}",
            "x",
            _ratios(samples, Cell(f"big {database}", path, known), Cell(database, path, known)),
            BIG_TARGET,
        )
        for database in databases
        for path in NAMES
        for known in (True, False)
    ]


def _ratios(samples: Samples, above: Cell, below: Cell) -> list[float]:
    """Round by round, so that a busy moment falls on both."""
    return [one.cpu / max(other.cpu, 1e-9) for one, other in zip(samples[above], samples[below], strict=True)]
