"""What a log is read by: the policies it names, the bot in front, the reopen window, and whose answers count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from router.targets import UNJUDGED, Policy

REOPEN_WINDOW = timedelta(hours=72)


class Responder(StrEnum):
    """Whose answers end a round: people's, or a bot's answer of substance as well (D36)."""

    HUMAN = "human"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a log is read by. `policies` by id and version, `unjudged` applies until the log names one.

    `bot_in_front` is the handler at the start of every cycle when the log does not say (D7). `reopen_windows` by
    channel, else `reopen_window` (D23).
    """

    policies: Mapping[tuple[str, int], Policy] = field(default_factory=dict)
    unjudged: Policy = UNJUDGED
    bot_in_front: bool = False
    reopen_window: timedelta = REOPEN_WINDOW
    reopen_windows: Mapping[str, timedelta] = field(default_factory=dict)
    responder: Responder = Responder.HUMAN

    def window(self, channel: str | None) -> timedelta:
        """How long after its resolution a conversation may be reopened by a message on that channel (D23)."""
        return self.reopen_windows.get(channel or "", self.reopen_window)

    @property
    def longest_window(self) -> timedelta:
        """The longest of all channels."""
        return max((self.reopen_window, *self.reopen_windows.values()))


class UnknownPolicy(LookupError):
    """The log names a policy version that is not at hand: figures would be wrong without it."""
