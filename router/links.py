"""Linking two contacts that are the same person, by an agent's word, and undoing it (`service.md` 4.1)."""

from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered
from router.decision import Decision, Link, NewEvent


def conversation_number(rest: str) -> int | None:
    """The number of a conversation at the start of what follows "link": "#12 same phone"."""
    first = rest.strip().partition(" ")[0].removeprefix("#")
    return int(first) if first.isdecimal() and len(first) <= 18 else None


def link(asked: Asked) -> Decision:
    """ "link #12 <reason>": the customer of conversation 12 is this one too."""
    number = conversation_number(asked.verb.rest)
    if number is None:
        return answered(asked, "Say which conversation has the same customer: `@onevoice link #12 <reason>`.")
    desk = asked.snapshot.desk
    if desk is None or desk.linked is None:
        return answered(asked, f"There is no conversation #{number}.")
    if desk.linked.id in desk.contacts:
        return answered(asked, f"The customer of #{number} is already linked with this one.")
    reason = asked.verb.rest.strip().partition(" ")[2].strip()
    name = desk.linked.name or "the customer"
    decision = answered(
        asked,
        f"Linked: {name} of #{number} is this customer too. `@onevoice unlink` undoes it.",
        NewEvent(type="contact_linked", actor=asked.actor, payload={"contact": desk.linked.id.hex, "reason": reason}),
    )
    made = Link(contact=asked.conversation.contact, other=desk.linked.id, actor=asked.actor, reason=reason)
    return replace(decision, link=made)


def unlink(asked: Asked) -> Decision:
    """Undo the newest link of this conversation's customer."""
    desk = asked.snapshot.desk
    if desk is None or len(desk.contacts) < 2:
        return answered(asked, "This customer is not linked with another.")
    undone = Link(contact=asked.conversation.contact, other=None, actor=asked.actor, reason=asked.verb.rest.strip())
    decision = answered(
        asked,
        "The newest link of this customer is undone.",
        NewEvent(type="contact_unlinked", actor=asked.actor),
    )
    return replace(decision, link=undone)


VERBS: Mapping[str, Answer] = {"link": link, "unlink": unlink}
