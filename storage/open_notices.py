"""Notices that ask something, until what they are about is decided: then they say so where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from router.model import DeliveryKind, DeliveryState, Outgoing
from router.richtext import RichText
from storage import outbox
from storage.codec import first_remote, outgoing_of
from storage.database import Transaction
from storage.statement import Statement

_ADD = Statement("INSERT INTO open_notices (about, delivery) VALUES (:about, :delivery)")
_TAKE = Statement("DELETE FROM open_notices WHERE about = :about RETURNING delivery")
_OF = Statement(
    "SELECT id, channel, address, kind, conversation, state, body FROM outbox WHERE id IN :ids ORDER BY created_at"
)
_POST = Statement("SELECT remote_ids FROM outbox WHERE id = :id AND state = 'sent'")
_LOST = frozenset({DeliveryState.FAILED, DeliveryState.DEAD})


@dataclass(frozen=True, slots=True)
class Posted:
    """A notice that has left, or is leaving, and the edit that takes its place. `desk`: it stands in a thread, it is no
    direct message."""

    channel: str
    address: str
    desk: bool
    conversation: UUID
    edit: Outgoing


def add(tx: Transaction, rows: Sequence[Mapping[str, object]]) -> None:
    """Remember notices: `about` and `delivery`."""
    tx.many(_ADD, list(rows))


def settle(tx: Transaction, about: str, said: RichText) -> list[Posted]:
    """Nobody is asked about this any more. A notice that has not left says so from the start; the others are to be
    changed."""
    found = [row[0] for row in tx.all(_TAKE, {"about": about})]
    changed: list[Posted] = []
    for row in tx.all(_OF, {"ids": found}) if found else ():
        outgoing = replace(outgoing_of(row[6]), text=said, buttons=(), about=None)
        delivery = UUID(bytes=row[0])
        if outbox.rewrite(tx, delivery, outgoing) or row[5] in _LOST:
            continue
        edit = replace(outgoing, replaces=delivery)
        changed.append(Posted(row[1], row[2], row[3] != DeliveryKind.DIRECT, UUID(bytes=row[4]), edit))
    return changed


def post_of(tx: Transaction, delivery: UUID) -> str | None:
    """The remote id of a notice; None when it never came to be."""
    row = tx.one(_POST, {"id": delivery.bytes})
    return first_remote(row[0]) if row is not None else None
