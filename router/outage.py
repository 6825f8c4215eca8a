"""While the desk is away a conversation is answered from a web page: who is asked, and what such an answer becomes.

The answer takes the road of every reply; only its place in the thread is taken by a notice, because nobody posted it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from router.decision import Decision, NewEvent, Outcome, Planned, Reason, Snapshot
from router.desk import from_desk
from router.intent import REPLY, words_of
from router.model import Conversation, DeliveryKind, Inbound, InboundKind, Outgoing, Visibility
from router.planning import notice
from router.richtext import Break, Inline, Mention, Paragraph, Quote, RichText, Span, of_text
from router.rulebook import Agent, Rulebook
from router.verbs import BOT

MAILED = "outage_mail"
ANSWERED = "outage_answer"
PAGE = "outage-page"
"""The value of an inbound item that was written on the page."""
NAME = 60


def asked(text: str) -> RichText:
    """What an agent wrote on the page: a reply, whatever plain posts are in that route."""
    said = of_text(text)
    head = said.blocks[0] if said.blocks else Paragraph(())
    first: tuple[Inline, ...] = head.children if isinstance(head, Paragraph) else ()
    return RichText((Paragraph((Mention(BOT), Span(f" {REPLY} "), *first)), *said.blocks[1:]))


def answerer(conversation: Conversation, rules: Rulebook, fallback: str | None) -> Agent | None:
    """Who is asked: the owner, else the team's lead, else `fallback`; the first that has an e-mail address."""
    team = rules.teams.get(conversation.team or "")
    wanted = (conversation.owner, team.lead if team is not None else None, fallback)
    found = (rules.agents.get(each or "") for each in wanted)
    return next((agent for agent in found if agent is not None and agent.email), None)


def mail(
    conversation: Conversation, agent: Agent, *, customer: str, said_on: str, via: str, link: str, until: datetime
) -> Decision:
    """Ask an agent by mail, through the channel `via`, to answer at `link`. No word of the customer is in it."""
    name = _harmless(customer) or "a customer"
    words = (
        f"Slack cannot be reached, and {name} waits for an answer on {said_on} (conversation #{conversation.number}).",
        f"Answer here, until {until:%Y-%m-%d %H:%M} UTC; the link is yours and good for one answer:",
        "Please do not reply to this mail: the customer would not see it.",
    )
    text = RichText(
        (
            Paragraph((Span(words[0]),)),
            Paragraph((Span(words[1]), Break(), Span(link, link=link))),
            Paragraph((Span(words[2]),)),
        )
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("outage", f"the desk is away, {agent.id} is asked by mail"),),
        conversation=conversation,
        events=(NewEvent(type=MAILED, actor="system:outage", payload={"agent": agent.id, "channel": via}),),
        deliveries=(
            Planned(
                kind=DeliveryKind.NOTICE,
                channel=via,
                address=agent.email,
                desk=False,
                outgoing=Outgoing(
                    text=text, subject=f"#{conversation.number}: a customer waits and Slack is away", automatic=True
                ),
            ),
        ),
    )


def from_page(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
    """An answer written on the page: checked, held or sent as any reply, at once; the thread is told in its place."""
    decision = from_desk(snapshot, inbound, rules)
    conversation, message = decision.conversation, decision.message
    if conversation is None or message is None:
        return decision
    leaves = any(each.of_message and not each.desk for each in decision.deliveries)
    told = notice(conversation, _told(message.author_name, message.text, _fate(leaves, message.visibility)))
    others = [each for each in decision.deliveries if each.kind is not DeliveryKind.REACTION]  # there is no post
    return replace(
        decision,
        message=replace(message, remote_id=None),
        events=(NewEvent(type=ANSWERED, actor=message.author), *decision.events),
        deliveries=(*told, *(each if each.desk else replace(each, hold=timedelta(0)) for each in others)),
    )


def is_from_page(inbound: Inbound) -> bool:
    return inbound.kind is InboundKind.MESSAGE and inbound.value == PAGE


def _fate(leaves: bool, visibility: Visibility) -> str:
    if leaves:
        return "answered from the outage page"
    return "wrote a note on the outage page" if visibility is Visibility.NOTE else "wrote on the outage page (held)"


def _told(author: str, text: RichText, did: str) -> RichText:
    return RichText((Paragraph((Span(f"{author} {did}:"),)), Quote(words_of(text).blocks)))


def _harmless(name: str) -> str:
    """A name that no mail program makes a link of."""
    return " ".join(name.replace("://", " ").replace("/", " ").replace("@", " at ").replace("www.", " ").split())[:NAME]
