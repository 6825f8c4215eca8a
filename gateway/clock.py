"""The one place that reads the clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251  the one place
