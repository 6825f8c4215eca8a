"""What follows for messages already told: edits, deletes and bounces carried to the other side (X11, S25, L6)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from router.correction_offers import VERB, offered
from router.decision import Decision, NewEvent, Outcome, Planned, Reason, Revision, Snapshot
from router.letters import letter
from router.merging import told_in
from router.model import (
    Conversation,
    DeliveryKind,
    DeliveryState,
    Inbound,
    InboundKind,
    Message,
    Outgoing,
    Visibility,
)
from router.planning import NOTE_MARK, ignored, notice, reaction
from router.posts import desk_message
from router.receipts import FAILED_MARK, SENT_MARK
from router.record import Record
from router.richtext import RichText, plain
from router.rulebook import Rulebook
from router.told import Target, TargetDelivery

KEPT = "it cannot be deleted everywhere"
_HOW = f"`@onevoice {VERB}` sends the new ones as a correction."
FILES_KEPT = "The files of a reply cannot be changed after it has left: the customer has those it was sent with."
EDIT_SHOWN = 3000
"""Characters of a customer's edit that a notice holds."""

ANONYMOUS = Outgoing()


def relay_edit(snapshot: Snapshot, inbound: Inbound, rules: Rulebook, *, unsaid: bool = False) -> Decision:
    """A new version or a tombstone: changed in the queue while it is there, told where the channel can, else said.
    `unsaid`: the new text is not for the customer."""
    target, conversation = snapshot.target, snapshot.proof
    if target is None or conversation is None:
        return ignored("X11", "it changes a message we do not have")
    message = target.message
    deleted = inbound.kind is InboundKind.DELETE
    refiled = not deleted and changes_files(target, inbound)
    if not deleted and not refiled and inbound.text == message.text:
        return ignored("S5", "the text is the one we have")
    if not deleted and not unsaid and inbound.order < target.order:
        return ignored("S10", "a later version is known")
    actor = message.author
    event = NewEvent(type="message_deleted" if deleted else "message_edited", actor=actor, payload=_payload(target))
    revision = Revision(
        message=message.id, text=inbound.text, attachments=inbound.attachments, deleted=deleted, order=inbound.order
    )
    if message.visibility is Visibility.NOTE:
        return _decided("a note stays a note", conversation, revision, event)
    if unsaid:
        return _made_a_note(conversation, target, inbound, revision, event)
    carriers, told = target.carriers, target.live
    queued = [each for each in carriers if each.state is DeliveryState.READY]
    if deleted:
        withdraw = tuple(each.id for each in queued)
        changes, outcome = _deletions(told, rules)
        if rules.is_desk(inbound.channel) and outcome == KEPT:
            changes = (*changes, *_still_read(conversation, message, rules))
        return _decided(outcome, conversation, revision, event, withdraw=withdraw, deliveries=changes)
    author = _writer(target, inbound, rules)
    if queued and not told and len(carriers) == 1:
        [only] = queued
        said = letter(snapshot, conversation, only.channel, inbound.text, author, rules)
        rewrite = {only.id: replace(revision, text=said)}
        return _decided("changed before it left", conversation, revision, event, rewrite=rewrite)
    writer = Outgoing(author=author, author_kind=message.author_kind)
    changes, sentence = edits_of(told or carriers, inbound.text, rules, writer)
    if sentence is not None:
        ours = rules.is_desk(inbound.channel)
        told_so = (
            offered(conversation, message, sentence) if ours else notice(conversation, _edited(plain(inbound.text)))
        )
        changes = (*changes, *told_so)
    if refiled and told and rules.is_desk(inbound.channel):
        changes = (*changes, *notice(conversation, FILES_KEPT))
    return _decided(sentence or "changed where it was told", conversation, revision, event, deliveries=changes)


def changes_files(target: Target, edit: Inbound) -> bool:
    """Whether the message has other files after the edit."""
    return {each.likeness for each in target.message.attachments} != {each.likeness for each in edit.attachments}


def _edited(text: str) -> str:
    """What agents read of a customer's edit that cannot be shown in its place."""
    return f"The customer has edited this. It reads now:\n{excerpt(text)}"


def excerpt(text: str) -> str:
    """As much of a customer's words as a notice about an edit holds."""
    return text if len(text) <= EDIT_SHOWN else f"{text[:EDIT_SHOWN]} ... (the rest is stored)"


def _payload(target: Target) -> dict[str, object]:
    return {"message": target.message.id.hex, "version": target.message.version + 1}


def _decided(
    reason: str,
    conversation: Conversation,
    revision: Revision,
    event: NewEvent,
    *,
    withdraw: tuple[UUID, ...] = (),
    rewrite: Mapping[UUID, Revision] | None = None,
    deliveries: tuple[Planned, ...] = (),
) -> Decision:
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("X11", reason),),
        conversation=conversation,
        revision=revision,
        events=(event,),
        withdraw=withdraw,
        rewrite=rewrite or {},
        deliveries=deliveries,
    )


def _made_a_note(
    conversation: Conversation, target: Target, inbound: Inbound, revision: Revision, event: NewEvent
) -> Decision:
    """A reply edited into a note (decisions 22): taken back while it is queued, and a note from then on. Else the
    agent is asked; the reply stays what the customer was told, and this text and later ones are notes of their own."""
    message = target.message
    queued = tuple(each.id for each in target.queued)
    if not target.has_left:
        sentence = "Taken back before it left: it is a note now."
        marks = reaction(conversation, message.remote_id, NOTE_MARK) if message.remote_id else ()
        changes = (*notice(conversation, sentence), *marks)
        return _decided(
            sentence, conversation, replace(revision, note=True), event, withdraw=queued, deliveries=changes
        )
    sentence = "This reply had left before it became a note. Delete it in Slack to take it back from the customer."
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("X11", sentence),),
        conversation=conversation,
        message=desk_message(inbound, message.author, inbound.sender.name, Visibility.NOTE),
        events=(NewEvent(type="note_added", actor=message.author),),
        withdraw=queued,
        sealed=message.id,
        deliveries=notice(conversation, sentence),
    )


def _writer(target: Target, inbound: Inbound, rules: Rulebook) -> str:
    """The name that is shown with the new text, as it was with the old one."""
    agent = rules.agents.get(target.message.author.removeprefix("agent:"))
    return agent.name if agent is not None else inbound.sender.name


def edits_of(
    told: Sequence[TargetDelivery], text: RichText, rules: Rulebook, writer: Outgoing = ANONYMOUS
) -> tuple[tuple[Planned, ...], str | None]:
    """The new text carried to where the old one was told, or why that cannot be. `writer` says whose words it is."""
    changes: list[Planned] = []
    for each in told:
        capabilities = rules.channel(each.channel).capabilities
        if not capabilities.edits or each.parts > 1 or len(plain(text)) > capabilities.text_limit:
            return (
                (),
                f"The edit cannot be shown where the message was sent: the customer reads the earlier words. {_HOW}",
            )
        if not each.remote_ids and not capabilities.pulls:
            return (), f"The message is still on its way: its edit was kept but not sent. {_HOW}"
        target = next(iter(each.remote_ids), None)
        changes.append(_change(each, DeliveryKind.EDIT, replace(writer, text=text, target=target)))
    return tuple(changes), None


def _deletions(told: Sequence[TargetDelivery], rules: Rulebook) -> tuple[tuple[Planned, ...], str]:
    able = [
        each
        for each in told
        if rules.channel(each.channel).capabilities.deletes
        and (each.remote_ids or rules.channel(each.channel).capabilities.pulls)
    ]
    changes = tuple(
        _change(each, DeliveryKind.DELETE, Outgoing(target=target))
        for each in able
        for target in each.remote_ids or (None,)
    )
    return changes, "deleted where it was told" if len(able) == len(told) else KEPT


def _still_read(conversation: Conversation, message: Message, rules: Rulebook) -> tuple[Planned, ...]:
    """S25: its author alone is told that the customer still has it."""
    author = rules.agents.get(message.author.removeprefix("agent:"))
    said = "The customer still has this message: it cannot be taken back where it was sent. Write a correction instead."
    return tuple(
        replace(each, outgoing=replace(each.outgoing, only_for=author.slack if author is not None else None))
        for each in notice(conversation, said)
    )


def _change(each: TargetDelivery, kind: DeliveryKind, outgoing: Outgoing) -> Planned:
    return Planned(
        kind=kind, channel=each.channel, address=each.address, desk=each.desk, outgoing=outgoing, of_message=True
    )


def relay_failure(snapshot: Snapshot, inbound: Inbound) -> Decision:
    """A bounce that our own mark proves (L6): the message did not arrive, and the desk is told."""
    target, survivor = snapshot.target, snapshot.proof
    if target is None or survivor is None:
        return ignored("L6", "it names no message of ours")
    if inbound.value.startswith("2"):
        return ignored("L6", "it tells of a delivery, which the mark says already")
    conversation = snapshot.absorbed or survivor  # whose message it is: that stays so after an unmerge
    if inbound.value.startswith("4"):
        sentence = f"Delayed: the customer's mail server has not taken the reply yet ({inbound.value})."
        delayed = Decision(
            outcome=Outcome.STORED,
            reasons=(Reason("L6", "a delay, not a failure"),),
            conversation=conversation,
            deliveries=notice(conversation, sentence),
        )
        return told_in(delayed, survivor)
    sentence = f"Not delivered: the customer's mail server returned the reply ({inbound.value or 'no status'})."
    failed = Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("L6", "the message came back"),),
        conversation=conversation,
        events=(NewEvent(type="delivery_failed", payload={"message": target.message.id.hex, "status": inbound.value}),),
        deliveries=(*notice(conversation, sentence), *_failed_mark(conversation, target.message)),
        record=Record(message=target.message.id, unsaid=True),
    )
    return told_in(failed, survivor)


def _failed_mark(conversation: Conversation, message: Message) -> tuple[Planned, ...]:
    """On the agent's own post, which has that of a reply that was sent (X6)."""
    if not message.remote_id:
        return ()
    return (
        *reaction(conversation, message.remote_id, f"-{SENT_MARK}"),
        *reaction(conversation, message.remote_id, FAILED_MARK),
    )
