"""Evaluates assignment examples in the format of `assignment_examples.json` (format gateway-assignment-examples/1).

The file speaks of one conversation, some agents and perhaps no clock; this module says it in the router's words.
Keys it does not know are left alone: a file may carry notes.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from router.agent_state import AgentState, AgentStatus, Shift, Skill
from router.assignment import assign
from router.assignment_inputs import AssignmentSettings, Exclusion, Inputs, Mode, Needs, PastOwner, Strategy
from router.instants import from_text
from router.model import ChannelType, Priority
from router.queue_order import Waiting, in_order

FORMAT = "gateway-assignment-examples/1"

_NOW = datetime(2026, 3, 10, 10, tzinfo=UTC)
"""The clock of examples that give none: that of the queue examples."""

_EVER = datetime(9999, 12, 31, tzinfo=UTC)

_STATUSES = {"active": AgentStatus.AVAILABLE, "online": AgentStatus.AVAILABLE, "dnd": AgentStatus.AVAILABLE}
_CLASSES = {"urgent_complaint": Priority.URGENT}
_RULES = {"id": "agent_id", "agent": "agent_id", "tie": "agent_id", "direct": "direct_route", "owner": "keep_owner"}
"""Other words for rules that no example shows and `service.md` does not name."""


def evaluate(file: Mapping[str, Any]) -> list[str]:
    """One line for each example whose answer differs, in the order of the file."""
    return [difference for example in file["examples"] if (difference := compare(example)) is not None]


def compare(example: Mapping[str, Any]) -> str | None:
    """What differs in one example, None when nothing does. An example that cannot be read differs too."""
    try:
        expected, found = _expected(example), answer(example)
    except (KeyError, TypeError, ValueError) as error:
        return f"{example.get('id', '?')}: cannot be read: {error!r}"
    return None if expected == found else f"{example['id']}: expected {expected}, got {found}"


def answer(example: Mapping[str, Any]) -> Any:
    """`{"chosen", "rule"}` of a conversation or the ids of a queue, as `expect` gives them.

    Raises KeyError, TypeError or ValueError when the example is not of this format.
    """
    now = _instant(example["now"]) if "now" in example else _NOW
    if "queue" in example:
        return [waiting.id for waiting in in_order([_waiting(entry) for entry in example["queue"]], now)]
    decision = assign(inputs(example, now))
    return {"chosen": None if decision.chosen is None else decision.chosen.id, "rule": decision.decided_by.value}


def inputs(example: Mapping[str, Any], now: datetime) -> Inputs:
    """The example as the router's inputs. Its `channel` is a type, which is taken for the channel's id as well."""
    conversation = example["conversation"]
    channel = ChannelType(conversation["channel"])
    own_weight = {channel.value: conversation["weight"]} if "weight" in conversation else {}
    return Inputs(
        now=now,
        needs=_needs(conversation, channel),
        agents=tuple(_agent(agent, own_weight) for agent in example["agents"]),
        history=tuple(
            PastOwner(agent=past["agent"], at=now - timedelta(days=past["days"]), topic=past.get("topic"))
            for past in example.get("history", ())
        ),
        settings=AssignmentSettings(
            strategy=Strategy(conversation.get("strategy", Strategy.BALANCED)),
            mode=Mode(conversation.get("mode", Mode.OFFER)),
        ),
    )


def _expected(example: Mapping[str, Any]) -> Any:
    expect = example["expect"]
    if isinstance(expect, list):
        return expect
    return {"chosen": expect["chosen"], "rule": _RULES.get(expect["rule"], expect["rule"])}


def _needs(conversation: Mapping[str, Any], channel: ChannelType) -> Needs:
    excluded = conversation.get("excluded", {})
    reasons = excluded if isinstance(excluded, Mapping) else dict.fromkeys(excluded, "excluded")
    return Needs(
        conversation=conversation["id"],
        channel=channel.value,
        channel_type=channel,
        blocked=_blocked(conversation),
        owner=conversation.get("owner"),
        assign_to=conversation.get("assign_to"),
        team=conversation.get("team"),
        overflow_team=conversation.get("overflow_team"),
        language=conversation.get("lang", conversation.get("language")),
        language_fallback=bool(conversation.get("lang_fallback", conversation.get("language_fallback", False))),
        topic=conversation.get("topic"),
        required_skills=frozenset(conversation.get("required_skills", ())),
        preferred_skills=frozenset(conversation.get("preferred_skills", ())),
        excluded=tuple(Exclusion(agent=agent, reason=str(reason)) for agent, reason in reasons.items()),
        target_consumed=Fraction(str(conversation.get("target_consumed", 0))),
    )


def _blocked(conversation: Mapping[str, Any]) -> str | None:
    if conversation.get("status", "open") != "open":
        return str(conversation["status"])
    if conversation.get("handler") == "bot":
        return "bot"
    if conversation.get("needs_human") is False:
        return "needs no human"
    return next((key for key in ("void", "bot", "hold_assignment") if conversation.get(key)), None)


def _agent(agent: Mapping[str, Any], own_weight: Mapping[str, int]) -> AgentState:
    presence = agent.get("presence", agent.get("status", "active"))
    last_assigned = agent.get("last_assigned")
    return AgentState(
        id=agent["id"],
        teams=frozenset(agent["teams"]),
        channels=frozenset(agent["channels"]),
        languages=frozenset(agent.get("langs", agent.get("languages", ()))),
        skills=_skills(agent.get("skills", {})),
        capacity=agent.get("capacity", 12),
        weights=own_weight,
        load=agent.get("load", 0),
        status=_STATUSES.get(presence) or AgentStatus(presence),
        do_not_disturb=presence == "dnd" or bool(agent.get("dnd")),
        deactivated=bool(agent.get("deactivated")) or agent.get("active") is False,
        on_call=bool(agent.get("on_call")),
        ooo_until=_absence_end(agent.get("ooo", agent.get("ooo_until"))),
        shifts=_shifts(agent),
        last_assigned_at=None if last_assigned is None else _instant(last_assigned),
        window_count=agent.get("window_count", 0),
        window_limit=agent.get("window_limit"),
    )


def _skills(skills: Any) -> dict[str, Skill]:
    if not isinstance(skills, Mapping):
        return {name: Skill() for name in skills}
    return {name: _skill(value) for name, value in skills.items()}


def _skill(value: Any) -> Skill:
    """A level, or a level with the last day of its certificate."""
    if not isinstance(value, Mapping):
        return Skill(level=int(value))
    until = value.get("certified_until")
    if until is None:
        return Skill(level=value.get("level", 1))
    end = _instant(until) + (timedelta(days=1) if len(until) == len("2026-03-12") else timedelta(0))
    return Skill(level=value.get("level", 1), certified_until=end)


def _absence_end(ooo: Any) -> datetime | None:
    """`ooo` is the day of return; true means away without a known end."""
    if not ooo:
        return None
    return _instant(ooo) if isinstance(ooo, str) else _EVER


def _shifts(agent: Mapping[str, Any]) -> tuple[Shift, ...] | None:
    """Shifts with instants, or only the word that the agent is not on one; neither: always on shift."""
    if agent.get("shifts") is not None:
        return tuple(Shift(start_at=_instant(one["start"]), end_at=_instant(one["end"])) for one in agent["shifts"])
    off = bool(agent.get("off_shift")) or any(agent.get(key) in (False, "off") for key in ("on_shift", "shift"))
    return () if off else None


def _waiting(entry: Mapping[str, Any]) -> Waiting:
    deadline = entry.get("deadline")
    return Waiting(
        id=entry["id"],
        priority=_CLASSES.get(entry["class"]) or Priority(entry["class"]),
        start=_instant(entry["start"]),
        deadline=None if deadline is None else _instant(deadline),
    )


def _instant(text: str) -> datetime:
    """A day is its midnight in UTC."""
    if len(text) == len("2026-03-12"):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    return from_text(text)
