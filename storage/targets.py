"""Stored messages with the deliveries that carry them: what edits, deletes, bounces and held replies are about."""

from dataclasses import replace
from uuid import UUID

from router.model import (
    Attachment,
    AuthorKind,
    DeliveryKind,
    DeliveryState,
    Inbound,
    InboundKind,
    Message,
    Visibility,
)
from router.told import Target, TargetDelivery
from storage.attachments import attachment_of
from storage.codec import json_value, rich_text
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_TARGET = Statement(
    """
    SELECT id, conversation, seq, author_kind, author, visibility, channel, body, remote_key, received_at, version,
           deleted, sealed, version_order
    FROM messages WHERE remote_key = :key ORDER BY received_at DESC LIMIT 1
    """
)
_TARGET_BY_DELIVERY = Statement(
    """
    SELECT m.id, m.conversation, m.seq, m.author_kind, m.author, m.visibility, m.channel, m.body, m.remote_key,
           m.received_at, m.version, m.deleted, m.sealed, m.version_order
    FROM messages m JOIN outbox o ON o.message = m.id WHERE o.remote_key = :key LIMIT 1
    """
)
_TARGET_BY_ID = Statement(
    """
    SELECT id, conversation, seq, author_kind, author, visibility, channel, body, remote_key, received_at, version,
           deleted, sealed, version_order
    FROM messages WHERE id = :id
    """
)
_ATTACHMENTS = Statement(
    """
    SELECT name, content_type, size, sha256, remote, inline, content_id FROM attachments
    WHERE message = :message ORDER BY position
    """
)
_TARGET_DELIVERIES = Statement(
    """
    SELECT o.id, o.kind, o.channel, o.address, o.state, o.part, o.parts, o.remote_ids, l.id IS NOT NULL
    FROM outbox o LEFT JOIN legs l ON l.conversation = o.conversation AND l.channel = o.channel
         AND l.address = o.address AND l.desk
    WHERE o.message = :message ORDER BY o.seq, o.part
    """
)
_LANES = Statement(
    """
    SELECT key FROM lanes WHERE key IN (SELECT lane FROM outbox WHERE message = :message AND state = 'ready')
    ORDER BY key
    """,
    lock="FOR UPDATE",
)


def of_remote(tx: Transaction, inbound: Inbound, *, lock: bool) -> Target | None:
    """The message whose remote id an item names. With `lock` nothing of it that is queued leaves until the commit."""
    key = f"{inbound.channel}:{inbound.target}"
    row = tx.one(_TARGET, {"key": key})
    if row is None and inbound.kind in {InboundKind.BOUNCE, InboundKind.READ, InboundKind.REACTION}:
        row = tx.one(_TARGET_BY_DELIVERY, {"key": key})
    if row is not None and lock:
        tx.all(_LANES, {"message": row[0]})
    if row is None:
        return None
    found = _target(tx, row)
    return _with_attachments(tx, found) if inbound.kind is InboundKind.EDIT else found


def of_message(tx: Transaction, message: UUID) -> Target | None:
    """A message by its id, with its attachments."""
    row = tx.one(_TARGET_BY_ID, {"id": message.bytes})
    return _with_attachments(tx, _target(tx, row)) if row is not None else None


def _with_attachments(tx: Transaction, target: Target) -> Target:
    found = attachments(tx, target.message.id)
    return replace(target, message=replace(target.message, attachments=found))


def attachments(tx: Transaction, message: UUID) -> tuple[Attachment, ...]:
    """The files of a message, in order."""
    return tuple(attachment_of(each) for each in tx.all(_ATTACHMENTS, {"message": message.bytes}))


def _target(tx: Transaction, row: Row) -> Target:
    deliveries = tx.all(_TARGET_DELIVERIES, {"message": row[0]})
    return Target(
        message=_target_message(row),
        deliveries=tuple(_target_delivery(each) for each in deliveries),
        sealed=bool(row[12]),
        order=row[13],
    )


def _target_message(row: Row) -> Message:
    return Message(
        id=UUID(bytes=row[0]),
        conversation=UUID(bytes=row[1]),
        seq=row[2],
        author_kind=AuthorKind(row[3]),
        author=row[4],
        visibility=Visibility(row[5]),
        channel=row[6],
        text=rich_text(row[7]),
        remote_id=row[8][len(row[6]) + 1 :] if row[8] else None,
        received_at=of_micros(row[9]),
        version=row[10],
        deleted=bool(row[11]),
    )


def _target_delivery(row: Row) -> TargetDelivery:
    return TargetDelivery(
        id=UUID(bytes=row[0]),
        kind=DeliveryKind(row[1]),
        channel=row[2],
        address=row[3],
        desk=bool(row[8]),
        state=DeliveryState(row[4]),
        part=row[5],
        parts=row[6],
        remote_ids=tuple(json_value(row[7])),
    )
