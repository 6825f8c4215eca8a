"""Assignment decisions as they were made: the trace, and the inputs to make each of them again (`service.md` 3.4)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from router.assignment_inputs import Inputs
from router.assignment_text import Language, text
from router.assignment_trace import Assignment, Handover
from storage.codec import json_of, json_value
from storage.database import Transaction, of_micros
from storage.ids import new_id
from storage.statement import Statement

DIGEST = 32
"""Bytes of the digest under which an agent's state is kept."""

_STATE = Statement(
    "INSERT INTO assignment_agents (digest, state) VALUES (:digest, :state) ON CONFLICT (digest) DO NOTHING"
)
_STATES = Statement("SELECT digest, state FROM assignment_agents WHERE digest IN :digests")
_RECORD = Statement(
    """
    INSERT INTO assignments (id, conversation, at, trigger, chosen, decided_by, level, trace, inputs, agents,
                             inputs_sha256)
    VALUES (:id, :conversation, :now, :trigger, :chosen, :decided_by, :level, :trace, :inputs, :agents, :inputs_sha256)
    """
)
_OF = Statement(
    """
    SELECT at, chosen, trace, inputs, agents, inputs_sha256 FROM assignments
    WHERE conversation = :conversation ORDER BY at, id
    """
)
_CALLED = Statement(
    """
    SELECT 1 FROM assignments WHERE conversation = :conversation AND level = :level AND decided_by = 'queue'
    AND at >= :since LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Decided:
    """A stored decision."""

    at: datetime
    chosen: str | None
    trace: dict[str, Any]
    inputs: Inputs


def record(
    tx: Transaction, conversation: UUID, inputs: Inputs, assignment: Assignment, known: Collection[bytes] = ()
) -> None:
    """Store a decision; `known` are digests of agents' states that are stored already."""
    digests = [agent.digest() for agent in inputs.agents]
    tx.many(
        _STATE,
        [
            {"digest": digest, "state": json_of(agent.to_json())}
            for digest, agent in zip(digests, inputs.agents, strict=True)
            if digest not in known
        ],
    )
    words = {language.value: text(assignment, language) for language in Language}
    given = assignment.chosen is not None and assignment.handover is not Handover.KEEP
    tx.run(
        _RECORD,
        {
            "id": new_id().bytes,
            "conversation": conversation.bytes,
            "now": tx.now,
            "trigger": inputs.trigger,
            "chosen": assignment.chosen.id if assignment.chosen is not None and given else None,
            "decided_by": assignment.decided_by.value,
            "level": assignment.level,
            "trace": json_of({**assignment.to_json(), "text": words}),
            "inputs": json_of(inputs.without_agents()),
            "agents": b"".join(digests),
            "inputs_sha256": bytes.fromhex(assignment.inputs_sha256),
        },
    )


def of(tx: Transaction, conversation: UUID) -> list[Decided]:
    """Every decision about a conversation, the earliest first, each with the inputs that lead to it again."""
    found = []
    for at, chosen, trace, inputs, agents, _ in tx.all(_OF, {"conversation": conversation.bytes}):
        digests = [bytes(agents[place : place + DIGEST]) for place in range(0, len(agents), DIGEST)]
        states = {bytes(row[0]): json_value(row[1]) for row in tx.all(_STATES, {"digests": digests})}
        whole = Inputs.from_json({**json_value(inputs), "agents": [states[each] for each in digests]})
        found.append(Decided(of_micros(at), chosen, json_value(trace), whole))
    return found


def lead_was_called(tx: Transaction, conversation: UUID, level: int, since: int) -> bool:
    """Whether nobody was found at the last level already while the customer waits since then (microseconds)."""
    return tx.one(_CALLED, {"conversation": conversation.bytes, "level": level, "since": since}) is not None
