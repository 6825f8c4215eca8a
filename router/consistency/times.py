"""Time expressions of a clause and the instant each one means (`service.md` 4.10): durations, days, parts of a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from router.consistency.clauses import Clauses
from router.consistency.dates import calendar_dates, months_later
from router.consistency.numerals import CHINESE, number
from router.consistency.patterns import Pattern
from router.consistency.text import Haystack, Normal
from router.consistency.time_words import TIME_WORDS, TimeWord, groups
from router.consistency.workdays import BusinessCalendar


class Form(StrEnum):
    """How a time was said."""

    WALL = "wall"
    WORKDAYS = "workdays"
    DAYS = "days"
    MOMENT = "moment"
    VAGUE = "vague"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time expression at `start`..`end` of its text, due at an aware instant of the calendar's zone."""

    start: int
    end: int
    due: datetime
    form: Form


_END_OF_DAY = time(23, 59, 59)
_NO_PART = time(18)
_OPENING = time(9)
_AMOUNT = Pattern("{range}")
_PARTS = {
    "凌晨": time(6), "清晨": time(9), "早上": time(12), "早晨": time(12), "上午": time(12), "中午": time(13),
    "正午": time(13), "下午": time(18), "午后": time(18), "傍晚": time(18), "晚上": time(22), "晚间": time(22),
    "夜里": time(22), "夜间": time(22), "morning": time(12), "midday": time(13), "noon": time(13),
    "lunchtime": time(13), "afternoon": time(18), "evening": time(22), "night": time(22),
}  # fmt: skip
_CLOSING = {"下班", "打烊", "eod", "eob", "cob"}
_AFTERNOON = {"下午", "午后", "傍晚", "晚上", "晚间", "夜里", "夜间", "afternoon", "evening", "night"}
_DAY_OFFSETS = {
    "今": 0, "当": 0, "明": 1, "后天": 2, "大后天": 3, "today": 0, "tonight": 0, "tomorrow": 1, "tmr": 1,
}  # fmt: skip
_MOST_DAYS = 3650
_SHORT_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6, "末": 6}


@dataclass(frozen=True, slots=True)
class Times:
    """The moments of one clause, and whether it names a time that is over (昨天, 3天前, two days ago)."""

    moments: tuple[Moment, ...] = ()
    past: bool = False


_NO_TIMES = Times()


def times(
    normal: Normal, clauses: Clauses, local: datetime, calendar: BusinessCalendar, vague: timedelta
) -> dict[int, Times]:
    """By the start of each clause: its times that are not before `local` (now, in the calendar's zone).

    `vague` is what 马上 or "shortly" amounts to on this channel. An upper end (3-5 days) counts, not the lower.
    """
    tokens: dict[int, list[TimeWord]] = {}
    for hit in TIME_WORDS.hits(normal):
        clause = clauses.at(hit.start)
        kind = next(iter(hit.groups))
        tokens.setdefault(clause.start, []).append(TimeWord(kind, normal.text[hit.start : hit.end], hit.start, hit.end))
    return {
        clause.start: _times(tokens.get(clause.start, ()), normal.text, local, calendar, vague) for clause in clauses
    }


def _times(
    tokens: Sequence[TimeWord], text: str, local: datetime, calendar: BusinessCalendar, vague: timedelta
) -> Times:
    if not tokens:
        return _NO_TIMES
    found = [_moment(group, local, calendar, vague) for group in groups(tokens, text)]
    ahead = tuple(each for each in found if each is not None and each.due >= local)
    return Times(ahead, past=any(token.kind == "past" for token in tokens))


def _moment(group: list[TimeWord], now: datetime, calendar: BusinessCalendar, vague: timedelta) -> Moment | None:
    first, last = group[0], group[-1]
    due: datetime | None
    match first.kind:
        case "past":
            return None
        case "vague":
            due, form = now + vague, Form.VAGUE
        case "wall":
            due, form = _after(now, timedelta(seconds=_seconds(first.text))), Form.WALL
        case "half":
            due, form = _half(first.text, now)
        case "workdays":
            due, form = _nth_working_day(first.text, now, calendar), Form.WORKDAYS
        case "days":
            due, form = _days(first.text, now), Form.DAYS
        case _:
            due, form = _composite(group, now, calendar), Form.MOMENT
    if due is None:
        return None
    return Moment(start=first.start, end=last.end, due=due, form=form)


def upper(text: str) -> Decimal | None:
    """The number in a text, the upper one of a range ("1-3" is 3)."""
    hit = _AMOUNT.search(Haystack(text))
    if hit is None:
        return None
    start, end = hit.groups.get("m") or hit.groups["n"]
    return number(text[start:end])


def _after(now: datetime, amount: timedelta) -> datetime:
    """Elapsed time, also across a change of the clocks."""
    try:
        return (now.astimezone(UTC) + amount).astimezone(now.tzinfo)
    except OverflowError:
        return now


def _seconds(text: str) -> float:
    amount = float(min(upper(text) or 1, Decimal(10**7)))  # "within the hour" names no number
    if _has(text, ("秒", "sec")):
        return amount
    if _has(text, ("分", "min")):
        return amount * 60
    return amount * 3600


def _has(text: str, needles: tuple[str, ...]) -> bool:
    return any(needle in text for needle in needles)


def _half(text: str, now: datetime) -> tuple[datetime, Form]:
    whole = Decimal(0) if text.startswith(("半", "half")) else upper(text.split("个半")[0]) or Decimal(0)
    if "刻" in text:
        return _after(now, timedelta(minutes=15)), Form.WALL
    if "月" in text:
        return _end_of(now.date() + timedelta(days=15 + 30 * int(whole)), now), Form.DAYS
    if "年" in text:
        return _end_of(months_later(now.date(), 6), now), Form.DAYS
    if "天" in text or "day" in text:
        return _end_of(now.date(), now), Form.DAYS
    return _after(now, timedelta(hours=float(min(whole, Decimal(10**4))) + 0.5)), Form.WALL


def _nth_working_day(text: str, now: datetime, calendar: BusinessCalendar) -> datetime | None:
    amount = upper(text)
    if amount is None or amount > _MOST_DAYS:
        return None
    days = -int(-amount // 1)
    if days < 1:
        return calendar.closing(now.date())
    return calendar.close_of_nth_working_day(now, days).astimezone(calendar.tz)


def _days(text: str, now: datetime) -> datetime | None:
    amount = upper(text)
    if amount is None or amount > _MOST_DAYS:
        return None
    if _has(text, ("个月", "month")):
        return _end_of(months_later(now.date(), int(amount)), now)
    days = int(amount * 7) if _has(text, ("周", "星期", "礼拜", "week")) else int(amount)
    return _end_of(now.date() + timedelta(days=days), now)


def _end_of(day: date, now: datetime) -> datetime:
    return datetime.combine(day, _END_OF_DAY, now.tzinfo)


def _composite(group: list[TimeWord], now: datetime, calendar: BusinessCalendar) -> datetime | None:
    tokens = {token.kind: token.text for token in group}
    early = "after" in tokens or "before" in tokens
    said = tokens.get("date") or tokens.get("day", "")
    part = _part_of(said) or tokens.get("part", "")
    if not (said or part or "clock" in tokens):
        return None
    whole = _stretch(tokens["day"], now, calendar, early=early) if "day" in tokens else None
    if whole is not None:
        return whole
    candidates = _dates(tokens, now)
    if "clock" in tokens:
        if not (said or part) and not early and tokens["clock"] in ("一点", "两点"):
            return None  # 快一点 is no time
        clock = _clock(tokens["clock"], part)
        if clock is None:
            return None
        return _first_ahead((datetime.combine(day, clock, calendar.tz) for day in candidates), now)
    return _first_ahead((_at_part(day, part, calendar, early=early, now=now) for day in candidates), now)


def _first_ahead(candidates: Iterable[datetime], now: datetime) -> datetime | None:
    """The earliest reading that is not over; None when all are."""
    return next((each for each in candidates if each >= now), None)


def _part_of(said: str) -> str:
    """The part of the day inside a day word (今晚, tonight)."""
    if said.endswith(("晚", "夜")) or said == "tonight":
        return "晚上"
    return "早上" if said.endswith("早") else ""


def _at_part(day: date, part: str, calendar: BusinessCalendar, *, early: bool, now: datetime) -> datetime:
    if not part:
        if early:
            return calendar.opening(day) or datetime.combine(day, _OPENING, calendar.tz)
        due = datetime.combine(day, _NO_PART, calendar.tz)
        # "today" said after six in the evening still means today
        return _end_of(day, now) if due < now and day == now.date() else due
    if part == "上班":
        return calendar.opening(day) or datetime.combine(day, _OPENING, calendar.tz)
    if part in _CLOSING or part.startswith(("end of", "close of")):
        return calendar.closing(day) or datetime.combine(day, _NO_PART, calendar.tz)
    return datetime.combine(day, _PARTS[part.replace(" ", "")], calendar.tz)


_CLOCK = Pattern(
    rf"(?P<h>\d{{1,2}}|{CHINESE})(?:点|:|(?P<en>\s?(?:[ap]|o')))?(?P<rest>半|一刻|三刻|\d{{2}}|{CHINESE})?"
    r"(?:分|钟|整)*\s?(?P<half>[ap])?\.?(?:m|clock)?\.?"
)


def _clock(text: str, part: str) -> time | None:
    """3点半, 15:30, 5 pm: an hour below 7 without a part of the day is taken for the afternoon."""
    hit = _CLOCK.full(Haystack(text))
    if hit is None:
        return None

    def group(name: str) -> str:
        span = hit.groups.get(name)
        return text[span[0] : span[1]].strip() if span else ""

    hour = number(group("h"))
    rest = group("rest")
    minute = {"半": Decimal(30), "一刻": Decimal(15), "三刻": Decimal(45), "": Decimal(0)}.get(rest)
    minute = number(rest) if minute is None else minute
    half = group("half") or group("en")[:1]
    if hour is None or minute is None or minute > 59 or hour > 24:
        return None
    later = half == "p" or (not half and (part in _AFTERNOON or (part == "中午" and hour < 3)))
    if hour < 12 and (later or (not half and not part and hour < 7 and ":" not in text)):
        hour += 12
    if hour == 12 and half == "a":
        hour = Decimal(0)
    if hour == 24:
        return _END_OF_DAY
    return time(int(hour), int(minute))


def _dates(tokens: dict[str, str], now: datetime) -> list[date]:
    """The dates a day or date word may mean, the nearest first."""
    today = now.date()
    if "date" in tokens:
        return calendar_dates(tokens["date"], today)
    said = tokens.get("day", "")
    if not said:
        return [today, today + timedelta(days=1)] if "clock" in tokens else [today]
    if said == "the day after tomorrow":
        return [today + timedelta(days=2)]
    for word, offset in _DAY_OFFSETS.items():
        if said.startswith(word):
            return [today + timedelta(days=offset)]
    return _weekdays(said, today)


def _weekdays(said: str, today: date) -> list[date]:
    monday = today - timedelta(days=today.weekday())
    if said[-1] in _WEEKDAYS:
        target = _WEEKDAYS[said[-1]]
    else:
        name = said.split()[-1]
        target = 6 if name == "weekend" else _SHORT_WEEKDAYS.index(name[:3])
    if said.startswith("下下"):
        return [monday + timedelta(days=14 + target)]
    if said.startswith(("下", "next")):
        return [monday + timedelta(days=7 + target)]
    if said.startswith(("本", "这")):
        return [monday + timedelta(days=target)]
    ahead = today + timedelta(days=(target - today.weekday()) % 7)
    return [ahead, ahead + timedelta(days=7)]


def _stretch(said: str, now: datetime, calendar: BusinessCalendar, *, early: bool) -> datetime | None:
    """A whole week or month (本周, 下周内, end of the month): its last second; before it: its first opening."""
    today = now.date()
    if "月" in said or said.endswith("month"):
        last = months_later(today.replace(day=1), 2 if said.startswith("下") or "next" in said else 1)
        return _end_of(last - timedelta(days=1), now)
    stem = said.removesuffix("内")
    if stem.endswith(("周", "星期", "礼拜")) or said.endswith("week"):
        monday = today - timedelta(days=today.weekday())
        if stem.startswith("下") or "next" in said:
            monday += timedelta(days=7)
        if early:
            return calendar.opening(monday) or datetime.combine(monday, _OPENING, calendar.tz)
        return _end_of(monday + timedelta(days=6), now)
    return None
