"""The offer to send an edit that cannot be shown to the customer as a correction, and how a button names it (S25)."""

from uuid import UUID

from router.decision import Planned
from router.model import CardButton, Conversation, Message
from router.planning import notice

VERB = "send-correction"


def about(message: Message) -> str:
    """What notices about the edit of a reply are about."""
    return f"correction:{message.id.hex}"


def offered(conversation: Conversation, message: Message, sentence: str) -> tuple[Planned, ...]:
    """Why an edit does not reach the customer, and the button that sends it as a correction."""
    button = CardButton(line=f"{VERB} {ref_of(message, message.version + 1)}", label="Send correction")
    return notice(conversation, sentence, about=about(message), buttons=(button,))


def ref_of(message: Message, version: int) -> str:
    """The word that names a reply in the words of one version."""
    return f"{message.id.hex}@{version}"


def named(rest: str) -> UUID | None:
    """The reply that a line names; None where it names none."""
    first = rest.strip().partition("@")[0]
    try:
        return UUID(hex=first) if len(first) == 32 else None
    except ValueError:
        return None
