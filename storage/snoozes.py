"""Snoozes: the timer that a snooze sets, and what it means when its time has come."""

from uuid import UUID

from router.instants import from_text
from router.model import Conversation, Status
from storage import timers
from storage.codec import json_value
from storage.database import Transaction, to_micros
from storage.statement import Statement

TIMER = "snooze"
"""The timer of a snoozed conversation; its ref is "<conversation in hex> <until>"."""

_LATEST = Statement(
    """
    SELECT payload FROM events WHERE conversation = :conversation AND type = 'status_changed'
    ORDER BY seq DESC LIMIT 1
    """
)


def begin(tx: Transaction, conversation: Conversation, until: object) -> None:
    """Set the timer of a conversation that is snoozed now; without an `until` there is nothing to wait for."""
    if isinstance(until, str) and conversation.status is Status.SNOOZED:
        timers.start(tx, TIMER, f"{conversation.id.hex} {until}", to_micros(from_text(until)))


def until(tx: Transaction, conversation: Conversation) -> str | None:
    """When a snoozed conversation comes back; None for one that is not snoozed."""
    if conversation.status is not Status.SNOOZED:
        return None
    row = tx.one(_LATEST, {"conversation": conversation.id.bytes})
    found = json_value(row[0]).get("until") if row is not None else None
    return str(found) if found else None


def parted(ref: str) -> tuple[UUID, str]:
    """The conversation and the instant a timer is about."""
    conversation, _, named = ref.partition(" ")
    return UUID(hex=conversation), named
