"""The snapshots the rules decide on, loaded for a whole batch of inbound items with a handful of statements."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from router.decision import Snapshot
from router.desk_view import DeskView
from router.identity import answered_together
from router.links import conversation_number
from router.model import (
    AuthorKind,
    Contact,
    Conversation,
    Identity,
    IdentityKey,
    Inbound,
    InboundKind,
    Leg,
    Priority,
    Status,
)
from router.ownership import Standing
from router.regrouping import Named
from router.terms import REOPEN_WINDOW
from router.told import Target
from router.verbs import Verb, verb_in
from storage import contacts, desk_views, lookups, movable, offers, questions, targets
from storage.codec import json_value
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_CONTACTS = Statement(
    f"""
    SELECT i.key, i.name, i.verification, i.evidence, c.id, c.name, c.language, c.tier, {contacts.IS_LINKED}
    FROM identities i JOIN contacts c ON c.id = i.contact WHERE i.key IN :keys
    """  # noqa: S608  our own words
)
_CONVERSATION = """
    SELECT id, number, contact, status, topic, priority, subject, owner, team, route, policy, opened_at, last_in_at,
           resolved_at, merged_into, version, next_seq, policy_version, waiting_since, orders, last_word_ours,
           tags
    FROM conversations
    """
_CURRENT = Statement(
    f"{_CONVERSATION} WHERE contact IN :contacts AND status <> 'resolved' UNION ALL "
    f"{_CONVERSATION} WHERE contact IN :contacts AND status = 'resolved' AND resolved_at >= :since "
    "AND merged_into IS NULL"
)
_BY_ID = Statement(_CONVERSATION + "WHERE id IN :ids")
_BY_ID_LOCKED = Statement(_CONVERSATION + "WHERE id IN :ids ORDER BY id", lock="FOR NO KEY UPDATE")
_LEGS = Statement(
    """
    SELECT id, conversation, channel, address, desk, thread_key, identity, last_in_at, last_remote_id, closed,
           chosen_at
    FROM legs WHERE conversation IN :conversations
    """
)
_THREADS = Statement("SELECT thread_key, conversation FROM legs WHERE thread_key IN :keys")
_SENT = Statement("SELECT remote_key, conversation FROM outbox WHERE remote_key IN :keys")
_RECEIVED = Statement("SELECT remote_key, conversation FROM messages WHERE remote_key IN :keys")
_CONTACT_BY_ID = Statement("SELECT id, name, language, tier FROM contacts WHERE id IN :ids")
LONGEST_CHAIN = 100
"""Merges that are followed, one after the other; more would be a circle."""

_SPEAKING = frozenset({InboundKind.MESSAGE, InboundKind.EDIT, InboundKind.DELETE, InboundKind.BUTTON})


class Snapshots:
    """What the database knows around a batch; grows as decisions of the batch are carried out. Without `lock` it is
    only for looking. `window`: how far back resolved conversations may be reopened. `remotes`: the conversations of
    messages that may be gone on with.

    Loading touches only indexed columns, so its cost does not depend on how much is stored.
    """

    def __init__(
        self, tx: Transaction, batch: Iterable[Inbound], *, window: timedelta = REOPEN_WINDOW, lock: bool = True
    ) -> None:
        self._tx = tx
        self._lock = lock
        self._since = tx.now - window // timedelta(microseconds=1)
        items = list(batch)
        # what colleagues say is ordered by the row lock: the second of two answers sees the first (4.4)
        self._by_id = _BY_ID_LOCKED if lock and any(each.sender.internal for each in items) else _BY_ID
        self.identities: dict[str, Identity] = {}
        self.contacts: dict[UUID, Contact] = {}
        self.conversations: dict[UUID, Conversation] = {}
        self.next_seq: dict[UUID, int] = {}
        self.current_of: dict[UUID, list[UUID]] = {}
        self._linked: dict[UUID, list[Identity]] = {}
        self._threads: dict[str, UUID] = {}
        self.remotes: dict[str, UUID] = {}
        self._load(items)

    def _load(self, batch: list[Inbound]) -> None:
        tx = self._tx
        senders = [inbound.sender for inbound in batch if inbound.thread.ref is None]
        keys = {identity_key(key) for sender in senders for key in (sender.identity, *sender.proven)}
        if keys:
            for row in tx.all(_CONTACTS, {"keys": sorted(keys)}):
                contact = Contact(id=UUID(bytes=row[4]), name=row[5], language=row[6], tier=row[7])
                self.contacts.setdefault(contact.id, contact)
                kind, _, value = row[0].partition(":")
                self.identities[row[0]] = Identity(
                    key=IdentityKey(kind, value),
                    contact=contact.id,
                    name=row[1],
                    verification=row[2],
                    evidence=row[3],
                )
                if row[8]:
                    self._add_person(contact.id)
        if refs := {f"{inbound.channel}:{inbound.thread.ref}" for inbound in batch if inbound.thread.ref}:
            self._threads = {key: UUID(bytes=found) for key, found in tx.all(_THREADS, {"keys": sorted(refs)})}
        if remotes := {
            f"{inbound.channel}:{remote}" for inbound in batch for remote in inbound.thread.remote_ids[-20:]
        }:
            for statement in (_RECEIVED, _SENT):
                self.remotes.update(
                    (key, UUID(bytes=found)) for key, found in tx.all(statement, {"keys": sorted(remotes)})
                )
        wanted = {inbound.thread.conversation for inbound in batch if inbound.thread.conversation is not None}
        wanted.update(self._threads.values(), self.remotes.values())
        rows: list[Row] = []
        if self.contacts:
            rows += self._current_rows(self.contacts)
        if missing := wanted - {UUID(bytes=row[0]) for row in rows}:
            rows += tx.all(self._by_id, {"ids": [each.bytes for each in missing]})
        self._add_conversations(rows)
        self._add_survivors([each for each in self.conversations.values() if each.merged_into is not None])

    def are_linked(self, one: UUID, other: UUID) -> bool:
        """Whether two contacts were known to be the same person."""
        return any(each.contact == other for each in self._linked.get(one, ()))

    def look_again(self, keys: Iterable[str]) -> None:
        """Load what was opened meanwhile for people of whom no current conversation was known."""
        known = {self.identities[key].contact for key in keys if key in self.identities}
        if known:
            self._add_conversations(self._current_rows(known))

    def _current_rows(self, known: Iterable[UUID]) -> list[Row]:
        """The current conversations of these contacts and of those linked with them."""
        everybody = {person.bytes for each in known for person in self._person(each)}
        return self._tx.all(_CURRENT, {"contacts": sorted(everybody), "since": self._since})

    def _add_person(self, contact: UUID) -> None:
        """Who else a contact is: looked up only for one that is linked with another."""
        if contact not in self._linked:
            person = contacts.linked(self._tx, contact)
            self._linked.update(dict.fromkeys(person, contacts.identities(self._tx, person)))

    def _person(self, contact: UUID) -> set[UUID]:
        return {contact, *(each.contact for each in self._linked.get(contact, ()))}

    def is_new(self, key: str) -> bool:
        """Whether no current conversation is known of whoever has this identity."""
        identity = self.identities.get(key)
        return identity is None or self._person(identity.contact).isdisjoint(self.current_of)

    def _add_survivors(self, absorbed: list[Conversation]) -> None:
        """Absorbed conversations go on in their survivors, also where those are of a linked contact."""
        unknown = {each.merged_into for each in absorbed if each.merged_into is not None} - self.conversations.keys()
        if unknown:
            self._add_conversations(self._tx.all(self._by_id, {"ids": [each.bytes for each in unknown]}))
        for each in absorbed:
            survivor, current = self.conversation(each.id), self.current_of.setdefault(each.contact, [])
            if survivor is not None and survivor.id not in current:
                current.append(survivor.id)

    def _add_conversations(self, rows: list[Row]) -> None:
        if not rows:
            return
        legs: dict[bytes, list[Leg]] = {}
        for row in self._tx.all(_LEGS, {"conversations": [row[0] for row in rows]}):
            legs.setdefault(row[1], []).append(_leg(row))
        for row in rows:
            conversation = _conversation(row, tuple(legs.get(row[0], ())))
            self.conversations[conversation.id] = conversation
            self.next_seq[conversation.id] = row[16]
            if conversation.merged_into is None:
                self.current_of.setdefault(conversation.contact, []).append(conversation.id)
        unknown = {each.contact for each in self.conversations.values()} - self.contacts.keys()
        if unknown:
            for contact_id, name, language, tier in self._tx.all(
                _CONTACT_BY_ID, {"ids": [each.bytes for each in unknown]}
            ):
                contact = Contact(id=UUID(bytes=contact_id), name=name, language=language, tier=tier)
                self.contacts[contact.id] = contact

    def of(self, inbound: Inbound) -> Snapshot:
        """The snapshot of one item, earlier items of the batch included."""
        identity = self.identities.get(identity_key(inbound.sender.identity))
        contact = self.contacts.get(identity.contact) if identity is not None else None
        target = targets.of_remote(self._tx, inbound, lock=self._lock) if inbound.target is not None else None
        proof = self._proof(inbound)
        if target is not None:
            proof = self.conversation(target.message.conversation)
        linked: frozenset[UUID] = frozenset()
        if identity is not None and identity.contact in self._linked:
            verification = max(identity.verification, inbound.sender.verification)
            linked = answered_together(verification, self._linked[identity.contact])
        current = self._current({contact.id, *linked}) if contact is not None else ()
        snapshot = Snapshot(
            standing=self._standing(inbound, proof),
            identity=identity,
            contact=contact,
            linked=linked,
            proof=proof,
            proof_contact=self.contacts.get(proof.contact) if proof is not None else None,
            open=tuple(each for each in current if each.status is not Status.RESOLVED),
            recent=tuple(each for each in current if each.status is Status.RESOLVED),
            now=of_micros(self._tx.now),
            target=target,
            desk=self._desk(inbound, proof, target),
        )
        if contact is not None and _may_be_elsewhere(snapshot, inbound):
            snapshot = replace(snapshot, asked=questions.lately(self._tx, (each.id for each in snapshot.open)))
        return snapshot if proof is None else self._regrouped(snapshot, inbound, proof)

    def _regrouped(self, snapshot: Snapshot, inbound: Inbound, proof: Conversation) -> Snapshot:
        """What only matters where conversations are or will be merged or split."""
        place = self._place(inbound) or (snapshot.target.message.conversation if snapshot.target else proof.id)
        if place != proof.id:
            snapshot = replace(snapshot, absorbed=self.conversations.get(place))
        verb = verb_in(inbound) if inbound.sender.internal else None
        match verb.name if verb is not None else "":
            case "merge":
                return replace(snapshot, named=self._named(verb))
            case "split":
                return replace(snapshot, movable=tuple(movable.latest(self._tx, proof)))
        if verb is None or snapshot.desk is None:
            return snapshot
        return replace(snapshot, lookup=lookups.load(self._tx, verb, proof, tuple(snapshot.desk.contacts)))

    def _named(self, verb: Verb | None) -> Named | None:
        number = conversation_number(verb.rest) if verb is not None else None
        found = movable.of_number(self._tx, number) if number is not None else None
        survivor = self.conversation(found) if found is not None else None
        return (
            None
            if found is None or survivor is None
            else Named(conversation=self.conversations[found], survivor=survivor)
        )

    def forget(self, *conversations: UUID) -> None:
        """What is known of these is not true any more: they are loaded again when they are asked for."""
        for each in conversations:
            self.next_seq.pop(each, None)
            known = self.conversations.pop(each, None)
            if known is not None and each in (current := self.current_of.get(known.contact, [])):
                current.remove(each)

    def _desk(self, inbound: Inbound, proof: Conversation | None, target: Target | None) -> DeskView | None:
        """Only for what colleagues post, edit or delete: a customer's message costs nothing here."""
        if proof is None or inbound.kind not in _SPEAKING:
            return None
        ours = inbound.sender.internal or (target is not None and target.message.author_kind is AuthorKind.AGENT)
        return desk_views.load(self._tx, proof, inbound, lock=self._lock) if ours else None

    def _standing(self, inbound: Inbound, proof: Conversation | None) -> Standing | None:
        """Only for posts in a desk thread, and the reasons only for those that ask for them."""
        spoken = inbound.kind in {InboundKind.MESSAGE, InboundKind.BUTTON}
        if proof is None or inbound.thread.ref is None or not spoken:
            return None
        verb = verb_in(inbound)
        name = verb.name if verb is not None else ""
        return offers.standing(self._tx, proof.id, explained=name == "why", voided=name in {"spam", "unspam"})

    def _current(self, customer: set[UUID]) -> list[Conversation]:
        """Those a message of one of these contacts may belong to, latest first."""
        known = dict.fromkeys(each for contact in customer for each in self.current_of.get(contact, ()))
        found = [self.conversations[each] for each in known]
        if len(found) > 1:
            found.sort(key=lambda each: (each.last_in_at or each.opened_at, each.number), reverse=True)
        return found

    def _proof(self, inbound: Inbound) -> Conversation | None:
        """The conversation the thread proves; an absorbed one leads to its survivor."""
        found = self._place(inbound)
        return self.conversation(found) if found is not None else None

    def _place(self, inbound: Inbound) -> UUID | None:
        """Where it was written, strongest proof first."""
        thread = inbound.thread
        found = thread.conversation
        if found is None and thread.ref is not None:
            found = self._threads.get(f"{inbound.channel}:{thread.ref}")
        if found is None:
            for remote in reversed(thread.remote_ids):
                if (found := self.remotes.get(f"{inbound.channel}:{remote}")) is not None:
                    break
        return found

    def conversation(self, conversation_id: UUID) -> Conversation | None:
        """A conversation by id; the survivor when it was absorbed (decisions 5)."""
        for _ in range(LONGEST_CHAIN):
            found = self.conversations.get(conversation_id)
            if found is None:
                self._add_conversations(self._tx.all(self._by_id, {"ids": [conversation_id.bytes]}))
                found = self.conversations.get(conversation_id)
            if found is None or found.merged_into is None:
                return found
            conversation_id = found.merged_into
        return None


def _may_be_elsewhere(snapshot: Snapshot, inbound: Inbound) -> bool:
    """Whether a message may ask again what was asked on another address: the only case in which texts are compared."""
    here = (inbound.channel, inbound.address)
    return inbound.kind is InboundKind.MESSAGE and any(
        here not in {(leg.channel, leg.address) for leg in each.legs} for each in snapshot.open
    )


def identity_key(identity: IdentityKey) -> str:
    """The column form of an identity."""
    return f"{identity.type}:{identity.value}"


def _leg(row: Row) -> Leg:
    leg_id, conversation, channel, address, desk, thread_key, identity, last_in_at, last_remote_id, closed = row[:10]
    chosen_at = row[10]
    kind, _, value = (identity or "").partition(":")
    return Leg(
        id=UUID(bytes=leg_id),
        conversation=UUID(bytes=conversation),
        channel=channel,
        address=address,
        desk=bool(desk),
        thread=thread_key[len(channel) + 1 :] if thread_key else None,
        identity=IdentityKey(kind, value) if identity else None,
        last_in_at=of_micros(last_in_at) if last_in_at is not None else None,
        chosen_at=of_micros(chosen_at) if chosen_at is not None else None,
        last_remote_id=last_remote_id,
        closed=bool(closed),
    )


def _conversation(row: Row, legs: tuple[Leg, ...]) -> Conversation:
    return Conversation(
        id=UUID(bytes=row[0]),
        number=row[1],
        contact=UUID(bytes=row[2]),
        status=Status(row[3]),
        topic=row[4],
        priority=Priority(row[5]),
        subject=row[6],
        owner=row[7],
        team=row[8],
        route=row[9],
        policy=row[10],
        legs=legs,
        opened_at=of_micros(row[11]),
        last_in_at=of_micros(row[12]) if row[12] is not None else None,
        resolved_at=of_micros(row[13]) if row[13] is not None else None,
        merged_into=UUID(bytes=row[14]) if row[14] is not None else None,
        version=row[15],
        policy_version=row[17],
        waiting_since=of_micros(row[18]) if row[18] is not None else None,
        orders=tuple(json_value(row[19])),
        last_word_ours=bool(row[20]),
        tags=tuple(json_value(row[21])) if row[21] != "[]" else (),
    )
