"""A reply's own words, read once for all checks: normalised, without quotations, in clauses, with its times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.consistency.clauses import Clause, Clauses
from router.consistency.text import Normal, normalise, without_quotes
from router.consistency.times import Moment, Times, times
from router.consistency.workdays import BusinessCalendar

LONGEST = 65_536
"""Characters the rules look at; no channel sends more in one message."""


@dataclass(frozen=True, slots=True)
class Body:
    """`whole` with quotations, `normal` without; places inside are those of the latter. `now` and `vague` are what
    its times were counted from."""

    whole: Normal
    normal: Normal
    clauses: Clauses
    _times: Mapping[int, Times]
    now: datetime
    vague: timedelta
    calendar: BusinessCalendar

    def is_past(self, clause: Clause) -> bool:
        """True when the clause names a time that is over."""
        return self._times[clause.start].past

    def moments(self) -> list[tuple[Clause, Sequence[Moment]]]:
        """Each clause with its moments, as offsets of `normal`."""
        return [(clause, self._times[clause.start].moments) for clause in self.clauses]


def body_of(text: str, calendar: BusinessCalendar, now: datetime, vague: timedelta) -> Body:
    """Read a text; `vague` is what "soon" amounts to on the channel it leaves by."""
    whole = normalise(text[:LONGEST])
    normal = without_quotes(whole)
    clauses = Clauses(normal)
    found = times(normal, clauses, now.astimezone(calendar.tz), calendar, vague)
    return Body(whole, normal, clauses, found, now, vague, calendar)
