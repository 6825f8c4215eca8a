"""What a reply tells the customer for the record: amounts, decisions, tracking numbers, dates (`service.md` 4.6)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from router.consistency.clauses import Clause, clauses, sentences
from router.consistency.money import amounts
from router.consistency.orders import OrderNumber, order_numbers
from router.consistency.patterns import Pattern
from router.consistency.promises import PromiseRules, is_no_promise, waiting_clauses
from router.consistency.text import Haystack, Normal, Span
from router.consistency.times import Form, moments
from router.consistency.workdays import BusinessCalendar


class Slot(StrEnum):
    REFUND_AMOUNT = "refund_amount"
    COMPENSATION = "compensation"
    SHIPPING_FEE = "shipping_fee"
    PRICE_QUOTE = "price_quote"
    REFUND_DECISION = "refund_decision"
    RETURN_DECISION = "return_decision"
    EXCHANGE_DECISION = "exchange_decision"
    REPAIR_DECISION = "repair_decision"
    TRACKING_NO = "tracking_no"
    SHIP_DATE = "ship_date"
    DELIVERY_DATE = "delivery_date"
    REFUND_DATE = "refund_date"
    RETURN_ADDRESS = "return_address"
    OPTION_CHOSEN = "option_chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One statement found. `value` and `unit` as in the ledger ("1299.00", "USD"), dates in ISO form, decisions yes or
    no; `order` the order number it names; `span` in the original text."""

    slot: Slot
    value: str
    unit: str = ""
    order: str | None = None
    span: Span = (0, 0)

    @property
    def shown(self) -> str:
        return f"{self.value} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRules:
    """Polarity by the nearest marker before the noun (groups undecided, no, yes) or behind it; `open` finds clauses
    that decide nothing; `compound` a word behind the noun that makes it another thing (退款进度)."""

    nouns: Sequence[tuple[Slot, Pattern]]
    before: Pattern
    after: Pattern
    open: Pattern
    policy: Pattern
    compound: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRules:
    """Triggers and patterns of all slots. `triggers` has one named group a money slot; `denied` finds amounts that are
    refused, `hedged` amounts that are only a limit; `addresses` have a group `address`; `options` (as
    we repeat them) and `choices` (as customers say them) a group `option`."""

    version: int
    orders: Sequence[Pattern]
    triggers: Pattern
    denied: Pattern
    hedged: Pattern
    decisions: DecisionRules
    tracking: Sequence[Pattern]
    dates: Sequence[tuple[Slot, Pattern]]
    addresses: Sequence[Pattern]
    address_mark: Pattern
    options: Sequence[Pattern]
    choices: Sequence[Pattern]
    remedies: Sequence[tuple[str, Pattern]]
    empathy: Pattern
    split: Pattern
    promises: PromiseRules


_BEFORE = 18
_AFTER = 14
_NEAR = 24
_BEHIND = 40


def statements(normal: Normal, rules: LedgerRules, calendar: BusinessCalendar, now: datetime) -> list[Told]:
    """Everything a text without quotes states, with the order each statement names; questions and conditions give
    nothing."""
    parts = clauses(normal)
    orders = order_numbers(normal, rules.orders)
    found = [
        *_money(normal, parts, rules),
        *_decisions(normal, parts, rules.decisions),
        *_tracking(normal, rules, orders),
        *_dates(normal, parts, rules, calendar, now),
        *_addresses(normal, parts, rules),
        *_options(parts, rules.options, rules),
    ]
    unique: dict[tuple[Slot, str, str, str | None], Told] = {}
    for each in found:
        named = replace(each, order=_order_of(each.span, orders), span=normal.original(*each.span))
        unique.setdefault((named.slot, named.value, named.unit, named.order), named)
    return _agreeing(list(unique.values()))


def choices(normal: Normal, rules: LedgerRules) -> list[Told]:
    """What a customer chooses in an inbound message: the only statement customers make."""
    return [replace(each, span=normal.original(*each.span)) for each in _options(clauses(normal), rules.choices, rules)]


def _agreeing(found: Collection[Told]) -> list[Told]:
    """Without decisions that the same text makes both ways: those are undecided."""
    said: dict[tuple[Slot, str | None], set[str]] = {}
    for each in found:
        said.setdefault((each.slot, each.order), set()).add(each.value)
    return [
        each for each in found if not (each.value in ("yes", "no") and {"yes", "no"} <= said[each.slot, each.order])
    ]


def _order_of(span: Span, orders: Sequence[OrderNumber]) -> str | None:
    """The only order named, else the last one named before the statement, else none."""
    if len(orders) == 1:
        return orders[0].number
    before = [each for each in orders if each.span[0] <= span[0]]
    return before[-1].number if before else None


def _decided(span: Span, parts: Sequence[Clause]) -> bool:
    return not any(part.question or part.conditional for part in parts if part.start < span[1] and span[0] < part.end)


def _money(normal: Normal, parts: Sequence[Clause], rules: LedgerRules) -> Iterator[Told]:
    for begin, end in sentences(normal.text):
        hay = Haystack(normal.text[begin:end])
        found = list(amounts(hay))
        if not found:
            continue
        triggers = [(hit.start, hit.end, next(iter(hit.groups))) for hit in rules.triggers.hits(hay)]
        for money in found:
            near = [
                (distance, start > money.start, slot)
                for start, stop, slot in triggers
                if (distance := _distance((start, stop), (money.start, money.end))) is not None
            ]
            span = (begin + money.start, begin + money.end)
            if not near or not _decided(span, parts):
                continue
            lead = Haystack(hay.text[max(0, money.start - _BEFORE) : money.start])
            if rules.denied.found(lead) or rules.hedged.found(lead):
                continue
            yield Told(slot=Slot(min(near)[2]), value=str(money.value), unit=money.currency, span=span)


def _distance(trigger: Span, money: Span) -> int | None:
    """Characters between a trigger word and an amount; None when it is too far (18 before, 14 behind)."""
    if trigger[1] <= money[0]:
        gap = money[0] - trigger[1]
        return gap if gap <= _BEFORE else None
    if trigger[0] >= money[1]:
        gap = trigger[0] - money[1]
        return gap if gap <= _AFTER else None
    return 0


def _decisions(normal: Normal, parts: Sequence[Clause], rules: DecisionRules) -> Iterator[Told]:
    for part in parts:
        if part.question or part.conditional or rules.open.found(part.hay):
            continue
        general = rules.policy.found(part.hay)
        for slot, noun in rules.nouns:
            for hit in noun.hits(part.hay):
                polarity, start = _polarity(part.text, (hit.start, hit.end), rules)
                if polarity == "no" or (polarity == "yes" and not general):
                    span = (part.start + min(start, hit.start), part.start + hit.end)
                    yield Told(slot=slot, value=polarity, span=span)


def _polarity(text: str, noun: Span, rules: DecisionRules) -> tuple[str | None, int]:
    """yes, no or None with where the marker begins; a "no" on either side wins."""
    ahead = Haystack(text[noun[1] : noun[1] + _BEHIND])
    behind = next(((next(iter(hit.groups)), noun[1] + hit.start) for hit in rules.after.hits(ahead)), None)
    if behind is not None and behind[0] == "undecided":
        return None, noun[0]
    if behind is not None and behind[0] == "no":
        return "no", noun[0]
    low = max(0, noun[0] - _NEAR)
    markers = [(hit.start + low, next(iter(hit.groups))) for hit in rules.before.hits(Haystack(text[low : noun[0]]))]
    last = markers[-1] if markers else None
    if last is not None and last[1] == "no":
        return "no", last[0]
    if behind is not None:
        return "yes", noun[0]
    if last is None or last[1] == "undecided" or rules.compound.search(ahead) is not None:
        return None, noun[0]
    return "yes", last[0]


def _tracking(normal: Normal, rules: LedgerRules, orders: Sequence[OrderNumber]) -> Iterator[Told]:
    taken = [each.span for each in orders]
    for pattern in rules.tracking:
        for hit in pattern.hits(normal):
            start, end = hit.groups.get("no", (hit.start, hit.end))
            number = normal.text[start:end]
            if sum(char.isdigit() for char in number) < 6 or any(a < end and start < b for a, b in taken):
                continue
            taken.append((start, end))
            yield Told(slot=Slot.TRACKING_NO, value=number.upper(), span=(start, end))


def _dates(
    normal: Normal, parts: Sequence[Clause], rules: LedgerRules, calendar: BusinessCalendar, now: datetime
) -> Iterator[Told]:
    """Dates of shipping, delivery and refund, read by the promise parser; 马上 is no date."""
    blocked = waiting_clauses(parts, rules.promises)
    for index, part in enumerate(parts):
        if index in blocked or part.question or part.conditional or is_no_promise(part, rules.promises):
            continue
        near = moments(part.hay, now, calendar, timedelta())
        definite = [each for each in near if each.form is not Form.VAGUE]
        for slot, verb in rules.dates if definite else ():
            hit = verb.search(part.hay)
            if hit is not None:
                moment = min(definite, key=lambda each: max(hit.start - each.end, each.start - hit.end, 0))
                span = (part.start + moment.start, part.start + moment.end)
                yield Told(slot=slot, value=moment.due.date().isoformat(), span=span)
                break


def _addresses(normal: Normal, parts: Sequence[Clause], rules: LedgerRules) -> Iterator[Told]:
    for hit in (hit for pattern in rules.addresses for hit in pattern.hits(normal)):
        start, end = hit.groups["address"]
        text = normal.text[start:end].strip(" :,")
        marks = sum(1 for _ in rules.address_mark.hits(Haystack(text)))
        if marks >= 2 and _decided((hit.start, start), parts):
            value = " ".join(text.split())
            yield Told(slot=Slot.RETURN_ADDRESS, value=value, span=(start, end))


def _options(parts: Sequence[Clause], patterns: Sequence[Pattern], rules: LedgerRules) -> Iterator[Told]:
    for part in parts:
        if part.question or part.conditional:
            continue
        for hit in (hit for pattern in patterns for hit in pattern.hits(part.hay)):
            start, end = hit.groups["option"]
            text = part.text[start:end].strip(" :的了")
            value = next((name for name, remedy in rules.remedies if remedy.found(Haystack(text))), text)
            if value:
                yield Told(slot=Slot.OPTION_CHOSEN, value=value, span=(part.start + start, part.start + end))
