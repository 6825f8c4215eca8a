"""What an agent asked of Onevoice in a thread, with everything the answer may look at, and the form of an answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.model import Conversation, Inbound, InboundKind, Visibility
from router.planning import notice
from router.posts import desk_message
from router.richtext import RichText
from router.rulebook import Agent, Rulebook
from router.verbs import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`verb.rest` is what was written after the verb."""

    snapshot: Snapshot
    conversation: Conversation
    inbound: Inbound
    agent: Agent
    verb: Verb
    rules: Rulebook

    @property
    def actor(self) -> str:
        """The agent as events name them."""
        return f"agent:{self.agent.id}"


Answer = Callable[[Asked], Decision]


def refused(asked: Asked, said: str) -> Decision:
    """Nothing is done, and why: in private to who pressed a button, in the thread to who wrote there."""
    if asked.inbound.kind is not InboundKind.BUTTON:
        return answered(asked, said)
    who = asked.inbound.sender.identity.value
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("verb", asked.verb.name),),
        conversation=asked.conversation,
        events=(NewEvent(type="button_refused", actor=asked.actor, payload={"verb": asked.verb.name}),),
        deliveries=tuple(
            replace(each, outgoing=replace(each.outgoing, only_for=who)) for each in notice(asked.conversation, said)
        ),
    )


def answered(asked: Asked, said: str | RichText, *events: NewEvent) -> Decision:
    """Kept as a note, so that it never reaches the customer, and answered in the thread."""
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("verb", asked.verb.name),),
        conversation=asked.conversation,
        message=desk_message(asked.inbound, asked.actor, asked.agent.name, Visibility.NOTE),
        events=(*events, NewEvent(type="note_added", actor=asked.actor)),
        deliveries=notice(asked.conversation, said),
    )
