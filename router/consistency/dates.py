"""Calendar dates as people write them (3月15日, March 15, the 15th, 2026-03-15) and the nearest day they mean."""

import calendar as months
from collections.abc import Iterable
from datetime import date, timedelta

from router.consistency.numerals import number
from router.consistency.patterns import Pattern
from router.consistency.text import Haystack

DAY_NUMBER = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_MONTH_NAMES = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sept sep oct nov dec"
)
MONTH_NAME = "(?:" + "|".join(_MONTH_NAMES.split()) + ")"
_SHORT_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YMD = Pattern(r"(?P<y>\d{4})[-/.](?P<mo>\d{1,2})[-/.](?P<d>\d{1,2})")
_CHINESE_DATE = Pattern(
    rf"(?:(?P<y>[\d零〇一二三四五六七八九]{{4}})年)?(?:(?P<mo>{DAY_NUMBER})月)?(?P<d>{DAY_NUMBER})(?:日|号)?"
    rf"(?:(?:-|~|至|到)(?:(?P<mo2>{DAY_NUMBER})月)?(?P<d2>{DAY_NUMBER}))?(?:日|号)?"
)
_ENGLISH_DATE = Pattern(
    rf"(?:the\s)?(?:(?P<mo>{MONTH_NAME})\.?\s)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:\s(?:of\s)?(?P<mo2>{MONTH_NAME}))?(?:,?\s(?P<y>\d{{4}}))?"
)
_LATEST_PAST = timedelta(days=90)


def calendar_dates(text: str, today: date) -> list[date]:
    """The date written; without a year or month the next one, unless it was less than 90 days ago (then it is past)."""
    for pattern in (_YMD, _ENGLISH_DATE, _CHINESE_DATE):
        hit = pattern.full(Haystack(text.rstrip("给为发寄到前之上中下午晚")))
        if hit is not None:
            break
    else:
        return []
    values = {name: text[start:end] for name, (start, end) in hit.groups.items()}
    year = number(values["y"]) if "y" in values else None
    month = _month(values.get("mo2") or values.get("mo"))
    day = number(values.get("d2") or values["d"])
    if day is None or month == 0:
        return []
    if year is not None and month is not None:
        return _valid([(int(year), month, int(day))])
    if month is not None:
        near = _valid([(today.year, month, int(day)), (today.year + 1, month, int(day))])
        return [each for each in near if each >= today] if not _just_past(near, today) else []
    following = months_later(today.replace(day=1), 1)
    near = _valid([(today.year, today.month, int(day)), (following.year, following.month, int(day))])
    return [each for each in near if each >= today]


def _just_past(near: list[date], today: date) -> bool:
    return any(timedelta(0) < today - each <= _LATEST_PAST for each in near)


def _month(text: str | None) -> int | None:
    """The month's number, 0 for what is none."""
    if text is None:
        return None
    if text[:3] in _SHORT_MONTHS:
        return _SHORT_MONTHS.index(text[:3]) + 1
    value = number(text)
    return int(value) if value is not None and 1 <= value <= 12 else 0


def _valid(parts: Iterable[tuple[int, int, int]]) -> list[date]:
    found: list[date] = []
    for year, month, day in parts:
        if 1 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= months.monthrange(year, month)[1]:
            found.append(date(year, month, day))
    return found


def months_later(day: date, count: int) -> date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))
