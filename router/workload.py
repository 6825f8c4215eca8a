"""How much an agent carries, in capacity units (`service.md` 3.2). Pure arithmetic over owned conversations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.model import ChannelType, Status

CHAT_WEIGHT = 3
CHANNEL_WEIGHTS: Mapping[str, int] = {ChannelType.WEBCHAT: 3, ChannelType.TELEGRAM: 2, ChannelType.EMAIL: 1}
COMPLAINT_WEIGHT = 2
COMPLAINT = "complaint"
"""The key of an agent's own `weights` that replaces what a complaint case adds."""

ACTIVE_FOR = timedelta(minutes=30)
WINDOW = timedelta(minutes=10)


def is_real_time(channel_type: ChannelType) -> bool:
    """Everything but e-mail: the customer sits there and waits."""
    return channel_type is not ChannelType.EMAIL


def weight(channel_type: ChannelType, complaint: bool, own: Mapping[str, int]) -> int:
    """Units one conversation costs an agent whose own `weights` are `own`; what those leave out is the default."""
    units = own.get(channel_type)
    if units is None:
        units = CHANNEL_WEIGHTS.get(channel_type, CHAT_WEIGHT)
    return units + own.get(COMPLAINT, COMPLAINT_WEIGHT) if complaint else units


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One owned conversation as far as its owner's load goes."""

    conversation: str
    channel_type: ChannelType
    status: Status = Status.OPEN
    complaint: bool = False
    open_round: bool = False
    last_public_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether it is load now: open, and for real-time channels also waiting or active in the last 30 minutes."""
        if self.status is not Status.OPEN:
            return False
        if not is_real_time(self.channel_type) or self.open_round:
            return True
        return self.last_public_at is not None and now - self.last_public_at <= ACTIVE_FOR


def load(owned: Iterable[Work], now: datetime, own: Mapping[str, int] | None = None, without: str | None = None) -> int:
    """Units of all owned conversations that count now; `without` leaves out the one being decided."""
    return sum(
        weight(work.channel_type, work.complaint, own or {})
        for work in owned
        if work.conversation != without and work.counts(now)
    )


def window_count(assigned_at: Iterable[datetime], now: datetime, window: timedelta = WINDOW) -> int:
    """Automatic assignments inside the last `window`, for the drip limit (F11)."""
    return sum(now - window < at <= now for at in assigned_at)
