"""`onevoice doctor`."""

from pathlib import Path

import click

from gateway.commands.frame import File, json_option, print_json


@click.command(epilog="Example: onevoice doctor --config onevoice.yaml")
@click.option("--config", type=File, metavar="FILE", help="Also look at this configuration.")
@json_option
def doctor(config: Path | None, as_json: bool) -> None:
    """Look for what will cause trouble.

    Versions with known faults, clock, disk; with --config also the configuration, its disks and its database.
    """
    from gateway.doctor import Level, examine

    findings = examine(config)
    if as_json:
        print_json([{"level": each.level, "thing": each.thing, "sentence": each.sentence} for each in findings])
    for each in () if as_json else findings:
        click.echo(f"{each.level:<4}  {each.thing}: {each.sentence}")
    if any(each.level is Level.BAD for each in findings):
        raise click.exceptions.Exit(1)
