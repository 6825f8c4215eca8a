"""The statement ledger: what is about to be said against what was said before (`service.md` 4.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from router.consistency.findings import Finding, Place, Rule
from router.consistency.statements import LedgerRules, Slot, Told
from router.consistency.text import Normal
from router.model import Statement

AMOUNTS = frozenset({Slot.REFUND_AMOUNT, Slot.COMPENSATION, Slot.SHIPPING_FEE, Slot.PRICE_QUOTE})
DECISIONS = frozenset({Slot.REFUND_DECISION, Slot.RETURN_DECISION, Slot.EXCHANGE_DECISION, Slot.REPAIR_DECISION})
DATES = frozenset({Slot.SHIP_DATE, Slot.DELIVERY_DATE, Slot.REFUND_DATE})

LEDGER_RULES = (
    "L-AMOUNT", "L-NO", "L-YES", "L-SLIP", "L-EARLIER", "L-TRACKING", "L-OPTION", "L-ADDRESS",
)  # fmt: skip


def bound(told: Sequence[Told], orders: Sequence[str], topic: str | None) -> list[Told]:
    """Binds what names no order: to the conversation's only order, else to its topic ("topic:refund"), else to
    nothing (then it is compared inside the conversation only)."""
    key = orders[0] if len(orders) == 1 else f"topic:{topic}" if topic else None
    return [each if each.order is not None else replace(each, order=key) for each in told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A statement about to be made and the active one it differs from."""

    told: Told
    earlier: Statement
    finding: Finding


def contradictions(
    told: Sequence[Told],
    active: Sequence[Statement],
    conversation: UUID | None,
    normal: Normal,
    place: Place,
    rules: LedgerRules,
    checks: Mapping[str, Rule],
) -> list[Contradiction]:
    """Compares bound statements with the customer's active ones; a value said before in the same matter is fine."""
    found: list[Contradiction] = []
    by_slot: dict[str, list[Statement]] = {}
    for statement in active:
        if statement.state == "active":
            by_slot.setdefault(statement.slot, []).append(statement)
    for each in told:
        same = [old for old in by_slot.get(each.slot, ()) if _same_matter(each, old, conversation)]
        if not same or any(_equal(each, old) for old in same):
            continue
        newest = max(same, key=lambda old: old.said_at)
        finding = _finding(each, newest, normal, place, rules, checks)
        if finding is not None:
            found.append(Contradiction(told=each, earlier=newest, finding=finding))
    return found


def _same_matter(told: Told, old: Statement, conversation: UUID | None) -> bool:
    inside = conversation is not None and old.conversation == conversation
    if told.order is None or old.order is None:
        return inside
    if told.order == old.order:
        return True
    return inside and (told.order.startswith("topic:") or old.order.startswith("topic:"))


def _equal(told: Told, old: Statement) -> bool:
    if told.slot is Slot.RETURN_ADDRESS:
        return _letters(told.value) == _letters(old.value)
    return told.value.casefold() == old.value.casefold() and told.unit == old.unit


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _finding(
    told: Told, old: Statement, normal: Normal, place: Place, rules: LedgerRules, checks: Mapping[str, Rule]
) -> Finding | None:
    shown = f"{old.value} {old.unit}".rstrip()
    values = {
        "agent": old.agent,
        "channel": old.channel,
        "date": old.said_at.date().isoformat(),
        "slot": told.slot.value,
    }
    match told.slot:
        case slot if slot in AMOUNTS:
            rule = checks["L-AMOUNT"]
        case slot if slot in DECISIONS:
            rule = checks["L-NO"] if told.value == "no" else checks["L-YES"]
        case slot if slot in DATES:
            later = _days_later(told.value, old.value)
            if later == 0:
                return None
            # a slip that is explained or apologised for is only recorded
            rule = checks["L-SLIP"] if later > 0 and not rules.empathy.found(normal) else checks["L-EARLIER"]
        case Slot.TRACKING_NO:
            if rules.split.found(normal):
                return None
            rule = checks["L-TRACKING"]
        case Slot.OPTION_CHOSEN:
            rule = checks["L-OPTION"]
        case _:
            rule = checks["L-ADDRESS"]
    return rule.finding(place, told.span, said=told.shown, earlier=shown, values=values)


def _days_later(said: str, earlier: str) -> int:
    try:
        return (date.fromisoformat(said) - date.fromisoformat(earlier)).days
    except ValueError:
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What sending changes in the ledger: new statements, and earlier ones they supersede."""

    added: tuple[Statement, ...]
    superseded: tuple[Statement, ...]


def settle(
    told: Sequence[Told],
    active: Sequence[Statement],
    *,
    contact: UUID,
    conversation: UUID,
    said_at: datetime,
    channel: str,
    agent: str,
    message: UUID | None = None,
) -> Settlement:
    """The ledger after a bound message left: a statement takes the place of the earlier ones of the same matter, except
    of another tracking number (a second parcel). An equal one does too: the customer has it from both, and the earlier
    message may yet come back."""
    added: list[Statement] = []
    superseded: list[Statement] = []
    for each in told:
        same = [
            old
            for old in active
            if old.state == "active" and old.slot == each.slot and _same_matter(each, old, conversation)
        ]
        if each.slot is Slot.TRACKING_NO:
            same = [old for old in same if _equal(each, old)]
        superseded += [replace(old, state="superseded") for old in same]
        added.append(
            Statement(
                contact=contact,
                conversation=conversation,
                slot=each.slot.value,
                value=each.value,
                unit=each.unit,
                order=each.order,
                said_at=said_at,
                channel=channel,
                agent=agent,
                message=message,
            )
        )
    return Settlement(added=tuple(added), superseded=tuple(superseded))
