"""The timers of receipts and waiting messages: what is known is loaded, the rules decide, the outbox carries it.

Everything happens in the transaction that fires the timer, so that a crash neither loses nor doubles one.
"""

from collections.abc import Collection
from uuid import UUID

from router.automatic import BLOCKED, COMPOSED, DAY, Occasion, say
from router.decision import Decision
from router.model import ChannelType, Conversation, Status
from router.richtext import plain
from router.rulebook import Rulebook
from router.standard_messages import Kind
from router.timeline import Timeline
from storage import contacts, ledger, offers, rounds, timers
from storage.changes import Changes, Touched
from storage.codec import json_value, rich_text
from storage.database import Transaction, of_micros
from storage.ids import new_id
from storage.snapshots import Snapshots
from storage.statement import Statement

RECEIPT = "receipt"
"""A timer; its ref is the id of the message that may have begun a cycle, in hex."""
WAITING = "waiting"
"""A timer; its ref is "<conversation in hex>:<start of the waiting in microseconds>"."""
PATIENCE = 2_000_000
"""Microseconds: an agent may turn up at once, and the receipt comes first."""

_HOUR = 3_600_000_000
_DAY = int(DAY.total_seconds()) * 1_000_000

_CONVERSATION_OF = Statement("SELECT conversation FROM messages WHERE id = :id")
_TOLD = Statement("SELECT payload FROM events WHERE conversation = :conversation AND type IN :types")
_RECENT = Statement(
    """
    SELECT received_at FROM messages
    WHERE conversation = :conversation AND author_kind = 'system' AND visibility = 'public' AND received_at > :since
    """
)
_ASKED = Statement(
    """
    SELECT body FROM messages WHERE conversation = :conversation AND author_kind = 'customer' AND visibility = 'public'
    AND NOT automatic AND NOT deleted ORDER BY seq DESC LIMIT 1
    """
)
_MAILED = Statement(
    """
    SELECT 1 FROM outbox o JOIN messages m ON m.id = o.message
    WHERE o.lane IN :lanes AND o.seq > :since AND m.author_kind = 'system' LIMIT 1
    """
)
_MAILS = Statement("SELECT value FROM counters WHERE name = :name")
_COUNT = Statement(
    """
    INSERT INTO counters (name, value) VALUES (:name, 1)
    ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
    """
)
_FORGET = Statement("DELETE FROM counters WHERE name IN :names")


def ask(tx: Transaction, message: UUID) -> None:
    """A receipt may be due for a message that is stored in this transaction."""
    timers.start(tx, RECEIPT, message.hex, tx.now)


def nobody(tx: Transaction, conversation: UUID, waiting_since: int) -> None:
    """Nobody was found for a customer who waits since then: if that stays so, they are told, once."""
    timers.start(tx, WAITING, f"{conversation.hex}:{waiting_since}", tx.now + PATIENCE)


def receipt(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """Send the receipt of the cycle a message began, unless it has one or somebody has answered already."""
    row = tx.one(_CONVERSATION_OF, {"id": UUID(hex=ref).bytes})
    if row is None:
        return Touched()
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(UUID(bytes=row[0]))
    if conversation is None:
        return Touched()
    figures = rounds.figures_of(tx, conversation.id, rules.terms)
    if not figures.cycles:
        return Touched()
    cycle = figures.cycles[-1]
    if not cycle.ack.applies or cycle.ack.took is not None or cycle.any_response is not None:
        return Touched()
    return _said(tx, snapshots, conversation, figures, rules, waits=False)


def waiting(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """Tell a customer that nobody is free, if nobody is yet."""
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(UUID(hex=ref.partition(":")[0]))
    if conversation is None or conversation.owner is not None or conversation.status is not Status.OPEN:
        return Touched()
    if offers.standing(tx, conversation.id, explained=False).offer is not None:
        return Touched()
    figures = rounds.figures_of(tx, conversation.id, rules.terms)
    if figures.waiting is None:
        return Touched()
    return _said(tx, snapshots, conversation, figures, rules, waits=True)


def _said(
    tx: Transaction,
    snapshots: Snapshots,
    conversation: Conversation,
    figures: Timeline,
    rules: Rulebook,
    *,
    waits: bool,
) -> Touched:
    decision = say(_occasion(tx, snapshots, conversation, figures, rules, waits=waits), rules)
    if decision is None:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(new_id(), None, decision)
    if _is_mail(decision, rules):
        count_mail(tx)
    return changes.save()


def _is_mail(decision: Decision, rules: Rulebook) -> bool:
    message = decision.message
    return message is not None and rules.channel(message.channel).type is ChannelType.EMAIL


def _occasion(
    tx: Transaction,
    snapshots: Snapshots,
    conversation: Conversation,
    figures: Timeline,
    rules: Rulebook,
    *,
    waits: bool,
) -> Occasion:
    key = {"conversation": conversation.id.bytes}
    since = tx.now - _DAY
    asked = tx.one(_ASKED, key)
    mails = tx.one(_MAILS, {"name": _counter(tx.now)})
    cycle = figures.cycles[-1].number
    return Occasion(
        waits=waits,
        now=of_micros(tx.now),
        conversation=conversation,
        cycle=cycle,
        calendar=figures.calendar,
        contact=snapshots.contacts.get(conversation.contact),
        asked=plain(rich_text(asked[0])) if asked is not None else "",
        told=frozenset(_told(tx, conversation.id, cycle)),
        recent=[of_micros(row[0]) for row in tx.all(_RECENT, key | {"since": since})],
        mailed=_mailed(tx, conversation, rules, since),
        mails=mails[0] if mails is not None else 0,
        statements=ledger.active(tx, contacts.linked(tx, conversation.contact)),
    )


def _told(tx: Transaction, conversation: UUID, cycle: int) -> Collection[Kind]:
    """What was said in a cycle, or would have been."""
    payloads = [
        json_value(row[0])
        for row in tx.all(_TOLD, {"conversation": conversation.bytes, "types": sorted({BLOCKED, COMPOSED})})
    ]
    return {Kind(each["kind"]) for each in payloads if each["cycle"] == cycle}


def _mailed(tx: Transaction, conversation: Conversation, rules: Rulebook, since: int) -> bool:
    """Whether one of this customer's mail addresses got something automatic from any mailbox of ours (X14)."""
    mailboxes = [each.id for each in rules.channels.values() if each.type is ChannelType.EMAIL]
    addresses = {leg.address for leg in conversation.legs if not leg.desk and leg.channel in mailboxes}
    lanes = [f"{mailbox}:{address}" for mailbox in mailboxes for address in sorted(addresses)]
    return bool(lanes) and tx.one(_MAILED, {"lanes": lanes, "since": since}) is not None


def _counter(now: int) -> str:
    return f"automatic mails {now // _HOUR}"


def count_mail(tx: Transaction) -> None:
    """One more automatic mail in this hour; the hours of the last day are forgotten."""
    tx.run(_COUNT, {"name": _counter(tx.now)})
    tx.run(_FORGET, {"names": [_counter(tx.now - hours * _HOUR) for hours in range(1, 25)]})
