"""An instant as a notice says it: the time of day where promises are counted, elsewhere in UTC."""

from datetime import UTC, datetime, tzinfo

from router.rulebook import Rulebook


def local_time(at: datetime, rules: Rulebook) -> str:
    """ "14:32:10 (Asia/Shanghai)"."""
    zone: tzinfo = UTC if rules.voice is None else rules.voice.calendar.tz
    return f"{at.astimezone(zone):%H:%M:%S} ({zone})"
