"""Why a deadline is what it is: what was stored with it, the same deadline computed again from that, and the words.

A stored basis and the calendar version it names are enough; neither the log nor the configuration of today is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from router.calendars import Calendar
from router.instants import from_text, to_text
from router.model import Round
from router.targets import COUNTED, Metric, Target, TimeBase, deadline, to_target

SHOWN = 4
"""Pieces of open time that are named one by one; of more, the first two and the last."""


class WrongCalendar(Exception):
    """The calendar at hand is not the version the deadline was computed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a deadline rests on, as stored with its round. `start_at` is the customer's message, never "now"."""

    metric: Metric
    start_at: datetime
    policy: str
    policy_version: int
    calendar: str
    calendar_version: int
    target: Target
    deadline: datetime


def basis_of(judged: Round) -> Basis | None:
    """The basis of a round's deadline; None when nothing was due."""
    if judged.target is None or judged.deadline is None or judged.policy is None:
        return None
    return Basis(
        metric=Metric(judged.kind),
        start_at=judged.start_at,
        policy=judged.policy,
        policy_version=judged.policy_version,
        calendar=judged.calendar,
        calendar_version=judged.calendar_version,
        target=judged.target,
        deadline=judged.deadline,
    )


def to_json(basis: Basis) -> dict[str, object]:
    """As stored: plain JSON."""
    return {
        "metric": basis.metric.value,
        "start_at": to_text(basis.start_at),
        "policy": basis.policy,
        "policy_version": basis.policy_version,
        "calendar": basis.calendar,
        "calendar_version": basis.calendar_version,
        "target": _target_json(basis.target),
        "deadline": to_text(basis.deadline),
    }


def _target_json(target: Target) -> dict[str, object]:
    if target.business_days is not None:
        return {"business_days": target.business_days}
    counts = {} if target.counts == COUNTED else {"counts": list(target.counts)}
    return {"seconds": target.seconds, "clock": target.clock.value, **counts}


def from_json(stored: Mapping[str, object]) -> Basis:
    """The other way. Raises KeyError or ValueError when it is no basis."""
    target = stored["target"]
    if not isinstance(target, Mapping):
        raise ValueError(f"target: {target!r} is no target")  # noqa: TRY004  a wrong text, not a wrong call
    return Basis(
        metric=Metric(str(stored["metric"])),
        start_at=from_text(str(stored["start_at"])),
        policy=str(stored["policy"]),
        policy_version=int(str(stored["policy_version"])),
        calendar=str(stored["calendar"]),
        calendar_version=int(str(stored["calendar_version"])),
        target=to_target(target),
        deadline=from_text(str(stored["deadline"])),
    )


def recompute(basis: Basis, calendar: Calendar) -> datetime:
    """The deadline again, from the stored inputs alone. Raises WrongCalendar, and NoOpenTime as the calendar does."""
    if (calendar.id, calendar.version) != (basis.calendar, basis.calendar_version):
        raise WrongCalendar(
            f"the deadline was computed with calendar {basis.calendar} version {basis.calendar_version}, "
            f"not with {calendar.id} version {calendar.version}: load that version"
        )
    return deadline(basis.target, basis.start_at, calendar)


def in_words(basis: Basis, calendar: Calendar, language: str) -> str:
    """Two or three sentences for an agent, in Chinese for languages that begin with "zh", else in English."""
    words = _CHINESE if language.lower().startswith("zh") else _ENGLISH
    place = calendar.zone
    sentences = [
        words.due.format(
            what=words.metrics[basis.metric],
            at=_clock(basis.deadline.astimezone(place)),
            zone=place.key,
            start=_clock(basis.start_at.astimezone(place)),
        ),
        words.promise.format(policy=basis.policy, version=basis.policy_version, target=words.target(basis.target)),
    ]
    if not basis.target.by_wall:
        sentences.append(
            words.counted.format(
                calendar=basis.calendar, version=basis.calendar_version, pieces=words.join(_pieces(basis, calendar))
            )
        )
        if calendar.is_uncertain(basis.start_at, basis.deadline):
            sentences.append(words.uncertain.format(end=calendar.coverage_end))
    return words.between.join(sentences)


def _pieces(basis: Basis, calendar: Calendar) -> list[str]:
    """What was counted: working days by date, or open time by the clock."""
    if basis.target.business_days is not None:
        days = _working_days(basis, calendar)
        return [day.isoformat() for day in days]
    return [
        _stretch(begin.astimezone(calendar.zone), end.astimezone(calendar.zone))
        for begin, end in calendar.stretches(basis.start_at, basis.deadline)
    ]


def _working_days(basis: Basis, calendar: Calendar) -> list[date]:
    found: list[date] = []
    day = calendar.date_of(basis.start_at)
    while len(found) < (basis.target.business_days or 0):
        day += timedelta(days=1)
        if calendar.spans(day):
            found.append(day)
    return found


def _stretch(begin: datetime, end: datetime) -> str:
    if begin.date() == end.date():
        return f"{_clock(begin)}–{_time(end)}"
    return f"{_clock(begin)}–{_clock(end)}"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d} {_time(at)}"


def _time(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The sentences of one language."""

    due: str
    promise: str
    counted: str
    uncertain: str
    between: str
    comma: str
    more: str
    metrics: Mapping[Metric, str]
    business: str
    wall: str
    days: str
    units: tuple[tuple[int, str], ...]

    def target(self, target: Target) -> str:
        if target.business_days is not None:
            return self.days.format(n=target.business_days)
        length = self._length(target.seconds or 0)
        return (self.wall if target.clock is TimeBase.WALL else self.business).format(length=length)

    def join(self, pieces: list[str]) -> str:
        if len(pieces) <= SHOWN:
            return self.comma.join(pieces)
        return self.comma.join([*pieces[:2], self.more.format(n=len(pieces) - 3), pieces[-1]])

    def _length(self, seconds: float) -> str:
        """In the largest unit that divides it."""
        for size, unit in self.units:
            if seconds and seconds % size == 0:
                return unit.format(n=int(seconds // size))
        return self.units[-1][1].format(n=f"{seconds:g}")


_ENGLISH = _Words(
    due="{what} is due {at} ({zone}), counted from {start}.",
    promise="Policy {policy}, version {version}, promises it within {target}.",
    counted="Calendar {calendar}, version {version}, counts {pieces}.",
    uncertain="The holidays after {end} are not known: this may change.",
    between=" ",
    comma=", ",
    more="{n} more",
    metrics={
        Metric.ACK: "The acknowledgement",
        Metric.FIRST: "The first answer",
        Metric.NEXT: "The next answer",
        Metric.UPDATE: "The next update",
        Metric.RESOLUTION: "The solution",
    },
    business="{length} of opening hours",
    wall="{length}",
    days="{n} business day(s), until closing time, the day of receipt not counted",
    units=((3600, "{n} h"), (60, "{n} min"), (1, "{n} s")),
)

_CHINESE = _Words(
    due="{what}最迟 {at}({zone}),自 {start} 起算。",
    promise="策略 {policy} 第 {version} 版承诺{target}。",
    counted="日历 {calendar} 第 {version} 版计入:{pieces}。",
    uncertain="{end} 之后的节假日尚未公布,结果可能变化。",
    between="",
    comma="、",
    more="另 {n} 段",
    metrics={
        Metric.ACK: "受理确认",
        Metric.FIRST: "首次回复",
        Metric.NEXT: "后续回复",
        Metric.UPDATE: "进展通知",
        Metric.RESOLUTION: "解决",
    },
    business="营业时间内 {length}",
    wall="{length}内",
    days="{n} 个工作日内(收到当天不计,至当日下班)",
    units=((3600, "{n} 小时"), (60, "{n} 分钟"), (1, "{n} 秒")),
)
