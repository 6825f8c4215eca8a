"""What the forms of verbs have in common: what they look at, and fields that many of them have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.asked import Asked
from router.forms import Field, Form
from router.model import CardButton, Status
from router.richtext import RichText

REASON_LIMIT = 500
LABEL = 70
"""Characters of an option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another conversation of the same customer."""

    number: int
    status: Status
    opened_at: datetime
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What forms look at besides what verbs do. `others` are the customer's other conversations, newest first;
    `text` the whole of the message the form was asked at; `offered` what the card offers now."""

    others: Sequence[Other] = ()
    text: RichText | None = None
    offered: Sequence[CardButton] = ()


Opened = Callable[[Asked, Around], Form | str]
"""A form, or why there is none for this conversation now."""


def reason_field(*, required: bool = False, label: str = "Reason", hint: str = "") -> Field:
    """Why; kept with the event."""
    return Field(name="reason", label=label, required=required, longest=REASON_LIMIT, hint=hint)


def short(text: str) -> str:
    """A label that fits."""
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"
