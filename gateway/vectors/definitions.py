"""Calendars of a vector file by name or written out, and its whole seconds."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from router.calendar_definitions import to_calendar
from router.calendars import ALWAYS, Calendar


def calendar_of(vector: Mapping[str, Any], file: Mapping[str, Any]) -> Calendar:
    given = vector.get("calendar")
    if given is None:
        return ALWAYS
    return to_calendar(given if isinstance(given, str) else "given", named(given, file, "calendars"))


def named(given: Any, file: Mapping[str, Any], section: str) -> Any:
    """A definition by name, or as it stands."""
    if not isinstance(given, str):
        return given
    if given not in file.get(section, {}):
        raise ValueError(f"{given} is not among the {section} of the file")
    return file[section][given]


def whole_seconds(length: timedelta) -> int:
    """Floored (D16)."""
    return length // timedelta(seconds=1)
