"""Held replies: why one waits, and how it leaves once somebody has decided.

A hold never sends itself (`service.md` 4.0, decisions 17).
"""

from datetime import timedelta

from router.consistency.findings import Finding, Level, Place
from router.consistency.pipeline import Checked
from router.decision import Decision, NewEvent, Outcome, Planned, Reason, Snapshot
from router.desk_view import Held
from router.directs import pinged
from router.model import AuthorKind, Conversation, Leg, Outgoing
from router.planning import notice
from router.record import NewHold, Record
from router.relay import edits_of
from router.replies import planned_reply
from router.richtext import Inline, Paragraph, RichText, Span
from router.rulebook import Agent, Rulebook, Voice

MARK = "warning"


def holding(checked: Checked) -> tuple[Finding, ...]:
    """The findings a reply is held for, block before warn."""
    return tuple(each for each in checked.findings if each.level.holds)


def new_hold(checked: Checked, agent: Agent, place: Place, voice: Voice, replaces: Held | None = None) -> NewHold:
    """The hold of a reply that was checked; `replaces` the one it was under before an edit."""
    return NewHold(
        agent=agent.id,
        findings=holding(checked),
        tell_after=voice.lead_after_chat if place.is_chat else voice.lead_after_mail,
        replaces=replaces.id if replaces is not None else None,
    )


def kept(checked: Checked, voice: Voice, agent: Agent, hold: NewHold) -> Record:
    """The record of a reply that stays: only its findings."""
    quiet = tuple(each for each in checked.findings if each.level in (Level.LOG, Level.SHADOW))
    return Record(standards=voice.standards.version, actor=f"agent:{agent.id}", logged=quiet, hold=hold)


def overdue(conversation: Conversation, agent: str, lead: Agent | None, waited: timedelta) -> Decision:
    """Nobody has decided for a while: the lead is told."""
    minutes = max(1, round(waited.total_seconds() / 60))
    sentence = (
        f"a reply by {agent} has been held for {minutes} min and the customer is waiting. `@onevoice held` shows it."
    )
    start: tuple[Inline, ...] = (
        (pinged(lead), Span(f": {sentence}")) if lead else (Span(sentence[0].upper() + sentence[1:]),)
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("hold.lead", sentence),),
        conversation=conversation,
        events=(NewEvent(type="hold_overdue", actor="system:holds", payload={"agent": agent}),),
        deliveries=notice(conversation, RichText((Paragraph(start),))),
    )


def carried(
    snapshot: Snapshot,
    conversation: Conversation,
    leg: Leg,
    held: Held,
    text: RichText,
    author: Agent,
    rules: Rulebook,
) -> tuple[tuple[Planned, ...], str | None]:
    """Deliveries of a held reply, or of the held edit of one that was told before."""
    if told := held.target.live:
        return edits_of(told, text, rules, Outgoing(author=author.name, author_kind=AuthorKind.AGENT))
    attachments = held.target.message.attachments
    return planned_reply(snapshot, conversation, leg, text, attachments, author, rules, hold=timedelta(0)), None
