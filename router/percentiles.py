"""The arithmetic of response reports (D31-D39): percentiles, attainment, round rate, cohorts, histogram. Plain numbers
in, plain numbers out; which rounds they come from is decided by `router.reports`."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

FEW = 5
"""Below this many values the values are shown, not percentiles (D39)."""

BUCKETS = (5, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800)
"""Upper bounds in seconds of the response histogram (2.6)."""

CLOSE = 1e-9
"""Two survival probabilities nearer than this are equal: products of floats are not exact."""


def nearest_rank(values: Sequence[float], percent: float) -> float | None:
    """The value at rank ceil(p n) of sorted values; None without any (D33)."""
    if not values:
        return None
    share = Fraction(str(percent)) * len(values) / 100
    return values[max(1, -(-share.numerator // share.denominator)) - 1]


@dataclass(frozen=True, slots=True)
class Survival:
    """The Kaplan-Meier curve: after each time of an answer, the share of customers still waiting. `longest` is the
    greatest age or answer seen."""

    steps: tuple[tuple[float, float], ...]
    longest: float | None

    def percentile(self, percent: float) -> float | None:
        """The smallest time at which no more than 1 - p still wait; None when that is never reached."""
        goal = 1 - percent / 100 + CLOSE
        return next((at for at, share in self.steps if share <= goal), None)

    def shown(self, percent: float) -> str:
        """As people read it: a number of seconds, or `> max observed` (D33)."""
        reached = self.percentile(percent)
        if reached is not None:
            return f"{reached:g}"
        return "-" if self.longest is None else f"> {self.longest:g}"


def survival(answered: Iterable[float], censored: Iterable[float]) -> Survival:
    """Answers and right-censored ages (open, closed without a reply); at the same time answers come first (D33)."""
    events = sorted([*((at, 0) for at in answered), *((at, 1) for at in censored)])
    at_risk, share = len(events), 1.0
    steps: list[tuple[float, float]] = []
    index = 0
    while index < len(events):
        at, kind = events[index]
        last = index
        while last < len(events) and events[last] == (at, kind):
            last += 1
        if kind == 0:
            share *= (at_risk - (last - index)) / at_risk
            steps.append((at, share))
        at_risk -= last - index
        index = last
    return Survival(tuple(steps), events[-1][0] if events else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """`share` is None while nothing is decided."""

    met: int
    denominator: int

    @property
    def share(self) -> Fraction | None:
        return Fraction(self.met, self.denominator) if self.denominator else None


def attainment(*, met: int, breached_answered: int, breached_open: int, breached_closed: int) -> Attainment:
    """Met among all that are decided; running and cancelled rounds are shown beside it (D35)."""
    return Attainment(met=met, denominator=met + breached_answered + breached_open + breached_closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRate:
    """`hit` of `denominator` rounds within the threshold; `undetermined` are open and still younger."""

    hit: int
    denominator: int
    undetermined: int

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.hit, self.denominator) if self.denominator else None


def round_rate(threshold: float, answered: Iterable[float], open_ages: Iterable[float]) -> RoundRate:
    """D36: an open round older than the threshold is a miss; closed without a reply is left out by the caller."""
    took, ages = list(answered), list(open_ages)
    older = sum(age > threshold for age in ages)
    return RoundRate(
        hit=sum(each <= threshold for each in took), denominator=len(took) + older, undetermined=len(ages) - older
    )


def cohort(start: datetime, zone: ZoneInfo) -> date:
    """The local day a round belongs to: that on which the customer began to wait (D31)."""
    return start.astimezone(zone).date()


def histogram(values: Iterable[float], bounds: Sequence[float] = BUCKETS) -> tuple[int, ...]:
    """How many values lie in each bucket; a value equal to a bound belongs below it, the last bucket has no bound.

    Counts of two histograms add up, averages and percentiles do not (D34).
    """
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    return tuple(counts)
