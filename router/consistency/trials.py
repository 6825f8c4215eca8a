"""How a rule does in practice: overrides that speak against it, and what a changed standard would have held (4.0)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from router.consistency.findings import Finding, Level, Rule, in_order, is_held
from router.consistency.pipeline import check
from router.consistency.reply import Reply, Standards
from router.consistency.workdays import BusinessCalendar

_FEWEST_HITS = 20
_MOST_OVERRIDDEN = 0.4
_MILDER = {Level.BLOCK: Level.WARN, Level.WARN: Level.LOG}


def suggested_level(rule: Rule, hits: int, sent_anyway: int) -> Level | None:
    """One level milder when more than 40 % of at least 20 hits were sent anyway; a suggestion, never an act."""
    if hits < _FEWEST_HITS or sent_anyway / hits <= _MOST_OVERRIDDEN:
        return None
    return _MILDER.get(rule.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A past reply that the new standards judge otherwise."""

    reply: Reply
    sent_at: datetime
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]

    @property
    def newly_held(self) -> bool:
        return is_held(self.after) and not is_held(self.before)

    @property
    def no_longer_held(self) -> bool:
        return is_held(self.before) and not is_held(self.after)


def dry_run(
    past: Iterable[tuple[Reply, datetime]], old: Standards | None, new: Standards, calendar: BusinessCalendar
) -> list[Difference]:
    """Judges past replies by both standards, each at its own time and as if no rule were on trial; lists those with
    other rules or levels. Without old ones nothing was checked."""
    found: list[Difference] = []
    for reply, sent_at in past:
        before = _in_earnest(check(reply, old, calendar, sent_at)) if old is not None else []
        after = _in_earnest(check(reply, new, calendar, sent_at))
        if _levels(before) != _levels(after):
            found.append(Difference(reply=reply, sent_at=sent_at, before=tuple(before), after=tuple(after)))
    return found


def _in_earnest(findings: Iterable[Finding]) -> list[Finding]:
    return in_order(each.in_earnest() for each in findings)


def _levels(findings: Iterable[Finding]) -> set[tuple[str, Level, tuple[int, int]]]:
    return {(each.rule, each.level, each.span) for each in findings}
