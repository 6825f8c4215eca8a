"""What a policy promises and when it is due: targets, deadlines, warnings (D26-D29). From the start, never from now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from router.calendars import ALWAYS, Calendar
from router.openings import SECOND, to_instant, to_micros

LEVELS = (50, 75, 90)
"""Per cent of a target in seconds at which people are warned (D29)."""

LAST_HOURS = (4, 1)
"""Business hours before a deadline in business days at which people are warned (D29)."""


LONGEST = 10 * 366 * 86_400
"""Seconds; a target of more than ten years is a mistake."""


class TimeBase(StrEnum):
    """Which seconds count: those inside opening hours, or all."""

    BUSINESS = "business"
    WALL = "wall"


class Metric(StrEnum):
    """What a target is for."""

    ACK = "ack"
    FIRST = "first"
    NEXT = "next"
    UPDATE = "update"
    RESOLUTION = "resolution"


COUNTED = ("open", "on_hold", "snoozed")
"""States in which the customer is waiting for the solution (D20)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Either `seconds` on a clock or `business_days`, never both. `counts`: states a resolution target counts."""

    seconds: float | None = None
    clock: TimeBase = TimeBase.BUSINESS
    business_days: int | None = None
    counts: tuple[str, ...] = COUNTED

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.business_days is None):
            raise ValueError("a target has either seconds or business_days")
        if self.business_days is not None and self.business_days < 1:
            raise ValueError(f"business_days: {self.business_days} is no number of days to wait; give 1 or more")
        if self.seconds is not None and not 0 <= self.seconds < LONGEST:
            raise ValueError(f"seconds: {self.seconds} is no time to wait; give 0 or more")

    @property
    def micros(self) -> int:
        """The target in microseconds; 0 for business days."""
        return 0 if self.seconds is None else round(self.seconds * SECOND)

    @property
    def by_wall(self) -> bool:
        """Whether no calendar has a say in it."""
        return self.business_days is None and self.clock is TimeBase.WALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Targets by metric with the calendar they are measured on; a metric without a target is measured, not judged.

    `when` are conditions by attribute (channel, topic, priority, language, tier, case); `version` names the revision
    of the configuration it comes from.
    """

    id: str = ""
    version: int = 1
    calendar: Calendar = ALWAYS
    targets: Mapping[Metric, Target] = field(default_factory=dict)
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every condition names the attribute's value."""
        return all(attributes.get(key) in values for key, values in self.when.items())


UNJUDGED = Policy()
"""No policy: everything is measured round the clock and nothing is due."""


def first_match(policies: Iterable[Policy], attributes: Mapping[str, str]) -> Policy | None:
    """The first policy in order whose conditions hold (D26)."""
    return next((policy for policy in policies if policy.matches(attributes)), None)


def to_target(given: Mapping[str, object]) -> Target:
    """A target as written in configuration and vector files: `{seconds, clock, counts}` or `{business_days}`.

    Raises ValueError with a sentence.
    """
    seconds, days = given.get("seconds"), given.get("business_days")
    if seconds is not None and (not isinstance(seconds, int | float) or isinstance(seconds, bool)):
        raise ValueError(f"seconds: {seconds!r} is no number")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool)):
        raise ValueError(f"business_days: {days!r} is no whole number")
    counts = given.get("counts", COUNTED)
    if not isinstance(counts, list | tuple):
        raise ValueError(f"counts: {counts!r} is no list of states")  # noqa: TRY004  a wrong text, not a wrong call
    clock = given.get("clock", TimeBase.BUSINESS)
    if clock not in tuple(TimeBase):
        raise ValueError(f"clock: {clock!r} is no clock; give business or wall")
    return Target(
        seconds=seconds,
        clock=TimeBase(str(clock)),
        business_days=days,
        counts=tuple(str(state) for state in counts),
    )


def deadline(target: Target, start: datetime, calendar: Calendar) -> datetime:
    """When a target that runs from `start` is due: exactly then is still in time (D17, D28). Raises NoOpenTime."""
    return to_instant(deadline_micros(target, to_micros(start), calendar))


def deadline_micros(target: Target, start: int, calendar: Calendar) -> int:
    """As `deadline`, in microseconds since the epoch."""
    if target.business_days is not None:
        return to_micros(calendar.add_business_days(to_instant(start), target.business_days))
    return later_micros(target, start, target.micros, calendar)


def later_micros(target: Target, start: int, amount: int, calendar: Calendar) -> int:
    """The instant with that many microseconds since `start` on the target's own clock. Raises NoOpenTime."""
    return start + amount if target.by_wall else calendar.add_micros(start, amount)


def elapsed_micros(target: Target, begin: int, end: int, calendar: Calendar) -> int:
    """Time between two instants on the target's own clock."""
    return max(0, end - begin) if target.by_wall else calendar.business_micros(begin, end)


def part_of(target: Target, fraction: float, start: datetime, calendar: Calendar) -> datetime:
    """When that share of a target in seconds is used up, on its own clock (D29).

    Raises NoOpenTime, and ValueError for business days: they have no share.
    """
    if target.business_days is not None:
        raise ValueError("business days have no fraction: they warn 4 and 1 business hours before the deadline")
    return to_instant(later_micros(target, to_micros(start), round(target.micros * fraction), calendar))


@dataclass(frozen=True, slots=True)
class EarlyWarning:
    """People are told once that a deadline is near. `level` is "50", "75", "90" or "4h", "1h"."""

    level: str
    due_at: datetime


def warnings(target: Target, start: datetime, calendar: Calendar) -> tuple[EarlyWarning, ...]:
    """Every warning before the deadline, earliest first (D29); those that would fall before the start are left out.

    Raises NoOpenTime.
    """
    if target.business_days is None:
        return tuple(EarlyWarning(str(level), part_of(target, level / 100, start, calendar)) for level in LEVELS)
    due = deadline(target, start, calendar)
    early = ((hours, calendar.subtract(due, timedelta(hours=hours))) for hours in LAST_HOURS)
    return tuple(EarlyWarning(f"{hours}h", at) for hours, at in early if at > start)
