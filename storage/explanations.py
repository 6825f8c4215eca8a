"""What was written down about a conversation when it was attached, routed and assigned: the reasons, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.codec import json_value
from storage.database import Transaction, of_micros
from storage.decisions import Decided, of
from storage.statement import Statement

_CONVERSATION = Statement(
    """
    SELECT c.id, c.number, c.status, c.owner, c.team, c.route, c.opened_at, s.number
    FROM conversations c LEFT JOIN conversations s ON s.id = c.merged_into WHERE c.number = :number
    """
)
_EVENTS = Statement("SELECT type, at, actor, payload FROM events WHERE conversation = :conversation ORDER BY seq")

OWNERSHIP = frozenset(
    {
        "assigned",
        "offered",
        "offer_accepted",
        "offer_passed",
        "offer_expired",
        "offer_withdrawn",
        "owner_released",
        "lead_called",
    }
)
"""Event types that tell how a conversation came to its owner."""

SPOKEN = frozenset(
    {
        "status_changed",
        "priority_changed",
        "tags_changed",
        "language_changed",
        "tier_changed",
        "leg_chosen",
        "contact_linked",
        "contact_unlinked",
        "contacts_kept_apart",
        "transcript_sent",
        "reply_corrected",
    }
)
"""Event types that tell what agents said about a conversation."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One event with its reasons (rule and sentence)."""

    type: str
    at: datetime
    actor: str
    payload: dict[str, Any]

    @property
    def is_spoken(self) -> bool:
        """Whether an agent said it about the conversation."""
        return self.type in SPOKEN and self.actor.startswith("agent:")

    @property
    def reasons(self) -> list[tuple[str, str]]:
        return [(rule, sentence) for rule, sentence in self.payload.get("why", ())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A conversation with every event that says why, and every assignment decision. `merged_into`: the number of the
    one that absorbed it, which has its rounds."""

    id: UUID
    number: int
    status: str
    owner: str | None
    team: str | None
    route: str
    opened_at: datetime
    merged_into: int | None
    events: Sequence[Explained]
    decisions: Sequence[Decided]


def explanation(tx: Transaction, number: int) -> Explanation | None:
    """Everything that was written down; None for a number nobody has."""
    row = tx.one(_CONVERSATION, {"number": number})
    if row is None:
        return None
    conversation = UUID(bytes=row[0])
    events = [
        Explained(kind, of_micros(at), actor, json_value(payload))
        for kind, at, actor, payload in tx.all(_EVENTS, {"conversation": row[0]})
    ]
    return Explanation(
        id=conversation,
        number=row[1],
        status=row[2],
        owner=row[3],
        team=row[4],
        route=row[5],
        opened_at=of_micros(row[6]),
        merged_into=row[7],
        events=[each for each in events if each.type in OWNERSHIP or each.is_spoken or each.reasons],
        decisions=of(tx, conversation),
    )
