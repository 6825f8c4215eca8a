"""Splits as rows: some messages of a customer get a conversation of their own (D25)."""

from uuid import UUID

from router.dividing import leaves, opens, shows, told
from router.events import EventType
from router.model import Conversation, Event
from router.regrouping import Division, Movable
from router.rulebook import Rulebook
from storage import logs
from storage.changes import Changes, Touched
from storage.database import Transaction, to_micros
from storage.ids import new_id
from storage.rounds import figures_of
from storage.snapshots import Snapshots
from storage.statement import Statement

ABOUT = frozenset({EventType.MESSAGE_RECEIVED, EventType.NEED_CHANGED, EventType.MESSAGE_EDITED})
"""Event types that go with a customer's message."""

_MOVE = Statement("UPDATE messages SET conversation = :to, seq = :seq WHERE id = :id")
_LEG = Statement(
    """
    INSERT INTO legs (id, conversation, channel, address, desk, identity, last_in_at, last_remote_id, closed)
    SELECT :id, :to, channel, address, desk, identity, :last_in_at, :last_remote_id, closed FROM legs WHERE id = :leg
    """
)
_LAST_IN = Statement("UPDATE conversations SET last_in_at = :last_in_at WHERE id = :id")


def divide(tx: Transaction, snapshots: Snapshots, made: Division, rules: Rulebook) -> Touched:
    """Move the messages; they wait, or do not, as they did."""
    source = snapshots.conversation(made.source)
    if source is None:
        return Touched()
    unanswered = figures_of(tx, source.id, rules.terms).unanswered
    moved = {each.id.hex for each in made.messages}
    log = _about(tx, source, moved)
    changes = Changes(tx, snapshots, rules, openings=1)
    fresh = changes.apply(new_id(), None, opens(source, made, log, unanswered, rules))
    for origin in sorted({each.origin for each in made.messages}):
        waited = [each for each in made.messages if each.origin == origin and each.id.hex in unanswered]
        snapshots.conversation(origin)
        if waited:
            changes.apply(new_id(), None, leaves(snapshots.conversations[origin], waited, fresh.number, made.actor))
    for message in made.messages:
        changes.apply(message.id, None, shows(message, fresh, rules))
    for place in made.told:
        changes.apply(new_id(), None, told(snapshots.conversations[place], made, fresh.number))
    touched = changes.save()
    places = {str(event.payload["message"]): seq for seq, event in enumerate(log, 2) if _is_first(event)}
    for message in made.messages:
        tx.run(_MOVE, {"id": message.id.bytes, "to": fresh.id.bytes, "seq": places[message.id.hex]})
    _link(tx, made.messages, fresh.id)
    snapshots.forget(source.id, fresh.id, *made.told, *(each.origin for each in made.messages))
    return touched


def _about(tx: Transaction, source: Conversation, moved: set[str]) -> list[Event]:
    """What the log says about the messages, in its order."""
    found = [event for event in logs.read(tx, source.id, ABOUT) if event.payload.get("message") in moved]
    return sorted(found, key=lambda event: (event.at, event.seq, event.conversation))


def _is_first(event: Event) -> bool:
    return event.type == EventType.MESSAGE_RECEIVED


def _link(tx: Transaction, messages: tuple[Movable, ...], to: UUID) -> None:
    """The new conversation is reachable where the messages came from."""
    latest: dict[UUID, Movable] = {each.leg.id: each for each in messages if each.leg is not None}
    for leg, message in latest.items():
        tx.run(
            _LEG,
            {
                "id": new_id().bytes,
                "to": to.bytes,
                "leg": leg.bytes,
                "last_in_at": to_micros(message.received_at),
                "last_remote_id": message.remote_id,
            },
        )
    tx.run(_LAST_IN, {"id": to.bytes, "last_in_at": to_micros(messages[-1].received_at)})
