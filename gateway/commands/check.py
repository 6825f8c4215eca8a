"""`onevoice check`."""

from pathlib import Path

import click

from gateway.commands.frame import config_option, json_option, print_json


@click.command(epilog="Example: onevoice check --config onevoice.yaml")
@config_option
@json_option
def check(config: Path, as_json: bool) -> None:
    """Find every mistake in a configuration.

    Each is said with its file, line and key.
    """
    from gateway.config import ConfigError, load
    from gateway.settings import environment

    try:
        settings = load(config, environment())
    except ConfigError as error:
        if as_json:
            mistakes = [
                {"file": each.place.file, "line": each.place.line, "key": each.key, "sentence": each.sentence}
                for each in error.mistakes
            ]
            print_json({"ok": False, "mistakes": mistakes})
        else:
            click.echo(str(error), err=True)
        raise click.exceptions.Exit(2) from error
    counts = {name: len(getattr(settings, name)) for name in ("channels", "agents", "teams", "routes")}
    if as_json:
        print_json({"ok": True, "mistakes": [], **counts})
    else:
        click.echo(f"{config}: ok, " + ", ".join(f"{count} {name}" for name, count in counts.items()))
