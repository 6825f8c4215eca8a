"""What follows from a post in a desk thread: a reply that leaves, a note that never does, a warning."""

from collections.abc import Mapping
from dataclasses import replace

from router import (
    absence,
    dividing,
    history,
    incidents,
    languages,
    legs,
    links,
    merging,
    ownership_verbs,
    priorities,
    releases,
    statuses,
    tags,
)
from router.asked import Answer, Asked, answered
from router.checking import checked_reply, text_of_reply
from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.handing import taken_by_answer
from router.held import MARK, holding, kept, new_hold
from router.held_notices import REF, asking
from router.intent import REPLY, is_internal, is_reply_asked_for, words_of
from router.model import Conversation, Inbound, Visibility
from router.planning import NOTE_MARK, REFUSED_MARK, customer_leg, ignored, notice, reaction
from router.posts import desk_message
from router.replies import leaving, planned_reply
from router.rulebook import Agent, Rulebook
from router.verbs import verb_of

VERBS: Mapping[str, Answer] = {
    **ownership_verbs.VERBS,
    **releases.VERBS,
    **statuses.VERBS,
    **links.VERBS,
    **absence.VERBS,
    **merging.VERBS,
    **dividing.VERBS,
    **incidents.VERBS,
    **history.VERBS,
    **languages.VERBS,
    **legs.VERBS,
    **priorities.VERBS,
    **tags.VERBS,
    REPLY: lambda asked: answered(asked, "Write the reply behind it: `@onevoice reply <text>`."),
}
"""What agents may ask for with "@onevoice <verb>"; each noun brings its own."""


def from_desk(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
    """A post in a desk thread: a reply for the customer, a note, or nothing of ours."""
    conversation = snapshot.proof
    if conversation is None:
        return ignored("desk.thread", "it was not written in the thread of a conversation")
    sender = inbound.sender
    agent = rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None
    if agent is None:
        return _not_an_agent(conversation, inbound)
    if (verb := verb_of(inbound.text)) is not None and not is_reply_asked_for(inbound.text):
        asked = Asked(
            snapshot=snapshot, conversation=conversation, inbound=inbound, agent=agent, verb=verb, rules=rules
        )
        return VERBS.get(verb.name, unknown)(asked)
    route = rules.route(conversation.route)
    said = replace(inbound, text=words_of(inbound.text))
    if is_internal(inbound.text, route):
        return _note(conversation, said, agent)
    return taken_by_answer(_reply(snapshot, conversation, said, agent, rules), snapshot, agent)


def _not_an_agent(conversation: Conversation, inbound: Inbound) -> Decision:
    """S8: only listed agents of the home workspace speak to customers."""
    who = inbound.sender.name or inbound.sender.identity.value
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("S8", f"{who} is not a listed agent of the home workspace"),),
        conversation=conversation,
        message=desk_message(inbound, f"slack:{inbound.sender.identity.value}", who, Visibility.NOTE),
        events=(NewEvent(type="note_added", actor=f"slack:{inbound.sender.identity.value}"),),
        deliveries=(
            *notice(
                conversation,
                f"Not sent: {who} is not a listed agent. Kept as a note; an administrator can add them under `agents`.",
            ),
            *reaction(conversation, inbound.remote_id, REFUSED_MARK),
        ),
    )


def unknown(asked: Asked) -> Decision:
    """No such verb; these are there."""
    name = asked.verb.name
    known = ", ".join(sorted(VERBS))
    return answered(asked, f"{f'I do not know {name!r}.' if name else 'What can I do for you?'} I know {known}.")


def _note(conversation: Conversation, inbound: Inbound, agent: Agent) -> Decision:
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("S9", "it is marked as a note, or notes are this route's default"),),
        conversation=conversation,
        message=desk_message(inbound, f"agent:{agent.id}", agent.name, Visibility.NOTE),
        events=(NewEvent(type="note_added", actor=f"agent:{agent.id}"),),
        deliveries=reaction(conversation, inbound.remote_id, NOTE_MARK),
    )


def _reply(snapshot: Snapshot, conversation: Conversation, inbound: Inbound, agent: Agent, rules: Rulebook) -> Decision:
    leg = customer_leg(conversation)
    if leg is None:
        return Decision(
            outcome=Outcome.STORED,
            reasons=(Reason("T12", "the customer cannot be reached on any leg"),),
            conversation=conversation,
            message=desk_message(inbound, f"agent:{agent.id}", agent.name, Visibility.NOTE),
            events=(NewEvent(type="note_added", actor=f"agent:{agent.id}"),),
            deliveries=(
                *notice(conversation, "Not sent: the customer cannot be reached any more on this channel."),
                *reaction(conversation, inbound.remote_id, REFUSED_MARK),
            ),
        )
    reason = Reason("reply.leg", f"the customer wrote last on {leg.channel}")
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
            conversation, leg, inbound.text, inbound.attachments, agent, rules, order=inbound.order or None
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
            *asking(conversation, rules, desk, agent, found, f"{REF}{inbound.remote_id}@1"),
            *reaction(conversation, inbound.remote_id, MARK),
        ),
        record=kept(checked, voice, agent, new_hold(checked, agent, reply.place, voice)),
    )
