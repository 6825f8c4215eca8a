"""Cards of conversations on their way to the desk: one row each, in a lane of its own, filled in when it is sent.

A change of a conversation makes its row ready; while it waits, further changes find it so. A change while it is being
sent marks it to go once more. So the last one sent is always of the newest state, and there is one in `APART` at most
(S30).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from router.card import Due, Lease, View, card_of
from router.instants import from_text
from router.model import Card, Conversation, Delivery, DeliveryKind, DeliveryState
from router.rulebook import Rulebook
from storage import contacts, ledger, offers, snoozes
from storage.codec import digest, json_value
from storage.contacts import NoContact
from storage.database import Transaction, of_micros
from storage.ids import new_id
from storage.outbox import Claim
from storage.snapshots import Snapshots, identity_key
from storage.statement import Statement

APART = 3_000_000
"""Microseconds between two refreshes of one card (S30)."""
TOGETHER = 250_000
"""Microseconds in which changes that come together are waited for."""
THREADLESS = 30_000_000
"""Microseconds until the next look at a card whose thread is not open yet; its root wakes it sooner."""
CARDS = frozenset({DeliveryKind.ROOT, DeliveryKind.CARD})
"""Deliveries that show a card."""
_AGAIN = "again"
_EMPTY = '{"k":"system"}'

_LANE = Statement(
    """
    INSERT INTO lanes (key, channel, address, due_at, reserved, owner, lease_until, fence)
    VALUES (:lane, :channel, :address, :due_at, :no, '', 0, 0)
    ON CONFLICT (key) DO UPDATE SET due_at = COALESCE(lanes.due_at, excluded.due_at)
    """
)
_CARD = Statement(
    """
    INSERT INTO outbox (id, lane, seq, part, parts, channel, address, kind, conversation, message, body, state,
                        not_before, created_at, unfetched)
    VALUES (:id, :lane, 0, 1, 1, :channel, :address, 'card', :conversation, NULL, :body, 'ready',
            CASE WHEN EXISTS (SELECT 1 FROM legs l WHERE l.conversation = :conversation AND l.channel = :channel
                                                   AND l.desk AND l.thread_key IS NOT NULL)
                 THEN :soon ELSE :later END, :now, :no)
    ON CONFLICT (lane, seq, part) DO UPDATE SET
        state = CASE WHEN outbox.state IN ('sending', 'unknown') THEN outbox.state ELSE 'ready' END,
        checkpoint = CASE WHEN outbox.state IN ('sending', 'unknown') THEN :again END,
        not_before = CASE WHEN outbox.state IN ('ready', 'sending', 'unknown') THEN outbox.not_before
                          WHEN outbox.settled_at + :apart > excluded.not_before THEN outbox.settled_at + :apart
                          ELSE excluded.not_before END,
        created_at = CASE WHEN outbox.state IN ('ready', 'sending', 'unknown') THEN outbox.created_at
                          ELSE excluded.created_at END,
        retries = CASE WHEN outbox.state IN ('ready', 'sending', 'unknown') THEN outbox.retries ELSE 0 END,
        attempt = CASE WHEN outbox.state IN ('ready', 'sending', 'unknown') THEN outbox.attempt ELSE 0 END
    """
)
_SHOWN = Statement("UPDATE outbox SET body = :body WHERE lane = :lane")
_ONCE_MORE = Statement(
    """
    UPDATE outbox SET state = 'ready', checkpoint = NULL, not_before = :later, created_at = :now, attempt = 0,
        retries = 0
    WHERE id = :id AND checkpoint = :again AND state IN ('sent', 'failed', 'dead')
    """
)
_LANE_AGAIN = Statement("UPDATE lanes SET due_at = :later WHERE key = :lane AND due_at IS NULL")
_OPENED = Statement("UPDATE outbox SET not_before = :now WHERE lane = :lane AND state = 'ready'")
_LANE_OPENED = Statement("UPDATE lanes SET due_at = :now WHERE key = :lane AND lease_until < :now")
_LAST = Statement("SELECT body FROM outbox WHERE lane = :lane AND seq = 0 AND part = 1")
_NAMES = Statement("SELECT key, verification FROM identities WHERE key IN :keys")
_DUE = Statement(
    """
    SELECT deadline, policy, policy_version FROM rounds
    WHERE conversation = :conversation AND outcome = 'open' ORDER BY number DESC LIMIT 1
    """
)
_LEASE = Statement(
    """
    SELECT agent, held_at FROM holds WHERE conversation = :conversation AND state = 'held' ORDER BY held_at LIMIT 1
    """
)
_NUMBER = Statement("SELECT number FROM conversations WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Made:
    """A card as it is now; `shown`: that is what the desk shows already."""

    card: Card
    shown: bool


def lane_of(channel: str, conversation: UUID) -> str:
    """Beside the lane of the thread, so that neither waits for the other."""
    return f"{channel}:{conversation.hex}:card"


def refresh(tx: Transaction, conversations: Iterable[Conversation]) -> frozenset[str]:
    """The cards of these are to be sent anew; the channels they are on."""
    rows = [
        _row(tx, leg.channel, leg.address, conversation.id)
        for conversation in conversations
        for leg in conversation.legs
        if leg.desk
    ]
    rows.sort(key=lambda row: str(row["lane"]))
    tx.many(_LANE, rows)
    tx.many(_CARD, rows)
    return frozenset(str(row["channel"]) for row in rows)


def _row(tx: Transaction, channel: str, address: str, conversation: UUID) -> dict[str, Any]:
    return {
        "id": new_id().bytes,
        "lane": lane_of(channel, conversation),
        "channel": channel,
        "address": address,
        "conversation": conversation.bytes,
        "body": _EMPTY,
        "due_at": tx.now + TOGETHER,
        "soon": tx.now + TOGETHER,
        "later": tx.now + THREADLESS,
        "now": tx.now,
        "apart": APART,
        "again": _AGAIN,
        "no": False,
    }


def thread_opened(tx: Transaction, delivery: Delivery) -> None:
    """A card that waited for its thread can go, unless its root shows the same."""
    row = _row(tx, delivery.channel, delivery.address, delivery.conversation)
    tx.run(_LANE, row | {"due_at": None})  # orders us with a change that does not know of the thread yet
    if delivery.outgoing.card is not None:
        tx.run(_SHOWN, row | {"body": _body(delivery.outgoing.card)})
    if tx.run(_OPENED, row):
        tx.run(_LANE_OPENED, row)


def thread_moved(tx: Transaction, delivery: Delivery) -> None:
    """The thread goes on below a root that has no card yet (S29)."""
    row = _row(tx, delivery.channel, delivery.address, delivery.conversation)
    tx.run(_LANE, row)
    tx.run(_CARD, row)
    tx.run(_SHOWN, row)


def settled(tx: Transaction, held: Claim, state: DeliveryState) -> None:
    """After a claimed card was settled: remember what the desk shows, and let it go again if it has changed since."""
    delivery = held.delivery
    key = {"id": delivery.id.bytes, "lane": held.lane}
    if state is DeliveryState.SENT and delivery.outgoing.card is not None:
        tx.run(_SHOWN, key | {"body": _body(delivery.outgoing.card)})
    if tx.run(_ONCE_MORE, key | {"again": _AGAIN, "later": tx.now + APART, "now": tx.now}):
        tx.run(_LANE_AGAIN, key | {"later": tx.now + APART})


def made(tx: Transaction, channel: str, conversation_id: UUID, rules: Rulebook) -> Made | None:
    """The card of a conversation as it is now; None when there is no such conversation."""
    snapshots = Snapshots(tx, (), lock=False)
    snapshots.conversation(conversation_id)
    conversation = snapshots.conversations.get(conversation_id)
    if conversation is None:
        return None
    contact = snapshots.contacts.get(conversation.contact)
    key = {"conversation": conversation_id.bytes}
    keys = [identity_key(leg.identity) for leg in conversation.legs if leg.identity is not None]
    verifications = [row[1] for row in tx.all(_NAMES, {"keys": keys})] if keys else []
    lease = tx.one(_LEASE, key)
    told = ledger.active(tx, _person(tx, conversation))
    card = card_of(
        View(
            conversation=conversation,
            contact=_called(conversation, contact.name if contact is not None else ""),
            now=of_micros(tx.now),
            tier=contact.tier if contact is not None else None,
            verification=max(verifications, default=0),
            offer=offers.standing(tx, conversation_id, explained=False).offer,
            due=_due(tx, conversation_id, rules),
            told=tuple(reversed(told)),
            promises=tuple(ledger.open_promises(tx, conversation_id)),
            lease=Lease(agent=lease[0], since=of_micros(lease[1])) if lease is not None else None,
            snoozed_until=_snoozed(tx, conversation),
            void=offers.is_void(tx, conversation_id),
            merged_into=_survivor(tx, conversation),
        ),
        rules,
    )
    last = tx.one(_LAST, {"lane": lane_of(channel, conversation_id)})
    return Made(card, last is not None and json_value(last[0]).get("shown") == _digest(card))


def _person(tx: Transaction, conversation: Conversation) -> list[UUID]:
    try:
        return contacts.linked(tx, conversation.contact)
    except NoContact:
        return [conversation.contact]


def _called(conversation: Conversation, name: str) -> str:
    """A customer without a name is called by their address."""
    return name or next((leg.address for leg in conversation.legs if not leg.desk), "")


def _due(tx: Transaction, conversation: UUID, rules: Rulebook) -> Due | None:
    row = tx.one(_DUE, {"conversation": conversation.bytes})
    if row is None or row[0] is None:
        return None
    policy = rules.terms.policies.get((row[1], row[2]))
    return Due(at=of_micros(row[0]), zone=policy.calendar.zone.key if policy is not None else "UTC")


def _snoozed(tx: Transaction, conversation: Conversation) -> datetime | None:
    until = snoozes.until(tx, conversation)
    return from_text(until) if until else None


def _survivor(tx: Transaction, conversation: Conversation) -> int | None:
    if conversation.merged_into is None:
        return None
    row = tx.one(_NUMBER, {"id": conversation.merged_into.bytes})
    return int(row[0]) if row is not None else None


def _body(card: Card) -> str:
    return orjson.dumps({"k": "system", "shown": _digest(card)}).decode()


def _digest(card: Card) -> str:
    return digest(orjson.dumps(card)).hex()
