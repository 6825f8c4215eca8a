"""Who is told when a deadline comes near or is passed, and how (D29)."""

from collections.abc import Sequence
from dataclasses import dataclass

from router.alarms import BREACH, Alarm
from router.alerting import USUAL, By
from router.decision import Decision, NewEvent, Outcome, Planned, Reason
from router.directs import address_of, direct, lead_of, named, pinged
from router.instants import to_text
from router.model import Conversation
from router.planning import notice
from router.richtext import Inline, Paragraph, RichText, Span
from router.rulebook import Agent, Rulebook
from router.targets import Metric
from router.timeline import Timeline

_WHAT = {
    Metric.ACK: "the acknowledgement",
    Metric.FIRST: "the first answer",
    Metric.NEXT: "the next answer",
    Metric.UPDATE: "the next update",
    Metric.RESOLUTION: "the solution",
}
_LEFT = {"4h": "4 business hours are left", "1h": "1 business hour is left"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`kinds` says how people are told, once for each who is: thread, mention, dm (the owner), page (a lead), or
    unreachable for an agent without an address in Slack."""

    decision: Decision
    kinds: tuple[str, ...]


def alert(
    conversation: Conversation, alarm: Alarm, figures: Timeline, rules: Rulebook, absent: frozenset[str] = frozenset()
) -> Alert:
    """What the policy wants done at this level: the notice in the thread, direct messages, and the event that records
    both. An owner who is `absent` is not disturbed, and nobody's conversation has no owner: the lead hears instead."""
    by = rules.alerts.get(conversation.policy or "", USUAL).of(alarm.level)
    lead = lead_of(rules, conversation.team, absent)
    owner = rules.agents.get(conversation.owner or "")
    person = lead if owner is None or owner.id in absent else owner
    mentioned = _each(person if By.MENTION in by else None, lead if By.LEAD in by else None)
    messaged = _each(person if By.DM in by else None, lead if By.LEAD in by else None)
    reached = [each for each in messaged if address_of(each) is not None]
    sentence = _sentence(alarm, figures)
    said: tuple[Planned, ...] = ()
    if set(by) - {By.DM} or (by and not reached):
        said = notice(conversation, _line(mentioned, sentence))
    event = NewEvent(
        type="target_breached" if alarm.level == BREACH else "target_warned",
        actor="system:clock",
        payload={
            "metric": alarm.metric.value,
            "level": alarm.level,
            "due_at": to_text(alarm.due_at),
            **({"mentioned": [each.id for each in mentioned]} if mentioned else {}),
            **({"messaged": [each.id for each in reached]} if reached else {}),
        },
    )
    decision = Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D29", sentence),),
        conversation=conversation,
        events=(event,),
        deliveries=(*said, *(each for agent in reached for each in _message(conversation, agent, sentence, rules))),
    )
    kinds = (
        *(("mention" if mentioned else "thread",) if said else ()),
        *("dm" if each is owner else "page" for each in reached),
        *("unreachable" for each in messaged if each not in reached),
    )
    return Alert(decision=decision, kinds=kinds)


def _each(*agents: Agent | None) -> Sequence[Agent]:
    """Each only once."""
    return list({each.id: each for each in agents if each is not None}.values())


def _sentence(alarm: Alarm, figures: Timeline) -> str:
    what, zone = _WHAT[alarm.metric], figures.calendar.zone
    if alarm.level == BREACH:
        at = alarm.due_at.astimezone(zone)
        return f"Overdue: {what} was due at {at:%H:%M:%S} on {at:%d %b} ({zone.key})."
    deadline = figures.waiting.deadline if figures.waiting else None
    due = f", due at {deadline.astimezone(zone):%H:%M:%S}" if deadline else ""
    left = _LEFT.get(alarm.level) or f"{alarm.level} % of the time is used"
    return f"Waiting: {left} for {what}{due}."


def _line(mentioned: Sequence[Agent], sentence: str) -> RichText:
    names: list[Inline] = []
    for each in mentioned:
        names += [pinged(each), Span(", ")]
    return RichText((Paragraph((*names[:-1], *((Span(": "),) if names else ()), Span(sentence))),))


def _message(conversation: Conversation, agent: Agent, sentence: str, rules: Rulebook) -> tuple[Planned, ...]:
    owner = rules.agents.get(conversation.owner or "")
    whose = "Nobody has it." if owner is None else "It is yours." if owner is agent else f"{owner.name} has it."
    return direct(conversation, agent, named(conversation), Span(f": {sentence} {whose}"))
