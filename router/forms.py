"""Forms: what an agent fills in instead of writing the rest of a verb's line. Pure values; a form composes a line and
does nothing else, so that there is one way to do a thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from router.model import CardButton, Sender
from router.richtext import EMPTY, RichText

ASKS = " …"
"""What a line ends with that asks for the form of its verb: "pass …"."""
FORM = "form"
"""The id of a submitted form, behind `verbs.ASK`."""
LONGEST = 3000
"""Characters of one field."""
CHOICES = 100
"""Options that a field offers at once; of more, those that fit what is typed."""


class Kind(StrEnum):
    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    CHOICES = "choices"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Option:
    """`value` goes into the line, `words` are looked through besides the label."""

    value: str
    label: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`initial` is what it begins with: a text, the value of an option, "2026-12-01", "09:00"."""

    name: str
    label: str
    kind: Kind = Kind.LINE
    options: Sequence[Option] = ()
    initial: str = ""
    required: bool = True
    longest: int = LONGEST
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`line` is what it composes, with "{name}" for the value of a field. `said` is shown above the fields and may be
    a customer's: it must be inert (S23). A form without a line has nothing to submit; `buttons` are lines as well."""

    title: str
    line: str
    submit: str = "OK"
    said: RichText = EMPTY
    fields: Sequence[Field] = ()
    buttons: Sequence[CardButton] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Somebody wants the form of a line. `thread` is the desk thread it is for, `target` the remote id of the message
    it was asked at."""

    sender: Sender
    line: str
    thread: str
    target: str | None = None


def asks_for_form(line: str) -> bool:
    """Whether a line wants its form instead of being carried out."""
    return line.endswith(ASKS)


def composed(template: str, values: Mapping[str, str]) -> str:
    """The line of a filled-in form: every "{name}" is the value of that field, what was left empty is left out."""
    words = (_filled(word, values) for word in template.split(" "))
    return " ".join(word for word in words if word)


def _filled(word: str, values: Mapping[str, str]) -> str:
    if word.startswith("{") and word.endswith("}"):
        return values.get(word[1:-1], "").strip()
    return word


def matching(options: Sequence[Option], typed: str) -> list[Option]:
    """The options that have every typed word, at most CHOICES of them; those whose label begins with them first."""
    words = typed.casefold().split()
    found = [
        each for each in options if all(word in f"{each.label} {each.value} {each.words}".casefold() for word in words)
    ]
    begun = typed.strip().casefold()
    return sorted(found, key=lambda each: not each.label.casefold().startswith(begun))[:CHOICES]
