"""Instants as text: RFC 3339 in UTC with a `Z`, and back."""

from datetime import UTC, datetime


def to_text(at: datetime) -> str:
    """Microseconds appear only when there are any. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone: give an aware time")
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat().removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Raises ValueError when it is no instant or has no zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: end it with Z or an offset")
    return at.astimezone(UTC)


def optional_to_text(at: datetime | None) -> str | None:
    return None if at is None else to_text(at)


def optional_from_text(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
