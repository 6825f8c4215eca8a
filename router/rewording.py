"""An edit or deletion of a reply on the desk: checked like the reply itself, held or taken out of its hold."""

from dataclasses import replace

from router.checking import author_of, checked_reply, fitting, text_of_reply
from router.consistency.pipeline import Checked
from router.decision import Decision, NewEvent, Reason, Snapshot
from router.desk_view import DeskView, Held
from router.held import MARK, carried, holding, kept, new_hold
from router.held_notices import asking, decided, quoted, ref_of
from router.intent import is_internal, mode_of, words_of
from router.local_time import local_time
from router.model import Conversation, Inbound, InboundKind, Leg, Visibility
from router.planning import notice, reaction, way_out
from router.record import Action, HoldEnd, HoldState, Record
from router.relay import relay_edit
from router.replies import leaving
from router.richtext import plain
from router.rulebook import Agent, ReplyMode, Rulebook, Voice
from router.told import Target

FORMER = "Its author is not a listed agent any more: the new words were not sent, they are kept as a note."
NEVER_SENT = "It was never sent: its edit is kept, but nobody is told of it. Write a new message to answer."


def reworded(snapshot: Snapshot, inbound: Inbound, rules: Rulebook, *, by: Agent | None = None) -> Decision:
    """What `relay_edit` says, unless the new text must be held, or the old one was. `by`: who changes it without
    editing the post. Who is no agent any more says nothing to a customer (S8)."""
    agent = author_of(snapshot, inbound, rules, by)
    unsaid = inbound.kind is InboundKind.EDIT and (agent is None or _is_unsaid(snapshot, inbound, rules, by))
    inbound = replace(inbound, text=words_of(inbound.text))
    desk, target, conversation, voice = snapshot.desk, snapshot.target, snapshot.proof, rules.voice
    leg = way_out(conversation, rules) if conversation is not None else None
    if isinstance(leg, Leg) and agent is not None and not unsaid and _is_public(target):
        inbound = replace(inbound, text=fitting(inbound.text, leg, agent, rules))
    relayed = relay_edit(snapshot, inbound, rules, unsaid=unsaid)
    if unsaid and agent is None and snapshot.proof is not None and relayed.deliveries:
        relayed = replace(relayed, deliveries=(*relayed.deliveries, *notice(snapshot.proof, FORMER)))
    if by is not None:
        relayed = replace(relayed, events=tuple(replace(each, actor=f"agent:{by.id}") for each in relayed.events))
    if desk is None or target is None or conversation is None or voice is None or not _is_public(target):
        return relayed
    held, revision = desk.hold_of(target.message.id), relayed.revision
    if relayed.sealed is not None or (revision is not None and (revision.deleted or revision.note)):
        return _taken_back(relayed, desk, held, target, rules, by)
    if held is not None and revision is not None and desk.asked_at is not None and desk.asked_at > held.held_at:
        relayed = replace(relayed, revision=replace(revision, composed_at=inbound.sent_at or desk.now))  # D11
    if revision is None or agent is None or not isinstance(leg, Leg):
        return relayed
    reply = text_of_reply(snapshot, conversation, leg, inbound.text, inbound.attachments, agent, rules)
    _, checked = checked_reply(
        reply,
        desk,
        conversation,
        agent,
        rules,
        voice,
        message=target.message.id,
        crosses=held is not None and not target.live,
    )
    if holding(checked):
        record = kept(checked, voice, agent, new_hold(checked, agent, reply.place, voice, held))
        record = replace(record, unsaid=bool(target.queued) and not target.live)
        decision = replace(relayed, record=record)
        decision = _kept_back(decision, conversation, desk, agent, checked, target, rules)
        return (
            decision
            if held is None
            else _over(decision, desk, held, rules, by, "修改后仍未发送,见下方", "Changed and held again, see below,")
        )
    if held is not None:
        return _cleared(snapshot, relayed, desk, held, conversation, leg, agent, checked, inbound, rules, voice, by)
    if not target.carriers:
        return replace(relayed, deliveries=notice(conversation, NEVER_SENT))
    if not relayed.rewrite and all(each.desk for each in relayed.deliveries):
        return relayed  # the customer will not see the new text: what counts is what they were told
    return replace(relayed, record=_leaving(checked, desk, conversation, leg, agent, voice, target))


def _is_public(target: Target | None) -> bool:
    return target is not None and target.message.visibility is Visibility.PUBLIC


def _is_unsaid(snapshot: Snapshot, edit: Inbound, rules: Rulebook, by: Agent | None) -> bool:
    """Whether the new text of a reply is not for the customer, or replaces one that was not (events are unordered: the
    edit that made it one may come later). `by` says so in a form, where no mode counts."""
    if snapshot.target is not None and snapshot.target.sealed:
        return True
    if edit.replaced is not None and is_internal(edit.replaced, ReplyMode.REPLY):
        return True
    return is_internal(edit.text, mode_of(snapshot, rules) if by is None else ReplyMode.REPLY)


def _leaving(
    checked: Checked,
    desk: DeskView,
    conversation: Conversation,
    leg: Leg,
    agent: Agent,
    voice: Voice,
    target: Target,
) -> Record:
    version = voice.standards.version
    return leaving(checked, desk, conversation, leg.channel, agent, version, message=target.message.id)


def _over(
    decision: Decision, desk: DeskView, held: Held, rules: Rulebook, by: Agent | None, zh: str, en: str, text: str = ""
) -> Decision:
    """Its notices say what became of it; with its new words, where the post still shows the old ones."""
    author = rules.agents.get(held.agent)
    who = by or author
    name, at = who.name if who is not None else held.agent, local_time(desk.now, rules)
    new = f": {quoted(text)}" if text and by is not None else ""
    about, said = decided(rules, desk, author, held, f"{zh}:{name},{at}{new}", f"{en} by {name} at {at}{new or '.'}")
    return replace(decision, settles={about: said})


def _taken_back(
    relayed: Decision, desk: DeskView, held: Held | None, target: Target, rules: Rulebook, by: Agent | None
) -> Decision:
    """Deleted or made a note: a hold is over, and what had not left was never said."""
    kept = bool(target.live) and all(each.desk for each in relayed.deliveries)
    record = Record() if kept else Record(message=target.message.id, unsaid=True)
    if held is None:
        return relayed if kept else replace(relayed, record=record)
    actor = f"agent:{by.id}" if by is not None else target.message.author
    end = HoldEnd(hold=held.id, state=HoldState.DISCARDED, action=Action.DISCARDED, actor=actor)
    ended = replace(relayed, record=replace(record, hold_end=end))
    return _over(ended, desk, held, rules, by, "已撤回", "Taken back")


def _kept_back(
    relayed: Decision,
    conversation: Conversation,
    desk: DeskView,
    agent: Agent,
    checked: Checked,
    target: Target,
    rules: Rulebook,
) -> Decision:
    """The new text waits, and with it what was still queued; of a reply that is leaving the rest leaves too."""
    found = holding(checked)
    queued = tuple(each.id for each in target.queued) if not target.live else ()
    told = notice(conversation, "The customer has the earlier text until this is decided.") if target.live else ()
    post = target.message.remote_id
    names = [each.rule for each in found]
    ref = ref_of(target.message, target.message.version + 1)
    return replace(
        relayed,
        reasons=(Reason("hold", ", ".join(names)),),
        events=(*relayed.events, NewEvent(type="reply_held", actor=f"agent:{agent.id}", payload={"findings": names})),
        withdraw=queued,
        rewrite={},
        deliveries=(
            *asking(conversation, rules, desk, agent, found, ref),
            *told,
            *(reaction(conversation, post, MARK) if post else ()),
        ),
    )


def _cleared(
    snapshot: Snapshot,
    relayed: Decision,
    desk: DeskView,
    held: Held,
    conversation: Conversation,
    leg: Leg,
    agent: Agent,
    checked: Checked,
    inbound: Inbound,
    rules: Rulebook,
    voice: Voice,
    by: Agent | None,
) -> Decision:
    """Nothing holds the new text: editing is the agent's own decision to send it, where it can be sent."""
    actor = f"agent:{(by or agent).id}"
    end = HoldEnd(hold=held.id, state=HoldState.RELEASED, action=Action.EDITED, actor=actor)
    deliveries, trouble = carried(snapshot, conversation, leg, held, inbound.text, agent, rules)
    if trouble is not None:
        kept = replace(relayed, record=Record(hold_end=replace(end, state=HoldState.DISCARDED)))
        return _over(kept, desk, held, rules, by, "已修改,但未发送", "Changed, but not sent,")
    payload = {"reply": held.target.message.id.hex, "channel": leg.channel, "as": end.action.value}
    record = _leaving(checked, desk, conversation, leg, agent, voice, held.target)
    cleared = replace(
        relayed,
        reasons=(Reason("hold.edit", "nothing holds the new text"),),
        events=(*relayed.events, NewEvent(type="reply_released", actor=end.actor, payload=payload)),
        deliveries=deliveries,
        record=replace(record, hold_end=end),
    )
    return _over(cleared, desk, held, rules, by, "修改后已发送", "Changed and sent", plain(inbound.text))
