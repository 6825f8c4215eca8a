"""What follows from a press on a card: the same as from the verb it stands for (S16), for the same people (S8)."""

from dataclasses import replace

from router.asked import Asked
from router.commands import from_outside
from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.desk import VERBS, unknown
from router.forms import FORM
from router.model import Conversation, DeliveryKind, Inbound
from router.planning import ignored, notice
from router.rulebook import Rulebook
from router.verbs import ASK, spoken, verb_in


def from_button(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
    """A listed agent asks for the verb; anybody else is told in private that nothing was done."""
    conversation, verb = snapshot.proof, verb_in(inbound)
    if verb is not None and inbound.thread.ref is None:
        return from_outside(inbound, verb, rules)
    if conversation is None or verb is None:
        return ignored("button", "it is no button of a card")
    sender = inbound.sender
    agent = rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None
    if agent is None:
        return _refused(conversation, inbound, verb.name)
    said = replace(inbound, text=spoken(f"{verb.name} {verb.rest}".strip()))
    asked = Asked(snapshot=snapshot, conversation=conversation, inbound=said, agent=agent, verb=verb, rules=rules)
    decision = VERBS.get(verb.name, unknown)(asked)
    if inbound.value.startswith(f"{ASK}{FORM}:") and all(each.type == "note_added" for each in decision.events):
        return _alone(decision, sender.identity.value)
    return decision


def _alone(decision: Decision, who: str) -> Decision:
    """Told to one member: what became of a form that changed nothing is nobody else's business."""
    told = (
        replace(each, outgoing=replace(each.outgoing, only_for=who)) if each.kind is DeliveryKind.NOTICE else each
        for each in decision.deliveries
    )
    return replace(decision, deliveries=tuple(told))


def _refused(conversation: Conversation, inbound: Inbound, verb: str) -> Decision:
    who = inbound.sender.identity.value
    sentence = f"Not done: only listed agents can {verb}. An administrator can add you under `agents`."
    refused = Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("S8", f"{who} is not a listed agent of the home workspace"),),
        conversation=conversation,
        events=(NewEvent(type="button_refused", actor=f"slack:{who}", payload={"verb": verb}),),
        deliveries=notice(conversation, sentence),
    )
    return _alone(refused, who)
