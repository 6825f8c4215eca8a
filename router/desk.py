"""What follows from a post in a desk thread: a reply that leaves, a note that never does, a warning."""

from collections.abc import Mapping

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.model import AuthorKind, Conversation, Inbound, Outgoing, Visibility
from router.notes import is_note
from router.planning import customer_leg, ignored, notice, parts_to, reaction
from router.posts import desk_message
from router.rulebook import Agent, ReplyMode, Route, Rulebook
from router.splitting import split
from router.verbs import verb_of

VERBS: Mapping[str, Answer] = {}
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
    if (verb := verb_of(inbound.text)) is not None:
        asked = Asked(
            snapshot=snapshot, conversation=conversation, inbound=inbound, agent=agent, verb=verb, rules=rules
        )
        return VERBS.get(verb.name, _unknown)(asked)
    route = rules.route(conversation.route)
    if is_note(inbound.text) or (route is not None and route.reply_mode is ReplyMode.NOTE):
        return _note(conversation, inbound, agent)
    return _reply(conversation, inbound, agent, rules, route)


def _not_an_agent(conversation: Conversation, inbound: Inbound) -> Decision:
    """S8: only listed agents of the home workspace speak to customers."""
    who = inbound.sender.name or inbound.sender.identity.value
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("S8", f"{who} is not a listed agent of the home workspace"),),
        conversation=conversation,
        message=desk_message(inbound, f"slack:{inbound.sender.identity.value}", who, Visibility.NOTE),
        events=(NewEvent(type="note_added", actor=f"slack:{inbound.sender.identity.value}"),),
        deliveries=notice(
            conversation,
            f"Not sent: {who} is not a listed agent. Kept as a note; an administrator can add them under `agents`.",
        ),
    )


def _unknown(asked: Asked) -> Decision:
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
        deliveries=reaction(conversation, inbound.remote_id, "memo"),
    )


def _reply(
    conversation: Conversation, inbound: Inbound, agent: Agent, rules: Rulebook, route: Route | None
) -> Decision:
    leg = customer_leg(conversation)
    if leg is None:
        return Decision(
            outcome=Outcome.STORED,
            reasons=(Reason("T12", "the customer cannot be reached on any leg"),),
            conversation=conversation,
            message=desk_message(inbound, f"agent:{agent.id}", agent.name, Visibility.NOTE),
            events=(NewEvent(type="note_added", actor=f"agent:{agent.id}"),),
            deliveries=notice(conversation, "Not sent: the customer cannot be reached any more on this channel."),
        )
    capabilities = rules.channels[leg.channel].capabilities
    hold = route.hold if route is not None and route.hold is not None else capabilities.hold
    parts = split(inbound.text, capabilities.text_limit, capabilities.text_unit)
    reason = Reason("reply.leg", f"the customer wrote last on {leg.channel}")
    return Decision(
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
        deliveries=parts_to(
            parts,
            Outgoing(
                author=agent.name,
                author_kind=AuthorKind.AGENT,
                attachments=inbound.attachments,
                subject=conversation.subject,
                in_reply_to=leg.last_remote_id,
                references=(leg.last_remote_id,) if leg.last_remote_id else (),
            ),
            channel=leg.channel,
            address=leg.address,
            desk=False,
            hold=hold,
            order=inbound.order or None,
        ),
    )
