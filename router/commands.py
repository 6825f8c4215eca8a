"""What agents ask outside of any thread: `/onevoice ...`, and the buttons of their Home (decisions 28).

Questions change nothing and are answered at once. What changes something about the agent who says it goes through the
one door in like everything else, and is kept in the audit: there is no conversation whose log it would belong to.
"""

from collections.abc import Mapping

from router.agent_state import SPOKEN, AgentStatus
from router.decision import Decision, NewEvent, Outcome, Reason
from router.model import Inbound
from router.ownership import Ownership, StatusChange
from router.planning import ignored
from router.rulebook import Rulebook
from router.sheets import Footnote, Heading, Part, Sheet, Words, sentence
from router.verbs import Verb

NOT_AN_AGENT = (
    "Only listed agents of this workspace can ask Onevoice. An administrator can add you under `agents` in the"
    " configuration. If you need help yourself, write to your colleagues in a channel they read."
)
UNAVAILABLE = "Nothing was done: the store does not answer. Say it again in a moment."
SLOW = "This takes longer than Slack waits. Say it again in a moment."

WORDS: Mapping[str, str] = {
    "me": "what you have, soonest due first",
    "queue": "who waits for your team and has nobody; leads see every team",
    "find <words>": "conversations by #number, order, name, address or words",
    "latency [channel]": "first responses, today and in the last 7 days",
    "status [available|away|break|offline]": "whether you are there; without a word, what is known of you",
    "help": "this",
}
"""Every command with what it does."""
OWN_VERBS = frozenset({"ooo", "status"})
"""Verbs by which agents say something about themselves, in whatever thread."""


def verb_of_line(line: str) -> Verb:
    """What stands behind `/onevoice`; nothing is "help"."""
    name, *rest = line.split(maxsplit=1) or ["help"]
    return Verb(name.lower(), rest[0].strip() if rest else "")


def changes(line: str) -> bool:
    """Whether a line is to be stored and carried out; any other is a question."""
    verb = verb_of_line(line)
    return verb.name == "status" and verb.rest.lower() in SPOKEN


def from_outside(inbound: Inbound, verb: Verb, rules: Rulebook) -> Decision:
    """What follows from a command or a press outside of any thread; only for listed agents (S8)."""
    sender = inbound.sender
    agent = rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None
    if agent is None:
        return ignored("S8", f"{sender.identity.value} is not a listed agent of the home workspace")
    new = SPOKEN.get(verb.rest.lower()) if verb.name == "status" else None
    if new is None:
        return ignored("command", f"{verb.name!r} changes nothing outside of a thread")
    event = NewEvent(
        type="agent_status_changed", actor=f"agent:{agent.id}", payload={"agent": agent.id, "to": new.value}
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("command", verb.name),),
        events=(event,),
        ownership=Ownership(status=StatusChange(agent=agent.id, status=new)),
    )


def help_sheet(verb: Verb) -> Sheet:
    """What there is to say."""
    lead = (
        "What Onevoice answers, to you alone"
        if verb.name == "help"
        else f"I do not know {verb.name[:40]!r}. What Onevoice answers, to you alone"
    )
    parts: list[Part] = [Heading(lead)]
    parts += [Words(lead=f"/onevoice {words}", text=f"  {what}") for words, what in WORDS.items()]
    parts.append(
        Footnote(
            "Slack does not offer commands in threads. There, write @onevoice and what to do, for example"
            " @onevoice snooze 4h; @onevoice alone lists what it knows."
        )
    )
    return Sheet(lead, tuple(parts))


def wrong_status() -> Sheet:
    return sentence(f"Say /onevoice status and one of: {', '.join(AgentStatus)}.")
