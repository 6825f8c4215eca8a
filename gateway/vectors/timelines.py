"""Timelines of a vector file: its events in the vocabulary of the log, and the figures back in its keys.

Ids of a file are any text; the log wants UUIDs, so they are made from it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

from gateway.vectors.definitions import calendar_of, whole_seconds
from router.calendars import Calendar
from router.events import EventType
from router.instants import from_text
from router.model import Event, Round
from router.percentiles import round_rate
from router.rounds import timeline
from router.targets import Metric, Policy, to_target
from router.terms import REOPEN_WINDOW, Terms
from router.timeline import Cycle, Outcome, Timeline

CONVERSATION: Final = UUID(int=0)

Vector = Mapping[str, Any]
Figures = Mapping[str, Any]


def timeline_figures(vector: Vector, file: Mapping[str, Any]) -> Figures:
    calendar = calendar_of(vector, file)
    found = timeline(to_events(vector), terms_of(vector, file, calendar), CONVERSATION, from_text(vector["now"]))
    return {
        "voided": found.voided,
        "round_count": len(found.rounds),
        "cycle_count": len(found.cycles),
        "rounds": [_round(each) for each in found.rounds],
        "cycles": [_cycle(each) for each in found.cycles],
        "round_rate_180": _rate(found),
        "ownership_business_s": {
            **dict.fromkeys(vector["expect"].get("ownership_business_s", ()), 0),
            **{name: whole_seconds(each) for name, each in found.owned_by_agent(calendar).items()},
            **{name: whole_seconds(each) for name, each in found.owned_by_team(calendar).items()},
        },
    }


# From the file to the router.


def terms_of(vector: Vector, file: Mapping[str, Any], calendar: Calendar) -> Terms:
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
        "wall_s": whole_seconds(each.wall),
        "business_s": whole_seconds(each.business),
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
        found[name], floor = whole_seconds(reached) - floor, whole_seconds(reached)
    return found


def _cycle(each: Cycle) -> Figures:
    first, clock = each.first, each.resolution
    return {
        "frt_status": each.first_response.value,
        "frt_wall_s": None if first is None else whole_seconds(first.wall),
        "frt_business_s": None if first is None else whole_seconds(first.business),
        "ack_s": _optional(each.ack.took),
        "frt_any_s": _optional(each.any_response),
        "frt_human_from_first_s": _optional(each.human_from_first),
        "frt_substantive_s": _optional(each.substantive),
        "illegit_pauses": each.illegitimate_pauses,
        "start": each.start_at,
        "resolution": {
            "state": clock.state.value,
            "first_business_s": _optional(clock.first),
            "business_s": whole_seconds(clock.total),
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


def _optional(length: timedelta | None) -> int | None:
    return None if length is None else whole_seconds(length)
