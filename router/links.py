"""Linking two contacts that are the same person, by an agent's word, and undoing it (`service.md` 4.1)."""

from collections.abc import Mapping
from dataclasses import replace

from router.addresses import identity_of, spelled
from router.asked import Answer, Asked, answered
from router.decision import Decision, Link, NewEvent

_HOW = (
    "Say who is the same customer: `@onevoice link #12 <reason>` with the number of a conversation, or a mail address, "
    "the number of a telephone, or `@4711`, the id of a Telegram user, in its place."
)


def conversation_number(rest: str) -> int | None:
    """The number of a conversation at the start of what follows "link": "#12 same phone"."""
    first = rest.strip().partition(" ")[0].removeprefix("#")
    return int(first) if first.isdecimal() and len(first) <= 18 else None


def link(asked: Asked) -> Decision:
    """ "link #12 <reason>": the customer of conversation 12 is this one too. "link anna@x.com <reason>", or the number
    of a telephone, or "@4711" of a Telegram user: whoever has that address is, or will be when they write from it.

    An agent's word proves nothing: what was verified stays verified, and what was not is told nothing (4.1).
    """
    number, (first, reason) = conversation_number(asked.verb.rest), _named(asked.verb.rest)
    key = identity_of(first) if number is None else None
    desk = asked.snapshot.desk
    if desk is None or (number is None and key is None):
        return answered(asked, _HOW)
    name = f"#{number}" if number is not None else first
    other = desk.linked if number is not None else asked.snapshot.lookup.other
    if other is None and (key is None or key.type == "telegram"):
        return answered(
            asked, f"There is no conversation {name}." if key is None else f"Nobody has written from {name}."
        )
    if other is not None and other.id in desk.contacts:
        return answered(asked, f"The customer of {name} is already linked with this one.")
    payload: dict[str, object] = {"reason": reason}
    if other is not None:
        payload["contact"] = other.id.hex
    elif key is not None:
        payload["address"] = f"{key.type}:{key.value}"
    who = (other.name if other is not None else "") or "the customer"
    said = f"{who} of {name} is this customer too" if other is not None else f"{name} is this customer's too"
    decision = answered(
        asked,
        f"Linked: {said}. `@onevoice unlink` undoes it.",
        NewEvent(type="contact_linked", actor=asked.actor, payload=payload),
    )
    made = Link(
        contact=asked.conversation.contact,
        other=other.id if other is not None else None,
        actor=asked.actor,
        reason=reason,
        stranger=key if other is None else None,
    )
    return replace(decision, link=made)


def _named(rest: str) -> tuple[str, str]:
    """Whom a link names, and the reason that follows."""
    first, _, reason = spelled(rest).partition(" ")
    return first, reason.strip()


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
