"""The one place that draws chance for waiting times."""

import random  # noqa: TID251  the one place


def backoff(retries: int, longest: float) -> float:
    """Seconds before the next try: 1, 2, 4 ... `longest` with full jitter, never quite none (Q2)."""
    return max(random.uniform(0, min(2.0 ** min(retries, 30), longest)), 0.1)


def around(seconds: float) -> float:
    """At most `seconds`, at least four fifths of it."""
    return seconds * random.uniform(0.8, 1.0)
