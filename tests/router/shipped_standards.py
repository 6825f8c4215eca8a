"""The shipped standards, a calendar and a clock for the consistency tests; read once for all of them."""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from gateway.standards import load_standards, shipped
from router.calendars import Calendar
from router.consistency.body import Body, body_of
from router.consistency.reply import Standards
from router.consistency.workdays import Workdays
from router.model import ChannelType
from router.openings import SECOND, Interval

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 10, 10, tzinfo=SHANGHAI)
"""A Tuesday."""
_OFFICE = (Interval(9 * 3600 * SECOND, 18 * 3600 * SECOND),)
CALENDAR = Workdays(Calendar(id="office", zone=SHANGHAI, weekly=(_OFFICE,) * 5 + ((),) * 2))


@cache
def standards() -> Standards:
    return load_standards(shipped())


def body(text: str, channel_type: ChannelType = ChannelType.WEBCHAT, now: datetime = NOW) -> Body:
    return body_of(text, CALENDAR, now, standards().promises.soon(channel_type))
