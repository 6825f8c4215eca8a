"""`onevoice check-reply`."""

from pathlib import Path
from typing import Any

import click

from gateway.commands.frame import LONGEST, File, WrongConfiguration, load_settings, print_json

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

EXAMPLE = '{"check": "all", "channel": "webchat", "text": "That is not my department."}'


@click.command("check-reply", epilog="Example: onevoice check-reply reply.json --config onevoice.yaml")
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@click.option(
    "--config",
    type=File,
    metavar="FILE",
    help="The configuration whose standards judge; those that come with Onevoice without it.",
)
@click.option(
    "--past", type=click.IntRange(1, LONGEST), metavar="DAYS", help="Check the replies of the last days instead."
)
@click.option("--standards", type=FOLDER, metavar="FOLDER", help="With --past: the changed files of standards.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=0), help="With --past: list so many.")
@click.option("--json", "as_json", is_flag=True, help="With --past: as JSON. The answer about one reply always is.")
def check_reply(
    file: Any, config: Path | None, past: int | None, standards: Path | None, limit: int, as_json: bool
) -> None:
    """Say what the checks find in a reply, or what changed checks would have found.

    FILE (or standard input) holds {"check", "channel", "text", "context"}; with the check "all", or none, the answer
    has every finding with rule, version, span and level, and whether the reply would be held.

    With --past and --standards, the replies that agents gave in the last days are checked by the standards in force
    and with the files of FOLDER in their place: what would have been held that was not, and the reverse.
    """
    if past is not None or standards is not None:
        if past is None or standards is None or config is None:
            raise click.UsageError("--past, --standards and --config go together")
        _require_standards(standards)
        from gateway.commands.past_replies import try_standards

        try_standards(load_settings(config), past, standards, limit, as_json)
        return
    _check(file, config)


def _require_standards(folder: Path) -> None:
    from gateway.standards import FILES

    if not any((folder / f"{name}.yaml").is_file() for name in FILES):
        names = ", ".join(f"{name}.yaml" for name in FILES)
        raise click.BadParameter(f"{folder} holds none of {names}", param_hint="--standards")


def _check(file: Any, config: Path | None) -> None:
    """One reply."""
    import json

    from gateway import clock
    from gateway.reply_checks import check_reply as answer
    from gateway.reply_shapes import WrongCheck
    from gateway.settings import shipped_calendars
    from gateway.standards import load_standards, shipped
    from gateway.voices import voice_of
    from router.calendar_definitions import to_calendar
    from router.consistency.workdays import Workdays

    try:
        document = json.load(file)
    except ValueError as error:
        raise WrongConfiguration(f"{file.name}: not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise WrongConfiguration(f"{file.name}: must hold an object like {EXAMPLE}")
    voice = voice_of(load_settings(config)) if config is not None else None
    if voice is not None:
        standards, calendar = voice.standards, voice.calendar
    else:
        standards = load_standards(shipped())
        calendar = Workdays(to_calendar("CN_STD", shipped_calendars()["CN_STD"]))
    try:
        found = answer(document, standards, calendar, clock.now())
    except WrongCheck as error:
        raise WrongConfiguration(f"{file.name}: {error}") from error
    print_json(found)
