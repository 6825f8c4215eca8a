"""`onevoice vectors`."""

from pathlib import Path

import click

from gateway.commands.frame import File, Refusal, WrongConfiguration, json_option, print_json


@click.command(epilog="Example: onevoice vectors sla_vectors.json")
@click.argument("file", type=File)
@json_option
def vectors(file: Path, as_json: bool) -> None:
    """Judge a file of test vectors by the rules of this installation.

    Response times, assignment or consistency. One line for each case that differs, then how many passed. Exit code 1:
    some failed.
    """
    from gateway.vectors import WrongFile, report

    try:
        lines, passed, failed = report(file)
    except WrongFile as error:
        raise WrongConfiguration(str(error)) from error
    if as_json:
        print_json({"passed": passed, "failed": failed, "differences": lines})
    else:
        for line in lines:
            click.echo(line)
        click.echo(f"{passed} passed, {failed} failed")
    if failed:
        raise click.exceptions.Exit(Refusal.exit_code)
