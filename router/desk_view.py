"""What an agent's reply is checked against, as the row lock shows it: the thread, the customer's ledger, holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from router.consistency.collision import Answer, EditLease
from router.consistency.findings import Finding
from router.consistency.pipeline import Checked
from router.consistency.reply import Reply
from router.model import Contact, Identity, Incident, Promise, Statement
from router.record import HoldState
from router.told import Target


@dataclass(frozen=True, slots=True)
class Read:
    """A text checked before the unit of work (decisions 8); good while nothing it was checked against has changed."""

    reply: Reply
    checked: Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A reply that is held; `agent` is the id of its author."""

    id: UUID
    target: Target
    agent: str
    findings: tuple[Finding, ...]
    held_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedHold:
    """What became of a held reply: `actor` decided it, for a reason where one was given."""

    state: HoldState
    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskView:
    """Loaded for desk items only. `now` is the database's time.

    `asked` are the customer's latest messages, newest first, `unanswered` those that came after our newest.
    `newest` is our newest message that left or is queued (decisions 16), `leaving` when the latest was composed
    that is still on its way, `seen` when each agent last wrote in the thread. `told` are the active statements to
    this customer, `promises` the conversation's open ones. `contacts` are the customer's linked contacts, their own
    included, `identities` those of all of them. `linked`: the contact that a "link" names. `read`: what was found
    in the text before the lock. `incident`: the open one this conversation belongs to. `ended`: what became of the
    held reply that a button names, where it is decided.
    """

    now: datetime
    asked: Sequence[str] = ()
    asked_at: datetime | None = None
    asked_seq: int | None = None
    unanswered: Sequence[UUID] = ()
    newest: Answer | None = None
    newest_seq: int | None = None
    leaving: datetime | None = None
    seen: Mapping[str, datetime] = field(default_factory=dict)
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    held: Sequence[Held] = ()
    told: Sequence[Statement] = ()
    promises: Sequence[Promise] = ()
    contacts: frozenset[UUID] = frozenset()
    identities: Sequence[Identity] = ()
    linked: Contact | None = None
    read: Read | None = None
    incident: Incident | None = None
    ended: EndedHold | None = None

    @property
    def round_answered(self) -> bool:
        """Whether the customer's last message has been answered."""
        return self.newest_seq is not None and (self.asked_seq is None or self.newest_seq > self.asked_seq)

    def lease_of_others(self, agent: str, lease: timedelta) -> EditLease | None:
        """Somebody else is at work on an answer: theirs is held."""
        for each in self.held:
            if each.agent != agent:
                return EditLease(agent=each.agent, since=each.held_at, until=each.held_at + lease)
        return None

    def hold_of(self, message: UUID) -> Held | None:
        return next((each for each in self.held if each.target.message.id == message), None)
