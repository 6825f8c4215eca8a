"""The snapshots the rules decide on, loaded for a whole batch of inbound items with a handful of statements."""

from collections.abc import Iterable
from uuid import UUID

from router.decision import Snapshot, Target, TargetDelivery
from router.model import (
    AuthorKind,
    Contact,
    Conversation,
    DeliveryKind,
    DeliveryState,
    Identity,
    IdentityKey,
    Inbound,
    InboundKind,
    Leg,
    Message,
    Priority,
    Status,
    Visibility,
)
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_CONTACTS = Statement(
    """
    SELECT i.key, i.name, i.verification, i.evidence, c.id, c.name, c.language, c.tier
    FROM identities i JOIN contacts c ON c.id = i.contact WHERE i.key IN :keys
    """
)
_OPEN = Statement(
    """
    SELECT id, number, contact, status, topic, priority, subject, owner, team, route, policy, opened_at, last_in_at,
           resolved_at, merged_into, version, next_seq
    FROM conversations WHERE contact IN :contacts AND status <> 'resolved' ORDER BY id
    """,
    lock="FOR UPDATE",
)
_BY_ID = Statement(
    """
    SELECT id, number, contact, status, topic, priority, subject, owner, team, route, policy, opened_at, last_in_at,
           resolved_at, merged_into, version, next_seq
    FROM conversations WHERE id IN :ids ORDER BY id
    """,
    lock="FOR UPDATE",
)
_LEGS = Statement(
    """
    SELECT id, conversation, channel, address, desk, thread_key, identity, last_in_at, last_remote_id, closed
    FROM legs WHERE conversation IN :conversations
    """
)
_THREADS = Statement("SELECT thread_key, conversation FROM legs WHERE thread_key IN :keys")
_SENT = Statement("SELECT remote_key, conversation FROM outbox WHERE remote_key IN :keys")
_RECEIVED = Statement("SELECT remote_key, conversation FROM messages WHERE remote_key IN :keys")
_CONTACT_BY_ID = Statement("SELECT id, name, language, tier FROM contacts WHERE id IN :ids")
_TARGET = Statement(
    """
    SELECT id, conversation, seq, author_kind, author, visibility, channel, body, remote_key, received_at, version,
           deleted
    FROM messages WHERE remote_key = :key ORDER BY received_at DESC LIMIT 1
    """
)
_TARGET_BY_DELIVERY = Statement(
    """
    SELECT m.id, m.conversation, m.seq, m.author_kind, m.author, m.visibility, m.channel, m.body, m.remote_key,
           m.received_at, m.version, m.deleted
    FROM messages m JOIN outbox o ON o.message = m.id WHERE o.remote_key = :key LIMIT 1
    """
)
_TARGET_DELIVERIES = Statement(
    """
    SELECT o.id, o.kind, o.channel, o.address, o.state, o.part, o.parts, o.remote_ids, l.id IS NOT NULL
    FROM outbox o LEFT JOIN legs l ON l.conversation = o.conversation AND l.channel = o.channel
         AND l.address = o.address AND l.desk
    WHERE o.message = :message ORDER BY o.seq, o.part
    """
)


class Snapshots:
    """What the database knows around a batch; grows as decisions of the batch are carried out. The conversations are
    locked for the transaction: two that write to one wait for each other.

    Loading touches only indexed columns, so its cost does not depend on how much is stored.
    """

    def __init__(self, tx: Transaction, batch: Iterable[Inbound]) -> None:
        self._tx = tx
        self.identities: dict[str, Identity] = {}
        self.contacts: dict[UUID, Contact] = {}
        self.conversations: dict[UUID, Conversation] = {}
        self.next_seq: dict[UUID, int] = {}
        self.open_of: dict[UUID, list[UUID]] = {}
        self._threads: dict[str, UUID] = {}
        self._remotes: dict[str, UUID] = {}
        self._load(list(batch))

    def _load(self, batch: list[Inbound]) -> None:
        tx = self._tx
        keys = {identity_key(inbound.sender.identity) for inbound in batch if inbound.thread.ref is None}
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
        if refs := {f"{inbound.channel}:{inbound.thread.ref}" for inbound in batch if inbound.thread.ref}:
            self._threads = {key: UUID(bytes=found) for key, found in tx.all(_THREADS, {"keys": sorted(refs)})}
        if remotes := {
            f"{inbound.channel}:{remote}" for inbound in batch for remote in inbound.thread.remote_ids[-20:]
        }:
            for statement in (_RECEIVED, _SENT):
                self._remotes.update(
                    (key, UUID(bytes=found)) for key, found in tx.all(statement, {"keys": sorted(remotes)})
                )
        wanted = {inbound.thread.conversation for inbound in batch if inbound.thread.conversation is not None}
        wanted.update(self._threads.values(), self._remotes.values())
        rows: list[Row] = []
        if self.contacts:
            rows += tx.all(_OPEN, {"contacts": [contact.bytes for contact in self.contacts]})
        if missing := wanted - {UUID(bytes=row[0]) for row in rows}:
            rows += tx.all(_BY_ID, {"ids": [each.bytes for each in missing]})
        self._add_conversations(rows)

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
            if conversation.status is not Status.RESOLVED:
                self.open_of.setdefault(conversation.contact, []).append(conversation.id)
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
        target = self._target(inbound) if inbound.target is not None else None
        proof = self._proof(inbound)
        if target is not None:
            proof = self.conversation(target.message.conversation)
        return Snapshot(
            identity=identity,
            contact=contact,
            proof=proof,
            proof_contact=self.contacts.get(proof.contact) if proof is not None else None,
            open=self._open(contact) if contact is not None else (),
            target=target,
        )

    def _open(self, contact: Contact) -> tuple[Conversation, ...]:
        found = [self.conversations[each] for each in self.open_of.get(contact.id, ())]
        if len(found) > 1:
            found.sort(key=lambda each: (each.last_in_at or each.opened_at, each.number), reverse=True)
        return tuple(found)

    def _proof(self, inbound: Inbound) -> Conversation | None:
        """The conversation the thread proves, strongest proof first; an absorbed one leads to its survivor."""
        thread = inbound.thread
        found = thread.conversation
        if found is None and thread.ref is not None:
            found = self._threads.get(f"{inbound.channel}:{thread.ref}")
        if found is None:
            for remote in reversed(thread.remote_ids):
                if (found := self._remotes.get(f"{inbound.channel}:{remote}")) is not None:
                    break
        return self.conversation(found) if found is not None else None

    def conversation(self, conversation_id: UUID) -> Conversation | None:
        """A conversation by id; the survivor when it was absorbed (decisions 5)."""
        for _ in range(10):
            found = self.conversations.get(conversation_id)
            if found is None:
                self._add_conversations(self._tx.all(_BY_ID, {"ids": [conversation_id.bytes]}))
                found = self.conversations.get(conversation_id)
            if found is None or found.merged_into is None:
                return found
            conversation_id = found.merged_into
        return None

    def _target(self, inbound: Inbound) -> Target | None:
        key = f"{inbound.channel}:{inbound.target}"
        row = self._tx.one(_TARGET, {"key": key})
        if row is None and inbound.kind in {InboundKind.BOUNCE, InboundKind.READ, InboundKind.REACTION}:
            row = self._tx.one(_TARGET_BY_DELIVERY, {"key": key})
        if row is None:
            return None
        deliveries = self._tx.all(_TARGET_DELIVERIES, {"message": row[0]})
        return Target(message=_target_message(row), deliveries=tuple(_target_delivery(each) for each in deliveries))


def identity_key(identity: IdentityKey) -> str:
    """The column form of an identity."""
    return f"{identity.type}:{identity.value}"


def _leg(row: Row) -> Leg:
    leg_id, conversation, channel, address, desk, thread_key, identity, last_in_at, last_remote_id, closed = row
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
    )


def _target_message(row: Row) -> Message:
    return Message(
        id=UUID(bytes=row[0]),
        conversation=UUID(bytes=row[1]),
        seq=row[2],
        author_kind=AuthorKind(row[3]),
        author=row[4],
        visibility=Visibility(row[5]),
        channel=row[6],
        text=rich_text(row[7]),
        remote_id=row[8],
        received_at=of_micros(row[9]),
        version=row[10],
        deleted=bool(row[11]),
    )


def _target_delivery(row: Row) -> TargetDelivery:
    remote_ids = row[7]
    return TargetDelivery(
        id=UUID(bytes=row[0]),
        kind=DeliveryKind(row[1]),
        channel=row[2],
        address=row[3],
        desk=bool(row[8]),
        state=DeliveryState(row[4]),
        part=row[5],
        parts=row[6],
        remote_id=first_remote(remote_ids),
    )


def first_remote(remote_ids: str) -> str | None:
    """The first of a stored list of remote ids."""
    if remote_ids == "[]":
        return None
    return remote_ids[2:].partition('"')[0]
