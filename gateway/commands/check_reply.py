"""`onevoice check-reply`."""

from pathlib import Path
from typing import Any

import click

from gateway.commands.frame import WrongConfiguration, load_settings, print_json

CONFIGURATION = click.Path(exists=True, dir_okay=False, path_type=Path)
EXAMPLE = '{"check": "all", "channel": "webchat", "text": "That is not my department."}'


@click.command("check-reply", epilog="Example: onevoice check-reply reply.json --config onevoice.yaml")
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@click.option(
    "--config",
    type=CONFIGURATION,
    metavar="FILE",
    help="The configuration whose standards judge; those that come with Onevoice without it.",
)
def check_reply(file: Any, config: Path | None) -> None:
    """Say what the checks find in a reply.

    FILE (or standard input) holds {"check", "channel", "text", "context"}; with the check "all", or none, the answer
    has every finding with rule, version, span and level, and whether the reply would be held.
    """
    import json

    from gateway import clock
    from gateway.reply_checks import check_reply as answer
    from gateway.reply_documents import WrongCheck
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
