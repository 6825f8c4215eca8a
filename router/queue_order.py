"""Which waiting conversation comes first when somebody becomes free (`service.md` 3.3, queue order)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from router.model import Priority

CLASSES = {Priority.URGENT: 0, Priority.COMPLAINT: 1, Priority.VIP: 2, Priority.NORMAL: 3}
"""Smaller comes first."""
_OVERDUE_CLASS = 1
_NO_DEADLINE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A conversation in the queue: `deadline` of its open round (None without a target), `start` of its wait."""

    id: str
    priority: Priority
    start: datetime
    deadline: datetime | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Later than the deadline; exactly on time is in time (D17)."""
        return self.deadline is not None and now > self.deadline


def place(waiting: Waiting, now: datetime) -> tuple[int, datetime, datetime, str]:
    """Smaller comes first: class, an overdue one at least 1; earliest deadline; earliest start; id."""
    rank = CLASSES[waiting.priority]
    if waiting.is_overdue(now):
        rank = min(rank, _OVERDUE_CLASS)
    return rank, waiting.deadline or _NO_DEADLINE, waiting.start, waiting.id


def in_order(queue: Iterable[Waiting], now: datetime) -> list[Waiting]:
    """The queue as agents get it; the order it came in does not matter."""
    return sorted(queue, key=lambda waiting: place(waiting, now))
