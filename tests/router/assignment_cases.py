"""Short ways to say agents and needs in the assignment tests."""

from datetime import UTC, datetime
from typing import Any

from router.agent_state import AgentState
from router.assignment import assign
from router.assignment_inputs import AssignmentSettings, Inputs, Needs, PastOwner
from router.assignment_trace import Assignment
from router.model import ChannelType

NOW = datetime(2026, 3, 10, 10, tzinfo=UTC)


def agent(id_: str, **changes: Any) -> AgentState:
    """On shift, available, of team cs, for every channel, speaking Chinese and English; capacity 12, no load."""
    usual: dict[str, Any] = {
        "teams": frozenset({"cs"}),
        "channels": frozenset({"web", "tg", "mail"}),
        "languages": frozenset({"zh", "en"}),
    }
    return AgentState(id=id_, **usual | changes)


def needs(**changes: Any) -> Needs:
    """A Chinese web chat (3 units) for team cs."""
    usual: dict[str, Any] = {
        "conversation": "c1",
        "channel": "web",
        "channel_type": ChannelType.WEBCHAT,
        "team": "cs",
        "language": "zh",
        "topic": "logistics",
    }
    return Needs(**usual | changes)


def mail(**changes: Any) -> Needs:
    """The same as an e-mail (1 unit)."""
    return needs(**{"channel": "mail", "channel_type": ChannelType.EMAIL} | changes)


def decide(
    wanted: Needs,
    *agents: AgentState,
    history: tuple[PastOwner, ...] = (),
    settings: AssignmentSettings | None = None,
) -> Assignment:
    return assign(
        Inputs(now=NOW, needs=wanted, agents=agents, history=history, settings=settings or AssignmentSettings())
    )


def outcome(decision: Assignment) -> tuple[str | None, str]:
    return None if decision.chosen is None else decision.chosen.id, decision.decided_by.value


def filters(decision: Assignment) -> dict[str, str]:
    """Agent to the filter that kept it out."""
    return {out.agent.id: out.filter.value for out in decision.excluded}
