"""The new words of a reply that has left where nothing can be changed any more: sent as a correction, if its author or
a lead wants that; never by themselves (S25)."""

from collections.abc import Mapping
from dataclasses import replace

from router.answering import reply, unposted
from router.asked import Answer, Asked, answered, refused
from router.consistency.language import Language, language
from router.correction_offers import VERB, about, ref_of
from router.decision import Decision, NewEvent, Snapshot
from router.handing import taken_by_answer
from router.model import DeliveryKind, DeliveryState, Message, Visibility
from router.richtext import Paragraph, RichText, Span, plain
from router.told import Target

EVENT = "reply_corrected"
_GONE = frozenset({DeliveryState.FAILED, DeliveryState.DEAD, DeliveryState.WITHDRAWN})


def send_correction(asked: Asked) -> Decision:
    """ "send-correction": the new words of the reply that was edited last, as a message of their own."""
    target = asked.snapshot.lookup.edited
    if target is None:
        return refused(asked, "No reply here was edited after it had left. Edit your message first.")
    message = target.message
    if message.author != asked.actor and not asked.rules.is_lead(asked.agent, asked.conversation.team):
        return refused(asked, "Only its author or a lead can send a correction.")
    if (refusal := _refusal(asked, target)) is not None:
        return refused(asked, refusal)
    text = _headed(message.text)
    said = replace(asked.inbound, text=text, attachments=(), value=VERB)
    snapshot = _without(asked.snapshot, message)
    decision = taken_by_answer(
        reply(snapshot, asked.conversation, said, asked.agent, asked.rules), snapshot, asked.agent
    )
    if decision.message is None or decision.message.visibility is not Visibility.PUBLIC:
        return answered(asked, f"Not sent: {decision.reasons[0].text}.")
    event = NewEvent(type=EVENT, actor=asked.actor, payload={"reply": ref_of(message, message.version)})
    done = RichText((Paragraph((Span(f"{asked.agent.name} has sent the new words as a correction."),)),))
    return replace(
        unposted(_superseding(decision, asked.snapshot, message), f"{asked.agent.name} sent a correction:"),
        events=(event, *decision.events),
        settles={about(message): done},
    )


def _refusal(asked: Asked, target: Target) -> str | None:
    message = target.message
    word = asked.verb.rest.strip()
    if word and word != ref_of(message, message.version):
        return "These words have been changed since: the newest notice has the button for the newest words."
    if asked.snapshot.lookup.corrected:
        return "These words have been sent as a correction already."
    edits = [each for each in target.deliveries if each.kind is DeliveryKind.EDIT and each.state not in _GONE]
    if edits:
        return "The customer reads the new words already."
    desk = asked.snapshot.desk
    if desk is not None and desk.hold_of(message.id) is not None:
        return "The new words are held: decide about them first."
    return None


def _headed(text: RichText) -> RichText:
    """The new words, said to be a correction in their own language."""
    chinese = language(plain(text)) in {Language.SIMPLIFIED, Language.TRADITIONAL}
    return RichText((Paragraph((Span("更正:" if chinese else "Correction:"),)), *text.blocks))


def _without(snapshot: Snapshot, message: Message) -> Snapshot:
    """A correction contradicts nothing that the corrected reply said."""
    desk = snapshot.desk
    if desk is None:
        return snapshot
    told = tuple(each for each in desk.told if each.message != message.id)
    promises = tuple(each for each in desk.promises if each.message != message.id)
    return replace(snapshot, desk=replace(desk, told=told, promises=promises))


def _superseding(decision: Decision, snapshot: Snapshot, message: Message) -> Decision:
    """What the corrected reply said holds no more, once the correction leaves."""
    record, desk = decision.record, snapshot.desk
    if record is None or desk is None or record.hold is not None:
        return decision
    said = {each.id: "superseded" for each in desk.told if each.id is not None and each.message == message.id}
    promised = {each.id: "cancelled" for each in desk.promises if each.id is not None and each.message == message.id}
    return replace(
        decision,
        record=replace(
            record,
            ended_statements={**said, **record.ended_statements},
            ended_promises={**promised, **record.ended_promises},
        ),
    )


def _words(asked: Asked) -> tuple[Snapshot, RichText] | None:
    target = asked.snapshot.lookup.edited
    return None if target is None else (_without(asked.snapshot, target.message), _headed(target.message.text))


WORDS = {VERB: _words}
"""What a verb would say to the customer, and against what that is checked."""
VERBS: Mapping[str, Answer] = {VERB: send_correction}
