"""Which calendars in use do not know the holidays that are coming (D40)."""

from collections.abc import Iterator
from datetime import date

from router.calendar_definitions import coverage_warning
from router.calendars import Calendar
from router.consistency.workdays import Workdays
from router.rulebook import Rulebook


def calendars_of(rules: Rulebook) -> Iterator[Calendar]:
    """The calendars in use: those of policies, shifts, routes, digests and promises."""
    yield from (policy.calendar for policy in rules.policies)
    yield from (agent.shifts for agent in rules.agents.values() if agent.shifts is not None)
    yield from (calendar for route in rules.routes for calendar in route.when.hours)
    yield from (each.calendar for each in rules.digests if each.queue_every is not None or each.daily_at is not None)
    if rules.voice is not None and isinstance(rules.voice.calendar, Workdays):
        yield rules.voice.calendar.calendar


def coverage_notes(rules: Rulebook, today: date) -> dict[str, str]:
    """What to import, in a sentence for each calendar in use that lacks holidays."""
    said = {each.id: coverage_warning(each, today) for each in calendars_of(rules)}
    return {calendar: note for calendar, note in sorted(said.items()) if note is not None}
