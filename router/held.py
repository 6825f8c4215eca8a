"""Held replies: why one waits, what the thread is told about it, and how it leaves once somebody has decided.

A hold never sends itself (`service.md` 4.0, decisions 17).
"""

from datetime import timedelta

from router.consistency.findings import Finding, Level, Place, Words
from router.consistency.language import Language, language
from router.consistency.ledger import LEDGER_RULES
from router.consistency.pipeline import Checked
from router.decision import Decision, NewEvent, Outcome, Planned, Reason
from router.desk_view import DeskView, Held
from router.model import Conversation, DeliveryKind, DeliveryState, Leg
from router.planning import notice
from router.record import NewHold, Record
from router.relay import edits_of
from router.replies import planned_reply
from router.richtext import Break, Inline, Mention, Paragraph, RichText, Span
from router.rulebook import Agent, Rulebook, Voice

MARK = "warning"
LIVE = frozenset({DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.UNKNOWN})
"""States in which the customer has a message, or may have it."""


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


# What the thread is told.


def shown(desk: DeskView, agent: Agent, findings: tuple[Finding, ...]) -> RichText:
    """Every finding in words, and what can be done, in the customer's language: whoever answers it reads it."""
    chinese = bool(desk.asked) and language(desk.asked[0]) in (Language.SIMPLIFIED, Language.TRADITIONAL)
    blocked = any(each.level is Level.BLOCK for each in findings)
    contradicted = any(each.rule in LEDGER_RULES for each in findings)
    lines = [_said(chinese, f"已暂停发送:{agent.name} 的回复。", f"Held: the reply by {agent.name} has not been sent.")]
    for each in findings:
        level = {Level.BLOCK: "禁止", Level.WARN: "警告"}[each.level] if chinese else each.level.value
        lines.append(f"• {level} {each.rule}: {_word(each.message, chinese)}")
        if each.suggestion:
            lines.append(_said(chinese, "  建议:", "  Instead: ") + _word(each.suggestion, chinese))
    lines.append(_said(chinese, "修改上面的消息会重新检查。", "Edit your message above to have it checked again."))
    if contradicted:
        lines.append(
            _said(
                chinese,
                "如果是更正之前的说法:`@onevoice correct <原因>`。",
                "If it corrects what was said before: `@onevoice correct <reason>`.",
            )
        )
    who = _said(chinese, "仅主管可以", "A lead may") if blocked else _said(chinese, "您或主管可以", "You or a lead may")
    lines.append(
        _said(
            chinese,
            f"{who}仍然发送:`@onevoice send <原因>`。放弃:`@onevoice discard`。",
            f"{who} send it as it is: `@onevoice send <reason>`. To drop it: `@onevoice discard`.",
        )
    )
    return _lines(lines)


def _said(chinese: bool, zh: str, en: str) -> str:
    return zh if chinese else en


def _word(words: Words, chinese: bool) -> str:
    return (words.zh or words.en) if chinese else (words.en or words.zh)


def _lines(lines: list[str]) -> RichText:
    children: list[Inline] = []
    for line in lines:
        if children:
            children.append(Break())
        children.append(Span(line))
    return RichText((Paragraph(tuple(children)),))


def overdue(conversation: Conversation, agent: str, lead: Agent | None, waited: timedelta) -> Decision:
    """Nobody has decided for a while: the lead is told."""
    minutes = max(1, round(waited.total_seconds() / 60))
    sentence = f"a reply by {agent} has been held for {minutes} min and the customer is waiting."
    start: tuple[Inline, ...] = (
        (Mention(lead.name, lead.slack), Span(f": {sentence}")) if lead else (Span(sentence[0].upper() + sentence[1:]),)
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("hold.lead", sentence),),
        conversation=conversation,
        events=(NewEvent(type="hold_overdue", actor="system:holds", payload={"agent": agent}),),
        deliveries=notice(conversation, RichText((Paragraph(start),))),
    )


def carried(
    conversation: Conversation, leg: Leg, held: Held, text: RichText, author: Agent, rules: Rulebook
) -> tuple[tuple[Planned, ...], str | None]:
    """Deliveries of a held reply, or of the held edit of one that was told before."""
    told = [each for each in held.target.deliveries if each.kind is DeliveryKind.MESSAGE and each.state in LIVE]
    if told:
        return edits_of(told, text, rules)
    attachments = held.target.message.attachments
    return planned_reply(conversation, leg, text, attachments, author, rules, hold=timedelta(0)), None
