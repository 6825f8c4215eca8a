"""`onevoice calendars`: holidays from the `holidays` library or an iCal file, as a calendar of the configuration."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.frame import FIRST_YEAR, LAST_YEAR, File, Refusal, WrongConfiguration, load_settings

if TYPE_CHECKING:
    from gateway.calendars import Definition, Imported

KEPT = ("tz", "weekly")
"""What a new calendar takes from the one it is like."""

_YEAR = re.compile(rb"^DTSTART[^:\r\n]*:(\d{4})", re.MULTILINE)


def _years(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Years by comma."""
    if value is None:
        return None
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() and FIRST_YEAR <= int(word) <= LAST_YEAR for word in words):
        raise click.BadParameter(f"{value} is no list of years; write it like 2027,2028", context, option)
    return tuple(sorted({int(word) for word in words}))


@click.group(epilog="Example: onevoice calendars import --country CN --years 2027 --like CN_STD")
def calendars() -> None:
    """Opening hours and holidays."""


@calendars.command("import", epilog="Example: onevoice calendars import --country CN --years 2027 --like CN_STD")
@click.option("--country", metavar="CODE", help="Holidays of this country (CN, US, GB), from the holidays library.")
@click.option("--subdivision", metavar="CODE", help="A part of the country with its own holidays, like ENG or CA.")
@click.option("--ical", type=File, metavar="FILE", help="Holidays from an iCal file instead.")
@click.option(
    "--years", callback=_years, metavar="YEARS", help="Like 2027,2028; default: those of the file, or the next one."
)
@click.option("--like", default="CN_STD", show_default=True, metavar="ID", help="The calendar that gets the holidays.")
@click.option("--id", "name", metavar="ID", help="Make a new calendar with the hours and the zone of --like only.")
@click.option("--config", type=File, metavar="FILE", help="A configuration with calendars of its own.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Default: stdout.")
def import_(
    country: str | None,
    subdivision: str | None,
    ical: Path | None,
    years: tuple[int, ...] | None,
    like: str,
    name: str | None,
    config: Path | None,
    output: Path | None,
) -> None:
    """Add holidays to a calendar and print it as YAML.

    Put the result under calendars: in the configuration, or into a file that it includes. Days that the calendar has
    already stay as they are. What the source does not know is said on stderr; no network is used.
    """
    from gateway import clock
    from gateway.calendars import WrongCalendars, merged, to_text

    if (country is None) is (ical is None):
        raise click.UsageError("give either --country or --ical")
    definition = _definition(like, name, config)
    content = ical.read_bytes() if ical is not None else b""
    wanted = years or _years_of(content) or (_next_year(definition, clock.now().date()),)
    try:
        for year in wanted:
            found = _imported(definition, country, subdivision, content, ical, year)
            for note in found.notes:
                click.echo(note if note.startswith(str(year)) else f"{year}: {note}", err=True)
            if not found.certain and "coverage_end" not in definition:
                definition = {**definition, "coverage_end": date(year - 1, 12, 31)}
            definition = merged(definition, found)
    except WrongCalendars as error:
        raise WrongConfiguration(str(error)) from error
    target = name or like
    for sentence in _remarks(target, definition, wanted):
        click.echo(sentence, err=True)
    text = to_text({target: definition})
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, target, text)


def _definition(like: str, name: str | None, config: Path | None) -> "Definition":
    """The calendar to be extended."""
    from gateway.settings import shipped_calendars

    known: dict[str, Any] = {**shipped_calendars(), **(load_settings(config).calendars if config is not None else {})}
    if like not in known:
        raise click.BadParameter(
            f"there is no calendar {like}; there are {', '.join(sorted(known))}", param_hint="--like"
        )
    definition: dict[str, Any] = dict(known[like])
    if "weekly" not in definition:
        raise click.BadParameter(f"{like} is always open: it has no holidays", param_hint="--like")
    return definition if name is None else {key: definition[key] for key in KEPT}


def _years_of(content: bytes) -> tuple[int, ...]:
    return tuple(sorted({int(year) for year in _YEAR.findall(content)}))


def _next_year(definition: "Definition", today: date) -> int:
    end = definition.get("coverage_end")
    return int(str(end)[:4]) + 1 if end else today.year


def _imported(
    definition: "Definition", country: str | None, subdivision: str | None, content: bytes, ical: Path | None, year: int
) -> "Imported":
    from gateway.calendars import from_holidays, from_ical

    if ical is not None:
        return from_ical(definition, content, year, ical.name)
    return from_holidays(definition, country or "", year, subdivision, guesses=True)


def _remarks(name: str, definition: "Definition", years: Sequence[int]) -> Iterator[str]:
    """How far the holidays are known now, and what looks odd."""
    from router.calendar_definitions import oddities, to_calendar

    calendar = to_calendar(name, definition)
    end = calendar.coverage_end
    if end is None or end.year < years[-1]:
        yield f"{name}: holidays are known until {end}; results after that are flagged as uncertain"
        return
    yield f"{name}: holidays are known until {end}"
    yield from (f"{name}: {oddity}" for oddity in oddities(calendar))


def _write(output: Path, name: str, text: str) -> None:
    """Replace a file that holds nothing else."""
    from gateway.calendars import WrongCalendars, definitions

    if output.exists():
        try:
            others = sorted(definitions(output).keys() - {name})
        except WrongCalendars as error:
            raise Refusal(f"{error}: choose another file for --output") from error
        if others:
            raise Refusal(f"{output} holds {', '.join(others)} as well: choose another file for --output")
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongConfiguration(f"{output} cannot be written: {error.strerror}") from error
    click.echo(f"{output} holds {name}", err=True)
