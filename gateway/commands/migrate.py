"""`onevoice migrate`."""

from pathlib import Path

import click

from gateway.commands.frame import config_option, json_option, load_settings, print_json, unreachable


@click.command(epilog="Example: onevoice migrate --config onevoice.yaml")
@config_option
@json_option
def migrate(config: Path, as_json: bool) -> None:
    """Bring the database to the newest schema."""
    from sqlalchemy.exc import SQLAlchemyError

    from storage.schema import migrate as migrate_database

    settings = load_settings(config)
    try:
        revision = migrate_database(settings.gateway.database)
    except (SQLAlchemyError, OSError) as error:
        raise unreachable(settings, getattr(error, "orig", None) or error) from error
    if as_json:
        print_json({"revision": revision})
    else:
        click.echo(f"the database is at schema {revision}")
