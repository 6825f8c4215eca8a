"""What follows from a post in a desk thread: a reply that leaves, a note that never does, a warning."""

from collections.abc import Mapping
from dataclasses import replace

from router import (
    absence,
    canned,
    corrections,
    dividing,
    earlier_answers,
    history,
    incidents,
    languages,
    legs,
    links,
    merging,
    ownership_verbs,
    priorities,
    promised,
    releases,
    resolving,
    starts,
    statuses,
    tags,
    tiers,
    transcripts,
    waiting_verbs,
)
from router.answering import reply
from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.handing import taken_by_answer
from router.intent import REPLY, is_internal, is_reply_asked_for, mode_of, words_of
from router.model import Conversation, Inbound, Visibility
from router.notes import is_note
from router.planning import NOTE_MARK, REFUSED_MARK, ignored, notice, reaction
from router.posts import desk_message
from router.rulebook import Agent, Rulebook
from router.verbs import BOT, names_bot, verb_of

VERBS: Mapping[str, Answer] = {
    **ownership_verbs.VERBS,
    **resolving.VERBS,
    **promised.VERBS,
    **earlier_answers.VERBS,
    **releases.VERBS,
    **statuses.VERBS,
    **links.VERBS,
    **absence.VERBS,
    **merging.VERBS,
    **dividing.VERBS,
    **incidents.VERBS,
    **canned.VERBS,
    **corrections.VERBS,
    **history.VERBS,
    **languages.VERBS,
    **legs.VERBS,
    **priorities.VERBS,
    **starts.VERBS,
    **tags.VERBS,
    **tiers.VERBS,
    **transcripts.VERBS,
    **waiting_verbs.VERBS,
    REPLY: lambda asked: answered(asked, "Write the reply behind it: `@onevoice reply <text>`."),
}
"""What agents may ask for with "@onevoice <verb>"; each noun brings its own."""
_STRAY = (
    f"Not sent: it names @{BOT}, so it was kept as a note. Onevoice does what a post says that begins with a mention "
    f"of it, picked from Slack's list: `@{BOT} why`. In words for the customer, leave out the @."
)


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
    said = replace(inbound, text=words_of(inbound.text))
    if is_internal(inbound.text, mode_of(snapshot, rules)):
        return _note(conversation, said, agent, rules)
    return taken_by_answer(reply(snapshot, conversation, said, agent, rules), snapshot, agent)


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


def _why_kept(conversation: Conversation, inbound: Inbound, rules: Rulebook) -> str:
    """Why a post without a note's mark is one, where nobody would expect it; else nothing."""
    if names_bot(inbound.text):
        return _STRAY
    if rules.route(conversation.route) is not None:
        return ""
    return (
        f"Not sent: the route {conversation.route!r} of this conversation is not in the configuration any more, so"
        f" nobody knows whether plain posts are replies here. Kept as a note; `@{BOT} {REPLY} TEXT` sends, and an"
        " administrator can name the route again."
    )


def _note(conversation: Conversation, inbound: Inbound, agent: Agent, rules: Rulebook) -> Decision:
    told = "" if is_note(inbound.text) else _why_kept(conversation, inbound, rules)
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("S9", "it is marked as a note, names Onevoice, or notes are this route's default"),),
        conversation=conversation,
        message=desk_message(inbound, f"agent:{agent.id}", agent.name, Visibility.NOTE),
        events=(NewEvent(type="note_added", actor=f"agent:{agent.id}"),),
        deliveries=(
            *(notice(conversation, told) if told else ()),
            *reaction(conversation, inbound.remote_id, NOTE_MARK),
        ),
    )
