"""What is stored about a conversation's deadlines: its rounds, the notices that were given, and former judgements."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from router.model import Round
from router.terms import Terms
from storage.codec import json_value
from storage.database import Transaction
from storage.recomputes import Former, superseded
from storage.rounds import of_conversation
from storage.statement import Statement

_TOLD = Statement("SELECT payload FROM events WHERE conversation = :conversation AND type IN :types ORDER BY seq")
_NOTICES = ["target_warned", "target_breached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """`told` holds metric, level and nominal instant (text) of each notice the thread got; `former` is what was said
    of rounds before they were judged again."""

    rounds: Sequence[Round]
    told: frozenset[tuple[str, str, str]]
    former: Sequence[Former]


def of(tx: Transaction, conversation: UUID, terms: Terms) -> Deadlines:
    rows = tx.all(_TOLD, {"conversation": conversation.bytes, "types": _NOTICES})
    payloads = [json_value(payload) for (payload,) in rows]
    return Deadlines(
        rounds=of_conversation(tx, conversation, terms),
        told=frozenset((str(each["metric"]), str(each["level"]), str(each["due_at"])) for each in payloads),
        former=superseded(tx, conversation),
    )
