"""What a reply tells the customer for the record: amounts, decisions, tracking numbers, dates (`service.md` 4.6)."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from router.consistency.body import Body
from router.consistency.money import Money, amounts
from router.consistency.orders import OrderNumber, order_numbers
from router.consistency.patterns import Pattern, Spans
from router.consistency.promises import PromiseRules, nearest, promises_nothing
from router.consistency.text import Haystack, Span
from router.consistency.times import Form


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
    """Polarity by the nearest marker before the noun (groups undecided, no, yes, weak) or behind it; `open` clauses
    decide nothing; `compound` a word behind the noun that makes it another thing (退款进度)."""

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
_REACH = 60  # beyond both and the longest trigger word
_LEAD = 120
_NEAR = 24
_BEHIND = 40


def statements(body: Body, rules: LedgerRules) -> list[Told]:
    """Everything a text states, with the order each statement names; questions and conditions give nothing."""
    orders = order_numbers(body.normal, rules.orders)
    found = [
        *_money(body, rules),
        *_decisions(body, rules.decisions),
        *_tracking(body, rules, orders),
        *_dates(body, rules),
        *_addresses(body, rules),
        *_options(body, rules.options, rules),
    ]
    unique: dict[tuple[Slot, str, str, str | None], Told] = {}
    for each in found:
        named = replace(each, order=_order_of(each.span, orders), span=body.normal.original(*each.span))
        unique.setdefault((named.slot, named.value, named.unit, named.order), named)
    return _agreeing(list(unique.values()))


def choices(body: Body, rules: LedgerRules) -> list[Told]:
    """What a customer chooses in an inbound message: the only statement customers make."""
    return [replace(each, span=body.normal.original(*each.span)) for each in _options(body, rules.choices, rules)]


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
    before = bisect_right(orders, span[0], key=lambda each: each.span[0])
    return orders[before - 1].number if before else None


def _money(body: Body, rules: LedgerRules) -> Iterator[Told]:
    normal, clauses = body.normal, body.clauses
    found = list(amounts(normal))
    triggers = [(hit.start, hit.end, next(iter(hit.groups))) for hit in rules.triggers.hits(normal)] if found else []
    starts = [trigger[0] for trigger in triggers]
    for money in found:
        span = (money.start, money.end)
        clause = clauses.at(money.start)
        near = [
            (_parted(normal.text, (start, stop), money), distance, start > money.start, slot)
            for start, stop, slot in triggers[
                bisect_left(starts, money.start - _REACH) : bisect_right(starts, money.end + _REACH)
            ]
            if (distance := _distance((start, stop), span)) is not None
            and clauses.at(start).sentence == clause.sentence
        ]
        if not near or not clauses.decided(span):
            continue
        lead = Haystack(normal.text[max(clause.start, money.start - _LEAD) : money.start])
        if rules.denied.found(lead) or rules.hedged.found(lead):
            continue
        yield Told(slot=Slot(min(near)[3]), value=str(money.value), unit=money.currency, span=span)


def _parted(text: str, trigger: Span, money: Money) -> bool:
    """A comma between them: the word rather belongs to another amount."""
    return "," in text[min(trigger[1], money.end) : max(trigger[0], money.start)]


def _distance(trigger: Span, money: Span) -> int | None:
    """Characters between a trigger word and an amount; None when it is too far (18 before, 14 behind)."""
    if trigger[1] <= money[0]:
        gap = money[0] - trigger[1]
        return gap if gap <= _BEFORE else None
    if trigger[0] >= money[1]:
        gap = trigger[0] - money[1]
        return gap if gap <= _AFTER else None
    return 0


def _decisions(body: Body, rules: DecisionRules) -> Iterator[Told]:
    for slot, noun in rules.nouns:
        for hit in noun.hits(body.normal):
            part = body.clauses.at(hit.start)
            if part.question or part.conditional or part.has(rules.open):
                continue
            polarity, start = _polarity(part.text, (hit.start - part.start, hit.end - part.start), rules)
            if polarity == "no" or (polarity == "yes" and not part.has(rules.policy)):
                yield Told(slot=slot, value=polarity, span=(part.start + min(start, hit.start - part.start), hit.end))


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
    firm = next((each for each in reversed(markers) if each[1] != "weak"), None)
    if firm is not None and firm[1] == "no":
        return "no", firm[0]
    if behind is not None:
        return "yes", noun[0]
    if not markers or (firm is not None and firm[1] == "undecided") or rules.compound.found(ahead):
        return None, noun[0]
    return "yes", markers[-1][0]


def _tracking(body: Body, rules: LedgerRules, orders: Sequence[OrderNumber]) -> Iterator[Told]:
    taken = Spans(each.span for each in orders)
    for pattern in rules.tracking:
        for hit in pattern.hits(body.normal):
            start, end = hit.groups["no"]
            number = body.normal.text[start:end]
            if sum(char.isdigit() for char in number) < 6 or taken.overlap((start, end)):
                continue
            taken.add((start, end))
            yield Told(slot=Slot.TRACKING_NO, value=number.upper(), span=(start, end))


def _dates(body: Body, rules: LedgerRules) -> Iterator[Told]:
    """Dates of shipping, delivery and refund, read by the promise parser; 马上 is no date."""
    for part, near in body.moments():
        definite = [each for each in near if each.form is not Form.VAGUE]
        if not definite or part.question or part.conditional or promises_nothing(body, part, rules.promises):
            continue
        for slot, verb in rules.dates:
            hit = verb.search(part.hay)
            if hit is not None:
                moment = nearest(part, hit, definite)
                yield Told(slot=slot, value=moment.due.date().isoformat(), span=(moment.start, moment.end))
                break


def _addresses(body: Body, rules: LedgerRules) -> Iterator[Told]:
    normal = body.normal
    for hit in (hit for pattern in rules.addresses for hit in pattern.hits(normal)):
        start, end = hit.groups["address"]
        marks = sum(1 for _ in rules.address_mark.hits(Haystack(normal.text[start:end])))
        if marks >= 2 and body.clauses.decided((hit.start, start)):
            first, last = normal.original(start, end)
            value = " ".join(normal.source[first:last].split()).strip(" :,.：，")
            yield Told(slot=Slot.RETURN_ADDRESS, value=value, span=(start, end))


def _options(body: Body, patterns: Sequence[Pattern], rules: LedgerRules) -> Iterator[Told]:
    for hit in (hit for pattern in patterns for hit in pattern.hits(body.normal)):
        start, end = hit.groups["option"]
        text = body.normal.text[start:end].strip(" :的了")
        value = next((name for name, remedy in rules.remedies if remedy.found(Haystack(text))), text)
        if value and body.clauses.decided((hit.start, hit.end)):
            yield Told(slot=Slot.OPTION_CHOSEN, value=value, span=(start, end))
