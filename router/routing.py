"""The door to the rules: what should happen about an inbound item. Pure and explained."""

from dataclasses import replace

from router.automatic import acknowledged
from router.buttons import from_button
from router.customers import from_customer
from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.desk import from_desk
from router.edits import from_edit
from router.merging import in_both_threads, told_in
from router.model import Inbound, InboundKind
from router.outage import from_page, is_from_page
from router.planning import REFUSED_MARK, ignored, notice, reaction
from router.relay import changes_files, relay_failure
from router.rewording import reworded
from router.rulebook import Rulebook


def decide(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
    """The one decision about an inbound item, whoever wrote it."""
    match inbound.kind:
        case InboundKind.MESSAGE:
            if is_from_page(inbound):
                return in_both_threads(from_page(snapshot, inbound, rules), snapshot.absorbed)
            if rules.is_desk(inbound.channel):
                return in_both_threads(from_desk(snapshot, inbound, rules), snapshot.absorbed)
            return acknowledged(from_customer(snapshot, inbound, rules), inbound, rules)
        case InboundKind.EDIT | InboundKind.DELETE:
            if rules.is_desk(inbound.channel):
                return in_both_threads(reworded(snapshot, inbound, rules), snapshot.absorbed)
            # other files are news: they are shown as what they are, a message
            if snapshot.target is not None and inbound.attachments and changes_files(snapshot.target, inbound):
                return from_customer(snapshot, replace(inbound, kind=InboundKind.MESSAGE), rules)
            return from_edit(snapshot, inbound, rules)
        case InboundKind.BOUNCE:
            return relay_failure(snapshot, inbound)
        case InboundKind.MEMBERSHIP:
            return _membership(snapshot, inbound)
        case InboundKind.BUTTON if rules.is_desk(inbound.channel):
            return in_both_threads(from_button(snapshot, inbound, rules), snapshot.absorbed)
        case InboundKind.REACTION | InboundKind.BUTTON | InboundKind.TYPING | InboundKind.READ | InboundKind.ECHO:
            return ignored("kind", f"a {inbound.kind} asks for nothing")


def choked(snapshot: Snapshot, inbound: Inbound) -> Decision:
    """The rules failed on what somebody did in a desk thread: nothing came of it, and nobody else will say so."""
    if snapshot.proof is None:
        return ignored("choked", "it belongs to no thread of ours")
    sentence = "Onevoice failed on this and did nothing. It is kept in quarantine; the log says why."
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("choked", sentence),),
        conversation=snapshot.proof,
        deliveries=(
            *notice(snapshot.proof, sentence),
            *reaction(snapshot.proof, inbound.target or inbound.remote_id, REFUSED_MARK),
        ),
    )


def _membership(snapshot: Snapshot, inbound: Inbound) -> Decision:
    """The customer blocked or unblocked us (T12): told in the threads of all their open conversations there."""
    gone = inbound.value in {"kicked", "left"}
    changed = [
        (conversation, leg)
        for conversation in (*snapshot.open, *snapshot.recent)
        for leg in conversation.legs
        if leg.is_customers_at(inbound.channel, inbound.address) and leg.closed != gone
    ]
    if not changed:
        return ignored("T12", "no conversation on this address is changed by it")
    sentence = (
        "The customer has blocked us on this channel: replies cannot reach them until they write again."
        if gone
        else "The customer can be reached on this channel again."
    )
    conversation, leg = changed[0]
    decision = Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("T12", sentence),),
        conversation=conversation,
        events=(NewEvent(type="leg_closed" if gone else "leg_reopened", actor="customer"),),
        deliveries=notice(conversation, sentence) if conversation in snapshot.open else (),
        close_leg=leg if gone else None,
        reopen_leg=None if gone else leg,
    )
    for other, _ in changed[1:]:
        if other in snapshot.open:
            decision = told_in(decision, other)
    return decision
