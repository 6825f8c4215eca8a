"""Held replies as agents decide about them in the thread: show, send, correct, change, discard (4.0, 4.6)."""

from collections.abc import Mapping
from dataclasses import replace

from router.approved import with_approved
from router.asked import INWARD, Answer, Asked, answered, is_inward, refused
from router.checking import checked_reply, text_of_reply
from router.consistency.findings import Place, needs_lead
from router.consistency.ledger import LEDGER_RULES, Contradiction
from router.consistency.pipeline import Checked
from router.consistency.reply import Reply
from router.decision import Decision, NewEvent, Planned, Reason, Snapshot
from router.desk_view import DeskView, Held
from router.held import carried, holding, kept, new_hold
from router.held_notices import asking, decided, is_ref, meanwhile, ref_of
from router.local_time import local_time
from router.model import Conversation, InboundKind, Leg
from router.planning import way_out
from router.record import Action, HoldEnd, HoldState, Record
from router.replies import leaving
from router.rewording import reworded
from router.richtext import RichText, of_text, plain
from router.rulebook import Agent, Rulebook, Voice


def send(asked: Asked) -> Decision:
    """Send it anyway: a warning by its author or a lead, a block by a lead, never a contradiction of the ledger."""
    return _released(asked, corrects=False)


def correct(asked: Asked) -> Decision:
    """Send it as a correction of what was said before, which it takes the place of."""
    return _released(asked, corrects=True)


def discard(asked: Asked) -> Decision:
    """Drop a held reply."""
    held, reason = meant(asked)
    if isinstance(held, str):
        return refused(asked, held)
    if not _may(asked, held):
        return refused(asked, "Only its author or a lead can discard a held reply.")
    end = HoldEnd(hold=held.id, state=HoldState.DISCARDED, action=Action.DISCARDED, actor=asked.actor, reason=reason)
    event = NewEvent(type="reply_discarded", actor=asked.actor, payload={"reply": held.target.message.id.hex})
    decision = _told(asked, held, "Discarded: the held reply will not be sent.", "已放弃", "Discarded", reason, event)
    return replace(decision, record=Record(message=held.target.message.id, actor=asked.actor, hold_end=end))


def show(asked: Asked) -> Decision:
    """Every held reply of the thread once more, with its buttons: they can be asked for again (decisions 17)."""
    desk, rules = asked.snapshot.desk, asked.rules
    if desk is None or not desk.held:
        return refused(asked, "No reply is held in this thread.")
    again: list[Planned] = []
    settles: dict[str, RichText] = {}
    for held in desk.held:
        author = rules.agents.get(held.agent) or Agent(id=held.agent, name=held.agent)
        about, said = decided(rules, desk, author, held, "已重新显示,见下方。", "Asked for again: see below.")
        settles[about] = said
        again += asking(asked.conversation, rules, desk, author, held.findings, ref_of(held.target.message))
    return replace(answered(asked, ""), deliveries=tuple(again), settles=settles)


def reword(asked: Asked) -> Decision:
    """Other words for a held reply, as if its author had edited the post: checked again, sent when clean."""
    held, text = meant(asked, by_name=False)
    if isinstance(held, str):
        return refused(asked, held)
    if not text:
        return refused(asked, "Say the new words: `@onevoice reword <text>`, or edit your message.")
    if is_inward(asked, text):
        return refused(asked, INWARD)
    return _changed(asked, held, text)


def insert(asked: Asked) -> Decision:
    """The approved sentences of the findings in their places, then checked again."""
    held, _ = meant(asked)
    if isinstance(held, str):
        return refused(asked, held)
    return _changed(asked, held, with_approved(plain(held.target.message.text), held.findings))


def _changed(asked: Asked, held: Held, text: str) -> Decision:
    if not _may(asked, held):
        return refused(asked, "Only its author or a lead can change a held reply.")
    message = held.target.message
    if text == plain(message.text):
        return refused(asked, "These are the words that are held: nothing has changed.")
    edit = replace(
        asked.inbound,
        kind=InboundKind.EDIT,
        text=of_text(text),
        attachments=message.attachments,
        target=message.remote_id,
        order=max(asked.inbound.order, held.target.order),
    )
    return reworded(replace(asked.snapshot, target=held.target), edit, asked.rules, by=asked.agent)


def _told(asked: Asked, held: Held, said: str, zh: str, en: str, reason: str, *events: NewEvent) -> Decision:
    """Said in the thread to who wrote there; its notices say it in any case."""
    desk, rules = asked.snapshot.desk, asked.rules
    decision = answered(asked, said, *events)
    if desk is None:
        return decision
    name, at = asked.agent.name, local_time(desk.now, rules)
    about, what = decided(
        rules,
        desk,
        rules.agents.get(held.agent),
        held,
        f"{zh}:{name},{at}" + (f"。原因:{reason}" if reason else ""),
        f"{en} by {name} at {at}" + (f": {reason}" if reason else "."),
    )
    pressed = asked.inbound.kind is InboundKind.BUTTON
    return replace(decision, deliveries=() if pressed else decision.deliveries, settles={about: what})


def meant(asked: Asked, *, by_name: bool = True) -> tuple[Held | str, str]:
    """The held reply an agent means, and what is said behind it: the one a button names, their own newest, else the
    only one, else it is named by its author (`by_name`)."""
    desk, rest = asked.snapshot.desk, asked.verb.rest.strip()
    held = list(desk.held) if desk is not None else []
    first, _, others = rest.partition(" ")
    if is_ref(first):
        known = next((each for each in held if ref_of(each.target.message) == first), None)
        return known if known is not None else _gone(asked, first), others.strip()
    if not held:
        return "No reply is held in this thread.", rest
    mine = [each for each in held if each.agent == asked.agent.id]
    if not by_name:
        return mine[-1] if mine else "No reply of yours is held in this thread.", rest
    named = [each for each in held if first.casefold() == each.agent.casefold()]
    if named:
        return named[-1], others.strip()
    if mine:
        return mine[-1], rest
    if len({each.agent for each in held}) == 1:
        return held[-1], rest
    names = ", ".join(sorted({each.agent for each in held}))
    return f"Several replies are held here ({names}): put the author's id first, then the reason.", rest


def _gone(asked: Asked, ref: str) -> str:
    """Why the reply that a button names cannot be decided any more."""
    desk = asked.snapshot.desk
    if desk is not None and any(ref_of(each.target.message, 0) == f"{ref.rpartition('@')[0]}@0" for each in desk.held):
        return "Nothing was done: the words of this reply have changed since. Look at its newest notice."
    if desk is not None and desk.ended is not None:
        return meanwhile(desk.ended, asked.rules)
    return "Nothing was done: this reply is not held any more."


def _may(asked: Asked, held: Held) -> bool:
    return held.agent == asked.agent.id or asked.rules.is_lead(asked.agent, asked.conversation.team)


def _released(asked: Asked, *, corrects: bool) -> Decision:
    held, reason = meant(asked)
    if isinstance(held, str):
        return refused(asked, held)
    desk, rules, conversation = asked.snapshot.desk, asked.rules, asked.conversation
    leg = way_out(conversation, rules)
    author = rules.agents.get(held.agent) or replace(asked.agent, id=held.agent)
    if isinstance(leg, Reason):
        return refused(asked, f"It cannot be sent: {leg.text}.")
    if desk is None or rules.voice is None:
        return refused(asked, "It cannot be sent: nothing is checked here any more.")
    if not reason:
        return refused(asked, f"Say why: `@onevoice {asked.verb.name} <reason>`. The reason is kept on record.")
    if not _may(asked, held):
        return refused(asked, "Only its author or a lead can send a held reply.")
    reply, checked = _again(asked.snapshot, desk, conversation, leg, held, author, rules, rules.voice)
    if _is_news(held, checked, corrects=corrects):
        return _held_on(asked, desk, held, author, reply.place, checked, rules.voice)
    contradictions = tuple(each for each in checked.contradictions if each.finding.level.holds)
    if (refusal := _refusal(asked, held, checked, contradictions, corrects=corrects)) is not None:
        return refused(asked, refusal)
    end = HoldEnd(
        hold=held.id,
        state=HoldState.RELEASED,
        action=Action.CORRECTED if corrects else Action.SENT_ANYWAY,
        actor=asked.actor,
        reason=reason,
    )
    deliveries, trouble = carried(asked.snapshot, conversation, leg, held, held.target.message.text, author, rules)
    if trouble is not None:
        return refused(asked, trouble)
    event = NewEvent(
        type="reply_released",
        actor=asked.actor,
        payload={"reply": held.target.message.id.hex, "channel": leg.channel, "as": end.action.value, "reason": reason},
    )
    record = leaving(
        checked,
        desk,
        conversation,
        leg.channel,
        author,
        rules.voice.standards.version,
        message=held.target.message.id,
    )
    zh, en = ("已作为更正发送", "Sent as a correction") if corrects else ("仍然发送", "Sent anyway")
    decision = _told(asked, held, _done(corrects, contradictions), zh, en, reason, event)
    return replace(
        decision,
        carries=held.target.message.id,
        deliveries=(*deliveries, *decision.deliveries),
        record=replace(record, hold_end=end, logged=()),
    )


def _again(
    snapshot: Snapshot,
    desk: DeskView,
    conversation: Conversation,
    leg: Leg,
    held: Held,
    author: Agent,
    rules: Rulebook,
    voice: Voice,
) -> tuple[Reply, Checked]:
    """Ledger and thread as they are now: somebody may have said the same or something else since it was held."""
    message = held.target.message
    seen = max(held.held_at, desk.seen.get(author.id, held.held_at))
    reply = text_of_reply(snapshot, conversation, leg, message.text, message.attachments, author, rules)
    return checked_reply(
        reply,
        replace(desk, seen={**desk.seen, author.id: seen}),
        conversation,
        author,
        rules,
        voice,
        message=message.id,
        crosses=not held.target.live,
    )


def _is_news(held: Held, checked: Checked, *, corrects: bool) -> bool:
    """Whether something is found that its notice does not say; a correction is meant to contradict."""
    known = {(each.rule, each.said, each.earlier) for each in held.findings}
    found = [each for each in holding(checked) if not (corrects and each.rule in LEDGER_RULES)]
    return any((each.rule, each.said, each.earlier) not in known for each in found)


def _held_on(
    asked: Asked,
    desk: DeskView,
    held: Held,
    author: Agent,
    place: Place,
    checked: Checked,
    voice: Voice,
) -> Decision:
    """It waits on, with what was found since: whoever decides must know (4.4 a)."""
    found, message, rules = holding(checked), held.target.message, asked.rules
    payload = {"findings": [each.rule for each in found]}
    about, said = decided(
        rules, desk, author, held, "尚未发送,见下方。", "Not sent yet: see below what happened since."
    )
    decision = answered(asked, "", NewEvent(type="reply_held", actor=f"agent:{author.id}", payload=payload))
    return replace(
        decision,
        deliveries=asking(asked.conversation, rules, desk, author, found, ref_of(message)),
        settles={about: said},
        record=replace(kept(checked, voice, author, new_hold(checked, author, place, voice, held)), message=message.id),
    )


def _refusal(
    asked: Asked, held: Held, checked: Checked, contradictions: tuple[Contradiction, ...], *, corrects: bool
) -> str | None:
    """Why a held reply may not leave in this way; None when it may."""
    if corrects and not contradictions:
        return "It contradicts nothing that was said before; `@onevoice send <reason>` sends it."
    if not corrects and needs_lead(each.finding for each in contradictions):
        return "It contradicts what the customer was told. `@onevoice correct <reason>` sends it as a correction."
    findings = (*held.findings, *holding(checked))
    others = [each for each in findings if not (corrects and each.rule in LEDGER_RULES)]
    if needs_lead(others) and not asked.rules.is_lead(asked.agent, asked.conversation.team):
        return "Only a lead can send this: it is blocked. Edit your message, or ask the lead."
    return None


def _done(corrects: bool, contradictions: tuple[Contradiction, ...]) -> str:
    if not corrects:
        return "Sent as it is; the reason is on record."
    earlier = ", ".join(f"{each.earlier.value} {each.earlier.unit}".rstrip() for each in contradictions)
    return f"Sent as a correction; what was said before ({earlier}) is superseded, the reason is on record."


VERBS: Mapping[str, Answer] = {
    "correct": correct,
    "discard": discard,
    "held": show,
    "insert": insert,
    "reword": reword,
    "send": send,
}
