"""What the panes of the page have in common: each shows one stand-in and lets somebody act in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import filetype  # type: ignore[import-untyped]  # the package has no types

Json = dict[str, Any]

UNKNOWN = "application/octet-stream"
SHOWN = 200
"""The newest items of a list; the page is for people, not for archives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file somebody chose on the page, or that a stand-in keeps."""

    name: str
    content_type: str
    content: bytes

    @property
    def kind(self) -> str:
        """The content type; where nobody said it, what the bytes look like."""
        if self.content_type not in ("", UNKNOWN):
            return self.content_type
        return filetype.guess_mime(self.content) or UNKNOWN

    def view(self, path: str) -> Json:
        """As views name it; `path` begins with the name of the pane."""
        return {"url": f"/sandbox/files/{path}", "name": self.name, "type": self.kind, "size": len(self.content)}


class Misuse(Exception):
    """An act that cannot be done; the text tells the person why."""


class Pane(Protocol):
    """One stand-in, seen and used by people. Acts are named by a verb with a JSON body."""

    def view(self) -> Json:
        """Everything the pane shows."""
        ...

    async def act(self, verb: str, body: Mapping[str, Any], files: Sequence[File]) -> None:
        """Do what a person asks. Raises Misuse, LookupError for what is not there, ValueError or TypeError."""
        ...

    def file(self, path: Sequence[str]) -> File:
        """A file by its path in the view. Raises LookupError or ValueError."""
        ...

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; the answer ends that."""
        ...


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def text_of(body: Mapping[str, Any], key: str) -> str:
    """A text of a body, "" without it. Raises ValueError."""
    value = body.get(key, "")
    if not isinstance(value, str) or len(value) > 100_000:
        raise ValueError(f"{key} must be a text")
    return value


def number_of(body: Mapping[str, Any], key: str) -> int:
    """A whole number of a body. Raises TypeError."""
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} must be a whole number")
    return value


def truth_of(body: Mapping[str, Any], key: str) -> bool:
    """True or false, as a body has it. Raises TypeError."""
    value = body.get(key)
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false")
    return value
