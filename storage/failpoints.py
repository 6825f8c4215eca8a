"""Named places where a test may kill, stall or fail the process; unarmed they cost one look into an empty dict.

Specification: "name=action[@n]" joined by commas. Actions: kill (SIGKILL to ourselves), raise, stall:SECONDS
(blocks the calling thread, or only the awaiting delivery), skip (the caller leaves a safety check out: mutation
runs). `@n` acts on the n-th pass only, without it on every pass.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable

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

AWAITED = ("before_write", "after_write")
"""Failpoints between awaits."""

CHECKS = ("lease_before_write", "fence", "unique_key")
"""Safeties that a mutation run leaves out one at a time (R4, R6, X3)."""


class Failure(Exception):
    """Raised by an armed failpoint."""


_armed: dict[str, Callable[[], None]] = {}
_skipped: set[str] = set()
_stalls: dict[str, float] = {}


def arm(specification: str) -> None:
    """Arm failpoints; an empty text disarms all. Raises ValueError naming what it does not know."""
    _armed.clear()
    _skipped.clear()
    _stalls.clear()
    for entry in filter(None, specification.split(",")):
        name, _, action = entry.strip().partition("=")
        action, _, turn = action.partition("@")
        if name in CHECKS and action == "skip":
            _skipped.add(name)
        elif name in AWAITED and action.startswith("stall:"):
            _stalls[name] = float(action.removeprefix("stall:"))
        elif name in PLACES:
            _armed[name] = _on_turn(_action(name, action), int(turn) if turn else None)
        else:
            raise ValueError(f"unknown failpoint {entry!r}; known are {', '.join(PLACES + CHECKS)}")


async def reach(name: str) -> None:
    """Pass a failpoint between awaits: a stall there holds up this delivery only, not the whole loop."""
    if name in _stalls:
        await asyncio.sleep(_stalls[name])
    hit(name)


def hit(name: str) -> None:
    """Pass a failpoint."""
    if _armed and (action := _armed.get(name)) is not None:
        action()


def left_out(check: str) -> bool:
    """True when a mutation run wants this safety left out."""
    return check in _skipped


def _action(name: str, action: str) -> Callable[[], None]:
    kind, _, detail = action.partition(":")
    match kind:
        case "kill":
            return lambda: os.kill(os.getpid(), signal.SIGKILL)
        case "stall":
            seconds = float(detail)
            return lambda: time.sleep(seconds)
        case "raise":

            def fail() -> None:
                raise Failure(f"failpoint {name}")

            return fail
    raise ValueError(f"unknown action {action!r} for failpoint {name}; use kill, raise or stall:SECONDS")


def _on_turn(action: Callable[[], None], turn: int | None) -> Callable[[], None]:
    if turn is None:
        return action
    passes = 0

    def counted() -> None:
        nonlocal passes
        passes += 1
        if passes == turn:
            action()

    return counted
