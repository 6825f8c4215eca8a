"""The questions of the last hour, so that the same one from many customers is noticed at once (`service.md` 4.3).

`router.duplicates.incident` says what is looked for; this finds it without comparing every question with every other.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import nlargest
from itertools import islice
from sys import intern
from uuid import UUID

from router.duplicates import INCIDENT_CUSTOMERS, INCIDENT_LIKENESS, INCIDENT_WINDOW, Features, jaccard

MOST = 20_000
"""Questions that are remembered."""
COMPARED = 300
"""Of the questions that may be like a new one the newest are looked at: a flood of half-like ones is bounded."""
FEWEST = 2
"""Features a question must have: "yes" and "refund?" say too little to be the same question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A customer's question; `contact` is the oldest of the linked contacts, `at` when we had it."""

    message: UUID
    conversation: UUID
    contact: UUID
    at: datetime
    text: str
    features: Features


_Kind = tuple[int, bool]
"""How many features a question has, and whether numbers are among them."""


class LastHour:
    """Who asked what within the hour, at most `most` questions. The same words of the same customer count once, with
    their latest time.

    Sets of n and m features that are half alike share at least (n + m) / 3. So at least one of the shared is among the
    rarest n + 1 less that many: only these are looked up, and under each feature the questions are kept by their size
    and whether they name numbers: two that do must share one.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._number = 0
        self._askings: dict[int, Asking] = {}
        self._same: dict[tuple[UUID, Features], int] = {}
        self._with: dict[str, dict[_Kind, dict[int, None]]] = {}
        self._uses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._askings)

    def add(self, asking: Asking) -> None:
        """Remember a question; those that are older than an hour then, or too many, are forgotten."""
        if len(asking.features) < FEWEST:
            return
        if (known := self._same.get((asking.contact, asking.features))) is not None:
            self._forget(known)
        self._number += 1
        asking = replace(asking, text="", features=frozenset(map(intern, asking.features)))  # thousands are kept
        self._askings[self._number] = asking
        self._same[asking.contact, asking.features] = self._number
        kind = _kind(asking.features)
        for feature in asking.features:
            self._with.setdefault(feature, {}).setdefault(kind, {})[self._number] = None
        self._uses.update(asking.features)
        for number in self._old(asking.at - INCIDENT_WINDOW):
            self._forget(number)

    def cluster(self, new: Asking) -> tuple[Asking, ...]:
        """The questions of at least five customers that are half alike to the new one, without their texts, and the new
        one as the last; empty when there are fewer."""
        numbers = sorted(self._alike(new))
        found = [self._askings[number] for number in numbers]
        if len({new.contact, *(each.contact for each in found)}) < INCIDENT_CUSTOMERS:
            return ()
        return (*found, new)

    def forget(self, askings: Sequence[Asking]) -> None:
        """They belong to an incident now and count for no other."""
        for each in askings:
            if (number := self._same.get((each.contact, each.features))) is not None:
                self._forget(number)

    def _alike(self, new: Asking) -> Iterator[int]:
        if len(new.features) < FEWEST:
            return
        since = new.at - INCIDENT_WINDOW
        for number in nlargest(COMPARED, self._possible(new.features)):
            each = self._askings[number]
            if since <= each.at <= new.at and is_alike(new.features, each.features):
                yield number

    def _possible(self, features: Features) -> set[int]:
        rarest = sorted(features, key=self._uses.__getitem__)
        numbers = _numbers(features)
        found: set[int] = set()
        most = len(features)
        for size in range((most + 1) // 2, 2 * most + 1):
            rare = rarest[: most - -(-(most + size) // 3) + 1]
            for numbered, looked_up in ((False, rare), (True, numbers or rare)):
                for feature in looked_up:
                    if questions := self._with.get(feature, {}).get((size, numbered)):
                        found.update(islice(reversed(questions), COMPARED))
        return found

    def _old(self, since: datetime) -> list[int]:
        """From the oldest on: those before that instant, and those that are too many."""
        found: list[int] = []
        for number, each in self._askings.items():
            if each.at >= since and len(self._askings) - len(found) <= self._most:
                break
            found.append(number)
        return found

    def _forget(self, number: int) -> None:
        asking = self._askings.pop(number)
        del self._same[asking.contact, asking.features]
        kind = _kind(asking.features)
        for feature in asking.features:
            questions = self._with[feature]
            del questions[kind][number]
            if not questions[kind]:
                del questions[kind]
            self._uses[feature] -= 1
            if not questions:
                del self._with[feature], self._uses[feature]


def _kind(features: Features) -> _Kind:
    return len(features), bool(_numbers(features))


def is_alike(one: Features, other: Features) -> bool:
    """Whether two questions are the same for an incident. Where each names numbers and none of them is the other's,
    they are about different orders or sizes, however like the words."""
    if min(len(one), len(other)) < FEWEST:
        return False
    numbers, others = _numbers(one), _numbers(other)
    if numbers and others and numbers.isdisjoint(others):
        return False
    return jaccard(one, other) >= INCIDENT_LIKENESS


@lru_cache(maxsize=4096)
def _numbers(features: Features) -> frozenset[str]:
    return frozenset({each for each in features if any(map(str.isdecimal, each))})


def since_when(cluster: Sequence[Asking]) -> datetime:
    """When the first of them asked."""
    return min(each.at for each in cluster)


QUIET = timedelta(hours=24)
"""An incident that nobody joins for so long is over."""
