"""What the outside saw, in the order it saw it: the only thing the checker reads about messages.

Every text carries its serial and its owner ("q000012 of tg-3"): the customer who wrote it or whom it is meant for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SAID = re.compile(r"\b([qrn]\d{6}) of ([a-z]+-\d+)\b")
"""q: a customer's words, r: an agent's reply, n: an agent's note."""


def text_of(serial: str, owner: str) -> str:
    """The words that carry a serial."""
    return f"{serial} of {owner}"


@dataclass(frozen=True, slots=True)
class Written:
    """A customer (q) or an agent (r, n) wrote this; from the agent it is for `owner`."""

    serial: str
    owner: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The gateway told the source that it has it."""

    serial: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Slack took a post with these words; `place` is the customer its thread is about, empty outside threads."""

    serial: str
    owner: str
    place: str
    key: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Slack took the root of the thread of a conversation, `number`, with this customer."""

    number: str
    owner: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A customer's provider took these words for `recipient`. `key` tells one message from another there: message
    id, Message-ID, feed seq; `digest` its bytes where a repeat must be the same ones."""

    serial: str
    owner: str
    recipient: str
    key: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """The agent's post got its check mark: the gateway says it was sent."""

    serial: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Slack told an agent's post in vain and does not tell it again: the gateway finds it in its thread (S13)."""

    serial: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A web-chat client was told that its cursor is unknown."""

    owner: str


Entry = Written | Acknowledged | GivenUp | Opened | Shown | Delivered | Marked | Forgotten


@dataclass(slots=True)
class History:
    """Entries in the order they happened, and sets for whoever waits for the end."""

    entries: list[Entry] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        match entry:
            case Written(serial, owner):
                self.owners[serial] = owner
            case Acknowledged(serial):
                self.acknowledged.add(serial)
            case GivenUp(serial):
                self.given_up.add(serial)
            case Shown(serial=serial):
                self.shown.add(serial)
            case Delivered(serial=serial):
                self.delivered.add(serial)
            case Marked(serial):
                self.marked.add(serial)
            case Opened() | Forgotten():
                pass

    def pending(self) -> set[str]:
        """Serials that are still on their way."""
        customers = {serial for serial in self.owners if serial.startswith("q")}
        replies = {serial for serial in self.owners if serial.startswith("r")}
        return (
            (self.owners.keys() - (self.acknowledged | self.given_up))
            | (customers - self.shown)
            | (replies - (self.delivered & self.marked))
        )


def found_in(text: str) -> Iterator[tuple[str, str]]:
    """Serials and owners in a text."""
    for match in SAID.finditer(text):
        yield match[1], match[2]
