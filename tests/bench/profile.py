"""How much of everything a run does."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Counts are messages unless they say otherwise."""

    rounds: int
    known: Mapping[str, int]
    """A run of each path, from customers who wrote before."""
    new: Mapping[str, int]
    """The same, each from somebody who never wrote."""
    conversations: int
    """Of the big store."""
    letters: int
    """Messages of one conversation there."""
    big: tuple[str, ...]
    """The kinds of database the big store is measured on."""
    rate: float
    """A second, of the open loop."""
    warm_up: int
    seconds: float
    open: int
    """Conversations on the desk under Slack's limits."""
    steady: int
    """Messages there at five a second."""
    burst: int
    """Messages there at twenty a second."""
    starts: int
    """Beyond the one that every run makes."""
    settle_seconds: float
    """Until memory is at rest after a start."""
    idle_seconds: float
    pending: tuple[int, int]
    """Timers that are not due, few and many."""
    sample: int
    """Stored again and again for the machine's own limits."""


FULL = Profile(
    rounds=5,
    known={"web": 1600, "tg": 1600, "mail": 400},
    new={"web": 480, "tg": 960, "mail": 320},
    conversations=100_000,
    letters=10,
    big=("sqlite", "postgresql"),
    rate=50.0,
    warm_up=1000,
    seconds=60.0,
    open=2_000,
    steady=900,
    burst=200,
    starts=4,
    settle_seconds=2.0,
    idle_seconds=40.0,
    pending=(1_000, 1_000_000),
    sample=256,
)
QUICK = Profile(
    rounds=1,
    known={"web": 32, "tg": 32, "mail": 32},
    new={"web": 16, "tg": 16, "mail": 16},
    conversations=100,
    letters=10,
    big=("sqlite",),
    rate=30.0,
    warm_up=30,
    seconds=2.0,
    open=16,
    steady=10,
    burst=10,
    starts=0,
    settle_seconds=0.3,
    idle_seconds=0.5,
    pending=(10, 1_000),
    sample=32,
)
