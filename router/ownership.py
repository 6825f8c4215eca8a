"""Who has a conversation and who is offered it: the values with which decisions change that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from router.agent_state import AgentStatus


class OfferState(StrEnum):
    """WITHDRAWN: somebody else has the conversation now."""

    OPEN = "open"
    ACCEPTED = "accepted"
    PASSED = "passed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOffer:
    id: UUID
    agent: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a conversation stands with the agents: the open offer, why it was attached and routed as it is, and the last
    assignment decision in words, by language ("en", "zh"); empty when nothing was decided yet. `void`: it is spam, as
    far as a verb asks."""

    offer: OpenOffer | None = None
    routed: tuple[str, ...] = ()
    assigned: Mapping[str, str] = field(default_factory=dict)
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerChange:
    """`agent` None: back to the queue. `team` None: as before."""

    agent: str | None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    agent: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnd:
    """`offer` None: there was none, but this agent passes as if there had been."""

    offer: OpenOffer | None
    agent: str
    state: OfferState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What an agent says about themselves."""

    agent: str
    status: AgentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Out of office from now `until` then; None: here again."""

    agent: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What a decision changes about owner, offer, status and absence."""

    owner: OwnerChange | None = None
    offer: NewOffer | None = None
    offer_end: OfferEnd | None = None
    status: StatusChange | None = None
    absence: Absence | None = None
