"""Response times as a pure fold of the event log (`service.md` 2.3, D1-D30): who waited, since when, and for whom.

The fold knows the log and nothing else; the same log gives the same rounds however it was cut into batches. What an
event means is in `router.folding`, what a round is worth in `router.judging`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from router.events import DeliveryFailed, EventType, MessageMoved
from router.folding import Folding, Place, place_of
from router.model import Event
from router.terms import Terms
from router.timeline import Timeline

_WITHDRAWING: Final = frozenset({EventType.DELIVERY_FAILED, EventType.MESSAGE_MOVED})


def _withdrawn(event: Event) -> str:
    """The message that an event declares never to have been here."""
    return cast(DeliveryFailed | MessageMoved, event.payload)["message"]


class Fold:
    """A log folded so far. Events may come in any batches; `extend` continues where it can and starts again where a
    late event or a failed delivery changes what is past. The answer never depends on which of the two happened."""

    def __init__(self, terms: Terms, conversation: UUID) -> None:
        self._terms = terms
        self._conversation = conversation
        self._log: list[Event] = []
        self._absent: dict[str, Place] = {}
        self._state = Folding(terms, conversation, self._absent)

    def extend(self, events: Iterable[Event]) -> None:
        """Take in more of the log, in any order. Raises UnknownPolicy."""
        fresh = sorted(events, key=place_of)
        gone = {_withdrawn(event): place_of(event) for event in fresh if event.type in _WITHDRAWING}
        in_order = not self._log or not fresh or place_of(self._log[-1]) <= place_of(fresh[0])
        for message, place in gone.items():
            self._absent[message] = max(place, self._absent.get(message, place))
        self._log += fresh
        if in_order and not any(self._state.has_seen(message) for message in gone):
            self._state.apply(fresh)
            return
        self._log.sort(key=place_of)
        self._state = Folding(self._terms, self._conversation, self._absent)
        self._state.apply(self._log)

    def at(self, now: datetime) -> Timeline:
        """The figures at an instant that is not before the last event."""
        return self._state.timeline(now)


def timeline(events: Iterable[Event], terms: Terms, conversation: UUID, now: datetime) -> Timeline:
    """The figures of a whole log, or of the union of merged ones (D25); events after `now` are not known yet."""
    fold = Fold(terms, conversation)
    fold.extend(event for event in events if event.at <= now)
    return fold.at(now)
