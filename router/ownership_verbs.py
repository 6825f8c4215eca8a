"""What agents ask about owners and themselves: accept, pass, take, assign, why, status."""

from collections.abc import Mapping
from dataclasses import replace

from router.agent_state import SPOKEN, AgentStatus
from router.asked import Answer, Asked, answered, refused
from router.assignment_text import Language
from router.decision import Decision, NewEvent
from router.handing import assigned, mention, offer_end, offer_events
from router.local_time import local_time
from router.ownership import OfferEnd, OfferState, OpenOffer, OwnerChange, Ownership, StatusChange
from router.release import PASSED
from router.richtext import Mention, Paragraph, RichText, Span
from router.rulebook import Agent, Rulebook, Team
from router.verbs import BOT


def _offer(asked: Asked) -> OpenOffer | None:
    return None if asked.snapshot.standing is None else asked.snapshot.standing.offer


def _name(asked: Asked, agent: str) -> str:
    return mention(asked.rules, agent).name


def accept(asked: Asked) -> Decision:
    """Take what is offered, or what nobody has."""
    offer, owner = _offer(asked), asked.conversation.owner
    if owner == asked.agent.id:
        return refused(asked, "It is yours already.")
    if owner is not None:
        return refused(asked, f"{_name(asked, owner)} has it; take it over with @onevoice take.")
    if offer is not None and offer.agent != asked.agent.id:
        return refused(asked, f"It is offered to {_name(asked, offer.agent)}; take it over with @onevoice take.")
    return _given(asked, asked.agent.id, f"{asked.agent.name} has it now.")


def take(asked: Asked) -> Decision:
    """Have it, whoever had it before."""
    if asked.conversation.owner == asked.agent.id:
        return refused(asked, "It is yours already.")
    return _given(asked, asked.agent.id, f"{asked.agent.name} has it now.")


def pass_on(asked: Asked) -> Decision:
    """Decline an offer, or give back what one has: not offered to the same agent for half an hour (F7)."""
    offer, agent = _offer(asked), asked.agent.id
    reason = asked.verb.rest.strip() or "no reason given"
    if offer is not None and offer.agent == agent:
        event = NewEvent(type="offer_passed", actor=asked.actor, payload={"agent": agent, "reason": reason})
        end = OfferEnd(offer=offer, agent=agent, state=OfferState.PASSED, reason=reason)
        return replace(
            answered(asked, f"{asked.agent.name} passes: {reason}. The next one is looked for.", event),
            ownership=Ownership(offer_end=end),
        )
    if asked.conversation.owner == agent:
        events = (
            NewEvent(
                type="owner_released", actor=asked.actor, payload={"agent": agent, "reason": f"{PASSED}: {reason}"}
            ),
            assigned(None, asked.conversation.team, asked.actor),
        )
        end = OfferEnd(offer=None, agent=agent, state=OfferState.PASSED, reason=reason)
        return replace(
            answered(asked, f"{asked.agent.name} gives it back: {reason}. Another agent is looked for.", *events),
            ownership=Ownership(owner=OwnerChange(agent=None), offer_end=end),
        )
    return refused(asked, "It is neither yours nor offered to you.")


def assign(asked: Asked) -> Decision:
    """Give it to a person, also above their capacity, or to the queue of a team."""
    match _somebody(asked):
        case Agent(id=agent_id, name=name):
            said = RichText((Paragraph((mention(asked.rules, agent_id), Span(" has it now."))),))
            return _given(asked, agent_id, f"{name} has it now." if agent_id == asked.agent.id else said)
        case Team(id=team, name=name):
            events = (*offer_events(asked.snapshot, None, asked.actor), assigned(None, team, asked.actor))
            return replace(
                answered(asked, f"It waits for the team {name} now.", *events),
                ownership=Ownership(
                    owner=OwnerChange(agent=None, team=team), offer_end=offer_end(asked.snapshot, None)
                ),
            )
        case None:
            known = ", ".join((*asked.rules.agents, *asked.rules.teams))
            name = asked.verb.rest.strip()
            unknown = f"I know no agent or team {name!r}. " if name else ""
            return answered(asked, f"{unknown}Say @onevoice assign and one of: {known}.")


def _given(asked: Asked, agent: str, said: str | RichText) -> Decision:
    events = (
        *offer_events(asked.snapshot, agent, asked.actor),
        assigned(agent, asked.conversation.team, asked.actor),
    )
    return replace(
        answered(asked, said, *events),
        ownership=Ownership(owner=OwnerChange(agent=agent), offer_end=offer_end(asked.snapshot, agent)),
    )


def _somebody(asked: Asked) -> Agent | Team | None:
    """The person mentioned, else the agent or team of that id or name."""
    rules = asked.rules
    first = asked.inbound.text.blocks[0] if asked.inbound.text.blocks else None
    people = first.children if isinstance(first, Paragraph) else ()
    for child in people:
        if isinstance(child, Mention) and child.name.lower() != BOT and child.ref is not None:
            found = rules.agent_by_slack(child.ref)
            if found is not None:
                return found
    return _named(rules, asked.verb.rest.strip().removeprefix("@").casefold())


def _named(rules: Rulebook, said: str) -> Agent | Team | None:
    everybody: tuple[Agent | Team, ...] = (*rules.agents.values(), *rules.teams.values())
    return next((each for each in everybody if said in {each.id.casefold(), each.name.casefold()}), None)


def status(asked: Asked) -> Decision:
    """Say whether one is there; it counts for every conversation."""
    new = SPOKEN.get(asked.verb.rest.strip().lower())
    if new is None:
        return answered(asked, f"Say @onevoice status and one of: {', '.join(AgentStatus)}.")
    event = NewEvent(type="agent_status_changed", actor=asked.actor, payload={"agent": asked.agent.id, "to": new})
    said = f"{asked.agent.name} is {'on a break' if new is AgentStatus.BREAK else new.value} now."
    return replace(
        answered(asked, said, event),
        ownership=Ownership(status=StatusChange(agent=asked.agent.id, status=new)),
    )


def why(asked: Asked) -> Decision:
    """Why the conversation is here and with whom (service.md 3.4)."""
    standing = asked.snapshot.standing
    language = asked.agent.languages[0] if asked.agent.languages else Language.EN.value
    chosen = Language.ZH if language.lower().partition("-")[0] == "zh" else Language.EN
    lines = [f"Conversation {asked.conversation.number}."]
    if standing is not None and standing.routed:
        lines.append(f"Here because {'; '.join(standing.routed)}.")
    if standing is None or not standing.assigned:
        lines.append("Nobody was chosen by the rules.")
    else:
        lines.append(standing.assigned[chosen])
    offer = _offer(asked)
    if offer is not None:
        lines.append(f"Offered to {_name(asked, offer.agent)} until {local_time(offer.until, asked.rules)}.")
    owner = asked.conversation.owner
    lines.append(f"{_name(asked, owner)} has it." if owner else "Nobody has it yet.")
    return answered(asked, "\n".join(lines))


VERBS: Mapping[str, Answer] = {
    "accept": accept,
    "assign": assign,
    "pass": pass_on,
    "status": status,
    "take": take,
    "why": why,
}
