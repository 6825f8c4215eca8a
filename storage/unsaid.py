"""What a reply said that did not reach the customer: taken back, and said again when it is sent again (4.6, 4.10)."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from uuid import UUID

from router.consistency.promises import Deed, PromiseKind, keeps
from router.desk_view import DeskView
from router.model import Conversation
from router.record import Record
from router.replies import deeds_of, said_again
from storage import contacts, ledger, logs
from storage.database import Transaction, of_micros
from storage.snapshots import Snapshots
from storage.statement import Row, Statement

_MESSAGE = Statement(
    """
    SELECT m.conversation, m.received_at, m.author,
           (SELECT max(o.channel) FROM outbox o WHERE o.message = m.id AND o.kind = 'message')
    FROM messages m WHERE m.id = :message
    """
)
_SAID = Statement(
    "SELECT slot, said_at, state, ended_at, order_no, conversation FROM statements WHERE message = :message"
)
_STAND_AGAIN = Statement(
    """
    UPDATE statements SET state = :state, ended_at = :ended_at
    WHERE message IN (
        SELECT id FROM messages WHERE conversation IN (
            SELECT id FROM conversations WHERE contact IN :person AND status <> 'resolved' UNION ALL
            SELECT id FROM conversations WHERE contact IN :person AND status = 'resolved'
        )
    ) AND slot = :slot AND state = 'superseded' AND ended_at = :said_at AND said_at < :said_at
      AND (order_no = :order_no
           OR conversation = :conversation AND (:loose OR order_no IS NULL OR order_no LIKE 'topic:%'))
    """
)
"""What one statement of a matter superseded; where an order is not named, of its conversation (4.6)."""
_RETRACT = Statement(
    """
    UPDATE statements SET state = 'retracted', ended_at = :now
    WHERE message = :message AND state IN ('active', 'superseded')
    """
)
_SETTLED = Statement(
    """
    SELECT p.id, p.message, p.kind, p.state, p.made_at, p.settled_at FROM promises p
    JOIN messages m ON m.id = p.message
    WHERE m.conversation IN :group AND m.id <> :message AND p.state IN ('kept', 'broken', 'cancelled')
      AND p.settled_at >= :since
      AND NOT EXISTS (SELECT 1 FROM events e WHERE e.conversation IN :group AND e.at = p.settled_at
                      AND e.type IN ('promise_kept', 'promise_cancelled'))
    """
)
_ANSWERS = Statement(
    """
    SELECT m.id, m.received_at,
           EXISTS (SELECT 1 FROM statements s
                   WHERE s.message = m.id AND s.slot = 'tracking_no' AND s.state <> 'retracted'), p.kind
    FROM messages m LEFT JOIN promises p ON p.message = m.id
    WHERE m.conversation IN :group AND m.id <> :message AND m.author_kind = 'agent' AND m.visibility = 'public'
      AND NOT m.deleted AND m.received_at >= :since
      AND EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id AND o.kind = 'message')
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id AND o.kind = 'message'
                      AND o.state IN ('failed', 'withdrawn'))
    """
)
_TAKEN_BACK = Statement(
    """
    SELECT id, contact, conversation, message, order_no, slot, value, unit, said_at, channel, agent FROM statements
    WHERE message = :message AND state = 'retracted' AND ended_at = :at ORDER BY id
    """
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Another reply that the customer has or will have: when it was stored, and what it does."""

    message: bytes
    at: int
    deeds: AbstractSet[Deed]


def completed(tx: Transaction, message: UUID, record: Record) -> Record:
    """The record of a message that is unsaid, with the promises it made: nobody was given them."""
    return replace(record, ended_promises={each: "cancelled" for each, _, _ in ledger.promised(tx, message)})


def take_back(tx: Transaction, message: UUID) -> None:
    """What a message stated is retracted, and what that had superseded takes its place again. Promises that it alone
    had kept, or replaced by its own, are open again."""
    place = _place(tx, message)
    if place is None:
        return
    found, conversation = place
    person = [each.bytes for each in contacts.linked(tx, conversation.contact)]
    said = tx.all(_SAID, {"message": message.bytes})
    standing = {(slot, order): (state, ended_at) for slot, _, state, ended_at, order, _ in said if state != "retracted"}
    for slot, said_at, _, _, order, said_in in said:
        state, ended_at = standing.get((slot, order), ("active", None))
        loose = order is None or order.startswith("topic:")
        matter = {"slot": slot, "order_no": order, "conversation": said_in, "loose": loose}
        tx.run(_STAND_AGAIN, matter | {"person": person, "said_at": said_at, "state": state, "ended_at": ended_at})
    tx.run(_RETRACT, {"message": message.bytes, "now": tx.now})
    _reopen(tx, message, conversation.id, found[1])


def _place(tx: Transaction, message: UUID) -> tuple[Row, Conversation] | None:
    """A message, and the conversation it belongs to now."""
    found = tx.one(_MESSAGE, {"message": message.bytes})
    conversation = None if found is None else Snapshots(tx, ()).conversation(UUID(bytes=found[0]))
    return None if found is None or conversation is None else (found, conversation)


def _reopen(tx: Transaction, message: UUID, conversation: UUID, since: int) -> None:
    group = [each.bytes for each in logs.group(tx, conversation)]
    settled = tx.all(_SETTLED, {"group": group, "message": message.bytes, "since": since})
    if not settled:
        return
    own = {(kind, made_at) for _, kind, made_at in ledger.promised(tx, message)}
    answers = _answers(tx, group, message, min(row[4] for row in settled))
    for promise, made_in, kind, state, made_at, settled_at in settled:
        if state == "cancelled":
            alone = (kind, settled_at) in own
        else:
            others = (each for each in answers if each.at >= made_at and each.message != made_in)
            alone = not any(keeps(deed, PromiseKind(kind)) for each in others for deed in each.deeds)
        if alone:
            ledger.reopen(tx, UUID(bytes=promise))


def _answers(tx: Transaction, group: Sequence[bytes], message: UUID, since: int) -> list[_Answer]:
    promised: dict[tuple[bytes, int, bool], set[str]] = {}
    for other, at, tracking, kind in tx.all(_ANSWERS, {"group": group, "message": message.bytes, "since": since}):
        promised.setdefault((bytes(other), at, bool(tracking)), set()).update({kind} - {None})
    return [
        _Answer(other, at, deeds_of(kinds, tells_tracking=tracking))
        for (other, at, tracking), kinds in promised.items()
    ]


def say_again(tx: Transaction, message: UUID, failed_at: int) -> None:
    """A reply that failed then is on its way again: it says what it said, after all that was said meanwhile."""
    place = _place(tx, message)
    if place is None:
        return
    found, conversation = place
    person = contacts.linked(tx, conversation.contact, lock=True)
    taken = {"message": message.bytes, "at": failed_at}
    told = [ledger.statement_of(row) for row in tx.all(_TAKEN_BACK, taken)]
    group = logs.group(tx, conversation.id)
    desk = DeskView(
        now=of_micros(tx.now),
        told=ledger.active(tx, person),
        promises=[each for part in group for each in ledger.open_promises(tx, part)],
    )
    if message in {*(each.message for each in desk.told), *(each.message for each in desk.promises)}:
        return  # it was never taken back: nobody could know that it had not arrived
    promises = ledger.cancelled(tx, message, failed_at)
    author = found[2].removeprefix("agent:")
    record = said_again(told, promises, desk, conversation, found[3], author, message)
    ledger.save(tx, message, record)
