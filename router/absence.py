"""Out of office: what agents say about days on which they are not there (`service.md` 3.3)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent
from router.instants import to_text
from router.ownership import Absence, Ownership

_UNTIL = re.compile(r"until\s+(\d{4}-\d{2}-\d{2})(?:[ T]+(\d{1,2}:\d{2}))?", re.IGNORECASE)
_HOW = "Say `@onevoice ooo until 2026-12-01`, with a time of day if you like (`09:00`), or `@onevoice ooo off`."


def out_of_office(asked: Asked) -> Decision:
    """ "ooo until <date> [<time>]": from now until then; conversations whose customers wait go back to the queue.
    "ooo off": here again."""
    rest = asked.verb.rest.strip()
    if rest.lower() == "off":
        return _said(asked, None, f"{asked.agent.name} is back.")
    zone = zone_of(asked)
    until = local_instant(rest, zone)
    if until is None:
        return answered(asked, _HOW)
    shown = f"{until.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    desk = asked.snapshot.desk
    if desk is not None and until <= desk.now:
        return answered(asked, f"{shown} is over already. {_HOW}")
    said = f"{asked.agent.name} is out of office until {shown}. Customers who wait are given to others."
    return _said(asked, until, said)


def zone_of(asked: Asked) -> ZoneInfo:
    """The zone of the agent's working time, else the one promises are counted in."""
    if asked.agent.shifts is not None:
        return asked.agent.shifts.zone
    return ZoneInfo("UTC") if asked.rules.voice is None else asked.rules.voice.calendar.tz


def local_instant(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant a local date and time of day name; a date alone begins at midnight. None for anything else."""
    found = _UNTIL.fullmatch(text)
    if found is None:
        return None
    try:
        local = datetime.fromisoformat(f"{found[1]}T{(found[2] or '00:00').zfill(5)}")
        return local.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _said(asked: Asked, until: datetime | None, sentence: str) -> Decision:
    event = NewEvent(
        type="agent_absence_changed",
        actor=asked.actor,
        payload={"agent": asked.agent.id, "until": None if until is None else to_text(until)},
    )
    return replace(
        answered(asked, sentence, event),
        ownership=Ownership(absence=Absence(agent=asked.agent.id, until=until)),
    )


VERBS: Mapping[str, Answer] = {"ooo": out_of_office}
