"""The unit of work behind the one door out: complete a claim and record what follows from it, in one transaction."""

from dataclasses import dataclass, replace
from uuid import UUID

from router.automatic import RECEIPTS
from router.merging import told_in
from router.model import AuthorKind, Delivery, DeliveryKind, DeliveryState
from router.receipts import Said, after_delivery, still_unknown
from router.rulebook import Rulebook
from storage import cards, feeds, outbox, rounds, timers, unsaid
from storage.changes import Changes, Touched
from storage.database import Transaction, of_micros, to_micros
from storage.outbox import UNSETTLED, Claim, Settlement
from storage.snapshots import Snapshots
from storage.statement import Statement

UNKNOWN_TIMER = "delivery_unknown"
UNKNOWN_PATIENCE = 15 * 60 * 1_000_000

_FAILED = Statement(
    """
    SELECT o.message, o.settled_at FROM outbox o JOIN messages m ON m.id = o.message
    WHERE o.id = :id AND o.kind = 'message' AND o.state = 'failed' AND m.author_kind = 'agent'
    """
)
_TAKEN_BACK = Statement("SELECT 1 FROM messages WHERE id = :id AND author_kind = 'agent' AND (deleted OR sealed)")
_UNDONE = "(SELECT replaced_at FROM message_versions v WHERE v.message = m.id)"
_MESSAGE = Statement(
    f"""
    SELECT author_kind, channel, remote_key, author, composed_at, received_at,
           EXISTS (SELECT 1 FROM promises p WHERE p.message = m.id AND p.kind = 'holding'
                   AND NOT (p.state = 'cancelled' AND p.settled_at IN {_UNDONE}))
           AND NOT EXISTS (SELECT 1 FROM statements s WHERE s.message = m.id
                           AND NOT (s.state = 'retracted' AND s.ended_at IN {_UNDONE}))
    FROM messages m WHERE m.id = :id
    """  # noqa: S608  our own words
)
"""With whether the words the customer is told hold them off and say nothing else (D10). What an edit takes back in its
transaction is not told; an edit that comes too late for the customer takes nothing back. What was said after it, and
may have kept its promise, changes nothing about that."""
_MISSING = Statement(
    "SELECT name, problem FROM attachments WHERE message = :id AND problem IS NOT NULL ORDER BY position"
)
_BY_ID = """
    SELECT l.key, l.fence, l.reserved, o.id, o.seq, o.part, o.parts, o.channel, o.address, o.kind, o.conversation,
           o.message, o.body, o.state, o.attempt, o.retries, o.lookups, o.unfetched, o.not_before, o.created_at,
           o.started_at, o.checkpoint, c.number, NULL, l.owner
    FROM outbox o JOIN lanes l ON l.key = o.lane JOIN conversations c ON c.id = o.conversation
    WHERE o.id = :id
    """
_DELIVERY = Statement(_BY_ID)
_UNKNOWN = Statement(f"{_BY_ID} AND o.state = 'unknown' AND o.started_at = :began")
_FEED_KINDS = {DeliveryKind.MESSAGE: "message", DeliveryKind.EDIT: "edit", DeliveryKind.DELETE: "delete"}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a claim ends, seen from outside. `thread`: the desk thread was lost and is `thread` now (S29);
    `closes_leg`: the customer cannot be reached there any more (T12)."""

    settlement: Settlement
    thread: str | None = None
    closes_leg: bool = False


def settle(tx: Transaction, held: Claim, ending: Ending, rules: Rulebook) -> Touched | None:
    """Complete a claim; None when it is not ours any more and nothing was changed (R6). What came back meanwhile was
    sent, whatever its sender saw (X5); what was taken back meanwhile is not tried again."""
    if ending.settlement.state in UNSETTLED and (remote_ids := outbox.heard(tx, held)):
        ending = replace(ending, settlement=Settlement(DeliveryState.SENT, remote_ids=remote_ids))
    if ending.settlement.state is DeliveryState.READY and _is_taken_back(tx, held.delivery):
        ending = replace(ending, settlement=replace(ending.settlement, state=DeliveryState.WITHDRAWN))
    if not outbox.settle(tx, held, ending.settlement):
        return None
    delivery, state = held.delivery, ending.settlement.state
    if ending.thread is not None:
        outbox.relink(tx, held, ending.thread)
    if delivery.kind is DeliveryKind.CARD:
        cards.settled(tx, held, state)
    elif ending.thread is not None:
        cards.thread_moved(tx, delivery)
    elif delivery.kind is DeliveryKind.ROOT and state is DeliveryState.SENT:
        cards.thread_opened(tx, delivery)
    places: dict[str, int] = {}
    if state is DeliveryState.SENT and delivery.channel in rules.pulls and delivery.message is not None:
        place = f"{delivery.channel}:{delivery.address}"
        if delivery.part == delivery.parts:
            _, places = feeds.append(tx, [feeds.Entry(place, _FEED_KINDS[delivery.kind], delivery.message)])
    if state is DeliveryState.UNKNOWN and delivery.started_at is not None:
        began = to_micros(delivery.started_at)
        timers.start(tx, UNKNOWN_TIMER, f"{delivery.id.hex} {began}", began + UNKNOWN_PATIENCE)
    if delivery.message is None or state in UNSETTLED:
        return Touched(places=places)
    touched = _follow(tx, delivery, ending, rules)
    return replace(touched, places={**places, **touched.places})


def send_again(tx: Transaction, delivery: UUID) -> list[UUID]:
    """Send a delivery again that failed, with its later parts; a reply says again what it said. All that is sent."""
    failed = tx.one(_FAILED, {"id": delivery.bytes})
    again = outbox.retry(tx, delivery)
    if again and failed is not None:
        unsaid.say_again(tx, UUID(bytes=failed[0]), failed[1])
    return again


def _is_taken_back(tx: Transaction, delivery: Delivery) -> bool:
    """A reply that was deleted, or made a note, while it was under way."""
    if delivery.kind is not DeliveryKind.MESSAGE or delivery.message is None:
        return False
    return tx.one(_TAKEN_BACK, {"id": delivery.message.bytes}) is not None


def confirm(tx: Transaction, channel: str, delivery: str, remote_id: str, rules: Rulebook) -> Touched:
    """Our own message came back and settled its delivery: what follows is what follows from an answer (X5)."""
    if not outbox.confirm(tx, channel, delivery, remote_id):
        return Touched()
    row = tx.one(_DELIVERY, {"id": UUID(hex=delivery).bytes})
    if row is None:
        return Touched()
    return _follow(tx, outbox.head_of(row).delivery, Ending(Settlement(DeliveryState.SENT)), rules)


def _follow(tx: Transaction, delivery: Delivery, ending: Ending, rules: Rulebook) -> Touched:
    settlement = ending.settlement
    if delivery.message is None:
        return Touched()
    row = tx.one(_MESSAGE, {"id": delivery.message.bytes})
    if row is None or row[0] == AuthorKind.CUSTOMER:
        return Touched()
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(delivery.conversation)
    if conversation is None:
        return Touched()
    # a reply written before a merge belongs to the absorbed conversation, also after an unmerge
    own = snapshots.conversations[delivery.conversation]
    decision = after_delivery(
        delivery,
        settlement.state,
        settlement.error,
        own,
        Said(
            author_kind=AuthorKind(row[0]),
            author=row[3],
            composed_at=of_micros(row[4] or row[5]),
            post=row[2][len(row[1]) + 1 :] if row[2] else None,
            holding=bool(row[6]),
            missing=tuple((name, why) for name, why in tx.all(_MISSING, {"id": delivery.message.bytes})),
        ),
        closes_leg=ending.closes_leg,
    )
    if decision is None:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(delivery.message, None, told_in(decision, conversation))
    touched = changes.save()
    if row[3] != RECEIPTS or settlement.state is not DeliveryState.SENT:
        return touched
    cycles = rounds.figures_of(tx, conversation.id, rules.terms).cycles
    took = cycles[-1].ack.took if cycles else None
    return touched if took is None else replace(touched, receipts=((delivery.channel, took),))


def tell_unknown(tx: Transaction, attempt: str, rules: Rulebook) -> Touched:
    """The timer of an attempt of unknown outcome, named by its delivery and beginning: say so in the thread if it still
    is (C2)."""
    delivery, began = attempt.split()
    row = tx.one(_UNKNOWN, {"id": UUID(hex=delivery).bytes, "began": int(began)})
    if row is None:
        return Touched()
    found = outbox.head_of(row).delivery
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(found.conversation)
    if conversation is None:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(found.message or found.id, None, still_unknown(found, conversation))
    return changes.save()
