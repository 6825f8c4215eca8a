"""Processes the bench starts: they die with it, and what they cost is read from /proc."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG = 1
_ENDS_WITHIN = 30.0
_LIBC = ctypes.CDLL(None)


async def start(module: str, *arguments: str, environment: Mapping[str, str] | None = None, **pipes: Any) -> "Process":
    """`python -m module arguments` that is killed when this process ends, however it ends."""
    return Process(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            env={**os.environ, **(environment or {})},
            preexec_fn=_die_with_parent,
            start_new_session=True,  # Ctrl-C is for the bench, which then stops its children
            limit=2**26,
            **pipes,
        )
    )


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A process and everything below it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.handle = process

    async def stop(self) -> None:
        """Ask it to end; kill it when it does not in time."""
        if self.handle.returncode is not None:
            return
        if self.handle.stdin is not None:
            self.handle.stdin.close()
        else:
            self.handle.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await self.handle.wait()
        except TimeoutError:
            self.handle.kill()
            await self.handle.wait()

    def cpu_seconds(self) -> float:
        """User and system time, ended children included."""
        return cpu_seconds(self.handle.pid)

    def rss_megabytes(self) -> float:
        """Resident memory."""
        return sum(_pages(pid) for pid in _tree(self.handle.pid)) * _PAGE / 1024 / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and everything below it, ended children included."""
    return sum(_ticks(each) for each in _tree(pid)) / _TICK


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14))
