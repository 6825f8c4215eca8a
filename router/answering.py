"""A reply of an agent: checked, held or sent on the customer's current leg, whichever way it was composed."""

from dataclasses import replace

from router.checking import checked_reply, fitting, text_of_reply
from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.held import MARK, holding, kept, new_hold
from router.held_notices import ITSELF, REF, asking
from router.model import Conversation, DeliveryKind, Inbound, InboundKind, Visibility
from router.planning import REFUSED_MARK, is_chosen, notice, reaction, way_out
from router.posts import desk_message
from router.replies import leaving, planned_reply
from router.richtext import Paragraph, Quote, RichText, Span
from router.rulebook import Agent, Rulebook


def is_posted(inbound: Inbound) -> bool:
    """Whether the words of an item stand in the thread as its author's own post, where they can be marked."""
    return inbound.kind is InboundKind.MESSAGE and not inbound.value


def unposted(decision: Decision, said: str) -> Decision:
    """A decision about words that nobody posted: there is nothing to mark, and the thread is shown them with `said`."""
    conversation, message = decision.conversation, decision.message
    if conversation is None or message is None:
        return decision
    told = notice(conversation, RichText((Paragraph((Span(said),)), Quote(message.text.blocks))))
    others = (each for each in decision.deliveries if each.kind is not DeliveryKind.REACTION)
    return replace(decision, message=replace(message, remote_id=None), deliveries=(*told, *others))


def reply(snapshot: Snapshot, conversation: Conversation, inbound: Inbound, agent: Agent, rules: Rulebook) -> Decision:
    """What follows from the words of an item as a reply to the customer."""
    leg = way_out(conversation, rules)
    if isinstance(leg, Reason):
        return Decision(
            outcome=Outcome.STORED,
            reasons=(leg,),
            conversation=conversation,
            message=desk_message(inbound, f"agent:{agent.id}", agent.name, Visibility.NOTE),
            events=(NewEvent(type="note_added", actor=f"agent:{agent.id}"),),
            deliveries=(
                *notice(conversation, f"Not sent: {leg.text}."),
                *reaction(conversation, inbound.remote_id, REFUSED_MARK),
            ),
        )
    inbound = replace(inbound, text=fitting(inbound.text, leg, agent, rules))
    why = (
        f"{agent.name} or a colleague chose {leg.channel}"
        if is_chosen(leg)
        else f"the customer wrote last on {leg.channel}"
    )
    reason = Reason("reply.leg", why)
    sent = Decision(
        outcome=Outcome.STORED,
        reasons=(reason,),
        conversation=conversation,
        message=desk_message(inbound, f"agent:{agent.id}", agent.name, Visibility.PUBLIC),
        events=(
            NewEvent(
                type="reply_composed",
                actor=f"agent:{agent.id}",
                payload={"channel": leg.channel, "why": [[reason.rule, reason.text]]},
            ),
        ),
        deliveries=planned_reply(
            snapshot, conversation, leg, inbound.text, inbound.attachments, agent, rules, order=inbound.order or None
        ),
    )
    desk, voice = snapshot.desk, rules.voice
    if desk is None or voice is None:
        return sent
    reply = text_of_reply(snapshot, conversation, leg, inbound.text, inbound.attachments, agent, rules)
    reply, checked = checked_reply(reply, desk, conversation, agent, rules, voice)
    found = holding(checked)
    if not found:
        version = voice.standards.version
        return replace(sent, record=leaving(checked, desk, conversation, leg.channel, agent, version))
    names = [each.rule for each in found]
    payload = {"channel": leg.channel, "findings": names, "why": [[reason.rule, reason.text]]}
    return replace(
        sent,
        reasons=(*sent.reasons, Reason("hold", ", ".join(names))),
        events=(NewEvent(type="reply_held", actor=f"agent:{agent.id}", payload=payload),),
        deliveries=(
            *asking(
                conversation, rules, desk, agent, found, f"{REF}{inbound.remote_id if is_posted(inbound) else ITSELF}@1"
            ),
            *reaction(conversation, inbound.remote_id, MARK),
        ),
        record=kept(checked, voice, agent, new_hold(checked, agent, reply.place, voice)),
    )
