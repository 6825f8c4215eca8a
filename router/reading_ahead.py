"""The text checks of a reply that is on its way in, before the unit of work that decides about it (decisions 8)."""

from collections.abc import Callable, Mapping

from router import canned, corrections
from router.asked import Asked
from router.checking import read_ahead, text_of_reply
from router.consistency.pipeline import check_text
from router.decision import Reason, Snapshot
from router.desk_view import Read
from router.model import Inbound, InboundKind
from router.planning import way_out
from router.richtext import RichText
from router.rulebook import Rulebook
from router.verbs import verb_in

Words = Callable[[Asked], tuple[Snapshot, RichText] | None]
"""What a verb would say to the customer, and against what it is checked."""

VERBS: Mapping[str, Words] = {**canned.WORDS, **corrections.WORDS}


def read_words(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Read | None:
    """None for what says nothing to a customer, and where it would be checked against other things by now."""
    verb = verb_in(inbound)
    words = VERBS.get(verb.name) if verb is not None else None
    if verb is None or words is None:
        return read_ahead(snapshot, inbound, rules) if inbound.kind is not InboundKind.BUTTON else None
    conversation, voice, sender = snapshot.proof, rules.voice, inbound.sender
    agent = rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None
    if conversation is None or voice is None or agent is None or snapshot.desk is None:
        return None
    leg = way_out(conversation, rules)
    if isinstance(leg, Reason):
        return None
    asked = Asked(snapshot=snapshot, conversation=conversation, inbound=inbound, agent=agent, verb=verb, rules=rules)
    if (found := words(asked)) is None:
        return None
    reply = text_of_reply(found[0], conversation, leg, found[1], (), agent, rules)
    return Read(reply, check_text(reply, voice.standards, voice.calendar, snapshot.desk.now))


def may_speak(inbound: Inbound) -> bool:
    """Whether an item of the desk may lead to a reply: everything said or edited, and some presses."""
    if inbound.kind is not InboundKind.BUTTON:
        return inbound.kind in {InboundKind.MESSAGE, InboundKind.EDIT}
    verb = verb_in(inbound)
    return verb is not None and verb.name in VERBS
