"""The keys of a document of `check-reply` or of a consistency example, and what may stand under each."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from gateway.complaints import complaint

Name = Annotated[str, Field(coerce_numbers_to_str=True)]
"""A text; a number that stands for one, such as an order's, is taken as well."""


class WrongCheck(ValueError):
    """The document cannot be read as a check; the text says what is wrong."""


class _Newest(BaseModel):
    agent: str
    at: str
    text: str = ""


class _Lease(BaseModel):
    agent: str
    since: str = ""
    until: str


class _Customer(BaseModel):
    phones: list[Name] = []
    emails: list[str] = []
    addresses: list[str] = []
    disclosable: bool = True


class _File(BaseModel):
    name: str = ""
    type: str = ""
    size: int = 0


class _Statement(BaseModel):
    slot: str
    value: Name
    unit: str = ""
    order: Name | None = None
    said_at: str | None = None
    agent: str = ""
    channel: str = ""
    conversation: Name = ""
    state: str = ""


class _Document(BaseModel):
    """Every key may be left out; which ones a check needs, it says itself. Keys that nobody knows are notes."""

    check: str = ""
    channel: str = ""
    channel_type: str = ""
    text: str = ""
    now: str | None = None
    facts: dict[str, Any] = {}
    scope: dict[str, Any] = {}
    ordered_at: str | None = None
    stage: str | None = None
    origin: str = ""
    author: str = ""
    agent: str = ""
    template: str | None = None
    approving: bool = False
    order: Name | None = None
    orders: list[Name] | None = None
    known_orders: list[Name] | None = None
    topic: str | None = None
    conversation: Name = ""
    question: str = ""
    language: str | None = None
    subject: str | None = None
    handed_off_at: str | None = None
    open_promises: int = 0
    corrects: str = ""
    official_answer: str = ""
    approved_answer: str = ""
    customer: _Customer = _Customer()
    files: list[_File] = []
    statements: list[_Statement] = []
    attachments: int = 0
    last_is_ours: bool = True
    a: str = ""
    b: str = ""
    minutes: float = 0
    same_order: bool = False
    same_topic: bool = False
    newest: _Newest | None = None
    seen_at: str | None = None
    round_answered: bool = False
    lease: _Lease | None = None
    customer_at: str | None = None
    customer_seq: int | None = None
    base_seq: int | None = None
    resolved_by: str | None = None
    resolved_at: str | None = None
    owner: str | None = None
    role: str | None = None
    muted: bool = False


def read(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a document, those of its `context` over the others. Raises WrongCheck for one of a wrong shape."""
    context = document.get("context", {})
    if not isinstance(context, Mapping):
        raise WrongCheck("context: must hold keys and values")
    keys = {**document, **context}
    try:
        _Document.model_validate(keys)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise WrongCheck("; ".join(f"{_path(each['loc'])}: {complaint(each)}" for each in found)) from error
    return keys


def _path(location: tuple[str | int, ...]) -> str:
    """`statements[0].slot`."""
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in location).removeprefix(".")
