"""What the panes of the page have in common: each shows one stand-in and lets somebody act in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Json = dict[str, Any]

SHOWN = 200
"""The newest items of a list; the page is for people, not for archives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file somebody chose on the page."""

    name: str
    content_type: str
    content: bytes


class Misuse(Exception):
    """An act that cannot be done; the text tells the person why."""


class Pane(Protocol):
    """One stand-in, seen and used by people. Acts are named by a verb with a JSON body."""

    def view(self) -> Json:
        """Everything the pane shows."""
        ...

    async def act(self, verb: str, body: Mapping[str, Any], files: Sequence[Upload]) -> None:
        """Do what a person asks. Raises Misuse, and KeyError, LookupError or ValueError for what is not there."""
        ...

    def file(self, path: Sequence[str]) -> Upload:
        """A file by its path in the view. Raises LookupError or ValueError."""
        ...

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; the answer ends that."""
        ...


def file_view(path: str, name: str, content_type: str, size: int) -> Json:
    """A file as views name it; `path` begins with the name of the pane."""
    return {"url": f"/sandbox/files/{path}", "name": name, "type": content_type, "size": size}


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def text_of(body: Mapping[str, Any], key: str) -> str:
    """A text of a body, "" without it. Raises ValueError."""
    value = body.get(key, "")
    if not isinstance(value, str) or len(value) > 100_000:
        raise ValueError(f"{key} must be a text")
    return value
