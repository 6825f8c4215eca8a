"""An offer to one agent: how long it stands, and what follows when it is passed or runs out (`service.md` 3.3, 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.assignment_inputs import Exclusion
from router.model import ChannelType

_CHAT_TIMEOUT = timedelta(seconds=60)
TIMEOUTS: Mapping[ChannelType, timedelta] = {
    ChannelType.WEBCHAT: _CHAT_TIMEOUT,
    ChannelType.TELEGRAM: timedelta(minutes=5),
    ChannelType.EMAIL: timedelta(minutes=15),
}
DECLINED_FOR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Made at `at`, open before `expires_at`. A reply of the agent accepts it just as the button does."""

    conversation: str
    agent: str
    at: datetime
    expires_at: datetime

    def is_open(self, at: datetime) -> bool:
        return at < self.expires_at

    def passed(self, reason: str, at: datetime) -> Exclusion:
        """The agent passed: back to the queue, and not to the same agent for 30 minutes (F7)."""
        return Exclusion(agent=self.agent, reason=f"passed: {reason}", until=at + DECLINED_FOR)

    def expired(self) -> Exclusion:
        """Nobody accepted in time: as if passed at the moment it ran out, whenever that is noticed."""
        return Exclusion(agent=self.agent, reason="did not accept in time", until=self.expires_at + DECLINED_FOR)


def offer(
    conversation: str,
    agent: str,
    channel_type: ChannelType,
    at: datetime,
    timeouts: Mapping[ChannelType, timedelta] = TIMEOUTS,
) -> Offer:
    """An offer that stands 60 s for a chat, 5 min for Telegram, 15 min for e-mail, or as configured."""
    timeout = timeouts.get(channel_type, _CHAT_TIMEOUT)
    return Offer(conversation=conversation, agent=agent, at=at, expires_at=at + timeout)
