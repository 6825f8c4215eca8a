"""Evaluates consistency examples (format gateway-consistency-examples/1) by the standards of this installation.

The file's own clock, zone, working days and fact values hold; its `channel` is a channel type.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from gateway.reply_checks import check_reply
from gateway.standards import load_standards, shipped
from router.calendars import Calendar
from router.consistency.reply import Standards
from router.consistency.workdays import Workdays
from router.openings import SECOND, Interval

FORMAT = "gateway-consistency-examples/1"

_CLOSE = re.compile(r"close (\d{1,2}):(\d{2})")
_HOUR = 3600 * SECOND
_OPENING = 9 * _HOUR


def evaluate(file: Mapping[str, Any], standards: Standards | None = None) -> list[str]:
    """One line for each example whose answer differs, in the order of the file."""
    judged_by = standards or load_standards(shipped())
    calendar = Workdays(_calendar(file))
    now = datetime.fromisoformat(file["now"])
    common = {"facts": file["facts"]} if "facts" in file else {}
    lines = [_difference({**common, **example}, judged_by, calendar, now) for example in file["examples"]]
    return [line for line in lines if line is not None]


def _difference(example: Mapping[str, Any], standards: Standards, calendar: Workdays, now: datetime) -> str | None:
    """What differs in one example, None when nothing does; one that cannot be read differs too."""
    name = example.get("id", "?")
    try:
        found = check_reply(example, standards, calendar, now).get("result")
        expected = example["expect"]
    except (KeyError, TypeError, ValueError) as error:
        return f"{name}: cannot be read: {error}"
    if _comparable(found) == _comparable(expected):
        return None
    return f"{name}: expected {expected}, got {found}: {example.get('text', example.get('a', ''))}"


def _comparable(answer: Any) -> Any:
    """Lists in any order, instants whatever zone they are written in, numbers whatever their form."""
    if isinstance(answer, list | tuple):
        inner = [_comparable(each) for each in answer]
        if any(isinstance(each, list | tuple) for each in answer):
            return sorted(inner, key=repr)
        return inner
    if isinstance(answer, str) and len(answer) >= 20 and answer[4:5] == "-" and "T" in answer:
        try:
            return datetime.fromisoformat(answer).timestamp()
        except ValueError:
            return answer
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return float(answer)
    return answer


def _calendar(file: Mapping[str, Any]) -> Calendar:
    """The working days of the file, Monday to Friday, from 09:00 to the close it names (18:00)."""
    closing = _CLOSE.search(str(file.get("workdays", "")))
    end = time(int(closing[1]), int(closing[2])) if closing else time(18)
    open_hours = (Interval(_OPENING, end.hour * _HOUR + end.minute * 60 * SECOND),)
    zone = ZoneInfo(file.get("tz", "Asia/Shanghai"))
    return Calendar(id="vectors", zone=zone, weekly=(open_hours,) * 5 + ((),) * 2)
