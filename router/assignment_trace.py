"""The answer to "who, and why": one decision with every candidate, in the JSON of `service.md` 3.4."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from router.agent_state import AgentState
from router.assignment_filters import Excluded
from router.assignment_inputs import Strategy
from router.instants import to_text


class DecidedBy(StrEnum):
    """The rule that settled it: where the first differs from the second in rank, or what came before ranking."""

    NOT_ELIGIBLE = "not_eligible"
    KEEP_OWNER = "keep_owner"
    DIRECT_ROUTE = "direct_route"
    ONLY_CANDIDATE = "only_candidate"
    AFFINITY = "affinity"
    SKILL = "skill"
    LOAD = "load"
    LAST_ASSIGNED = "last_assigned"
    AGENT_ID = "agent_id"
    PULL = "pull"
    QUEUE = "queue"


class Handover(StrEnum):
    """What happens to the chosen agent: nothing new, an offer to accept, or ownership at once."""

    KEEP = "keep"
    OFFER = "offer"
    ASSIGN = "assign"
    NONE = "none"


Ranked = tuple[int, int, int, datetime, str, AgentState, int]
"""A candidate, its key first: affinity, minus the preferred-skill levels, load (after assignment, over a denominator
the candidates share; 0 for round robin), last automatic assignment (`NEVER`), id, then the agent and the load after
assignment in units. Smaller is better. A plain tuple, which sorts several times faster than a class; the id is
unique, so agents themselves are never compared."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One decision. `chosen` None means "nobody new": an owner that is set is never taken away by it.

    `level`: the relaxation level it was made at. `ranked` best first, `excluded` by agent id. `over_capacity`: the
    kept owner now carries more than the capacity. `page_lead`: nobody is left to try, all levels are used up.
    """

    conversation: str
    at: datetime
    trigger: str
    config_version: int
    chosen: AgentState | None
    decided_by: DecidedBy
    handover: Handover
    level: int
    steps: tuple[str, ...]
    ranked: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    strategy: Strategy
    team: str
    blocked: str | None
    units: int
    over_capacity: bool
    page_lead: bool
    inputs_sha256: str

    def to_json(self) -> dict[str, Any]:
        """The stored trace (`service.md` 3.4) with `level`, `handover`, `over_capacity` and `page_lead` besides."""
        candidates: list[dict[str, Any]] = [
            {"agent": agent.id, "excluded_by": failed, "detail": detail} for agent, failed, _, detail in self.excluded
        ]
        balanced = self.strategy is Strategy.BALANCED
        for rank, (affinity, minus_skill, _, last_at, agent_id, agent, after) in enumerate(self.ranked, 1):
            key: dict[str, Any] = {"affinity": affinity, "skill": minus_skill}
            if balanced:
                key["load"] = f"{after}/{agent.capacity}"
            key["last_assigned"] = None if last_at is NEVER else to_text(last_at)
            candidates.append({"agent": agent_id, "rank": rank, "key": key})
        return {
            "conversation": self.conversation,
            "at": to_text(self.at),
            "trigger": self.trigger,
            "config_version": self.config_version,
            "steps": list(self.steps),
            "candidates": candidates,
            "chosen": None if self.chosen is None else self.chosen.id,
            "decided_by": self.decided_by.value,
            "level": self.level,
            "handover": self.handover.value,
            "over_capacity": self.over_capacity,
            "page_lead": self.page_lead,
            "inputs_sha256": self.inputs_sha256,
        }
