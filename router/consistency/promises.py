"""Promises in a reply: who will do what by when (`service.md` 4.10), and when one is reminded of, kept or put off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from router.consistency.clauses import Clause, clauses
from router.consistency.patterns import Hit, Pattern
from router.consistency.text import Haystack, Normal, Span
from router.consistency.times import Form, Moment, moments, tells_past
from router.consistency.workdays import BusinessCalendar
from router.model import ChannelType


class PromiseKind(StrEnum):
    CONTACT = "contact"
    REFUND = "refund"
    SHIP = "ship"
    EXCHANGE = "exchange"
    REPAIR = "repair"
    HOLDING = "holding"


class Deed(StrEnum):
    """What can keep a promise."""

    MESSAGE = "message"  # a public message of a human
    TRACKING = "tracking"  # a tracking number was told
    SHIPPED = "shipped"
    REFUNDED = "refunded"
    EXCHANGED = "exchanged"
    REPAIRED = "repaired"
    DONE = "done"  # the agent's own button


_KEPT_BY: Mapping[PromiseKind, frozenset[Deed]] = {
    PromiseKind.CONTACT: frozenset({Deed.MESSAGE}),
    PromiseKind.HOLDING: frozenset({Deed.MESSAGE}),
    PromiseKind.SHIP: frozenset({Deed.TRACKING, Deed.SHIPPED}),
    PromiseKind.EXCHANGE: frozenset({Deed.TRACKING, Deed.EXCHANGED}),
    PromiseKind.REFUND: frozenset({Deed.REFUNDED}),
    PromiseKind.REPAIR: frozenset({Deed.REPAIRED}),
}


@dataclass(frozen=True, slots=True)
class Unless:
    """A reason why a clause is no promise, and what overrules that reason inside the same clause."""

    pattern: Pattern
    unless: Pattern | None = None

    def holds(self, clause: Haystack) -> bool:
        return self.pattern.found(clause) and not (self.unless is not None and self.unless.found(clause))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseRules:
    """`kinds` in order of precedence; `reasons` why a clause promises nothing; `vague` what "soon" is a channel."""

    version: int
    kinds: Sequence[tuple[PromiseKind, Pattern]]
    holding: Pattern
    reasons: Sequence[Unless]
    waiting: Pattern
    vague: Mapping[ChannelType, timedelta]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """One promise found: due at an instant in the promise calendar's zone, `span` in the original text."""

    kind: PromiseKind
    due_at: datetime
    span: Span
    form: Form


def promises(
    normal: Normal, rules: PromiseRules, calendar: BusinessCalendar, channel_type: ChannelType, now: datetime
) -> list[Promised]:
    """All promises of a text without quotes, in order; a holding phrase counts only when nothing else is promised."""
    vague = rules.vague.get(channel_type, rules.vague[ChannelType.WEBCHAT])
    parts = clauses(normal)
    times = [_moments(part, now, calendar, vague) for part in parts]
    carried = _carried(parts, times)
    found: list[Promised] = []
    blocked = waiting_clauses(parts, rules)
    for index, (part, near) in enumerate(zip(parts, carried, strict=True)):
        if not near or index in blocked or part.question or part.conditional:
            continue
        if is_no_promise(part, rules):
            continue
        promise = _promise(normal, part, near, rules)
        if promise is not None and (promise.kind, promise.due_at) not in {(p.kind, p.due_at) for p in found}:
            found.append(promise)
    return found or _holding(normal, parts, rules, now + vague, calendar)


def _moments(part: Clause, now: datetime, calendar: BusinessCalendar, vague: timedelta) -> list[Moment]:
    """Times as offsets of the whole text."""
    return [
        Moment(start=each.start + part.start, end=each.end + part.start, due=each.due, form=each.form)
        for each in moments(part.hay, now, calendar, vague)
    ]


_FILLER = Pattern(
    r"(?:[\s,.。!;:~]|大约|预计|最迟|最晚|最快|我们|会|将|在|于|之?内|左右|前|within|by|on|in|at|or|before|the|latest)*"
)


def _carried(parts: Sequence[Clause], times: Sequence[list[Moment]]) -> list[list[Moment]]:
    """A clause that is nothing but a time ("24小时内, ...") lends it to its neighbour in the sentence."""
    lent = [list(each) for each in times]
    for index, (part, near) in enumerate(zip(parts, times, strict=True)):
        if not near or not _is_bare(part, near):
            continue
        lent[index] = []
        for other in (index + 1, index - 1):
            if 0 <= other < len(parts) and parts[other].sentence == part.sentence and not times[other]:
                lent[other] += near
                break
    return lent


def _is_bare(part: Clause, near: Sequence[Moment]) -> bool:
    rest = part.text
    for moment in reversed(near):
        rest = rest[: moment.start - part.start] + rest[moment.end - part.start :]
    return _FILLER.full(Haystack(rest)) is not None


def waiting_clauses(parts: Sequence[Clause], rules: PromiseRules) -> set[int]:
    """Clauses whose time starts only when something has arrived (收到后3天内): no instant can be named yet."""
    blocked: set[int] = set()
    waiting_in = -1
    for index, part in enumerate(parts):
        if rules.waiting.found(part.hay):
            waiting_in = part.sentence
        if part.sentence == waiting_in:
            blocked.add(index)
    return blocked


def is_no_promise(part: Clause, rules: PromiseRules) -> bool:
    """True for a clause that is directed at the customer, negated, past or a policy."""
    return tells_past(part.hay) or any(reason.holds(part.hay) for reason in rules.reasons)


def _promise(normal: Normal, part: Clause, near: Sequence[Moment], rules: PromiseRules) -> Promised | None:
    for kind, verbs in rules.kinds:
        verb = verbs.search(part.hay)
        if verb is None:
            continue
        moment = _nearest(part, verb, near)
        start = min(moment.start, part.start + verb.start)
        end = max(moment.end, part.start + verb.end)
        return Promised(kind=kind, due_at=moment.due, span=normal.original(start, end), form=moment.form)
    return None


def _nearest(part: Clause, verb: Hit, near: Sequence[Moment]) -> Moment:
    """The time closest to the verb; a definite one before 马上, the earlier of two equally far ones."""

    def distance(moment: Moment) -> tuple[bool, int, int]:
        before = part.start + verb.start - moment.end
        after = moment.start - part.start - verb.end
        return (moment.form is Form.VAGUE, max(before, after, 0), moment.start)

    return min(near, key=distance)


def _holding(
    normal: Normal, parts: Sequence[Clause], rules: PromiseRules, due: datetime, calendar: BusinessCalendar
) -> list[Promised]:
    for part in parts:
        if not part.conditional and (hit := rules.holding.search(part.hay)) is not None:
            span = normal.original(part.start + hit.start, part.start + hit.end)
            due = due.astimezone(calendar.tz)
            return [Promised(kind=PromiseKind.HOLDING, due_at=due, span=span, form=Form.VAGUE)]
    return []


def reminders(made_at: datetime, due_at: datetime) -> tuple[datetime, datetime, datetime]:
    """When the owner is reminded: at 50 % and 80 % of the time given, and when it is due."""
    given = due_at - made_at
    return (made_at + given * 0.5, made_at + given * 0.8, due_at)


def keeps(deed: Deed, kind: PromiseKind) -> bool:
    """True when this deed, done after the promise was made, keeps a promise of that kind."""
    return deed is Deed.DONE or deed in _KEPT_BY[kind]


def state_after(due_at: datetime, kept_at: datetime | None, now: datetime) -> str:
    """The promise's state: open until due, late afterwards; kept in time or broken by being kept too late."""
    if kept_at is not None:
        return "kept" if kept_at <= due_at else "broken"
    return "open" if now <= due_at else "late"


def is_slip(earlier_due: datetime, new_due: datetime) -> bool:
    """A new promise of the same kind replaces the old one; a later due date is counted as a slip."""
    return new_due > earlier_due
