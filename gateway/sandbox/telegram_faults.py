"""What a call to the Telegram stand-in may meet instead of a normal answer."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the next matching call meets instead of a normal answer.

    `status` refuses without accepting. `accept` carries the call out first; then `late` seconds pass, and `drop`
    closes the connection without an answer. Without `accept`, `drop` closes it with nothing done.
    """

    status: int = 0
    description: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    accept: bool = False
    drop: bool = False
    late: float = 0.0
    chat: int | None = None


def limited(seconds: int, chat: int | None = None) -> Fault:
    """429 with `retry_after`."""
    return Fault(
        status=429,
        description=f"Too Many Requests: retry after {seconds}",
        parameters={"retry_after": seconds},
        chat=chat,
    )


def broken(status: int = 502, description: str = "Bad Gateway") -> Fault:
    """A 5xx answer, nothing accepted."""
    return Fault(status=status, description=description)


def swallowed(chat: int | None = None) -> Fault:
    """Accepted and done, but the connection closes before the answer."""
    return Fault(accept=True, drop=True, chat=chat)


def cut_off() -> Fault:
    """The connection closes with nothing done."""
    return Fault(drop=True)


def delayed(seconds: float) -> Fault:
    """Accepted and done, answered late."""
    return Fault(accept=True, late=seconds)


def migrated(chat: int, to: int) -> Fault:
    """The group became a supergroup with another id."""
    return Fault(
        status=400,
        description="Bad Request: group chat was upgraded to a supergroup chat",
        parameters={"migrate_to_chat_id": to},
        chat=chat,
    )


class Faults:
    """Faults that wait for the next calls of each method, in order."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Fault]] = {}

    def add(self, method: str, faults: tuple[Fault, ...]) -> None:
        self._waiting.setdefault(method.lower(), deque()).extend(faults)

    def take(self, method: str, parameters: Mapping[str, Any]) -> Fault | None:
        """The first fault of this method that is for this chat or for any."""
        waiting = self._waiting.get(method, deque())
        for fault in waiting:
            if fault.chat is None or str(fault.chat) == str(parameters.get("chat_id")):
                waiting.remove(fault)
                return fault
        return None
