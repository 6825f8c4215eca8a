"""First-response figures out of counts: a database counts a week of rounds much faster than it hands them over.

The definitions are those of `router.reports` (D31-D39); times are whole seconds, floored (decisions 3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from router.percentiles import FEW, attainment, nearest_rank
from router.timeline import Outcome, Sla


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many `rounds` of a channel with the same outcome, judgement and business time. `recent`: they began in the
    latest part of the span that was asked about."""

    channel: str
    outcome: str
    sla: str
    seconds: int
    rounds: int
    recent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """With fewer than five answers `values` holds them and median and p90 are None (D39). `attainment` is None while
    nothing is decided."""

    answered: int
    median: float | None
    p90: float | None
    values: tuple[int, ...]
    attainment: Fraction | None


def figures(counts: Iterable[Count]) -> Figures:
    """One group."""
    group = list(counts)
    took: list[int] = []
    for each in sorted((each for each in group if each.outcome == Outcome.ANSWERED), key=lambda each: each.seconds):
        took += [each.seconds] * each.rounds
    many = len(took) >= FEW
    reached = attainment(
        met=sum(each.rounds for each in group if each.sla == Sla.MET),
        breached_answered=_breached(group, Outcome.ANSWERED),
        breached_open=_breached(group, Outcome.OPEN),
        breached_closed=_breached(group, Outcome.CLOSED_NO_REPLY),
    )
    return Figures(
        answered=len(took),
        median=nearest_rank(took, 50) if many else None,
        p90=nearest_rank(took, 90) if many else None,
        values=() if many else tuple(took),
        attainment=reached.share,
    )


def _breached(group: Sequence[Count], outcome: Outcome) -> int:
    return sum(each.rounds for each in group if each.outcome == outcome and each.sla == Sla.BREACHED)


def in_words(found: Figures) -> str:
    """The figures as a sentence."""
    if not found.answered:
        times = "nobody answered"
    elif found.values:
        times = f"{found.answered} answered ({', '.join(map(length, found.values))})"
    else:
        times = f"{found.answered} answered, median {length(found.median or 0)}, p90 {length(found.p90 or 0)}"
    return times if found.attainment is None else f"{times}, {share(found.attainment)} in time"


def share(value: Fraction) -> str:
    """A percentage, never rounded up to all or down to nothing."""
    percent = value * 100
    shown = min(round(percent), 99) if percent < 100 else 100
    return f"{max(shown, 1) if percent > 0 else 0} %"


def length(seconds: float) -> str:
    """A length of time in at most two units: "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"."""
    whole = int(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
