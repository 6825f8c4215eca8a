"""Messages to one agent, or into a Slack channel, beside every thread: alerts, offers and digests."""

from router.decision import Planned
from router.model import Conversation, DeliveryKind, Outgoing
from router.richtext import Inline, Mention, Paragraph, RichText, Span
from router.rulebook import Agent, Rulebook

THREAD = "thread:"
"""A link to a desk thread begins like this and goes on with the thread's ref, or ends here for the thread of the
conversation the delivery is about. The connector makes an address of it when it sends."""
SUBJECT = 80
"""Characters of a subject that are quoted."""


def address_of(agent: Agent) -> str | None:
    """Where direct messages to an agent go: a member id, else an e-mail address; None: nowhere."""
    return agent.slack or agent.email or None


def pinged(agent: Agent) -> Mention:
    """An agent as a notice names them, so that they hear of it."""
    return Mention(agent.name, address_of(agent))


def named(conversation: Conversation) -> Span:
    """The conversation with its subject, as a link to its thread."""
    subject = " ".join(conversation.subject.split())
    if len(subject) > SUBJECT:
        subject = f"{subject[: SUBJECT - 1]}…"
    return Span(f"#{conversation.number}" + (f" “{subject}”" if subject else ""), link=THREAD)


def direct(
    conversation: Conversation, agent: Agent, *children: Inline, about: str | None = None
) -> tuple[Planned, ...]:
    """A message to an agent, in a lane of their own; nothing for one without an address in Slack. `about`: what it
    asks, so that it says so once that is decided."""
    address = address_of(agent)
    desk = next((leg.channel for leg in conversation.legs if leg.desk), None)
    if address is None or desk is None:
        return ()
    return (
        Planned(
            kind=DeliveryKind.DIRECT,
            channel=desk,
            address=address,
            desk=False,
            outgoing=Outgoing(text=RichText((Paragraph(children),)), automatic=True, about=about),
        ),
    )


def lead_of(rules: Rulebook, team: str | None, absent: frozenset[str] = frozenset()) -> Agent | None:
    """Who leads a team now: its lead, else another of its members who may decide as one; the lead all the same when
    none of them is there, for somebody must hear. None: the team has nobody who leads."""
    known = rules.teams.get(team or "")
    if known is None:
        return None
    lead = rules.agents.get(known.lead or "")
    members = rules.members(known.id)
    leads = [*([lead] if lead is not None else []), *(each for each in members if rules.is_lead(each, known.id))]
    return next((each for each in leads if each.id not in absent), leads[0] if leads else None)
