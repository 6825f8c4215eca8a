"""What a conversation's log says about its response times at one instant: rounds, cycles and who owned it when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from router.calendars import ALWAYS, Calendar
from router.model import Round, Status

DEFINITIONS = 1
"""Version of the definitions in force; stored with every round, so that older rows can be told apart (2.7)."""


class Outcome(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED_NO_REPLY = "closed_no_reply"


class Sla(StrEnum):
    """NONE: measured, not judged. CANCELLED: closed without a reply before the deadline (D22)."""

    NONE = "none"
    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class FirstResponse(StrEnum):
    """Where the first response of a cycle stands."""

    WAITING = "waiting"
    ANSWERED = "answered"
    CLOSED_NO_REPLY = "closed_no_reply"
    NOT_APPLICABLE = "not_applicable"  # the agent wrote first (D6)
    TAKEOVER = "takeover"  # a human answered in front of the bot (D7)
    BOT_ONLY = "bot_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The resolution clock of one cycle (2.3.8). `state` is the status, `total` the counted time on the target's clock
    until the last resolving or now, `first` until the first. `due_at`: when it breaches if nothing changes."""

    state: Status
    total: timedelta
    first: timedelta | None
    reopens: int
    breached_at: datetime | None = None
    breach_reason: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The automatic receipt of a cycle: an answer by anybody satisfies its target as well. `applies` is False where
    no receipt may be sent (decisions 19)."""

    took: timedelta | None
    applies: bool = True
    due_at: datetime | None = None
    breached_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Periodic update of a waiting customer (2.3.12): one breach for each gap longer than the target.
    `since`: where the running gap began."""

    longest: timedelta
    breaches: tuple[datetime, ...] = ()
    since: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """From the first message to the last of one matter (2.3.3). All figures run from the first customer message,
    `first` and `substantive` from the start of its first answered round; None: not there, or not applicable.
    `channel` is that of the message that opened it (D25)."""

    number: int
    start_at: datetime
    channel: str
    first_response: FirstResponse
    first: Round | None = None
    any_response: timedelta | None = None
    human_from_first: timedelta | None = None
    substantive: timedelta | None = None
    illegitimate_pauses: int = 0
    ack: Acknowledgement
    resolution: Resolution
    updates: Updates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """A stretch in which one agent (None: the queue) of one team had the unresolved conversation (2.3.11)."""

    begin: datetime
    end: datetime
    agent: str | None
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`rounds` in the order in which they close, the open one last; a slice of them judges no others. A void
    conversation has none (D24). `unanswered` are the messages that wait, `calendar` is that of the policy in force."""

    rounds: Sequence[Round] = ()
    cycles: tuple[Cycle, ...] = ()
    ownership: tuple[Ownership, ...] = ()
    voided: bool = False
    waiting: Round | None = None
    unanswered: frozenset[str] = frozenset()
    calendar: Calendar = ALWAYS
    definitions: int = field(default=DEFINITIONS)

    def owned_by_team(self, calendar: Calendar) -> Mapping[str, timedelta]:
        """Business time each team had the conversation, the internal "group SLA"."""
        return _sums(((stretch.team, stretch) for stretch in self.ownership), calendar)

    def owned_by_agent(self, calendar: Calendar) -> Mapping[str, timedelta]:
        """Business time each agent had the conversation."""
        return _sums(((stretch.agent, stretch) for stretch in self.ownership), calendar)


def _sums(stretches: Iterable[tuple[str | None, Ownership]], calendar: Calendar) -> dict[str, timedelta]:
    sums: dict[str, timedelta] = {}
    for name, stretch in stretches:
        if name is not None:
            sums[name] = sums.get(name, timedelta(0)) + calendar.business(stretch.begin, stretch.end)
    return sums
