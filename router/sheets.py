"""What one agent alone is shown: the answer to a command, or their Home. Values; any string may come from a customer
and must be inert (S23)."""

from dataclasses import dataclass

from router.model import CardButton, CardLine


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Footnote:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A line of text; `lead` stands in front of it and is made to be found."""

    text: str
    lead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A conversation in a list. `thread` is the ref of its desk thread, None where it has none here yet; `at` the
    instant that counts."""

    number: int
    thread: str | None
    title: str
    facts: str = ""
    at: CardLine | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    buttons: tuple[CardButton, ...]


Part = Heading | Footnote | Words | Entry | Choices


@dataclass(frozen=True, slots=True)
class Sheet:
    """`summary` is what a notification says."""

    summary: str
    parts: tuple[Part, ...] = ()


def sentence(text: str) -> Sheet:
    """An answer of one sentence."""
    return Sheet(text, (Words(text=text),))
