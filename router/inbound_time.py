"""When a customer's message counts as having come: the provider's receipt time, never a client's (D14, D15)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SKEW_SILENT = timedelta(seconds=120)
LATE = timedelta(seconds=300)
BACKFILL = timedelta(days=7)
CLIENT_SKEW = timedelta(seconds=600)


class TimeFlag(StrEnum):
    SKEW_FUTURE = "skew_future"
    LATE_INGEST = "late_ingest"
    BACKFILL = "backfill"
    CLIENT_CLOCK = "client_clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundTime:
    """`effective` starts the customer's wait, `lag` is our own delay, `client_skew` the client's clock minus it."""

    effective: datetime
    lag: timedelta
    flags: tuple[TimeFlag, ...]
    client_skew: timedelta | None = None


def effective(received: datetime, source: datetime | None) -> datetime:
    """The provider's receipt time limited to ours; ours when it gave none (D14)."""
    return received if source is None or source > received else source


def is_backfill(received: datetime, source: datetime | None) -> bool:
    """Older than seven days when it came: outside all response figures (D14)."""
    return source is not None and received - source > BACKFILL


def inbound_time(received: datetime, source: datetime | None, claimed: datetime | None = None) -> InboundTime:
    """Everything that is kept about the time of an inbound message. `claimed` (a Date header) is shown, never used."""
    at = effective(received, source)
    flags: list[TimeFlag] = []
    if source is not None and source - received > SKEW_SILENT:
        flags.append(TimeFlag.SKEW_FUTURE)
    if is_backfill(received, source):
        flags.append(TimeFlag.BACKFILL)
    elif received - at > LATE:
        flags.append(TimeFlag.LATE_INGEST)
    skew = None if claimed is None else claimed - at
    if skew is not None and abs(skew) > CLIENT_SKEW:
        flags.append(TimeFlag.CLIENT_CLOCK)
    return InboundTime(effective=at, lag=received - at, flags=tuple(flags), client_skew=skew)
