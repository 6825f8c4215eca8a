"""Linking two contacts that are the same person, by an agent's word, undoing it, and keeping two apart (4.1)."""

from collections.abc import Mapping
from dataclasses import replace

from router.addresses import identity_of, spelled
from router.asked import Answer, Asked, answered, refused
from router.decision import Decision, Link, NewEvent
from router.model import Contact
from router.richtext import RichText, of_text
from router.suggestions import APART, subject

_HOW = (
    "Say who is the same customer: `@onevoice link #12 <reason>` with the number of a conversation, or a mail address, "
    "the number of a telephone, or `@4711`, the id of a Telegram user, in its place."
)


def conversation_number(rest: str) -> int | None:
    """The number of a conversation at the start of what follows "link": "#12 same phone". Without the sign more than
    six digits are a telephone number."""
    first = rest.strip().partition(" ")[0]
    digits = first.removeprefix("#")
    return int(digits) if digits.isdecimal() and len(digits) <= (18 if first != digits else 6) else None


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
    name, other = _meant(asked)
    if other is None and (key is None or key.type == "telegram"):
        return answered(
            asked, f"There is no conversation {name}." if key is None else f"Nobody has written from {name}."
        )
    if other is not None and other.id in desk.contacts:
        said = f"The customer of {name} is already linked with this one."
        return replace(answered(asked, said), settles=_settled(asked, name, said))
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
    settled = f"{said[:1].upper()}{said[1:]}, said by {asked.agent.name}."
    return replace(decision, link=made, settles=_settled(asked, name, settled))


def keep_apart(asked: Asked) -> Decision:
    """ "not-same #12", or an address as after "link": they are two people, which is not asked again."""
    name, other = _meant(asked)
    desk, reason = asked.snapshot.desk, _named(asked.verb.rest)[1]
    if desk is None or other is None:
        return refused(asked, f"Say who is not the same customer: `@onevoice {APART} #12`, or an address.")
    if other.id in desk.contacts:
        said = f"The customer of {name} is linked with this one: `@onevoice unlink` undoes it."
        return replace(refused(asked, said), settles=_settled(asked, name, said))
    said = f"{other.name or 'The customer'} of {name} is not this customer, said by {asked.agent.name}."
    payload = {"contact": other.id.hex, "reason": reason}
    event = NewEvent(type="contacts_kept_apart", actor=asked.actor, payload=payload)
    apart = Link(contact=asked.conversation.contact, other=other.id, actor=asked.actor, reason=reason, apart=True)
    return replace(answered(asked, said, event), link=apart, settles=_settled(asked, name, said))


def _settled(asked: Asked, name: str, said: str) -> Mapping[str, RichText]:
    """The suggestion in this thread, also in one that was merged since, has its answer."""
    return {subject(asked.snapshot.absorbed or asked.conversation, name): of_text(said)}


def _meant(asked: Asked) -> tuple[str, Contact | None]:
    """How a line calls a customer, and whom it means."""
    number, desk = conversation_number(asked.verb.rest), asked.snapshot.desk
    if number is None:
        return _named(asked.verb.rest)[0], asked.snapshot.lookup.other
    return f"#{number}", desk.linked if desk is not None else None


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


NAMING = frozenset({"link", APART})
"""Verbs that name another customer."""
VERBS: Mapping[str, Answer] = {"link": link, APART: keep_apart, "unlink": unlink}
