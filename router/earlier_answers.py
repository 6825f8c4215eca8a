"""An answer that is there already, used again: the official one of an incident, or our last one in the thread (4.3)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from router.answering import reply, unposted
from router.asked import Answer, Asked, answered, refused
from router.decision import Decision, Planned
from router.handing import taken_by_answer
from router.local_time import local_time
from router.model import CardButton, Conversation, Incident, Visibility
from router.planning import notice
from router.private import told_alone
from router.richtext import Paragraph, Quote, RichText, Span, Style, of_text, plain

USE = "use-answer"
OFFICIAL = "official"
LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """`kind` is OFFICIAL or LAST, `whose` says so in words."""

    kind: str
    text: str
    whose: str

    @property
    def line(self) -> str:
        """What sends exactly these words."""
        return f"{USE} {self.kind}:{_digest(self.text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def official_subject(conversation: Conversation) -> str:
    """What notices that offer the official answer of an incident are about."""
    return f"{OFFICIAL}-answer:{conversation.id.hex}"


def official_buttons(incident: Incident) -> tuple[CardButton, ...]:
    """None while there is no answer."""
    if not incident.answer:
        return ()
    line = Earlier(kind=OFFICIAL, text=incident.answer, whose="").line
    return (CardButton(line=line, label="Use that answer", primary=True),)


def asked_before(conversation: Conversation, why: str) -> tuple[Planned, ...]:
    """The customer asks what we have answered: whoever looks after it can look at that answer and use it."""
    said = f"Asked before, and answered: {why}. Look at that answer and use it, or answer separately."
    buttons = (CardButton(line=USE, label="Use that answer…"),)
    return notice(conversation, said, about=f"{LAST}-answer:{conversation.id.hex}", buttons=buttons)


def use(asked: Asked) -> Decision:
    """ "use-answer" shows the answers there are to the one who asks; a button of theirs sends one, which is checked,
    held or sent as if the agent had written it."""
    known, said = _known(asked), asked.verb.rest.strip().lower()
    if not known:
        return refused(asked, "There is no earlier answer in this thread, and no official one.")
    if not said:
        return _shown(asked, known)
    chosen = next((each for each in known if each.line == f"{USE} {said}"), None)
    if chosen is None:
        return refused(asked, f"Nothing was sent: that answer reads otherwise by now. `@onevoice {USE}` shows it.")
    return _sent(asked, chosen)


def _known(asked: Asked) -> list[Earlier]:
    desk = asked.snapshot.desk
    if desk is None:
        return []
    found: list[Earlier] = []
    if desk.incident is not None and desk.incident.answer:
        whose = f"The official answer of incident #{desk.incident.number}"
        found.append(Earlier(kind=OFFICIAL, text=desk.incident.answer, whose=whose))
    if desk.newest is not None:
        agent = asked.rules.agents.get(desk.newest.agent)
        name = agent.name if agent is not None else desk.newest.agent
        whose = f"Answered by {name}, {local_time(desk.newest.at, asked.rules)}"
        found.append(Earlier(kind=LAST, text=desk.newest.text, whose=whose))
    return found


def _shown(asked: Asked, known: list[Earlier]) -> Decision:
    blocks = [
        block for each in known for block in (Paragraph((Span(f"{each.whose}:"),)), Quote(of_text(each.text).blocks))
    ]
    buttons = tuple(
        CardButton(line=each.line, label="Send the official answer" if each.kind == OFFICIAL else "Send it again")
        for each in known
    )
    return told_alone(asked, RichText(tuple(blocks)), buttons=buttons)


def _sent(asked: Asked, chosen: Earlier) -> Decision:
    conversation, desk = asked.conversation, asked.snapshot.desk
    newest = desk.newest if desk is not None else None
    if newest is not None and desk is not None and desk.round_answered and newest.text == plain(of_text(chosen.text)):
        return refused(asked, "Not sent again: the customer has just been told exactly this.")
    said = replace(asked.inbound, text=of_text(chosen.text), attachments=(), value=USE)
    decision = taken_by_answer(
        reply(asked.snapshot, conversation, said, asked.agent, asked.rules), asked.snapshot, asked.agent
    )
    if decision.message is None or decision.message.visibility is not Visibility.PUBLIC:
        return answered(asked, f"Not sent: {decision.reasons[0].text}.")
    *before, last = decision.events
    last = replace(last, payload={**last.payload, "used": chosen.kind})
    decision = unposted(
        replace(decision, events=(*before, last)), f"{asked.agent.name} answered with what was said before:"
    )
    at = f" at {local_time(asked.snapshot.now, asked.rules)}" if asked.snapshot.now is not None else ""
    over = RichText(
        (
            Paragraph((Span(f"{chosen.whose}:"),)),
            Quote(of_text(chosen.text).blocks),
            Paragraph((Span(f"Used by {asked.agent.name}{at}.", Style.BOLD),)),
        )
    )
    settles: Mapping[str, RichText] = {
        official_subject(conversation): over,
        f"{LAST}-answer:{conversation.id.hex}": over,
    }
    return replace(decision, settles={**decision.settles, **settles})


VERBS: Mapping[str, Answer] = {USE: use}
