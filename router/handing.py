"""What follows when a conversation is given, offered, taken or given back: events, and notices in words. Pure."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from router.assignment_text import Language, text
from router.assignment_trace import Assignment, Handover
from router.decision import Decision, NewEvent, Outcome, Planned, Reason, Reroute, Snapshot
from router.directs import direct, lead_of, named, pinged
from router.events import EventType
from router.forms import ASKS
from router.local_time import local_time
from router.model import CardButton, Conversation, Visibility
from router.ownership import NewOffer, OfferEnd, OfferState, OpenOffer, OwnerChange, Ownership, Standing
from router.planning import notice
from router.release import Release
from router.richtext import Inline, Mention, Paragraph, RichText, Span, Style
from router.rulebook import Agent, Rulebook

ACTOR = "system:assignment"
ROUTING = "system:routing"


_OUTCOMES = {
    "offered": "offered",
    "offer_accepted": "accepted",
    "offer_passed": "passed",
    "offer_expired": "timed_out",
}
NOBODY = "nobody"
"""The outcome of an assignment that found nobody; it leaves no event."""


def outcome_of(event: NewEvent) -> str | None:
    """What an event is as the outcome of an assignment: given, offered, accepted, passed or timed_out."""
    if event.type == EventType.ASSIGNED and event.actor == ACTOR and event.payload.get("agent") is not None:
        return "given"
    return _OUTCOMES.get(event.type)


def assigned(agent: str | None, team: str | None, actor: str) -> NewEvent:
    """The event of a new owner; None: the queue of the team."""
    return NewEvent(type=EventType.ASSIGNED, actor=actor, payload={"agent": agent, "team": team})


def carried_out(
    conversation: Conversation,
    assignment: Assignment,
    rules: Rulebook,
    until: datetime | None,
    absent: frozenset[str] = frozenset(),
) -> Decision | None:
    """What an assignment decision means; `until` is how long an offer would stand, who is `absent` is not called.
    None: nothing changes."""
    chosen = None if assignment.chosen is None else assignment.chosen.id
    reason = Reason("assignment", text(assignment, Language.EN))
    if chosen is None or assignment.handover is Handover.KEEP:
        lead = lead_of(rules, conversation.team, absent)
        return _call_lead(conversation, reason, lead) if assignment.page_lead else None
    if assignment.handover is Handover.ASSIGN or until is None:
        return Decision(
            outcome=Outcome.STORED,
            reasons=(reason,),
            conversation=conversation,
            events=(assigned(chosen, conversation.team, ACTOR),),
            deliveries=notice(
                conversation, _said(Span("Assigned to "), mention(rules, chosen), Span(f". {reason.text}"))
            ),
            ownership=Ownership(owner=OwnerChange(agent=chosen)),
        )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(reason,),
        conversation=conversation,
        events=(
            NewEvent(type="offered", actor=ACTOR, payload={"agent": chosen, "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}),
        ),
        deliveries=(
            *notice(
                conversation,
                _offer_in_words(mention(rules, chosen), until, rules),
                about=offer_subject(conversation.id),
                buttons=OFFER_BUTTONS,
            ),
            *_offer_message(conversation, rules, chosen, until),
        ),
        ownership=Ownership(offer=NewOffer(agent=chosen, at=assignment.at, until=until)),
    )


def mention(rules: Rulebook, agent_id: str) -> Mention:
    """The agent as a notice names them, and pinged."""
    agent = rules.agents.get(agent_id)
    return Mention(agent_id) if agent is None else pinged(agent)


def offer_subject(conversation: UUID) -> str:
    """What notices of an offer are about: a conversation has one at a time."""
    return f"offer:{conversation.hex}"


OFFER_BUTTONS = (
    CardButton(line="accept", label="Accept", primary=True),
    CardButton(line=f"pass{ASKS}", label="Pass"),
)


def offer_over(end: OfferEnd, owner: str | None, now: datetime, rules: Rulebook) -> RichText:
    """What the notice of an offer says once it is over; `owner` has the conversation now."""
    at = local_time(now, rules)
    match end.state:
        case OfferState.ACCEPTED:
            became = f"Accepted at {at}."
        case OfferState.PASSED:
            became = f"Passed at {at}: {end.reason}."
        case OfferState.EXPIRED:
            became = "Not accepted in time."
        case _:
            became = f"Withdrawn at {at}" + (f": {mention(rules, owner).name} has it now." if owner else ".")
    until = f" until {local_time(end.offer.until, rules)}" if end.offer is not None else ""
    return _said(Span(f"Offered to {mention(rules, end.agent).name}{until}. "), Span(became, Style.BOLD))


def _offer_in_words(agent: Mention, until: datetime, rules: Rulebook) -> RichText:
    return _said(
        Span("Offered to "),
        agent,
        Span(": accept with "),
        Span("@onevoice accept", Style.CODE),
        Span(" or by answering; pass with "),
        Span("@onevoice pass <reason>", Style.CODE),
        Span(f"; until {local_time(until, rules)}."),
    )


def _offer_message(conversation: Conversation, rules: Rulebook, chosen: str, until: datetime) -> tuple[Planned, ...]:
    agent = rules.agents.get(chosen)
    if agent is None:
        return ()
    said = Span(f" is offered to you until {local_time(until, rules)}: accept, pass or just answer in its thread.")
    return direct(conversation, agent, named(conversation), said, about=offer_subject(conversation.id))


def _said(*children: Inline) -> RichText:
    return RichText((Paragraph(children),))


def _call_lead(conversation: Conversation, reason: Reason, lead: Agent | None) -> Decision:
    ping: tuple[Inline, ...] = () if lead is None else (pinged(lead), Span(", please look: "))
    who = lead.id if lead is not None else None
    return Decision(
        outcome=Outcome.STORED,
        reasons=(reason,),
        conversation=conversation,
        events=(NewEvent(type="lead_called", actor=ACTOR, payload={"lead": who, "team": conversation.team}),),
        deliveries=(
            *notice(conversation, _said(*ping, Span(reason.text))),
            *(() if lead is None else direct(conversation, lead, named(conversation), Span(f": {reason.text}"))),
        ),
    )


def expired(conversation: Conversation, offer: OpenOffer, rules: Rulebook) -> Decision:
    """Nobody accepted in time (3.3, 8): back to the queue."""
    name = mention(rules, offer.agent).name
    sentence = f"{name} did not accept in time; the next one is looked for."
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("assignment.offer", sentence),),
        conversation=conversation,
        events=(NewEvent(type="offer_expired", actor=ACTOR, payload={"agent": offer.agent}),),
        deliveries=notice(conversation, sentence),
        ownership=Ownership(offer_end=OfferEnd(offer=offer, agent=offer.agent, state=OfferState.EXPIRED)),
    )


def rerouted(conversation: Conversation, standing: Standing, to: Reroute, rules: Rulebook) -> Decision:
    """It is another team's by what the customer says now: an offer of it is withdrawn, and an owner is looked for."""
    snapshot = Snapshot(proof=conversation, standing=standing)
    team = rules.teams.get(to.team)
    why = [[to.reason.rule, to.reason.text]]
    return Decision(
        outcome=Outcome.STORED,
        reasons=(to.reason,),
        conversation=conversation,
        events=(
            *offer_events(snapshot, None, ROUTING),
            NewEvent(type=EventType.ASSIGNED, actor=ROUTING, payload={"agent": None, "team": to.team, "why": why}),
        ),
        deliveries=notice(
            conversation, f"It is for {to.team if team is None else team.name} now, by {to.reason.text}."
        ),
        ownership=Ownership(owner=OwnerChange(agent=None, team=to.team), offer_end=offer_end(snapshot, None)),
    )


_GONE = {
    Release.DEACTIVATED: "is not an agent any more",
    Release.OUT_OF_OFFICE: "is out of office",
    Release.OFFLINE: "is offline",
    Release.OFF_SHIFT: "is off shift",
}


def released(conversation: Conversation, why: Release, rules: Rulebook) -> Decision:
    """The owner is gone while the customer waits: back to the queue (3.3, leaving)."""
    owner = conversation.owner or ""
    sentence = f"{mention(rules, owner).name} {_GONE[why]}; another agent is looked for."
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("assignment.release", sentence),),
        conversation=conversation,
        events=(
            NewEvent(type="owner_released", actor=ACTOR, payload={"agent": owner, "reason": why}),
            assigned(None, conversation.team, ACTOR),
        ),
        deliveries=notice(conversation, sentence),
        ownership=Ownership(owner=OwnerChange(agent=None)),
    )


def taken_by_answer(decision: Decision, snapshot: Snapshot, agent: Agent) -> Decision:
    """Whoever answers a conversation without an owner has it: for an offer this is the acceptance (3.3, 8)."""
    conversation, message = decision.conversation, decision.message
    if conversation is None or message is None or message.visibility is not Visibility.PUBLIC or conversation.owner:
        return decision
    actor = f"agent:{agent.id}"
    return replace(
        decision,
        events=(
            *offer_events(snapshot, agent.id, actor),
            assigned(agent.id, conversation.team, actor),
            *decision.events,
        ),
        ownership=Ownership(owner=OwnerChange(agent=agent.id), offer_end=offer_end(snapshot, agent.id)),
    )


def offer_end(snapshot: Snapshot, new_owner: str | None) -> OfferEnd | None:
    """What becomes of the open offer when somebody has the conversation now."""
    offer = None if snapshot.standing is None else snapshot.standing.offer
    if offer is None:
        return None
    state = OfferState.ACCEPTED if offer.agent == new_owner else OfferState.WITHDRAWN
    return OfferEnd(offer=offer, agent=offer.agent, state=state)


def offer_events(snapshot: Snapshot, new_owner: str | None, actor: str) -> tuple[NewEvent, ...]:
    """The event of `offer_end`."""
    end = offer_end(snapshot, new_owner)
    return () if end is None else (NewEvent(type=f"offer_{end.state}", actor=actor, payload={"agent": end.agent}),)
