"""The response report: one group of rounds, summed up (`service.md` 2.6, D31-D39). Groups are by any key."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from fractions import Fraction
from typing import TypeVar
from zoneinfo import ZoneInfo

from router.model import Round
from router.percentiles import FEW, attainment, histogram, nearest_rank, round_rate, survival
from router.targets import TimeBase
from router.timeline import DEFINITIONS, Outcome, Sla

K = TypeVar("K", bound=Hashable)

PARTS = ("ingest", "assign", "agent", "delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All figures of one group, in seconds. With fewer than five answers `values` holds them and percentiles are None
    (D39); `km_*` is None where half or nine tenths were never reached, `longest` is then what to show (D33).
    `at_once` counts answers that took no business time (D37), `manual` those logged by hand (D2)."""

    n: int
    waiting: int
    cancelled: int
    closed_no_reply: int
    manual: int
    at_once: int
    p50: float | None
    p90: float | None
    p95: float | None
    km_p50: float | None
    km_p90: float | None
    longest: float | None
    mean: float | None
    values: tuple[float, ...]
    attainment: Fraction | None
    judged: int
    rate: Fraction | None
    rate_n: int
    undetermined: int
    parts: Mapping[str, float | None]
    histogram: tuple[int, ...]
    calendar_uncertain: bool
    definitions: int = DEFINITIONS


def summarise(
    rounds: Iterable[Round],
    clock: TimeBase = TimeBase.BUSINESS,
    threshold: float = 180,
    window: tuple[time, time, ZoneInfo] | None = None,
) -> Summary:
    """One group. Percentiles and histogram on the given clock, the round rate in wall seconds, for rounds that start in
    `window` only if one is given (D36). The caller leaves out what is excluded (D38)."""
    group = list(rounds)
    answered = [each for each in group if each.outcome == Outcome.ANSWERED]
    waiting = [each for each in group if each.outcome == Outcome.OPEN]
    closed = [each for each in group if each.outcome == Outcome.CLOSED_NO_REPLY]
    took = sorted(_taken(each, clock) for each in answered)
    curve = survival(took, (_taken(each, clock) for each in (*waiting, *closed)))
    many = len(took) >= FEW
    reached = attainment(
        met=sum(each.sla == Sla.MET for each in group),
        breached_answered=sum(each.sla == Sla.BREACHED for each in answered),
        breached_open=sum(each.sla == Sla.BREACHED for each in waiting),
        breached_closed=sum(each.sla == Sla.BREACHED for each in closed),
    )
    inside = [each for each in (*answered, *waiting) if window is None or _starts_in(each, window)]
    rate = round_rate(
        threshold,
        [each.wall.total_seconds() for each in inside if each.outcome == Outcome.ANSWERED],
        [each.wall.total_seconds() for each in inside if each.outcome == Outcome.OPEN],
    )
    return Summary(
        n=len(took),
        waiting=len(waiting),
        cancelled=sum(each.sla == Sla.CANCELLED for each in closed),
        closed_no_reply=len(closed),
        manual=sum(each.manual for each in answered),
        at_once=sum(not each.business for each in answered),
        p50=nearest_rank(took, 50) if many else None,
        p90=nearest_rank(took, 90) if many else None,
        p95=nearest_rank(took, 95) if many else None,
        km_p50=curve.percentile(50) if many else None,
        km_p90=curve.percentile(90) if many else None,
        longest=curve.longest,
        mean=sum(took) / len(took) if took else None,
        values=() if many else tuple(took),
        attainment=reached.share,
        judged=reached.denominator,
        rate=rate.rate,
        rate_n=rate.denominator,
        undetermined=rate.undetermined,
        parts={name: _median_part(answered, name) for name in PARTS},
        histogram=histogram(took),
        calendar_uncertain=any(each.calendar_uncertain for each in group),
    )


def grouped(rounds: Iterable[Round], key: Callable[[Round], K]) -> Mapping[K, Sequence[Round]]:
    """The rounds of each group, in order."""
    groups: dict[K, list[Round]] = {}
    for each in rounds:
        groups.setdefault(key(each), []).append(each)
    return groups


def _taken(each: Round, clock: TimeBase) -> float:
    return (each.business if clock is TimeBase.BUSINESS else each.wall).total_seconds()


def _starts_in(each: Round, window: tuple[time, time, ZoneInfo]) -> bool:
    begin, end, zone = window
    at = each.start_at.astimezone(zone).time()
    return begin <= at < end if begin < end else at >= begin or at < end


def _median_part(answered: Iterable[Round], name: str) -> float | None:
    """The median of one part of the answered rounds."""
    found = sorted(getattr(each.parts, name).total_seconds() for each in answered if each.parts is not None)
    return nearest_rank(found, 50)
