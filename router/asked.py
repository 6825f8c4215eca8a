"""What an agent asked of Onevoice in a thread, with everything the answer may look at, and the form of an answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from router.decision import Decision, NewEvent, Outcome, Reason, Snapshot
from router.intent import is_internal
from router.model import Conversation, Inbound, InboundKind, Visibility
from router.notes import is_note
from router.planning import notice
from router.posts import desk_message
from router.richtext import Mention, RichText, inlines, of_text
from router.rulebook import Agent, ReplyMode, Rulebook
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

INWARD = "Not done: the customer would read this, and it is marked as a note or names @onevoice."


def is_inward(asked: Asked, words: str) -> bool:
    """True for words behind a verb that no customer may read: marked as a note, whomever they call first, or naming
    Onevoice (S9)."""
    uncalled = words
    for each in inlines(asked.inbound.text.blocks):
        if isinstance(each, Mention):
            uncalled = uncalled.replace(f"@{each.name}", "")
    return is_internal(of_text(words), ReplyMode.REPLY) or is_note(of_text(uncalled))


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
