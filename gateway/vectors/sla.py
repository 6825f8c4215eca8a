"""Evaluates response-time vectors in the format of `sla_vectors.json` (gateway-sla-vectors/1).

The adapter only: figures become the keys of `expect`. All arithmetic is the router's.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.vectors.definitions import calendar_of, whole_seconds
from gateway.vectors.timelines import timeline_figures
from router.calendar_definitions import WrongCalendar
from router.calendars import NoOpenTime
from router.clocks import updates
from router.inbound_time import inbound_time
from router.instants import from_text, to_text
from router.percentiles import attainment, cohort, nearest_rank, round_rate, survival
from router.targets import deadline, part_of, to_target

FORMAT = "gateway-sla-vectors/1"

PERCENTILE = re.compile(r"(km_)?p(\d+(?:\.\d+)?)")

Vector = Mapping[str, Any]
Figures = Mapping[str, Any]


def evaluate(file: Mapping[str, Any]) -> list[str]:
    """One line for each vector with a figure that differs, in the order of the file."""
    return [line for vector in file["vectors"] if (line := compare(vector, file)) is not None]


def compare(vector: Vector, file: Mapping[str, Any]) -> str | None:
    """What differs in one vector, None when nothing does. A vector that cannot be read differs too."""
    name = vector.get("id", "?")
    try:
        found = differences(vector["expect"], figures(vector, file))
    except (KeyError, TypeError, ValueError, AttributeError, LookupError, WrongCalendar) as error:
        return f"{name}: cannot be evaluated: {error!r}"
    except NoOpenTime as error:
        return f"{name}: {error}"
    return f"{name}: {'; '.join(found)}" if found else None


def figures(vector: Vector, file: Mapping[str, Any]) -> Figures:
    """Every figure of one vector under the key that `expect` may name."""
    kind = vector.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not known; known are {', '.join(KINDS)}")
    return KINDS[kind](vector, file)


# Comparing.


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """`expected` is partial: only its keys and list items count, null must be null (conventions)."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        lines: list[str] = []
        for key, value in expected.items():
            path = f"{where}.{key}" if where else key
            lines += (
                differences(value, found[key], path) if key in found else [f"{path}: expected {value!r}, there is none"]
            )
        return lines
    if where.endswith(("rounds", "cycles")) and isinstance(expected, list):
        lines = [f"{where}: expected {len(expected)}, got {len(found)}"] if len(expected) > len(found) else []
        for index, (value, actual) in enumerate(zip(expected, found, strict=False)):
            lines += differences(value, actual, f"{where}[{index}]")
        return lines
    return [] if _same(expected, found, where) else [f"{where}: expected {_shown(expected)}, got {_shown(found)}"]


def _same(expected: Any, found: Any, where: str) -> bool:
    if isinstance(found, datetime):
        return isinstance(expected, str) and from_text(expected) == found
    if isinstance(found, list) and isinstance(expected, list):
        if where.endswith("flags"):
            return sorted(expected) == sorted(found)
        return len(expected) == len(found) and all(
            _same(one, other, where) for one, other in zip(expected, found, strict=True)
        )
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None or found is None:
        return expected is found
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return abs(expected - found) < 1e-6
    return bool(expected == found)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return repr(value)


# The kinds of vectors.


def _business_seconds(vector: Vector, file: Mapping[str, Any]) -> Figures:
    calendar = calendar_of(vector, file)
    begin, end = from_text(vector["from"]), from_text(vector["to"])
    return {
        "business_s": whole_seconds(calendar.business(begin, end)),
        "calendar_uncertain": calendar.is_uncertain(begin, end),
    }


def _deadline(vector: Vector, file: Mapping[str, Any]) -> Figures:
    calendar, start, target = calendar_of(vector, file), from_text(vector["start"]), to_target(vector["target"])
    fraction = vector.get("fraction")
    try:
        due = deadline(target, start, calendar) if fraction is None else part_of(target, fraction, start, calendar)
    except NoOpenTime:
        return {"error": "no_open_time", "deadline": None}
    uncertain = not target.by_wall and calendar.is_uncertain(start, due)
    return {"deadline": due, "error": None, "calendar_uncertain": uncertain}


def _aggregate(vector: Vector, _: Mapping[str, Any]) -> Figures:
    completed, censored = sorted(vector["data"]["completed"]), vector["data"].get("censored", [])
    curve = survival(completed, censored)
    mean = sum(completed) / len(completed) if completed else None
    found: dict[str, Any] = {"n": len(completed), "n_censored": len(censored), "mean": mean}
    if mean is not None and isinstance(vector["expect"].get("mean"), int):
        found["mean"] = int(mean)  # whole seconds unless the file says more (conventions)
    for key in vector["expect"]:
        if (match := PERCENTILE.fullmatch(key)) is not None:
            percent = float(match[2])
            found[key] = curve.percentile(percent) if match[1] else nearest_rank(completed, percent)
    return found


def _attainment(vector: Vector, _: Mapping[str, Any]) -> Figures:
    data = vector["data"]
    found = attainment(
        met=data.get("met", 0),
        breached_answered=data.get("breached_answered", 0),
        breached_open=data.get("breached_open", 0),
        breached_closed=data.get("breached_closed", 0),
    )
    return {"attainment": _share(found.share), "denominator": found.denominator}


def _round_rate(vector: Vector, _: Mapping[str, Any]) -> Figures:
    data = vector["data"]
    found = round_rate(data["threshold"], data.get("answered", []), data.get("open_ages", []))
    return {
        "hit": found.hit,
        "denominator": found.denominator,
        "rate": _share(found.rate),
        "undetermined": found.undetermined,
    }


def _bucket(vector: Vector, _: Mapping[str, Any]) -> Figures:
    zone = ZoneInfo(vector["data"]["tz"])
    days = [cohort(from_text(start), zone).isoformat() for start in vector["data"]["starts"]]
    return {day: days.count(day) for day in (*days, *vector["expect"])}


def _periodic(vector: Vector, file: Mapping[str, Any]) -> Figures:
    data = vector["data"]
    closed = data.get("closed")
    found = updates(
        to_target(data["target"]),
        calendar_of({**vector, **data}, file),
        from_text(data["opened"]),
        [from_text(at) for at in data.get("updates", [])],
        None if closed is None else from_text(closed),
        from_text(closed or data.get("now") or vector["now"]),
    )
    return {"max_gap_s": whole_seconds(found.longest), "breaches": list(found.breaches)}


def _ingest_time(vector: Vector, _: Mapping[str, Any]) -> Figures:
    source, claimed = vector.get("source"), vector.get("claimed")
    found = inbound_time(
        from_text(vector["received"]),
        None if source is None else from_text(source),
        None if claimed is None else from_text(claimed),
    )
    return {
        "effective": found.effective,
        "ingest_lag_s": whole_seconds(found.lag),
        "flags": [flag.value for flag in found.flags],
        "client_skew_s": None if found.client_skew is None else whole_seconds(found.client_skew),
    }


KINDS: Final[Mapping[str, Callable[[Vector, Mapping[str, Any]], Figures]]] = {
    "business_seconds": _business_seconds,
    "deadline": _deadline,
    "timeline": timeline_figures,
    "aggregate": _aggregate,
    "attainment": _attainment,
    "round_rate": _round_rate,
    "bucket": _bucket,
    "periodic": _periodic,
    "ingest_time": _ingest_time,
}


def _share(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
