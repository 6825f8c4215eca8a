"""What the timers of holds and promises mean when their time has come: a notice in the thread."""

from datetime import timedelta
from uuid import UUID

from router.decision import Decision
from router.directs import lead_of
from router.held import overdue
from router.model import Promise
from router.pledges import reminder
from router.record import HoldState
from router.rulebook import Agent, Rulebook
from storage import agents, holds, ledger
from storage.changes import Changes, Touched
from storage.database import Transaction
from storage.snapshots import Snapshots


def tell_lead(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """A reply is still held: its team's lead is told, once."""
    hold = holds.one(tx, UUID(hex=ref))
    if hold is None or hold.state is not HoldState.HELD:
        return Touched()
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(hold.conversation)
    if conversation is None:
        return Touched()
    agent = rules.agents.get(hold.agent)
    waited = timedelta(microseconds=tx.now - hold.held_at)
    lead = lead_of(rules, conversation.team, agents.absent(tx, rules))
    decision = overdue(conversation, agent.name if agent else hold.agent, lead, waited)
    return _carry_out(tx, snapshots, rules, hold.message, decision)


def remind_of_promise(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """A promise is coming due, or is late."""
    promise_id, _, percent = ref.partition(":")
    promise = ledger.promise(tx, UUID(hex=promise_id))
    if promise is None or promise.state != "open":
        return Touched()
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(promise.conversation)
    if conversation is None:
        return Touched()
    is_late = percent == "100"
    if is_late:
        ledger.is_late(tx, UUID(hex=promise_id))
    lead = lead_of(rules, conversation.team, agents.absent(tx, rules))
    decision = reminder(conversation, promise, _owner(promise, rules), lead, int(percent))
    touched = _carry_out(tx, snapshots, rules, promise.message or conversation.id, decision)
    return touched.and_then(Touched(promises=("late",))) if is_late else touched


def _owner(promise: Promise, rules: Rulebook) -> Agent | None:
    return rules.agents.get(promise.owner or "")


def _carry_out(tx: Transaction, snapshots: Snapshots, rules: Rulebook, item: UUID, decision: Decision) -> Touched:
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(item, None, decision)
    return changes.save()
