"""Named places where a test may kill, stall or fail the process; unarmed they cost one look into an empty dict.

Specification: "name[:channel[/kind]]=action[@n]" joined by commas. Actions: kill (SIGKILL to ourselves), freeze
(SIGSTOP to ourselves), raise, stall:SECONDS (blocks the calling thread, or only the awaiting delivery), skip (the
caller leaves a safety check out: mutation runs). `@n` acts on the n-th pass only, without it on every pass; with a
channel, and a kind of delivery where there is one, only their passes count.
"""

import asyncio
import os
import signal
import time
from dataclasses import dataclass

PLACES = (
    "before_commit",
    "after_commit",
    "after_commit_before_ack",
    "before_sending",
    "after_sending",
    "before_write",
    "after_write",
    "before_settle",
    "after_settle",
)
"""Every failpoint of the program, in the order a message passes them."""

CHECKS = ("lease_before_write", "fence", "unique_key")
"""Safeties that a mutation run leaves out one at a time (R4, R6, X3)."""


class Failure(Exception):
    """Raised by an armed failpoint."""


@dataclass(slots=True)
class _Armed:
    """One entry of the specification; `turn` is the pass it acts on, 0 for every one."""

    place: str
    action: str
    seconds: float
    turn: int
    passes: int = 0

    def due(self) -> bool:
        self.passes += 1
        return self.turn in (0, self.passes)

    def act(self) -> None:
        match self.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "freeze":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "stall":
                time.sleep(self.seconds)
            case _:
                raise Failure(f"failpoint {self.place}")


_armed: dict[str, list[_Armed]] = {}
_skipped: set[str] = set()


def arm(specification: str) -> None:
    """Arm failpoints; an empty text disarms all. Raises ValueError naming what it does not know."""
    _armed.clear()
    _skipped.clear()
    for entry in filter(None, specification.split(",")):
        place, _, action = entry.strip().partition("=")
        action, _, turn = action.partition("@")
        if place in CHECKS and action == "skip":
            _skipped.add(place)
        elif place.partition(":")[0] in PLACES:
            _armed.setdefault(place, []).append(_entry(place, action, int(turn or 0)))
        else:
            raise ValueError(f"unknown failpoint {entry!r}; known are {', '.join(PLACES + CHECKS)}")


def hit(name: str, channel: str = "", kind: str = "") -> None:
    """Pass a failpoint."""
    if _armed:
        for each in _due(name, channel, kind):
            each.act()


async def reach(name: str, channel: str, kind: str) -> None:
    """Pass a failpoint between awaits: a stall there holds up this delivery only, not the whole loop."""
    if _armed:
        for each in _due(name, channel, kind):
            if each.action == "stall":
                await asyncio.sleep(each.seconds)
            else:
                each.act()


def left_out(check: str) -> bool:
    """True when a mutation run wants this safety left out."""
    return check in _skipped


def _due(name: str, channel: str, kind: str) -> list[_Armed]:
    places = (name, f"{name}:{channel}", f"{name}:{channel}/{kind}")
    return [each for place in places for each in _armed.get(place, ()) if each.due()]


def _entry(place: str, action: str, turn: int) -> _Armed:
    kind, _, seconds = action.partition(":")
    if kind not in ("kill", "freeze", "raise", "stall"):
        raise ValueError(f"unknown action {action!r} for failpoint {place}; use kill, freeze, raise or stall:SECONDS")
    return _Armed(place, kind, float(seconds or 0), turn)
