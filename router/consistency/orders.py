"""Order numbers in a text, by the shop's own patterns (`service.md` 4.2)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from router.consistency.patterns import Pattern, Spans
from router.consistency.text import Normal, Span


@dataclass(frozen=True, slots=True)
class OrderNumber:
    """An order number in capitals; `span` is in the normalised text."""

    number: str
    span: Span


def order_numbers(
    normal: Normal, patterns: Sequence[Pattern], known: Collection[str] | None = None
) -> list[OrderNumber]:
    """Every order number once, in order of place; with `known` orders only those among them.

    A pattern marks the number with the group `no`, else its whole match is the number.
    """
    found: dict[str, OrderNumber] = {}
    places = Spans()
    for pattern in patterns:
        for hit in pattern.hits(normal):
            start, end = hit.groups.get("no", (hit.start, hit.end))
            if places.overlap((start, end)):
                continue
            number = normal.text[start:end].upper()
            if known is not None and number not in known:
                continue
            places.add((start, end))
            found.setdefault(number, OrderNumber(number, (start, end)))
    return sorted(found.values(), key=lambda each: each.span)
