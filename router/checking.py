"""Checking a reply: its text before the unit of work, collision and ledger inside it (decisions 8)."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from router.consistency.collision import NO_VIEW, LockedView, lease_time
from router.consistency.facts import scope_of
from router.consistency.findings import Place
from router.consistency.markup import repaired
from router.consistency.pii import Own
from router.consistency.pipeline import Checked, check_locked, check_text
from router.consistency.reply import Reply
from router.consistency.wording import Stage
from router.decision import Reason, Snapshot
from router.desk_view import DeskView, Read
from router.intent import is_internal, is_reply_asked_for, mode_of, words_of
from router.model import Attachment, Conversation, Inbound, InboundKind, Leg, Visibility
from router.planning import way_out
from router.richtext import RichText, plain
from router.rulebook import Agent, Rulebook, Voice
from router.topics import Topic, TopicRules, orders_of, topic
from router.verbs import verb_of

RELEASES = frozenset({"send", "correct"})
"""What lets a held reply go: its text is checked once more."""


def read_ahead(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Read | None:
    """The text checks of a reply that is on its way in; None for anything else."""
    desk, conversation, voice = snapshot.desk, snapshot.proof, rules.voice
    if desk is None or conversation is None or voice is None:
        return None
    agent = author_of(snapshot, inbound, rules)
    leg = way_out(conversation, rules)
    if agent is None or isinstance(leg, Reason):
        return None
    if inbound.kind is InboundKind.MESSAGE:
        verb = verb_of(inbound.text)
        if verb is not None and not is_reply_asked_for(inbound.text):
            return _of_held(snapshot, desk, conversation, leg, rules) if verb.name in RELEASES else None
        if is_internal(inbound.text, mode_of(snapshot, rules)):
            return None
    elif snapshot.target is None or snapshot.target.message.visibility is not Visibility.PUBLIC:
        return None
    words = words_of(inbound.text)
    reply = text_of_reply(snapshot, conversation, leg, words, inbound.attachments, agent, rules)
    return Read(reply, check_text(reply, voice.standards, voice.calendar, desk.now))


def author_of(snapshot: Snapshot, inbound: Inbound, rules: Rulebook, by: Agent | None = None) -> Agent | None:
    """The listed agent a post is by; of an edit, the author of what is edited: where they are not listed any more, in
    the name of whoever changes it for them (`by`)."""
    if inbound.kind is not InboundKind.MESSAGE:
        author = snapshot.target.message.author.removeprefix("agent:") if snapshot.target is not None else ""
        return rules.agents.get(author) or (by and replace(by, id=author))
    sender = inbound.sender
    return rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None


def _of_held(snapshot: Snapshot, desk: DeskView, conversation: Conversation, leg: Leg, rules: Rulebook) -> Read | None:
    """The newest held reply: most often it is the one that is meant."""
    if rules.voice is None or not desk.held:
        return None
    held = desk.held[-1]
    agent = rules.agents.get(held.agent)
    if agent is None:
        return None
    message = held.target.message
    reply = text_of_reply(snapshot, conversation, leg, message.text, message.attachments, agent, rules)
    return Read(reply, check_text(reply, rules.voice.standards, rules.voice.calendar, desk.now))


def text_of_reply(
    snapshot: Snapshot,
    conversation: Conversation,
    leg: Leg,
    text: RichText,
    attachments: Sequence[Attachment],
    agent: Agent,
    rules: Rulebook,
) -> Reply:
    """What the text checks look at; without what needs the row lock."""
    desk, voice = snapshot.desk, rules.voice
    assert desk is not None
    assert voice is not None
    about = topic("\n".join(reversed(desk.asked)), voice.standards.topics)
    contact = snapshot.proof_contact
    return Reply(
        text=plain(fitting(text, leg, agent, rules)),
        place=_place(leg, agent, rules),
        stage=stage_of(about, desk.asked[len(desk.unanswered) :], voice.standards.topics, first=desk.newest is None),
        conversation=conversation.id,
        topic=conversation.topic or (about.category if about.category != "other" else None),
        orders=orders_of(conversation.orders, about),
        scope=scope_of(leg.channel, contact.tier if contact is not None else None),
        question=desk.asked[0] if desk.asked else "",
        language=contact.language if contact is not None else None,
        own=_own(desk, leg),
        attachments=tuple(attachments),
        open_promises=len(desk.promises),
        official_answer=desk.incident.answer if desk.incident is not None else "",
    )


def fitting(text: RichText, leg: Leg, agent: Agent, rules: Rulebook) -> RichText:
    """The words of a reply in the form its channel wants, as far as that needs nobody's decision (4.13)."""
    if rules.voice is None:
        return text
    return repaired(text, _place(leg, agent, rules), rules.voice.standards.checks)


def _place(leg: Leg, agent: Agent, rules: Rulebook) -> Place:
    return Place(channel_type=rules.channel(leg.channel).type, author=agent.id)


def stage_of(about: Topic, answered: Sequence[str], rules: TopicRules, *, first: bool) -> Stage:
    """What a reply is in its cycle, by what the customer's words are `about` and those of them `answered` already: the
    first after a complaint needs understanding, also where others came before (CM-20)."""
    if first:
        return Stage.FIRST_COMPLAINT if about.complaint else Stage.FIRST
    is_new = about.complaint and not topic("\n".join(answered), rules).complaint
    return Stage.LATER_COMPLAINT if is_new else Stage.NONE


def _own(desk: DeskView, leg: Leg) -> Own:
    """The customer's own data; to be disclosed only to a proven identity (4.1)."""
    asking = next((each for each in desk.identities if each.key == leg.identity), None)
    return Own(
        phones=frozenset(each.key.value for each in desk.identities if each.key.type == "phone"),
        emails=frozenset(each.key.value for each in desk.identities if each.key.type == "email"),
        disclosable=asking is not None and asking.verification >= 1,
    )


def checked_reply(
    reply: Reply,
    desk: DeskView,
    conversation: Conversation,
    agent: Agent,
    rules: Rulebook,
    voice: Voice,
    *,
    message: UUID | None = None,
    corrects: str = "",
    crosses: bool = True,
) -> tuple[Reply, Checked]:
    """All checks of a reply. `message` is its own id once it is stored: what it said itself is no contradiction.
    Without `crosses` (an edit of what has left) nobody is in the way."""
    checked = desk.read.checked if desk.read is not None and desk.read.reply == reply else None
    if checked is None:
        checked = check_text(reply, voice.standards, voice.calendar, desk.now)
    full = replace(
        reply,
        told=tuple(each for each in desk.told if message is None or each.message != message),
        corrects=corrects,
        view=_view(desk, conversation, agent, reply.place, rules) if crosses else NO_VIEW,
    )
    return full, check_locked(checked, full, voice.standards, desk.now)


def _view(desk: DeskView, conversation: Conversation, agent: Agent, place: Place, rules: Rulebook) -> LockedView:
    return LockedView(
        newest=desk.newest,
        seen_at=desk.seen.get(agent.id),
        round_answered=desk.round_answered,
        lease=desk.lease_of_others(agent.id, lease_time(place)),
        customer_at=desk.asked_at,
        customer_seq=desk.asked_seq,
        resolved_by=desk.resolved_by,
        resolved_at=desk.resolved_at,
        owner=conversation.owner,
        exempt=rules.is_lead(agent, conversation.team),
    )
