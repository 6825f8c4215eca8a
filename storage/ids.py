"""Ids: UUIDv7 (RFC 9562 5.7), because Python 3.11 has none. The one place that draws them."""

import os
import time
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0x2 << 62)


class _Clock:
    """The last timestamp given out, so that ids of one process grow even inside a millisecond."""

    last = 0


def first_id(micros: int) -> UUID:
    """No id made at that instant (microseconds) or later is smaller."""
    return UUID(int=(max(micros, 0) // 1000) << 80)


def new_id() -> UUID:
    """A fresh id whose order is the order of its making: 48 bits of milliseconds, 12 bits below them, 62 by chance."""
    ticks = max(time.time_ns() * 4096 // 1_000_000, _Clock.last + 1)
    _Clock.last = ticks
    chance = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=((ticks >> 12) << 80) | ((ticks & 0xFFF) << 64) | _VERSION_AND_VARIANT | chance)


def first_id_at(at: int) -> UUID:
    """No id made at that instant or later is smaller; `at` in microseconds since 1970."""
    return UUID(int=(at // 1000) << 80 | 0x7 << 76)
