"""How long the fault runs are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`short`: runs with the other tests. `rate` is in messages a second; `at_each` are kills at each failpoint, at
    one of its first `passes` passes; `at_moments` are kills at random moments, `drains` SIGTERMs, `freezes` rounds of
    frozen nodes, `posts` are written in desk threads; `settle` is the longest wait for the last message, in seconds."""

    short: bool = False
    rate: float
    at_each: int
    at_moments: int
    passes: int
    settle: float
    drains: int
    freezes: int = 0
    seed: int
    posts: int


SHORT = Profile(short=True, rate=24.0, at_each=1, at_moments=1, passes=10, settle=45.0, drains=4, seed=1, posts=400)
LONG = Profile(
    rate=25.0, at_each=18, at_moments=40, passes=40, settle=180.0, drains=200, freezes=5, seed=2, posts=10_000
)
MIDDLE = Profile(
    rate=25.0, at_each=5, at_moments=10, passes=20, settle=120.0, drains=20, freezes=2, seed=3, posts=2_000
)
PROFILES = {"short": SHORT, "long": LONG, "middle": MIDDLE}
