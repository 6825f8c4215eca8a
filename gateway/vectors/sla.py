"""Evaluates response-time vectors in the format of `sla_vectors.json` (gateway-sla-vectors/1).

The adapter only: vector events become events of the log, figures become the keys of `expect`. All arithmetic is the
router's. Ids of a file are any text; the log wants UUIDs, so they are made from it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from router.calendar_definitions import WrongCalendar, to_calendar
from router.calendars import ALWAYS, Calendar, NoOpenTime
from router.clocks import updates
from router.events import EventType
from router.inbound_time import inbound_time
from router.instants import from_text, to_text
from router.model import Event, Round
from router.percentiles import attainment, cohort, nearest_rank, round_rate, survival
from router.rounds import REOPEN_WINDOW, Terms, timeline
from router.targets import Metric, Policy, deadline, part_of, to_target
from router.timeline import Cycle, Outcome, Timeline

FORMAT = "gateway-sla-vectors/1"

CONVERSATION: Final = UUID(int=0)
SECOND = timedelta(seconds=1)
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
    calendar = _calendar(vector, file)
    begin, end = from_text(vector["from"]), from_text(vector["to"])
    return {
        "business_s": _seconds(calendar.business(begin, end)),
        "calendar_uncertain": calendar.is_uncertain(begin, end),
    }


def _deadline(vector: Vector, file: Mapping[str, Any]) -> Figures:
    calendar, start, target = _calendar(vector, file), from_text(vector["start"]), to_target(vector["target"])
    fraction = vector.get("fraction")
    try:
        due = deadline(target, start, calendar) if fraction is None else part_of(target, fraction, start, calendar)
    except NoOpenTime:
        return {"error": "no_open_time", "deadline": None}
    uncertain = not target.by_wall and calendar.is_uncertain(start, due)
    return {"deadline": due, "error": None, "calendar_uncertain": uncertain}


def _timeline(vector: Vector, file: Mapping[str, Any]) -> Figures:
    calendar = _calendar(vector, file)
    found = timeline(to_events(vector), _terms(vector, file, calendar), CONVERSATION, from_text(vector["now"]))
    return {
        "voided": found.voided,
        "round_count": len(found.rounds),
        "cycle_count": len(found.cycles),
        "rounds": [_round(each) for each in found.rounds],
        "cycles": [_cycle(each) for each in found.cycles],
        "round_rate_180": _rate(found),
        "ownership_business_s": {
            **dict.fromkeys(vector["expect"].get("ownership_business_s", ()), 0),
            **{name: _seconds(each) for name, each in found.owned_by_agent(calendar).items()},
            **{name: _seconds(each) for name, each in found.owned_by_team(calendar).items()},
        },
    }


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
        _calendar({**vector, **data}, file),
        from_text(data["opened"]),
        [from_text(at) for at in data.get("updates", [])],
        None if closed is None else from_text(closed),
        from_text(closed or data.get("now") or vector["now"]),
    )
    return {"max_gap_s": _seconds(found.longest), "breaches": list(found.breaches)}


def _ingest_time(vector: Vector, _: Mapping[str, Any]) -> Figures:
    source, claimed = vector.get("source"), vector.get("claimed")
    found = inbound_time(
        from_text(vector["received"]),
        None if source is None else from_text(source),
        None if claimed is None else from_text(claimed),
    )
    return {
        "effective": found.effective,
        "ingest_lag_s": _seconds(found.lag),
        "flags": [flag.value for flag in found.flags],
        "client_skew_s": None if found.client_skew is None else _seconds(found.client_skew),
    }


KINDS: Final[Mapping[str, Callable[[Vector, Mapping[str, Any]], Figures]]] = {
    "business_seconds": _business_seconds,
    "deadline": _deadline,
    "timeline": _timeline,
    "aggregate": _aggregate,
    "attainment": _attainment,
    "round_rate": _round_rate,
    "bucket": _bucket,
    "periodic": _periodic,
    "ingest_time": _ingest_time,
}


# From the file to the router.


def _calendar(vector: Vector, file: Mapping[str, Any]) -> Calendar:
    given = vector.get("calendar")
    if given is None:
        return ALWAYS
    return to_calendar(given if isinstance(given, str) else "given", _named(given, file, "calendars"))


def _named(given: Any, file: Mapping[str, Any], section: str) -> Any:
    """A definition by name, or as it stands."""
    if not isinstance(given, str):
        return given
    if given not in file.get(section, {}):
        raise ValueError(f"{given} is not among the {section} of the file")
    return file[section][given]


def _terms(vector: Vector, file: Mapping[str, Any], calendar: Calendar) -> Terms:
    names = dict(file.get("policies", {}))
    first = vector.get("policy")
    if isinstance(first, Mapping):
        names["given"] = first
    policies = {
        (name, 1): Policy(
            id=name,
            calendar=calendar,
            targets={Metric(metric): to_target(target) for metric, target in targets.items() if metric in set(Metric)},
        )
        for name, targets in names.items()
    }
    if isinstance(first, str) and (first, 1) not in policies:
        raise ValueError(f"{first} is not among the policies of the file")
    window = vector.get("reopen_window_s", file.get("conventions", {}).get("reopen_window_s"))
    return Terms(
        policies=policies,
        unjudged=Policy(calendar=calendar)
        if first is None
        else policies[(first if isinstance(first, str) else "given", 1)],
        bot_in_front=vector.get("handler") == "bot",
        reopen_window=REOPEN_WINDOW if window is None else timedelta(seconds=window),
    )


def to_events(vector: Vector) -> list[Event]:
    """The events of a timeline in the vocabulary of the log; their index is the sequence number (conventions)."""
    messages = _Ids()
    return [
        Event(
            conversation=CONVERSATION,
            seq=seq,
            type=_TYPES[given["type"]],
            at=from_text(given["t"]),
            actor=given.get("author", "customer"),
            payload=_payload(given, seq, vector, messages),
        )
        for seq, given in enumerate(vector["events"])
        if given["type"] in _TYPES or _unknown(given["type"])
    ]


def _unknown(name: str) -> bool:
    raise ValueError(f"event type {name!r} is not known; known are {', '.join(_TYPES)}")


_TYPES: Final[Mapping[str, str]] = {
    "in": EventType.MESSAGE_RECEIVED,
    "out": EventType.MESSAGE_SENT,
    "delivery_failed": EventType.DELIVERY_FAILED,
    "status": EventType.STATUS_CHANGED,
    "assign": EventType.ASSIGNED,
    "handoff": EventType.HANDED_OFF,
    "policy": EventType.POLICY_CHANGED,
    "edit": EventType.MESSAGE_EDITED,
    "external_reply": EventType.EXTERNAL_REPLY,
    "needs_reply": EventType.NEED_CHANGED,
    "note": "note_added",
    "spam": EventType.VOIDED,
    "void": EventType.VOIDED,
    "unspam": EventType.UNVOIDED,
    "unvoid": EventType.UNVOIDED,
}


class _Ids:
    """Message ids as the log wants them: the same (channel, id) is the same message (D13)."""

    def __init__(self) -> None:
        self._channel_of: dict[str, str] = {}

    def inbound(self, channel: str, name: str) -> str:
        self._channel_of.setdefault(name, channel)
        return uuid5(NAMESPACE_OID, f"in/{channel}/{name}").hex

    def referred(self, channel: str | None, name: str) -> str:
        """The message an edit speaks of: on the channel it names, else where that id was first seen."""
        return self.inbound(channel or self._channel_of.get(name, ""), name)

    @staticmethod
    def outbound(name: str) -> str:
        return uuid5(NAMESPACE_OID, f"out/{name}").hex


def _payload(given: Vector, seq: int, vector: Vector, messages: _Ids) -> dict[str, object]:
    """The payload of one event; `channel` defaults to the vector's."""
    channel = given.get("channel") or vector.get("channel", "")
    match given["type"]:
        case "in":
            name = given.get("id", f"#{seq}")
            return {
                "message": messages.inbound(channel, name),
                "channel": channel,
                "key": name,
                "kind": given.get("kind", "human"),
                "needs_reply": given.get("needs_reply", True),
                "sent_at": given.get("source_t"),
            }
        case "out" | "external_reply":
            return {
                "message": messages.outbound(given.get("id", f"#{seq}")),
                "channel": channel,
                "composed_at": given.get("composed_t"),
                "holding": given.get("holding", False),
            }
        case "delivery_failed":
            return {"message": messages.outbound(given["ref"])}
        case "edit":
            return {
                "message": messages.referred(given.get("channel"), given["ref"]),
                "material": given.get("material", False),
                "sent_at": given.get("source_t"),
            }
        case "needs_reply":
            return {
                "message": messages.referred(given.get("channel"), given["ref"]),
                "needs_reply": given.get("needs_reply", True),
            }
        case "status":
            return {"to": given["status"]}
        case "assign":
            return {key: given[key] for key in ("agent", "team") if key in given}
        case "policy":
            return {"policy": given["policy"]}
        case _:
            return {}


# From the router to the file.


def _round(each: Round) -> Figures:
    return {
        "cycle": each.cycle,
        "kind": each.kind,
        "start": each.start_at,
        "end": None if each.outcome == Outcome.OPEN else each.end_at,
        "wall_s": _seconds(each.wall),
        "business_s": _seconds(each.business),
        "outcome": each.outcome,
        "sla": each.sla,
        "deadline": each.deadline,
        "breached_at": each.breached_at,
        "breach_reason": each.breach_reason,
        "breach_agent": each.breach_agent,
        "breach_team": each.breach_team,
        "agent": each.author,
        "owner": each.owner,
        "team": each.team,
        "agent_wall_s": _optional(each.agent_time),
        "manual": each.manual,
        "out_of_hours": each.out_of_hours,
        "calendar_uncertain": each.calendar_uncertain,
        "channel": each.channel,
        "channels_touched": list(each.channels),
        "policy": each.policy,
        "parts": _parts(each),
        "error": each.problem,
    }


def _parts(each: Round) -> Figures | None:
    """Whole seconds that add up to `wall_s`: each boundary is floored, not each part."""
    parts = each.parts
    if parts is None:
        return None
    found: dict[str, int] = {}
    reached, floor = timedelta(0), 0
    for name, length in (
        ("ingest", parts.ingest),
        ("assign", parts.assign),
        ("agent", parts.agent),
        ("delivery", parts.delivery),
    ):
        reached += length
        found[name], floor = _seconds(reached) - floor, _seconds(reached)
    return found


def _cycle(each: Cycle) -> Figures:
    first, clock = each.first, each.resolution
    return {
        "frt_status": each.first_response.value,
        "frt_wall_s": None if first is None else _seconds(first.wall),
        "frt_business_s": None if first is None else _seconds(first.business),
        "ack_s": _optional(each.ack.took),
        "frt_any_s": _optional(each.any_response),
        "frt_human_from_first_s": _optional(each.human_from_first),
        "frt_substantive_s": _optional(each.substantive),
        "illegit_pauses": each.illegitimate_pauses,
        "start": each.start_at,
        "resolution": {
            "state": clock.state.value,
            "first_business_s": _optional(clock.first),
            "business_s": _seconds(clock.total),
            "reopens": clock.reopens,
            "breached_at": clock.breached_at,
            "breach_reason": clock.breach_reason,
        },
    }


def _rate(found: Timeline) -> list[int]:
    rate = round_rate(
        180,
        [each.wall.total_seconds() for each in found.rounds if each.outcome == Outcome.ANSWERED],
        [each.wall.total_seconds() for each in found.rounds if each.outcome == Outcome.OPEN],
    )
    return [rate.hit, rate.denominator]


def _seconds(length: timedelta) -> int:
    """Whole seconds, floored (D16)."""
    return length // SECOND


def _optional(length: timedelta | None) -> int | None:
    return None if length is None else _seconds(length)


def _share(value: Any) -> float | None:
    return None if value is None else float(value)
