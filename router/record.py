"""What the consistency rules leave behind when a reply is checked: hits, holds, statements, promises. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from router.consistency.findings import Finding
from router.model import Conversation, Promise, Statement


class HoldState(StrEnum):
    """A held reply never leaves `held` by itself."""

    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


class Action(StrEnum):
    """What became of a finding; override rates count SENT_ANYWAY against all that held."""

    LOGGED = "logged"
    HELD = "held"
    SENT_ANYWAY = "sent_anyway"
    CORRECTED = "corrected"
    EDITED = "edited"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHold:
    """A reply that waits for somebody. `agent` wrote it; `replaces` is the hold it was under before an edit;
    `tell_after`: how long until the lead is told."""

    agent: str
    findings: tuple[Finding, ...]
    tell_after: timedelta
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnd:
    """How a hold ended; `action` is what its findings are recorded with."""

    hold: UUID
    state: HoldState
    action: Action
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPromise:
    """A promise about to be made; `slip`: it replaces one of its kind that was due earlier."""

    promise: Promise
    slip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything about `message` that storage writes with the decision. `logged` are findings that hold nothing;
    `ended_statements` and `ended_promises` map ids to new states. `unsaid`: the message did not reach the customer, or
    was taken back, so that it said and kept nothing."""

    message: UUID | None = None
    standards: str = ""
    actor: str = ""
    logged: tuple[Finding, ...] = ()
    hold: NewHold | None = None
    hold_end: HoldEnd | None = None
    statements: tuple[Statement, ...] = ()
    ended_statements: Mapping[UUID, str] = field(default_factory=dict)
    promises: tuple[NewPromise, ...] = ()
    ended_promises: Mapping[UUID, str] = field(default_factory=dict)
    unsaid: bool = False

    def said_in(self, conversation: Conversation) -> "Record":
        """As it is for a conversation that had no id when it was made."""
        return replace(
            self,
            statements=tuple(
                replace(each, contact=conversation.contact, conversation=conversation.id) for each in self.statements
            ),
            promises=tuple(
                replace(each, promise=replace(each.promise, conversation=conversation.id)) for each in self.promises
            ),
        )

    @property
    def changes_ledger(self) -> bool:
        return bool(self.statements or self.ended_statements or self.promises or self.ended_promises or self.unsaid)

    @property
    def promise_states(self) -> tuple[str, ...]:
        """The state of every promise that is made or ended here."""
        return (*(made.promise.state for made in self.promises), *self.ended_promises.values())
