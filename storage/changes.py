"""Carrying out decisions: collects the rows of a whole batch and writes them table by table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from router.card import changes_card
from router.decision import Address, Decision, NewEvent, NewMessage, Opening, Planned, Revision
from router.events import EventType
from router.handing import offer_over, offer_subject, outcome_of
from router.held_notices import naming
from router.model import (
    Attachment,
    Contact,
    Conversation,
    DeliveryKind,
    Identity,
    IdentityKey,
    Inbound,
    InboundKind,
    Leg,
    Round,
    Status,
    Visibility,
)
from router.ownership import Ownership
from router.promised import promise_over, promise_subject
from router.record import Record
from router.richtext import RichText
from router.rulebook import Rulebook
from router.statuses import unanswered_after_all
from storage import (
    agents,
    audit,
    cards,
    contacts,
    feeds,
    holds,
    incidents,
    ledger,
    offers,
    open_notices,
    outbox,
    rounds,
    snoozes,
    unsaid,
)
from storage.codec import json_of, outgoing_json, text_of
from storage.database import Transaction, of_micros, to_micros
from storage.holds import Hit
from storage.ids import new_id
from storage.snapshots import Snapshots, identity_key
from storage.statement import Statement

Rows = list[dict[str, Any]]

_CONTACT = Statement(
    "INSERT INTO contacts (id, name, language, tier, created_at) VALUES (:id, :name, :language, NULL, :now)"
)
_IDENTITY = Statement(
    """
    INSERT INTO identities (key, contact, name, verification, evidence, first_seen)
    VALUES (:key, :contact, :name, :verification, '', :now)
    """
)
_VERIFIED = Statement("UPDATE identities SET verification = :verification WHERE key = :key")
_CONVERSATION = Statement(
    """
    INSERT INTO conversations (id, number, contact, status, topic, orders, tags, priority, subject, owner, team,
                               route, policy, policy_version, opened_at, last_in_at, next_seq, version)
    VALUES (:id, :number, :contact, 'open', :topic, :orders, :tags, :priority, :subject, :owner, :team,
            :route, :policy, :policy_version, :now, :last_in_at, :next_seq, 1)
    """
)
_PROGRESS = Statement(
    """
    UPDATE conversations SET next_seq = :next_seq, last_in_at = :last_in_at, last_word_ours = :last_word_ours,
           status = :status, resolved_at = :resolved_at, topic = :topic, orders = :orders, tags = :tags,
           priority = :priority,
           policy = :policy, policy_version = :policy_version, version = version + 1
    WHERE id = :id
    """
)
_OWNER = Statement("UPDATE conversations SET owner = :owner, team = :team WHERE id = :id")
_LEG = Statement(
    """
    INSERT INTO legs (id, conversation, channel, address, desk, thread_key, identity, last_in_at, chosen_at,
                      last_remote_id, closed)
    VALUES (:id, :conversation, :channel, :address, :desk, NULL, :identity, :last_in_at, :chosen_at, :last_remote_id,
            :closed)
    """
)
_LEG_IN = Statement(
    """
    UPDATE legs SET last_in_at = :last_in_at, chosen_at = :chosen_at, last_remote_id = :last_remote_id WHERE id = :id
    """
)
_CLOSED = Statement(
    """
    UPDATE legs SET closed = :closed
    WHERE channel = :channel AND address = :address AND NOT desk AND conversation IN (
        SELECT id FROM conversations WHERE contact = :contact AND status <> 'resolved' UNION ALL
        SELECT id FROM conversations WHERE contact = :contact AND status = 'resolved'
    )
    """
)
_MESSAGE = Statement(
    """
    INSERT INTO messages (id, conversation, seq, author_kind, author, author_name, visibility, channel, body, full_body,
                          remote_key, received_at, sent_at, composed_at, version, deleted, automatic)
    VALUES (:id, :conversation, :seq, :author_kind, :author, :author_name, :visibility, :channel, :body, :full_body,
            :remote_key, :now, :sent_at, :composed_at, 1, :deleted, :automatic)
    """
)
_OLD_VERSION = Statement(
    """
    INSERT INTO message_versions (message, version, body, replaced_at)
    SELECT id, version, body, :now FROM messages WHERE id = :id
    """
)
_REVISE = Statement(
    """
    UPDATE messages SET body = :body, version = version + 1, deleted = :deleted, version_order = :order,
                        composed_at = COALESCE(:composed_at, composed_at)
    WHERE id = :id
    """
)
_MAKE_NOTE = Statement("UPDATE messages SET visibility = :note WHERE id = :id")
_SEAL = Statement("UPDATE messages SET sealed = :yes WHERE id = :id")
_ATTACHMENT = Statement(
    """
    INSERT INTO attachments (message, position, channel, name, content_type, size, sha256, remote, inline, content_id)
    VALUES (:message, :position, :channel, :name, :content_type, :size, :sha256, :remote, :inline, :content_id)
    """
)
_BLOB = Statement(
    """
    INSERT INTO blobs (sha256, size, uses, created_at) VALUES (:sha256, :size, 1, :now)
    ON CONFLICT (sha256) DO UPDATE SET uses = blobs.uses + 1
    """
)
_EVENT = Statement(
    """
    INSERT INTO events (conversation, seq, type, version, at, actor, payload)
    VALUES (:conversation, :seq, :type, 1, :now, :actor, :payload)
    """
)
_LANE = Statement(
    """
    INSERT INTO lanes (key, channel, address, due_at, reserved, owner, lease_until, fence)
    VALUES (:key, :channel, :address, :due_at, :no, '', 0, 0)
    ON CONFLICT (key) DO UPDATE SET due_at = COALESCE(lanes.due_at, excluded.due_at)
    """
)
_DELIVERY = Statement(
    """
    INSERT INTO outbox (id, lane, seq, part, parts, channel, address, kind, conversation, message, body, state,
                        not_before, created_at, unfetched)
    VALUES (:id, :lane, :seq, :part, :parts, :channel, :address, :kind, :conversation, :message, :body, 'ready',
            :not_before, :now, :unfetched)
    """
)
_WITHDRAW = Statement(
    """
    UPDATE outbox SET state = 'withdrawn', settled_at = :now WHERE id = :id AND state = 'ready' RETURNING lane
    """
)
_NUMBERS = Statement("UPDATE counters SET value = value + :count WHERE name = 'conversation' RETURNING value")


@dataclass(frozen=True, slots=True)
class Breach:
    """A target that was missed, as metrics count it."""

    channel: str
    metric: str
    policy: str


@dataclass(frozen=True, slots=True)
class Touched:
    """What a commit changed that somebody may be waiting for: channels with new deliveries, how far the feeds that
    grew go now, and the numbers of messages in them; rounds that were closed, breaches that were noticed, and what the
    rules found in replies. `owners`: somebody may need an owner, or may be free for one. `handed`: team and outcome of
    assignments, `promises`: what became of promises, `receipts`: channel of an automatic receipt and how long after the
    customer's message the provider had it, `alerts`: levels of deadlines, or what else people were told of, and how."""

    channels: frozenset[str] = frozenset()
    places: Mapping[str, int] = field(default_factory=dict)
    feed_seqs: Mapping[UUID, int] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    breaches: tuple[Breach, ...] = ()
    owners: bool = False
    hits: tuple[Hit, ...] = ()
    handed: tuple[tuple[str, str], ...] = ()
    promises: tuple[str, ...] = ()
    receipts: tuple[tuple[str, timedelta], ...] = ()
    alerts: tuple[tuple[str, str], ...] = ()

    def and_then(self, later: "Touched") -> "Touched":
        """Both, where one unit saved twice."""
        return Touched(
            channels=self.channels | later.channels,
            places={**self.places, **later.places},
            feed_seqs={**self.feed_seqs, **later.feed_seqs},
            rounds=self.rounds + later.rounds,
            breaches=self.breaches + later.breaches,
            owners=self.owners or later.owners,
            hits=self.hits + later.hits,
            handed=self.handed + later.handed,
            promises=self.promises + later.promises,
            receipts=self.receipts + later.receipts,
            alerts=self.alerts + later.alerts,
        )


class Changes:
    """The rows a batch of decisions adds up to. `openings`: the conversations it will open as far as can be told now,
    whose numbers are taken together."""

    def __init__(self, tx: Transaction, snapshots: Snapshots, rules: Rulebook, openings: int) -> None:
        self._tx = tx
        self._snapshots = snapshots
        self._rules = rules
        self._pulls = rules.pulls
        self._numbers: list[int] = []
        if openings:
            self._take_numbers(openings)
        self._ticks: dict[str, int] = {}
        self._begin()

    def _begin(self) -> None:
        """Nothing is collected yet, or everything is written."""
        self._clocked: dict[UUID, list[NewEvent]] = {}
        self._contacts: Rows = []
        self._identities: Rows = []
        self._claims: list[tuple[UUID, Identity]] = []  # contacts, and what of theirs others have
        self._tiers: dict[UUID, str | None] = {}  # by contact
        self._opened: dict[UUID, dict[str, Any]] = {}
        self._progress: dict[UUID, dict[str, Any]] = {}
        self._legs: dict[UUID, dict[str, Any]] = {}
        self._leg_changes: dict[UUID, dict[str, Any]] = {}
        self._closed: dict[tuple[UUID, str, str], bool] = {}  # by contact, channel and address
        self._messages: Rows = []
        self._attachments: Rows = []
        self._events: Rows = []
        self._lanes: dict[str, dict[str, Any]] = {}
        self._shorter: set[str] = set()  # lanes from which something was taken back
        self._deliveries: Rows = []
        self._asking: Rows = []
        self._feed: list[feeds.Entry] = []
        self._records: list[tuple[UUID, UUID, Record]] = []
        self._threads: set[str | None] = set()
        self._owned: set[UUID] = set()
        self._owners = False
        self._carded: set[UUID] = set()
        self._handed: list[tuple[str, str]] = []

    def hides(self, inbound: Inbound) -> bool:
        """Whether something collected here must be written before an item is looked at: it is about a message of these.
        A colleague's also if somebody spoke in the same thread or said something for the record, or if it changes what
        was said."""
        if inbound.target is not None and self._has(f"{inbound.channel}:{inbound.target}"):
            return True
        if not self._threads or not inbound.sender.internal:
            return False
        return (
            inbound.kind is not InboundKind.MESSAGE
            or inbound.thread.ref in self._threads
            or any(record.statements for _, _, record in self._records)
        )

    def _has(self, remote_key: str) -> bool:
        return any(each["remote_key"] == remote_key for each in self._messages)

    def apply(self, item: UUID, inbound: Inbound | None, decision: Decision) -> Conversation:
        """Collect what one decision means; later snapshots of the batch see it. Without an inbound item the decision
        is about something of our own. The conversation as it is then."""
        conversation = self._conversation(inbound, decision)
        if decision.leg_in and inbound is not None:
            conversation = self._leg_in(conversation, inbound)
        if leg := decision.close_leg or decision.reopen_leg:
            self._close(leg, closed=decision.close_leg is not None)
            conversation = self._snapshots.conversations[conversation.id]
        message_seq = None
        for number, event in enumerate(decision.events, 1):
            seq = self._seq(conversation.id)
            if number == len(decision.events):
                message_seq = seq
            if event.type == "status_changed":
                conversation = self._change_status(conversation, Status(str(event.payload["to"])))
                snoozes.begin(self._tx, conversation, event.payload.get("until"))
            if event.type == "policy_changed":
                policy, version = str(event.payload["policy"]), int(str(event.payload["policy_version"]))
                conversation = self._put(replace(conversation, policy=policy, policy_version=version))
            self._clocked.setdefault(conversation.id, []).append(event)
            if (outcome := outcome_of(event)) is not None:
                self._handed.append((conversation.team or "", outcome))
            self._events.append(
                {
                    "conversation": conversation.id.bytes,
                    "seq": seq,
                    "type": event.type,
                    "now": to_micros(event.at) if event.at is not None else self._tx.now,
                    "actor": event.actor,
                    "payload": json_of({"message": item.hex, **event.payload})
                    if decision.message
                    else json_of(event.payload),
                }
            )
        if decision.ownership is not None:
            conversation = self._change_owner(conversation, decision.ownership)
        if (matter := decision.matter) is not None:
            self._carded.add(conversation.id)
            conversation = self._put(
                replace(conversation, topic=matter.topic, orders=matter.orders, priority=matter.priority)
            )
        if decision.tags is not None:
            conversation = self._put(replace(conversation, tags=decision.tags))
        if (spoken := decision.spoken) is not None:
            contacts.speak(self._tx, spoken.contact, spoken.language)
            if (contact := self._snapshots.contacts.get(spoken.contact)) is not None:
                self._snapshots.contacts[contact.id] = replace(contact, language=spoken.language)
        if decision.tiered is not None:
            self._put_tier(decision.tiered.contact, decision.tiered.tier)
        if decision.choose is not None:
            conversation = self._choose(conversation, decision.choose)
        if (ours := _last_word_ours(decision)) is not None:
            conversation = self._put(replace(conversation, last_word_ours=ours))
        if (message := decision.message) is not None:
            self._add_message(item, conversation.id, message, message_seq or self._seq(conversation.id))
        if decision.revision is not None:
            self._revise(decision.revision)
        if decision.sealed is not None:
            self._tx.run(_SEAL, {"id": decision.sealed.bytes, "yes": True})
        message_id = decision.revision.message if decision.revision else item
        if (
            inbound is not None
            and inbound.channel in self._pulls
            and (decision.leg_in or decision.revision is not None)
        ):
            kind = feeds.kind_of(decision.revision)
            self._feed.append(feeds.Entry(f"{inbound.channel}:{inbound.address}", kind, message_id))
        for about, said in decision.settles.items():
            self._settle(about, said)
        for planned in decision.deliveries:
            place = conversation
            if planned.thread_of is not None:
                place = self._snapshots.conversations[planned.thread_of]
            self._add_delivery(decision.carries or message_id, place, planned, message_seq)
        if inbound is not None and inbound.sender.internal:
            self._threads.add(inbound.thread.ref)
        if decision.record is not None:
            record = decision.record if decision.opening is None else decision.record.said_in(conversation)
            of_message = record.message or message_id
            if record.unsaid:
                record = unsaid.completed(self._tx, of_message, record)
            self._records.append((of_message, conversation.id, record))
            for promised, state in record.ended_promises.items():
                if (promise := ledger.promise(self._tx, promised)) is not None:
                    self._settle(promise_subject(promised), promise_over(promise, state, self._rules))
        if (link := decision.link) is not None:
            if (other := link.other) is None and link.stranger is not None:
                other = self._contact_at(link.stranger)
            if other is not None and link.apart:
                contacts.keep_apart(self._tx, link.contact, other, link.actor)
            elif other is not None:
                contacts.merge(self._tx, link.contact, other, link.actor, link.reason)
            else:
                contacts.unmerge(self._tx, link.contact, link.actor)
        if decision.incident is not None:
            incidents.change(self._tx, decision.incident, conversation.id)
        for withdrawn in decision.withdraw:
            if (row := self._tx.one(_WITHDRAW, {"id": withdrawn.bytes, "now": self._tx.now})) is not None:
                self._shorter.add(row[0])
        for delivery, revision in decision.rewrite.items():
            self._rewrite(delivery, revision)
        return self._snapshots.conversations[conversation.id]

    def apply_outside(self, decision: Decision) -> None:
        """Carry out what is about no conversation; there is no log it would belong to, so that it is in the audit."""
        self._owners = True
        if decision.ownership is not None and decision.ownership.status is not None:
            agents.set_status(self._tx, decision.ownership.status)
        for event in decision.events:
            audit.write(self._tx, new_id(), event.actor, event.type, "", event.payload)

    # Conversations and legs.

    def _conversation(self, inbound: Inbound | None, decision: Decision) -> Conversation:
        if decision.conversation is not None:
            return self._snapshots.conversations[decision.conversation.id]
        opening = decision.opening
        if opening is not None and opening.to is not None:
            contact = opening.contact or self._contact_at(opening.to.identity, opening.to.name)
            return self._choose(self._open(contact, opening), opening.to)
        if opening is not None and opening.contact is not None:
            return self._open(opening.contact, opening)
        if opening is None or inbound is None:
            raise ValueError("a stored decision names a conversation or opens one")
        return self._open(self._contact(inbound), opening)

    def _contact_at(self, identity: IdentityKey | None, name: str = "") -> UUID:
        """Somebody an agent names: nobody has proven anything about the address."""
        if identity is None:
            raise ValueError("a stranger is known by an identity")
        key = identity_key(identity)
        known = self._snapshots.identities.get(key)
        if known is not None:
            return known.contact
        contact = contacts.make(self._tx, identity, name)
        self._snapshots.contacts[contact.id] = contact
        self._snapshots.identities[key] = Identity(key=identity, contact=contact.id, name=name)
        return contact.id

    def _contact(self, inbound: Inbound) -> UUID:
        key = identity_key(inbound.sender.identity)
        known = self._snapshots.identities.get(key)
        if known is not None:
            return known.contact
        sender = inbound.sender
        contact = Contact(id=new_id(), name=sender.name, language=inbound.language)
        self._snapshots.contacts[contact.id] = contact
        self._contacts.append(
            {"id": contact.id.bytes, "name": contact.name, "language": contact.language, "now": self._tx.now}
        )
        self._identify(contact.id, sender.identity, sender.name, sender.verification)
        return contact.id

    def _identify(self, contact: UUID, identity: IdentityKey, name: str, verification: int) -> None:
        key = identity_key(identity)
        self._snapshots.identities[key] = Identity(key=identity, contact=contact, name=name, verification=verification)
        self._identities.append(
            {
                "key": key,
                "contact": contact.bytes,
                "name": name,
                "verification": verification,
                "now": self._tx.now,
            }
        )

    def _prove(self, inbound: Inbound) -> None:
        """What was proven once stays proven."""
        key, verification = identity_key(inbound.sender.identity), inbound.sender.verification
        known = self._snapshots.identities.get(key)
        if known is not None and verification > known.verification:
            self._snapshots.identities[key] = replace(known, verification=verification)
            self._tx.run(_VERIFIED, {"key": key, "verification": verification})
        for proven in inbound.sender.proven:
            contact, owner = self._contact(inbound), self._snapshots.identities.get(identity_key(proven))
            if owner is None:
                self._identify(contact, proven, inbound.sender.name, inbound.sender.verification)
            elif owner.contact != contact and not self._snapshots.are_linked(contact, owner.contact):
                self._claims.append((contact, owner))

    def _put_tier(self, contact: UUID, tier: str | None) -> None:
        known = self._snapshots.contacts[contact]
        if known.tier != tier:
            self._snapshots.contacts[contact] = replace(known, tier=tier)
            self._tiers[contact] = tier

    def _open(self, contact: UUID, opening: Opening) -> Conversation:
        if not self._numbers:
            self._take_numbers(1)
        conversation = Conversation(
            id=new_id(),
            number=self._numbers.pop(0),
            contact=contact,
            subject=opening.subject,
            team=opening.team,
            route=opening.route,
            policy=opening.policy,
            policy_version=opening.policy_version,
            topic=opening.matter.topic,
            orders=opening.matter.orders,
            priority=opening.matter.priority,
            opened_at=of_micros(self._tx.now),
        )
        self._opened[conversation.id] = {"id": conversation.id.bytes}
        self._snapshots.next_seq[conversation.id] = 1
        self._snapshots.current_of.setdefault(contact, []).append(conversation.id)
        desk = self._leg(conversation.id, opening.desk_channel, opening.desk_address, desk=True)
        return self._put(replace(conversation, legs=(desk,)))

    def _take_numbers(self, count: int) -> None:
        last = self._tx.one(_NUMBERS, {"count": count})[0]  # type: ignore[index]  # the row is always there
        self._numbers += range(last - count + 1, last + 1)

    def _leg(
        self, conversation: UUID, channel: str, address: str, *, desk: bool, inbound: Inbound | None = None
    ) -> Leg:
        leg = Leg(
            id=new_id(),
            conversation=conversation,
            channel=channel,
            address=address,
            desk=desk,
            identity=inbound.sender.identity if inbound else None,
            last_in_at=of_micros(self._tx.now) if inbound else None,
            last_remote_id=inbound.remote_id if inbound else None,
        )
        self._legs[leg.id] = {"id": leg.id.bytes}
        return leg

    def _leg_in(self, conversation: Conversation, inbound: Inbound) -> Conversation:
        """The customer wrote: the leg is the latest, they can be reached there again, and who they are may be proven
        or their tier be said now."""
        self._prove(inbound)
        if inbound.sender.tier is not None:
            self._put_tier(self._contact(inbound), inbound.sender.tier or None)
        current = self._snapshots.current_of.get(conversation.contact, ())
        known = (self._snapshots.conversations[each] for each in current)
        if any(
            leg.closed and leg.is_customers_at(inbound.channel, inbound.address) for each in known for leg in each.legs
        ):
            self._close(inbound, closed=False)
            conversation = self._snapshots.conversations[conversation.id]
        now = of_micros(self._tx.now)
        wrote = inbound.target if inbound.kind is InboundKind.EDIT else inbound.remote_id
        legs = list(conversation.legs)
        for index, leg in enumerate(legs):
            if leg.is_customers_at(inbound.channel, inbound.address):
                legs[index] = replace(leg, last_in_at=now, last_remote_id=wrote)
                self._leg_changes[leg.id] = {}
                break
        else:
            legs.append(self._leg(conversation.id, inbound.channel, inbound.address, desk=False, inbound=inbound))
            self._carded.add(conversation.id)
        return self._put(replace(conversation, last_in_at=now, legs=tuple(legs)))

    def _choose(self, conversation: Conversation, chosen: Address) -> Conversation:
        """An agent wants the customer to be answered there; a leg is made where there is none."""
        now = of_micros(self._tx.now)
        legs = list(conversation.legs)
        for index, leg in enumerate(legs):
            if leg.is_customers_at(chosen.channel, chosen.address):
                legs[index] = replace(leg, chosen_at=now)
                self._leg_changes[leg.id] = {}
                break
        else:
            made = self._leg(conversation.id, chosen.channel, chosen.address, desk=False)
            legs.append(replace(made, identity=chosen.identity, chosen_at=now, last_remote_id=chosen.last_remote_id))
        return self._put(replace(conversation, legs=tuple(legs)))

    def _close(self, at: Inbound | Leg, *, closed: bool) -> None:
        """The customer cannot be reached there any more, or can be again, whichever of their conversations it is."""
        for each in list(self._snapshots.conversations.values()):
            there = [leg.is_customers_at(at.channel, at.address) for leg in each.legs]
            if any(there):
                legs = tuple(
                    replace(leg, closed=closed) if at_it else leg for leg, at_it in zip(each.legs, there, strict=True)
                )
                self._snapshots.conversations[each.id] = replace(each, legs=legs)
                self._closed[each.contact, at.channel, at.address] = closed
                self._carded.add(each.id)

    def _change_status(self, conversation: Conversation, status: Status) -> Conversation:
        self._owners = True
        resolved_at = of_micros(self._tx.now) if status is Status.RESOLVED else None
        return self._put(replace(conversation, status=status, resolved_at=resolved_at))

    def _change_owner(self, conversation: Conversation, changed: Ownership) -> Conversation:
        self._owners = True
        if changed.offer_end is not None:
            offers.end(self._tx, conversation.id, changed.offer_end)
            owner = changed.owner.agent if changed.owner is not None else None
            said = offer_over(changed.offer_end, owner, of_micros(self._tx.now), self._rules)
            self._settle(offer_subject(conversation.id), said)
        if changed.offer is not None:
            offers.make(self._tx, conversation.id, changed.offer)
        if changed.status is not None:
            agents.set_status(self._tx, changed.status)
        if changed.absence is not None:
            agents.set_absence(self._tx, changed.absence, self._rules.assignment.default_status)
        if changed.owner is None:
            return conversation
        self._owned.add(conversation.id)
        team = changed.owner.team or conversation.team
        return self._put(replace(conversation, owner=changed.owner.agent, team=team))

    def _put(self, conversation: Conversation) -> Conversation:
        self._snapshots.conversations[conversation.id] = conversation
        self._progress[conversation.id] = {}
        return conversation

    def _seq(self, conversation: UUID) -> int:
        """The next place in the conversation (X10)."""
        seq = self._snapshots.next_seq[conversation]
        self._snapshots.next_seq[conversation] = seq + 1
        self._progress[conversation] = {}
        return seq

    # Messages.

    def _add_message(self, item: UUID, conversation: UUID, message: NewMessage, seq: int) -> None:
        remote_key = f"{message.channel}:{message.remote_id}" if message.remote_id else None
        if remote_key is not None:
            self._snapshots.remotes[remote_key] = conversation
        self._messages.append(
            {
                "id": item.bytes,
                "conversation": conversation.bytes,
                "seq": seq,
                "author_kind": message.author_kind.value,
                "author": message.author,
                "author_name": message.author_name,
                "visibility": message.visibility.value,
                "channel": message.channel,
                "body": text_of(message.text),
                "full_body": text_of(message.full_text) if message.full_text is not None else None,
                "remote_key": remote_key,
                "now": self._tx.now,
                "sent_at": to_micros(message.sent_at) if message.sent_at else None,
                "composed_at": self._no_later(message.composed_at),
                "deleted": False,
                "automatic": message.automatic,
            }
        )
        self._add_attachments(item, message.channel, message.attachments)

    def _add_attachments(self, message: UUID, channel: str, attachments: tuple[Attachment, ...]) -> None:
        for position, each in enumerate(attachments):
            self._attachments.append(
                {
                    "message": message.bytes,
                    "position": position,
                    "channel": channel,
                    "name": each.name,
                    "content_type": each.content_type,
                    "size": each.size,
                    "sha256": each.blob.sha256 if each.blob else None,
                    "remote": each.remote,
                    "inline": each.inline,
                    "content_id": each.content_id,
                }
            )

    def _revise(self, revision: Revision) -> None:
        key = {"id": revision.message.bytes}
        self._tx.run(_OLD_VERSION, {**key, "now": self._tx.now})
        version = {"body": text_of(revision.text), "deleted": revision.deleted, "order": revision.order}
        self._tx.run(_REVISE, {**key, **version, "composed_at": self._no_later(revision.composed_at)})
        if revision.note:
            self._tx.run(_MAKE_NOTE, {**key, "note": Visibility.NOTE})

    def _no_later(self, at: datetime | None) -> int | None:
        """In microseconds; what is here was not written later, whatever its provider's clock says."""
        return None if at is None else min(to_micros(at), self._tx.now)

    # Deliveries.

    def _add_delivery(self, message: UUID, conversation: Conversation, planned: Planned, seq: int | None) -> None:
        now = self._tx.now
        lane = lane_key(planned, conversation.id)
        if planned.order is not None and not planned.desk:
            order = planned.order
        elif planned.kind is DeliveryKind.MESSAGE and planned.desk and seq is not None:
            order = seq
        elif planned.desk:
            order = seq if planned.kind is DeliveryKind.ROOT and seq is not None else self._seq(conversation.id)
            if planned.kind is DeliveryKind.ROOT:
                order -= 1
        else:
            order = self._ticks[lane] = max(now, self._ticks.get(lane, 0) + 1)
        outgoing = planned.outgoing
        if outgoing.card is not None:
            outgoing = replace(outgoing, card=replace(outgoing.card, number=conversation.number))
        not_before = now + int(planned.hold.total_seconds() * 1_000_000)
        if lane not in self._lanes:
            self._lanes[lane] = {
                "key": lane,
                "channel": planned.channel,
                "address": planned.address,
                "due_at": not_before,
                "no": False,
            }
        if outgoing.about is not None:
            outgoing = naming(outgoing, message)
        delivery = new_id().bytes
        if outgoing.about is not None and outgoing.only_for is None:
            self._asking.append({"about": outgoing.about, "delivery": delivery})
        self._deliveries.append(
            {
                "id": delivery,
                "lane": lane,
                "seq": order,
                "part": planned.part,
                "parts": planned.parts,
                "channel": planned.channel,
                "address": planned.address,
                "kind": planned.kind.value,
                "conversation": conversation.id.bytes,
                "message": message.bytes if planned.of_message else None,
                "body": outgoing_json(outgoing),
                "not_before": not_before,
                "now": now,
                "unfetched": any(each.elsewhere for each in outgoing.attachments),
            }
        )

    def _settle(self, about: str, said: RichText) -> None:
        """Notices about this ask nothing any more."""
        for each in open_notices.settle(self._tx, about, said):
            if each.conversation not in self._snapshots.next_seq:
                self._snapshots.conversation(each.conversation)
            planned = Planned(
                kind=DeliveryKind.EDIT, channel=each.channel, address=each.address, desk=each.desk, outgoing=each.edit
            )
            self._add_delivery(each.conversation, self._snapshots.conversations[each.conversation], planned, None)

    def _rewrite(self, delivery: UUID, revision: Revision) -> None:
        before = outbox.queued(self._tx, delivery)
        if before is not None:
            kept = {each.likeness for each in revision.attachments}
            files = tuple(each for each in before.attachments if each.likeness in kept)
            outbox.rewrite(self._tx, delivery, replace(before, text=revision.text, attachments=files))

    # Writing.

    def save(self) -> Touched:
        """Write everything, parents first; more can be collected afterwards."""
        tx, now = self._tx, self._tx.now
        tx.many(_CONTACT, self._contacts)
        tx.many(_IDENTITY, self._identities)
        for contact, owned in self._claims:
            contacts.join(tx, contact, owned)
        contacts.put_tiers(tx, self._tiers)
        conversations = self._snapshots.conversations
        tx.many(_CONVERSATION, [self._conversation_row(conversations[each]) for each in self._opened])
        tx.many(
            _PROGRESS,
            [self._conversation_row(conversations[each]) for each in self._progress if each not in self._opened],
        )
        tx.many(_OWNER, [self._conversation_row(conversations[each]) for each in self._owned])
        legs = {leg.id: leg for each in self._progress for leg in conversations[each].legs}
        tx.many(_LEG, [_leg_row(legs[each]) for each in self._legs])
        tx.many(_LEG_IN, [_leg_row(legs[each]) for each in self._leg_changes if each not in self._legs])
        tx.many(
            _CLOSED,
            [
                {"contact": contact.bytes, "channel": channel, "address": address, "closed": closed}
                for (contact, channel, address), closed in sorted(self._closed.items())
            ],
        )
        tx.many(_MESSAGE, self._messages)
        tx.many(_ATTACHMENT, self._attachments)
        for row in self._attachments:
            if row["sha256"] is not None:
                tx.run(_BLOB, {"sha256": row["sha256"], "size": row["size"], "now": now})
        tx.many(_EVENT, self._events)
        tx.many(_LANE, [self._lanes[key] for key in sorted(self._lanes)])
        tx.many(_DELIVERY, self._deliveries)
        for lane in sorted(self._shorter):
            outbox.look_again(tx, lane)
        open_notices.add(tx, self._asking)
        judged: list[Round] = []
        for conversation_id, events in self._clocked.items():
            conversation = conversations[conversation_id]
            if rounds.is_one_more(conversation, events, of_micros(now)):
                continue
            kinds = {each.type for each in events}
            judged += rounds.refresh(tx, conversation, kinds, self._rules.terms)
            self._owners = True
            if changes_card(kinds) or EventType.MESSAGE_RECEIVED in kinds:
                self._carded.add(conversation_id)
        hits: list[Hit] = []
        for message, conversation_id, record in self._records:
            if record.unsaid:
                unsaid.take_back(tx, message)
            if record.changes_ledger:
                self._carded.add(conversation_id)
            hits += holds.save(tx, message, conversation_id, record)
            ledger.save(tx, message, record)
        feed_seqs, places = feeds.append(tx, self._feed)
        carded = cards.refresh(tx, [conversations[each] for each in self._carded - self._opened.keys()])
        touched = Touched(
            channels=frozenset(row["channel"] for row in self._deliveries) | carded,
            places=places,
            feed_seqs=feed_seqs,
            rounds=tuple(judged),
            owners=self._owners,
            hits=tuple(hits),
            handed=tuple(self._handed),
            promises=tuple(each for _, _, record in self._records for each in record.promise_states),
        )
        changed = list(self._clocked)
        self._begin()
        return touched.and_then(self.open_again(*changed))

    def open_again(self, *changed: UUID) -> Touched:
        """What was resolved with an answer on its way is open again once there is none any more (adr/0015)."""
        found = {each.id: each for one in changed if (each := self._snapshots.conversation(one)) is not None}
        stranded = [
            each for each in found.values() if each.status is Status.RESOLVED and rounds.is_stranded(self._tx, each.id)
        ]
        for each in stranded:
            self.apply(each.id, None, unanswered_after_all(each))
        return self.save() if stranded else Touched()

    def _conversation_row(self, conversation: Conversation) -> dict[str, Any]:
        return {
            "id": conversation.id.bytes,
            "number": conversation.number,
            "contact": conversation.contact.bytes,
            "subject": conversation.subject,
            "owner": conversation.owner,
            "team": conversation.team,
            "route": conversation.route,
            "policy": conversation.policy,
            "policy_version": conversation.policy_version,
            "status": conversation.status.value,
            "resolved_at": to_micros(conversation.resolved_at) if conversation.resolved_at else None,
            "topic": conversation.topic,
            "orders": json_of(conversation.orders),
            "tags": json_of(conversation.tags),
            "priority": conversation.priority.value,
            "last_word_ours": conversation.last_word_ours,
            "now": self._tx.now,
            "last_in_at": to_micros(conversation.last_in_at) if conversation.last_in_at else None,
            "next_seq": self._snapshots.next_seq[conversation.id],
        }


def _last_word_ours(decision: Decision) -> bool | None:
    """Whose the newest public message is afterwards; None when that stays. A held reply says nothing yet."""
    if any(planned.of_message and not planned.desk for planned in decision.deliveries):
        return True
    return False if decision.leg_in else None


def lane_key(planned: Planned, conversation: UUID) -> str:
    """A desk thread is a lane of its own, with one beside it for marks on agents' posts, which wait for nothing and
    nobody; a customer's address is one lane for all their conversations."""
    if not planned.desk:
        return f"{planned.channel}:{planned.address}"
    return f"{planned.channel}:{conversation.hex}{':marks' if planned.kind is DeliveryKind.REACTION else ''}"


def _leg_row(leg: Leg) -> dict[str, Any]:
    return {
        "id": leg.id.bytes,
        "conversation": leg.conversation.bytes,
        "channel": leg.channel,
        "address": leg.address,
        "desk": leg.desk,
        "identity": identity_key(leg.identity) if leg.identity else None,
        "last_in_at": to_micros(leg.last_in_at) if leg.last_in_at else None,
        "chosen_at": to_micros(leg.chosen_at) if leg.chosen_at else None,
        "last_remote_id": leg.last_remote_id,
        "closed": leg.closed,
    }
