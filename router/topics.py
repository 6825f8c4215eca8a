"""What a message is about: order numbers, category and urgency by keyword tables (`service.md` 4.2, 1.10)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from router.consistency.orders import order_numbers
from router.consistency.patterns import Bank, Pattern
from router.consistency.text import Normal, normalise

OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A topic with its keywords; `weight` says how much a hit of it counts."""

    id: str
    keywords: Pattern
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRules:
    """Categories in order of precedence among equals, the shop's order number patterns, complaint and urgency words,
    and the words that never make two questions alike."""

    version: int
    orders: Sequence[Pattern]
    categories: Sequence[Category]
    complaint: Pattern
    urgent: Pattern
    ignored: frozenset[str]
    keywords: Bank = field(init=False, repr=False, compare=False)
    """Those of the categories, in order."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "keywords", Bank([each.keywords for each in self.categories]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """`orders` named in the message; `category` by keywords; `complaint` and `urgent` for the class of the case."""

    orders: tuple[str, ...] = ()
    category: str = OTHER
    complaint: bool = False
    urgent: bool = False

    @property
    def key(self) -> str | None:
        """The topic key: `order:<no>` for exactly one order, else the category; None when nothing was recognised.

        A message that names two orders belongs to the first; the second is a related one.
        """
        if self.orders:
            return f"order:{self.orders[0]}"
        return None if self.category == OTHER else self.category


def topic(text: str, rules: TopicRules, known: Collection[str] | None = None) -> Topic:
    """The topic of an inbound message; with `known` order numbers only those count."""
    normal = normalise(text)
    return Topic(
        orders=tuple(each.number for each in order_numbers(normal, rules.orders, known)),
        category=category(normal, rules),
        complaint=rules.complaint.found(normal),
        urgent=rules.urgent.found(normal),
    )


def orders_of(known: Sequence[str], said: Topic) -> tuple[str, ...]:
    """The orders a conversation is about: those it is `known` for, and those in words of the customer that were edited
    since."""
    return tuple(dict.fromkeys((*known, *said.orders)))


def category(normal: Normal, rules: TopicRules) -> str:
    """The category with the most weight of keyword hits; of equal ones the first in the table; `other` without any."""
    best, most = OTHER, 0
    for index in rules.keywords.present(normal):
        each = rules.categories[index]
        weight = each.weight * len({normal.text[hit.start : hit.end] for hit in each.keywords.hits(normal)})
        if weight > most:
            best, most = each.id, weight
    return best
