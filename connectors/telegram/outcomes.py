"""How a refused or broken Bot API call ends a delivery: the classes of T9, T10, T12, T13, T20 and S28."""

from datetime import timedelta

from telegram.error import TelegramError

from connectors.base import AccountDown, NotSent, Outcome, Rejected, Unknown
from connectors.telegram.wire import Refused, Unreachable

DEFAULT_WAIT = timedelta(seconds=5)  # a 429 that names no time
NOBODY_THERE = ("chat not found", "user is deactivated", "peer_id_invalid", "user not found")


def to_outcome(error: TelegramError) -> Outcome:
    """What may be done next after this error.

    A 5xx is Unknown: it comes from a front end that had taken the whole request, and says nothing about what
    the server behind it did with it.
    """
    match error:
        case Unreachable():
            return NotSent(str(error))
        case Refused(code=429, retry_after=wait):
            return NotSent(error.description, retry_after=wait or DEFAULT_WAIT, limited=True)
        case Refused(code=401 | 404):
            return AccountDown(f"Telegram refuses the token ({error.description}): get a new one from @BotFather")
        case Refused(code=403):
            return Rejected(f"the customer cannot be reached: {error.description}", closes_leg=True)
        case Refused(code=code) if code >= 500:
            return Unknown(f"Telegram answered {code}: {error.description}")
        case Refused():
            return Rejected(f"Telegram refuses it: {error.description}", closes_leg=error.says(*NOBODY_THERE))
    return Unknown(str(error))
