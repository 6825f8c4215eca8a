"""Promises in a reply: who will do what by when (`service.md` 4.10), and when one is reminded of, kept or put off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from router.consistency.body import Body
from router.consistency.clauses import Clause
from router.consistency.patterns import Hit, Pattern
from router.consistency.text import Haystack, Normal, Span
from router.consistency.times import Form, Moment
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

    def holds(self, clause: Clause) -> bool:
        return clause.has(self.pattern) and not (self.unless is not None and clause.has(self.unless))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseRules:
    """`kinds` in order of precedence; `reasons` why a clause promises nothing; `vague` what "soon" is a channel."""

    version: int
    kinds: Sequence[tuple[PromiseKind, Pattern]]
    holding: Pattern
    reasons: Sequence[Unless]
    waiting: Pattern
    vague: Mapping[ChannelType, timedelta]

    def soon(self, channel_type: ChannelType) -> timedelta:
        """What 马上 or "shortly" amounts to on a channel; web chat stands for those not listed."""
        return self.vague.get(channel_type, self.vague[ChannelType.WEBCHAT])


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """One promise found: due at an instant in the promise calendar's zone, `span` in the original text."""

    kind: PromiseKind
    due_at: datetime
    span: Span
    form: Form


def promises(body: Body, rules: PromiseRules) -> list[Promised]:
    """All promises of a text, in order; a holding phrase counts only when nothing else is promised."""
    found: list[Promised] = []
    known: set[tuple[PromiseKind, datetime]] = set()
    for part, near in _lent(body.moments()):
        if not near or part.question or part.conditional or promises_nothing(body, part, rules):
            continue
        promise = _promise(body.normal, part, near, rules)
        if promise is not None and (promise.kind, promise.due_at) not in known:
            known.add((promise.kind, promise.due_at))
            found.append(promise)
    return found or _holding(body, rules)


_FILLER = Pattern(
    r"(?:[\s,.。!;:~]|大约|预计|最迟|最晚|最快|我们|会|将|在|于|之?内|左右|前|给我们?|give\s(?:me|us)|just|within|by|on|in|at|or|before|the|latest)*"
)


def _lent(near: list[tuple[Clause, Sequence[Moment]]]) -> list[tuple[Clause, Sequence[Moment]]]:
    """A clause that is nothing but a time ("24小时内, ...") lends it to its neighbour in the sentence."""
    if all(not moments for _, moments in near):
        return []
    lent = list(near)
    for index, (part, moments) in enumerate(near):
        if not moments or not _is_bare(part, moments):
            continue
        lent[index] = (part, ())
        for other in (index + 1, index - 1):
            if 0 <= other < len(near) and near[other][0].sentence == part.sentence and not near[other][1]:
                lent[other] = (lent[other][0], (*lent[other][1], *moments))
                break
    return lent


def _is_bare(part: Clause, moments: Sequence[Moment]) -> bool:
    rest: list[str] = []
    at = 0
    for moment in moments:
        rest.append(part.text[at : moment.start - part.start])
        at = moment.end - part.start
    rest.append(part.text[at:])
    return _FILLER.full(Haystack("".join(rest))) is not None


def promises_nothing(body: Body, part: Clause, rules: PromiseRules) -> bool:
    """True for a clause that is directed at the customer, negated, past or a policy, or whose time starts only when
    something has arrived (收到后3天内): no instant can be named yet."""
    return body.is_past(part) or part.follows(rules.waiting) or any(reason.holds(part) for reason in rules.reasons)


def _promise(normal: Normal, part: Clause, near: Sequence[Moment], rules: PromiseRules) -> Promised | None:
    for kind, verbs in rules.kinds:
        verb = verbs.search(part.hay)
        if verb is None:
            continue
        moment = nearest(part, verb, near)
        start = min(moment.start, part.start + verb.start)
        end = max(moment.end, part.start + verb.end)
        return Promised(kind=kind, due_at=moment.due, span=normal.original(start, end), form=moment.form)
    return None


def nearest(part: Clause, verb: Hit, near: Sequence[Moment]) -> Moment:
    """The time closest to the verb; a definite one before 马上, the earlier of two equally far ones."""

    def distance(moment: Moment) -> tuple[bool, int, int]:
        before = part.start + verb.start - moment.end
        after = moment.start - part.start - verb.end
        return (moment.form is Form.VAGUE, max(before, after, 0), moment.start)

    return min(near, key=distance)


def _holding(body: Body, rules: PromiseRules) -> list[Promised]:
    for hit in rules.holding.hits(body.normal):
        if not body.clauses.at(hit.start).conditional:
            due = (body.now + body.vague).astimezone(body.calendar.tz)
            span = body.normal.original(hit.start, hit.end)
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
