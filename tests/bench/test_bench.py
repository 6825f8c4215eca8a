"""The bench itself: its table is complete and says what it should; the quick profile runs every case."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.bench.figures import Figure, compared, figure, table

CASES = (
    "Start and rest",
    "Latency, open loop, SQLite",
    "The desk under Slack's limits, SQLite",
    "CPU a message, whole path in",
    "Messages a second, 16 senders",
    "CPU a message, big store / empty store",
    "CPU of a node at rest, a second",
    "The machine's own limits, CPU a message",
)


@pytest.mark.bench
@pytest.mark.timeout(400)
async def test_the_quick_profile_runs_every_case() -> None:
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench", "--quick"),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, progress = await bench.communicate()
    finally:
        if bench.returncode is None:
            bench.terminate()
            await bench.wait()

    shown = output.decode()
    assert bench.returncode == 0, progress.decode()
    assert [case for case in CASES if f"**{case}**" not in shown] == []
    assert (
        shown.count("<=") == 2 + 1 + 5 + 3 + 3 + 6 + 3 + 2
    )  # rest, latency, desk, paths, PostgreSQL, big, rules, timers


def test_a_figure_says_by_how_much_it_missed() -> None:
    assert _cpu(0.8).verdict == "ok"
    assert _cpu(1.2).verdict == "missed by 50%"


def test_a_ratio_is_to_the_limit_of_the_machine_or_is_the_figure_itself() -> None:
    assert _cpu(0.8).ratio == pytest.approx(8.0)
    assert figure("big", "web", "x", [1.0, 1.3, 1.1]).ratio == 1.1
    assert figure("rate", "web", "/s", [900.0]).ratio is None


def test_the_baseline_compares_ratios() -> None:
    assert compared(11.0, 10.0) == "+10%"
    assert compared(14.0, 10.0) == "+40% slower"
    assert compared(None, 10.0) == compared(11.0, None) == ""


def test_the_table_has_a_line_for_every_figure_and_case() -> None:
    lines = table([_cpu(0.6), figure("rate", "web", "/s", [900.0, 1000.0])], {"cpu: web": 5.0}).splitlines()

    assert len({len(line) for line in lines}) == 1
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["**cpu**", "web", "**rate**", "web"]
    assert [cell.strip() for cell in lines[3].split("|")[2:-1]] == [
        "<= 0.80 ms", "0.60 ms", "0.60 - 0.60", "0.10 ms", "6.00 x", "+20%", "ok",
    ]  # fmt: skip


def _cpu(value: float) -> Figure:
    return figure("cpu", "web", "ms", [value], target=0.8, limit=0.1)
