"""What may go wrong in Slack, on demand: answers per method, and the ways events get lost, doubled or late."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limited:
    """HTTP 429 without effect; `retry_after` in seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Broken:
    """An HTTP status without effect and without JSON."""

    status: int = 503


@dataclass(frozen=True, slots=True)
class Refused:
    """`ok: false` with this code, without effect."""

    code: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends without an answer; `effect` says whether the call was carried out before."""

    effect: bool = True


@dataclass(frozen=True, slots=True)
class Late:
    """Carried out, but answered only after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NoEffect:
    """`ok: true` and nothing happened."""


Fault = Limited | Broken | Refused | Cut | Late | NoEffect


class Faults:
    """`duplicates`: every event is sent so many times more. `drop_events`: events are lost for good. `silent`: sockets
    stay open and say nothing. `lag`: seconds until a post shows in history and replies. `always`: the fault that every
    call of a method meets, "*" for all methods, until it is taken away."""

    def __init__(self) -> None:
        self.always: dict[str, Fault] = {}
        self.duplicates = 0
        self.drop_events = False
        self.silent = False
        self.lag = 0.0
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._held: list[dict[str, Any]] | None = None

    def on(self, method: str, *faults: Fault) -> None:
        """The next calls of `method` ("chat.postMessage", "upload", ...) meet these faults, one each, in order."""
        self._queues[method].extend(faults)

    def next(self, method: str) -> Fault | None:
        queue = self._queues.get(method)
        if queue:
            return queue.popleft()
        return self.always.get(method) or self.always.get("*")

    def hold_events(self) -> None:
        """Keep events back until they are released."""
        self._held = []

    def keep(self, event: dict[str, Any]) -> bool:
        """Whether the event was held back."""
        if self._held is None:
            return False
        self._held.append(event)
        return True

    def take_held(self) -> list[dict[str, Any]]:
        held, self._held = self._held or [], None
        return held
