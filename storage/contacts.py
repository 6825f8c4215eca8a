"""Contacts that are the same person: a link is a pointer, logged and reversible (decisions 5, `service.md` 4.1).

Conversations, identities and statements keep their own contact; whoever asks for a person asks for all of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from router.identity import Verdict, compare, pair
from router.model import Contact, Identity, IdentityKey
from storage.database import Transaction
from storage.ids import new_id
from storage.statement import Statement

IS_LINKED = "(c.merged_into IS NOT NULL OR EXISTS (SELECT 1 FROM contacts b WHERE b.merged_into = c.id))"
"""Whether the contact `c` of a statement is linked with another one."""

PROOF = "system:identity"
"""Who links contacts that have both proven the same identity."""

_LINKED = Statement(f"SELECT c.id FROM contacts c WHERE c.id IN :ids AND {IS_LINKED}")  # noqa: S608  our own words
_ABOVE = Statement("SELECT merged_into FROM contacts WHERE id = :id")
_ABOVE_LOCKED = Statement("SELECT merged_into FROM contacts WHERE id = :id", lock="FOR NO KEY UPDATE")
_BELOW = Statement("SELECT id FROM contacts WHERE merged_into IN :ids")
_AGES = Statement("SELECT id, created_at FROM contacts WHERE id IN :ids ORDER BY created_at, id")
_POINT = Statement("UPDATE contacts SET merged_into = :survivor WHERE id = :absorbed AND merged_into IS NULL")
_LOG = Statement(
    """
    INSERT INTO contact_merges (id, absorbed, survivor, actor, reason, at)
    VALUES (:id, :absorbed, :survivor, :actor, :reason, :now)
    """
)
_NEWEST = Statement(
    """
    SELECT id, absorbed, survivor FROM contact_merges WHERE absorbed IN :ids AND undone_at IS NULL
    ORDER BY at DESC, id DESC LIMIT 1
    """
)
_PART = Statement("UPDATE contacts SET merged_into = NULL WHERE id = :absorbed")
_UNDO = Statement("UPDATE contact_merges SET undone_at = :now, undone_by = :actor WHERE id = :id")
_PAIR = Statement(
    """
    INSERT INTO contact_pairs (one, other, apart, actor, at) VALUES (:one, :other, :apart, :actor, :now)
    ON CONFLICT (one, other) DO UPDATE SET apart = excluded.apart, actor = excluded.actor, at = excluded.at
    """
)
_PAIRS = """
    SELECT 1 FROM contact_pairs WHERE ((one IN :these AND other IN :those) OR (one IN :those AND other IN :these))
    """
_PAIRED = Statement(f"{_PAIRS} LIMIT 1")
_APART = Statement(f"{_PAIRS} AND apart LIMIT 1")
_UNDONE = Statement(
    """
    SELECT 1 FROM contact_merges WHERE undone_at IS NOT NULL AND
           ((absorbed IN :these AND survivor IN :those) OR (absorbed IN :those AND survivor IN :these)) LIMIT 1
    """
)
_IDENTITIES = Statement("SELECT key, contact, name, verification, evidence FROM identities WHERE contact IN :ids")
_OF_NUMBER = Statement(
    """
    SELECT c.id, c.name, c.language, c.tier FROM conversations v JOIN contacts c ON c.id = v.contact
    WHERE v.number = :number
    """
)
_OF_IDENTITY = Statement(
    """
    SELECT c.id, c.name, c.language, c.tier FROM identities i JOIN contacts c ON c.id = i.contact WHERE i.key = :key
    """
)
_MAKE = Statement("INSERT INTO contacts (id, name, language, tier, created_at) VALUES (:id, :name, NULL, NULL, :now)")
_MAKE_IDENTITY = Statement(
    """
    INSERT INTO identities (key, contact, name, verification, evidence, first_seen)
    VALUES (:key, :id, :name, 0, 'named by an agent', :now)
    """
)
_LANGUAGE = Statement("UPDATE contacts SET language = :language WHERE id = :id")
_TIER = Statement("UPDATE contacts SET tier = :tier WHERE id = :id")
_FIND = Statement(
    """
    SELECT DISTINCT c.id, c.name, c.merged_into FROM contacts c LEFT JOIN identities i ON i.contact = c.id
    WHERE lower(c.name) LIKE :words OR lower(i.key) LIKE :words OR lower(i.name) LIKE :words
    LIMIT :limit
    """
)


class SameContact(ValueError):
    """The two are linked already, or one and the same."""


class NoContact(ValueError):
    """There is no contact of that id."""


class NotLinked(ValueError):
    """There is no link that could be undone."""


@dataclass(frozen=True, slots=True)
class Merge:
    """`absorbed` points to `survivor`, the older of the two."""

    absorbed: UUID
    survivor: UUID


def linked(tx: Transaction, contact: UUID, *, lock: bool = False) -> list[UUID]:
    """Everybody who is the same person, the oldest first; `lock` orders the units that speak to one person.

    Raises NoContact.
    """
    top = contact.bytes
    above = _ABOVE_LOCKED if lock else _ABOVE
    while (row := tx.one(above, {"id": top})) is not None and row[0] is not None:
        top = bytes(row[0])
    if row is None:
        raise NoContact(f"there is no contact {contact.hex}")
    found = layer = [top]
    while layer := [bytes(row[0]) for row in tx.all(_BELOW, {"ids": layer})]:
        found = found + layer
    return [UUID(bytes=each) for each in found]


def people(tx: Transaction, contacts: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """For each of the contacts everybody who is the same person."""
    found = {each: [each] for each in contacts}
    for (row,) in tx.all(_LINKED, {"ids": sorted(each.bytes for each in contacts)}):
        contact = UUID(bytes=row)
        found[contact] = linked(tx, contact)
    return found


def merge(tx: Transaction, one: UUID, other: UUID, actor: str, reason: str) -> Merge:
    """Link two contacts; raises SameContact and NoContact."""
    roots = {linked(tx, each, lock=True)[0] for each in sorted({one, other})}
    if len(roots) < 2:
        raise SameContact("these contacts are linked already")
    survivor, absorbed = (bytes(row[0]) for row in tx.all(_AGES, {"ids": [root.bytes for root in sorted(roots)]}))
    tx.run(_POINT, {"survivor": survivor, "absorbed": absorbed})
    tx.run(
        _LOG,
        {
            "id": new_id().bytes,
            "absorbed": absorbed,
            "survivor": survivor,
            "actor": actor,
            "reason": reason,
            "now": tx.now,
        },
    )
    return Merge(absorbed=UUID(bytes=absorbed), survivor=UUID(bytes=survivor))


def join(tx: Transaction, contact: UUID, owned: Identity) -> None:
    """An identity of somebody else's is proven to be this contact's as well: where they have proven it too, both are
    one customer, unless that was undone or denied before (4.1)."""
    mine, theirs = linked(tx, contact), linked(tx, owned.contact)
    if mine[0] == theirs[0]:
        return
    claimed = replace(owned, contact=contact, verification=2)
    one = Contact(id=mine[0], identities=(*identities(tx, mine), claimed))
    other = Contact(id=theirs[0], identities=tuple(identities(tx, theirs)))
    parted = any(_is_there(tx, each, mine, theirs) for each in (_APART, _UNDONE))
    apart = [pair(one.id, other.id)] if parted else []
    if compare(one, other, apart=apart).verdict is Verdict.MERGE:
        merge(tx, contact, owned.contact, PROOF, f"both have proven {owned.key.type}:{owned.key.value}")


def unmerge(tx: Transaction, contact: UUID, actor: str) -> Merge:
    """Undo the newest link of a person: everything is as before it. Raises NotLinked and NoContact."""
    row = tx.one(_NEWEST, {"ids": [each.bytes for each in linked(tx, contact, lock=True)]})
    if row is None:
        raise NotLinked("this contact is linked with no other")
    tx.run(_PART, {"absorbed": row[1]})
    tx.run(_UNDO, {"id": row[0], "now": tx.now, "actor": actor})
    return Merge(absorbed=UUID(bytes=row[1]), survivor=UUID(bytes=row[2]))


def suggest(tx: Transaction, one: UUID, other: UUID, actor: str) -> None:
    """Somebody is asked whether two contacts are the same person, and need not be asked again."""
    _pair(tx, one, other, actor, apart=False)


def keep_apart(tx: Transaction, one: UUID, other: UUID, actor: str) -> None:
    """Two contacts are not the same person, which is remembered (4.1)."""
    _pair(tx, one, other, actor, apart=True)


def _pair(tx: Transaction, one: UUID, other: UUID, actor: str, *, apart: bool) -> None:
    first, second = sorted((one.bytes, other.bytes))
    tx.run(_PAIR, {"one": first, "other": second, "apart": apart, "actor": actor, "now": tx.now})


def is_decided(tx: Transaction, these: Collection[UUID], those: Collection[UUID]) -> bool:
    """Whether somebody was asked about two people, or has said that they are two."""
    return _is_there(tx, _PAIRED, these, those)


def _is_there(tx: Transaction, between: Statement, these: Collection[UUID], those: Collection[UUID]) -> bool:
    people = {"these": [each.bytes for each in these], "those": [each.bytes for each in those]}
    return tx.one(between, people) is not None


def identities(tx: Transaction, contacts: list[UUID]) -> list[Identity]:
    """The identities of all these contacts."""
    found: list[Identity] = []
    for key, contact, name, verification, evidence in tx.all(_IDENTITIES, {"ids": [each.bytes for each in contacts]}):
        kind, _, value = key.partition(":")
        found.append(
            Identity(
                key=IdentityKey(kind, value),
                contact=UUID(bytes=contact),
                name=name,
                verification=verification,
                evidence=evidence,
            )
        )
    return found


def of_number(tx: Transaction, number: int) -> Contact | None:
    """The customer of the conversation with that number."""
    row = tx.one(_OF_NUMBER, {"number": number})
    return None if row is None else Contact(id=UUID(bytes=row[0]), name=row[1], language=row[2], tier=row[3])


def of_identity(tx: Transaction, key: IdentityKey) -> Contact | None:
    """The contact that has this identity; None when nobody has it."""
    row = tx.one(_OF_IDENTITY, {"key": f"{key.type}:{key.value}"})
    return None if row is None else Contact(id=UUID(bytes=row[0]), name=row[1], language=row[2], tier=row[3])


def make(tx: Transaction, key: IdentityKey, name: str = "") -> Contact:
    """A contact of whom nothing is known but an address, which nobody has proven."""
    contact = Contact(id=new_id(), name=name)
    row = {"id": contact.id.bytes, "key": f"{key.type}:{key.value}", "name": name, "now": tx.now}
    tx.run(_MAKE, row)
    tx.run(_MAKE_IDENTITY, row)
    return contact


def speak(tx: Transaction, contact: UUID, language: str | None) -> None:
    """What language a contact wants; None: nobody has said so."""
    tx.run(_LANGUAGE, {"id": contact.bytes, "language": language})


def put_tiers(tx: Transaction, tiers: Mapping[UUID, str | None]) -> None:
    """What tiers these contacts have; None: none."""
    tx.many(_TIER, [{"id": each.bytes, "tier": tiers[each]} for each in sorted(tiers)])


@dataclass(frozen=True, slots=True)
class Found:
    """A contact for people to choose from."""

    id: UUID
    name: str
    merged_into: UUID | None
    identities: tuple[str, ...]


def find(tx: Transaction, words: str, limit: int = 50) -> list[Found]:
    """Contacts whose name or address contains the words, in any case."""
    rows = tx.all(_FIND, {"words": f"%{words.lower()}%", "limit": limit})
    keys: dict[UUID, list[str]] = {}
    for identity in identities(tx, [UUID(bytes=row[0]) for row in rows]) if rows else ():
        keys.setdefault(identity.contact, []).append(f"{identity.key.type}:{identity.key.value}")
    return [
        Found(
            id=UUID(bytes=row[0]),
            name=row[1],
            merged_into=UUID(bytes=row[2]) if row[2] is not None else None,
            identities=tuple(sorted(keys.get(UUID(bytes=row[0]), ()))),
        )
        for row in rows
    ]
