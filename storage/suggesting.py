"""Units of work of the suggestions that two customers are one: whom a message may point to, and the question (4.1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from router.arrivals import Lease
from router.clusters import Asking
from router.duplicates import features
from router.identity import Hint
from router.model import Contact
from router.rulebook import Rulebook
from router.suggestions import ACTOR, Candidate, Mentioned, suggested
from router.words import words_of
from storage import contacts, leases, questions, words
from storage.changes import Changes, Touched
from storage.codec import json_value
from storage.database import Transaction, to_micros
from storage.ids import new_id
from storage.snapshots import Snapshots
from storage.statement import Statement

MOST = 5
"""People who are compared with one who asks: an order that more have named says nothing about whose it is."""
_AMONG = 200
"""Conversations that are looked through for an order."""
_COLLEAGUE = "slack"
"""The type of identity whose owners ask for others, so that nothing they name is theirs."""

_NAMES = Statement("SELECT name FROM contacts WHERE id IN :ids AND name <> '' ORDER BY created_at, id LIMIT 1")
_NUMBERED = Statement("SELECT contact, orders FROM conversations WHERE number IN :numbers ORDER BY number DESC")
_LATELY = Statement(
    """
    SELECT DISTINCT c.contact, c.orders FROM messages m JOIN conversations c ON c.id = m.conversation
    WHERE m.author_kind = 'customer' AND m.received_at >= :since AND c.orders <> '[]'
    """
)
"""Whose words may not be noted yet."""
_OPENED = "SELECT id, number, orders FROM conversations WHERE contact IN :ids AND opened_at <= :at AND status"
_CONVERSATIONS = Statement(f"{_OPENED} <> 'resolved' UNION ALL {_OPENED} = 'resolved' ORDER BY number DESC LIMIT 50")


@dataclass(frozen=True, slots=True)
class Looked:
    """Who asked, with the identities of everybody linked with them, and whom they may be."""

    customer: Contact
    candidates: Sequence[Candidate]


def look(tx: Transaction, asking: Asking, mentioned: Mentioned, ignored: Collection[str]) -> Looked:
    """Nobody comes into question for a colleague, nor anybody about whom it was asked before."""
    person = contacts.linked(tx, asking.contact)
    customer = _person(tx, person)
    if _is_colleague(customer):
        return Looked(customer, ())
    found: dict[UUID, str] = {}
    for key in mentioned.keys:
        if (known := contacts.of_identity(tx, key)) is not None:
            found.setdefault(contacts.linked(tx, known.id)[0], key.value)
    for contact in _who_named(tx, mentioned.orders):
        found.setdefault(contacts.linked(tx, contact)[0], "")
    candidates = (
        _candidate(tx, other, address, ignored, asking)
        for root, address in found.items()
        if root not in person and not contacts.is_decided(tx, person, other := contacts.linked(tx, root))
    )
    return Looked(customer, list(islice((each for each in candidates if not _is_colleague(each.contact)), MOST)))


def _who_named(tx: Transaction, orders: Collection[str]) -> list[UUID]:
    """Whose conversations are about one of these orders; nobody's, where they are more than `MOST`."""
    if not orders:
        return []
    numbers = {each for order in orders for each in words.among(tx, words_of(order), MOST + 1, _AMONG)[0]}
    rows = tx.all(_LATELY, {"since": tx.now - words.LATEST - words.OVERLAP})
    rows += tx.all(_NUMBERED, {"numbers": sorted(numbers)})
    named = {contact for contact, theirs in rows if not set(orders).isdisjoint(json_value(theirs))}
    return [UUID(bytes=contact) for contact in sorted(named)] if len(named) <= MOST else []


def _person(tx: Transaction, person: list[UUID]) -> Contact:
    name = tx.one(_NAMES, {"ids": [each.bytes for each in person]})
    return Contact(
        id=person[0], name=name[0] if name is not None else "", identities=tuple(contacts.identities(tx, person))
    )


def _is_colleague(contact: Contact) -> bool:
    return any(each.key.type == _COLLEAGUE for each in contact.identities)


def _candidate(
    tx: Transaction, person: list[UUID], address: str, ignored: Collection[str], asking: Asking
) -> Candidate:
    """As they were when it was asked: who comes later is the one to be asked about."""
    conversations = tx.all(_CONVERSATIONS, {"ids": [each.bytes for each in person], "at": to_micros(asking.at)})
    asked = questions.lately(tx, [UUID(bytes=row[0]) for row in conversations])
    return Candidate(
        contact=_person(tx, person),
        named=f"#{conversations[0][1]}" if conversations else address,
        orders={order for _, _, orders in conversations for order in json_value(orders)},
        asked=[(each.at, features(each.text, ignored)) for each in asked if each.at <= asking.at],
    )


def suggest(
    tx: Transaction, lease: Lease, asking: Asking, candidate: Candidate, why: Sequence[Hint], rules: Rulebook
) -> Touched | None:
    """Ask in the conversation's thread, once for two people; None when nobody need be asked any more. Raises
    LeaseLost."""
    leases.check(tx, lease)
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(asking.conversation)
    if conversation is None or _is_settled(tx, conversation.contact, candidate.contact.id):
        return None
    contacts.suggest(tx, conversation.contact, candidate.contact.id, ACTOR)
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(new_id(), None, suggested(conversation, candidate, why))
    return changes.save()


def _is_settled(tx: Transaction, one: UUID, other: UUID) -> bool:
    """Whether an agent has said meanwhile that they are one or two; none can until the commit."""
    people = {each: contacts.linked(tx, each, lock=True) for each in sorted({one, other})}
    return other in people[one] or contacts.is_decided(tx, people[one], people[other])
