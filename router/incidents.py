"""The same question from many customers: what their threads are told, and what agents say about it there (4.3)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo

from router.asked import INWARD, Answer, Asked, answered, is_inward
from router.decision import Decision, IncidentChange, NewEvent, Outcome, Planned, Reason
from router.earlier_answers import official_buttons, official_subject
from router.model import Conversation, Incident
from router.planning import notice
from router.richtext import Paragraph, RichText, Span, Style, of_text
from router.rulebook import Rulebook

RULE = "incident"
JOINED = "incident_joined"
ANSWERED = "incident_answered"
CLOSED = "incident_closed"
ACTOR = "system:incidents"
QUIET = "system:quiet"
"""Closes an incident that nobody joins any more."""
SHOWN = 200
"""Characters of a question that are shown."""

_SET = "@onevoice answer <text>"
_NONE = "This conversation belongs to no open incident."


def joined(conversation: Conversation, incident: Incident, rules: Rulebook) -> Decision:
    """A conversation belongs to an incident from now on: recorded, and said in its thread."""
    why = f"{incident.customers} customers have asked the same since {_time(incident, rules)}"
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason(RULE, why),),
        conversation=conversation,
        events=(
            NewEvent(
                type=JOINED,
                actor=ACTOR,
                payload={"incident": incident.number, "customers": incident.customers, "why": [[RULE, why]]},
            ),
        ),
        deliveries=_offering(conversation, incident, _in_words(incident, rules)),
    )


def announced(conversation: Conversation, incident: Incident) -> Decision:
    """The official answer, as the other threads of its incident hear of it."""
    said = Span(f"Incident #{incident.number} has an official answer by {_author(incident)}:")
    why = f"incident #{incident.number} has an official answer"
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason(RULE, why),),
        conversation=conversation,
        events=(
            NewEvent(
                type=ANSWERED,
                actor=incident.set_by or ACTOR,
                payload={"incident": incident.number, "answer": incident.answer, "why": [[RULE, why]]},
            ),
        ),
        deliveries=_offering(
            conversation, incident, RichText((Paragraph((said,)), Paragraph((Span(incident.answer),))))
        ),
        settles={official_subject(conversation): of_text("There is a newer answer: see below.")},
    )


def _offering(conversation: Conversation, incident: Incident, said: RichText) -> tuple[Planned, ...]:
    """With its answer, when there is one, to be used."""
    buttons = official_buttons(incident)
    return notice(conversation, said, about=official_subject(conversation) if buttons else None, buttons=buttons)


def answer(asked: Asked) -> Decision:
    """ "answer <text>": a lead sets what all of them are to be told."""
    incident, text = _incident(asked), asked.verb.rest.strip()
    if incident is None:
        return answered(asked, _NONE)
    if not _is_lead(asked):
        return answered(asked, "Only a lead can set the official answer.")
    if not text:
        return answered(asked, f"Say what they are to be told: `{_SET}`.")
    if is_inward(asked, text):
        return answered(asked, INWARD)
    others = incident.conversations - 1
    elsewhere = f" {others} other thread{'s' if others > 1 else ''} will hear of it." if others > 0 else ""
    decision = answered(
        asked,
        f"This is the official answer of incident #{incident.number} now.{elsewhere} "
        "A reply that says something else is held while the incident is open.",
        NewEvent(type=ANSWERED, actor=asked.actor, payload={"incident": incident.number, "answer": text}),
    )
    return replace(decision, incident=IncidentChange(incident=incident.id, actor=asked.actor, answer=text))


def show_or_close(asked: Asked) -> Decision:
    """ "incident" shows it to anybody, "incident close" ends it at a lead's word."""
    incident = _incident(asked)
    if incident is None:
        return answered(asked, _NONE)
    match asked.verb.rest.strip().lower():
        case "":
            decision = answered(asked, "")
            said = _in_words(incident, asked.rules)
            return replace(decision, deliveries=_offering(asked.conversation, incident, said))
        case "close":
            return _closed(asked, incident)
        case other:
            return answered(asked, f"I do not know `incident {other}`. I know `incident` and `incident close`.")


def _closed(asked: Asked, incident: Incident) -> Decision:
    if not _is_lead(asked):
        return answered(asked, "Only a lead can close an incident.")
    decision = answered(
        asked,
        f"Incident #{incident.number} is closed: replies are not compared with its answer any more.",
        NewEvent(type=CLOSED, actor=asked.actor, payload={"incident": incident.number}),
    )
    return replace(decision, incident=IncidentChange(incident=incident.id, actor=asked.actor))


def _incident(asked: Asked) -> Incident | None:
    return asked.snapshot.desk.incident if asked.snapshot.desk is not None else None


def _is_lead(asked: Asked) -> bool:
    return asked.rules.is_lead(asked.agent, asked.conversation.team)


def _in_words(incident: Incident, rules: Rulebook) -> RichText:
    said = f"{incident.customers} customers ask this since {_time(incident, rules)}: incident #{incident.number}."
    question = " ".join(incident.question.split())
    short = question if len(question) <= SHOWN else f"{question[:SHOWN]}…"
    blocks = [Paragraph((Span(f"{said} "), Span(f"“{short}”", Style.ITALIC)))]
    if incident.answer:
        blocks += [
            Paragraph((Span(f"The official answer by {_author(incident)}:"),)),
            Paragraph((Span(incident.answer),)),
        ]
    else:
        blocks.append(Paragraph((Span("A lead sets the answer: "), Span(_SET, Style.CODE))))
    return RichText(tuple(blocks))


def _author(incident: Incident) -> str:
    return (incident.set_by or "").removeprefix("agent:")


def _time(incident: Incident, rules: Rulebook) -> str:
    """The time of day of the first question, where promises are counted; elsewhere in UTC."""
    zone: tzinfo = UTC if rules.voice is None else rules.voice.calendar.tz
    return f"{incident.since.astimezone(zone):%H:%M} ({zone})"


VERBS: Mapping[str, Answer] = {"answer": answer, "incident": show_or_close}
