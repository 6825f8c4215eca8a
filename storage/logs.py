"""A conversation's log as the fold reads it: with the logs of those it absorbed, without what undone merges settled."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

from router.events import EventType
from router.model import Event
from storage.codec import json_value
from storage.database import Transaction, of_micros
from storage.statement import Statement

_TYPES = ", ".join(f"'{each}'" for each in EventType)
_LOG = Statement(
    f"""
    SELECT seq, type, version, at, actor, payload FROM events
    WHERE conversation = :conversation AND type IN ({_TYPES}) ORDER BY seq
    """  # noqa: S608  no value is part of it; as parameters the names cost more than the look-up
)
WITH_DASHES = 36
_MERGES = frozenset({EventType.CONVERSATION_ABSORBED, EventType.CONVERSATION_PARTED})


@dataclass(frozen=True, slots=True)
class Absorption:
    """A merge that stands: the event that records it."""

    conversation: UUID
    event: Event


def read(tx: Transaction, conversation: UUID, types: Collection[str]) -> list[Event]:
    """The union of the logs of a conversation and of those it absorbed (D25); events of the given types."""
    found: list[Event] = []
    for own, standing in _each(tx, conversation, types):
        merges = {str(each.event.payload["merge"]) for each in standing}
        found += [
            event
            for event in own
            if event.type not in _MERGES and ("merge" not in event.payload or event.payload["merge"] in merges)
        ]
    return found


def absorptions(tx: Transaction, conversation: UUID) -> list[Absorption]:
    """The merges into this one conversation that stand, oldest first."""
    return _standing(_own(tx, conversation, ()))


def group(tx: Transaction, conversation: UUID) -> list[UUID]:
    """The conversation and all it absorbed, directly or not."""
    found = [conversation]
    for each in found:
        found += [absorption.conversation for absorption in absorptions(tx, each)]
    return found


def _each(
    tx: Transaction, conversation: UUID, types: Collection[str]
) -> Iterator[tuple[list[Event], list[Absorption]]]:
    own = _own(tx, conversation, types)
    standing = _standing(own)
    yield own, standing
    for each in standing:
        yield from _each(tx, each.conversation, types)


def _own(tx: Transaction, conversation: UUID, types: Collection[str]) -> list[Event]:
    return [
        Event(
            conversation=conversation,
            seq=row[0],
            type=row[1],
            version=row[2],
            at=of_micros(row[3]),
            actor=row[4],
            payload=_payload(row[5]),
        )
        for row in tx.all(_LOG, {"conversation": conversation.bytes})
        if row[1] in types or row[1] in _MERGES
    ]


def _payload(stored: str) -> dict[str, object]:
    """As stored; ids of messages were written with dashes once, and are hex as everywhere."""
    payload: dict[str, object] = json_value(stored)
    message = payload.get("message")
    if isinstance(message, str) and len(message) == WITH_DASHES:
        payload["message"] = message.replace("-", "")
    return payload


def _standing(own: list[Event]) -> list[Absorption]:
    found: dict[str, Absorption] = {}
    for event in own:
        match event.type:
            case EventType.CONVERSATION_ABSORBED:
                absorbed = UUID(hex=str(event.payload["conversation"]))
                found[str(event.payload["merge"])] = Absorption(absorbed, event)
            case EventType.CONVERSATION_PARTED:
                found.pop(str(event.payload["merge"]), None)
    return list(found.values())
