"""The fact sheet: what a reply says about policy against the approved answer in force (`service.md` 4.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from router.consistency.body import Body
from router.consistency.clauses import Clauses
from router.consistency.findings import Finding, Place, Rule
from router.consistency.numerals import number
from router.consistency.patterns import Bank, Hit, Pattern, Spans, spans_of
from router.consistency.promises import PromiseKind
from router.consistency.text import Haystack, Normal, Span
from router.consistency.workdays import BusinessCalendar
from router.model import Fact


class FactType(StrEnum):
    INT_DAYS = "int_days"
    INT_MONTHS = "int_months"
    MONEY = "money"
    PERCENT = "percent"
    BOOL = "bool"
    ENUM = "enum"


class Compare(StrEnum):
    """EQUAL: the said value is the approved one. MAX: it is at most that (refund arrival). MIN: at least."""

    EQUAL = "equal"
    MAX = "max"
    MIN = "min"


Value = int | Decimal | str
"""Numbers in the fact's own unit (days, months, currency units, percent), "true"/"false", or an enum's word."""


@dataclass(frozen=True, slots=True)
class FactPattern:
    """A pattern with the groups n, m (a range) and unit; or one whose match says a fixed value (bool, enum)."""

    pattern: Pattern
    said: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRule:
    """How mentions of one fact are found and judged.

    `units` turn what was said into the fact's unit (年 = 12 for months); the suggestion of `rule` is the sentence to
    insert, with {value}. `promise` and `soonest`: a promise of that kind due before so many working days is too early.
    """

    key: str
    type: FactType
    rule: Rule
    patterns: Sequence[FactPattern]
    compare: Compare = Compare.EQUAL
    units: Sequence[tuple[Pattern, Decimal]] = ()
    exceptions: Pattern | None = None
    source: str = ""
    promise: PromiseKind | None = None
    soonest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSheet:
    """All fact rules with the values; `skip` finds clauses that speak of past policy or deny."""

    version: int
    rules: Sequence[FactRule]
    values: Sequence[Fact]
    skip: Pattern
    bank: Bank
    owners: Sequence[tuple[FactRule, FactPattern]]
    keyed: Mapping[str, Sequence[Fact]]

    @classmethod
    def of(cls, rules: Sequence[FactRule], values: Sequence[Fact], skip: Pattern, version: int = 1) -> "FactSheet":
        """Index rules and values once; checking is then independent of their number."""
        owners = tuple((rule, each) for rule in rules for each in rule.patterns)
        keyed: dict[str, list[Fact]] = {}
        for value in values:
            keyed.setdefault(value.key, []).append(value)
        bank = Bank([each.pattern for _, each in owners])
        return cls(version=version, rules=rules, values=values, skip=skip, bank=bank, owners=owners, keyed=keyed)

    def in_force(self, key: str, at: datetime, scope: Mapping[str, str]) -> Fact | None:
        """The value of a fact at an instant (the order date if an order is bound): the most specific scope wins.

        A tie is refused when the standards are loaded; among equals the later version counts.
        """
        fitting = [
            fact
            for fact in self.keyed.get(key, ())
            if (fact.valid_from is None or fact.valid_from <= at)
            and (fact.valid_to is None or at < fact.valid_to)
            and all(scope.get(name) == value for name, value in fact.scope.items())
        ]
        return max(fitting, key=lambda fact: (len(fact.scope), fact.version), default=None)


def scope_of(channel: str, tier: str | None) -> dict[str, str]:
    """What is known of the customer a reply is for, as facts ask for it."""
    return {"channel": channel, **({"tier": tier} if tier else {})}


def ties(values: Sequence[Fact]) -> list[tuple[Fact, Fact]]:
    """Pairs of values that could both be in force with the same specificity and differ: configuration errors."""
    found: list[tuple[Fact, Fact]] = []
    for index, one in enumerate(values):
        for other in values[index + 1 :]:
            if one.key != other.key or one.value == other.value or len(one.scope) != len(other.scope):
                continue
            apart = any(name in other.scope and other.scope[name] != value for name, value in one.scope.items())
            early = one.valid_to is not None and other.valid_from is not None and one.valid_to <= other.valid_from
            late = other.valid_to is not None and one.valid_from is not None and other.valid_to <= one.valid_from
            if not (apart or early or late):
                found.append((one, other))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A fact that was stated: what was said, what is approved, whether they agree. Stored also when they do, so that
    a change of the fact finds whom to correct."""

    rule: FactRule
    said: Value
    approved: Value
    agrees: bool
    span: Span
    fact: Fact


def mentions(body: Body, sheet: FactSheet, at: datetime, scope: Mapping[str, str]) -> list[Mention]:
    """All facts stated in a text, in order of place; questions and past policy are skipped."""
    normal = body.normal
    found: dict[tuple[str, Value], Mention] = {}
    taken: dict[str, Spans] = {}
    excepted: dict[str, Spans] = {}
    for index in sheet.bank.present(normal):
        rule, each = sheet.owners[index]
        fact = sheet.in_force(rule.key, at, scope)
        if fact is None:
            continue
        known = taken.setdefault(rule.key, Spans())
        if rule.key not in excepted:
            excepted[rule.key] = spans_of(rule.exceptions, normal)
        exceptions = excepted[rule.key]
        for hit in each.pattern.hits(normal):
            span = (hit.start, hit.end)
            if known.overlap(span) or exceptions.overlap(span) or _is_skipped(span, body.clauses, sheet):
                continue
            said = _said(normal, hit, each, rule)
            if said is None:
                continue
            known.add(span)
            approved = value_of(fact.value)
            found.setdefault(
                (rule.key, said),
                Mention(
                    rule=rule,
                    said=said,
                    approved=approved,
                    agrees=agrees(rule.compare, said, approved),
                    span=normal.original(*span),
                    fact=fact,
                ),
            )
    return sorted(found.values(), key=lambda each: (each.span, each.rule.key))


def _is_skipped(span: Span, clauses: Clauses, sheet: FactSheet) -> bool:
    return any(each.question or each.has(sheet.skip) for each in clauses.over(span))


def _said(normal: Normal, hit: Hit, each: FactPattern, rule: FactRule) -> Value | None:
    if each.said is not None:
        return value_of(each.said)
    span = hit.groups.get("m") or hit.groups.get("n")
    amount = number(normal.text[span[0] : span[1]]) if span else None
    if amount is None:
        return None
    unit = _unit(normal, hit)
    if unit.endswith("半"):
        amount, unit = amount + Decimal("0.5"), unit.removesuffix("半")
    factor = next((factor for pattern, factor in rule.units if pattern.full(Haystack(unit)) is not None), Decimal(1))
    return _whole(amount * factor)


def _unit(normal: Normal, hit: Hit) -> str:
    start, end = hit.groups.get("unit", (0, 0))
    return normal.text[start:end].strip()


def _whole(amount: Decimal) -> Value:
    return int(amount) if amount == amount.to_integral_value() else amount


def value_of(text: str) -> Value:
    """A stored value as it is compared: a number when it is one."""
    try:
        return _whole(Decimal(text))
    except InvalidOperation:
        return text


def agrees(compare: Compare, said: Value, approved: Value) -> bool:
    """Whether a said value is allowed by the approved one."""
    if isinstance(said, str) or isinstance(approved, str) or compare is Compare.EQUAL:
        return said == approved
    return said <= approved if compare is Compare.MAX else said >= approved


def contradictions(found: Sequence[Mention], place: Place) -> list[Finding]:
    """A finding for each mention that differs from the approved value, with the sentence to use instead."""
    return [
        each.rule.rule.finding(
            place,
            each.span,
            said=str(each.said),
            approved=str(each.approved),
            values={
                "source": each.rule.source or each.fact.key,
                "value": str(each.approved),
                "key": each.rule.key,
            },
        )
        for each in found
        if not each.agrees
    ]


def earliest(rule: FactRule, now: datetime, calendar: BusinessCalendar) -> datetime | None:
    """Before this instant a promise of the rule's kind is shorter than the fact allows; None when there is no such."""
    if rule.promise is None or rule.soonest < 1:
        return None
    return calendar.close_of_nth_working_day(now, rule.soonest)
