"""`onevoice quarantine`: what arrived and could not be read."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from gateway.commands.frame import (
    Count,
    Refusal,
    config_option,
    json_option,
    load_settings,
    print_json,
    run_read,
    run_unit,
)

if TYPE_CHECKING:
    from storage.database import Transaction
    from storage.intake import Quarantined


@click.group(epilog="Example: onevoice quarantine list --config onevoice.yaml")
def quarantine() -> None:
    """Items that arrived but could not be read."""


def _fields(item: "Quarantined") -> dict[str, object]:
    from storage.database import of_micros

    return {
        "id": str(item.id),
        "channel": item.channel,
        "received_at": of_micros(item.received_at).isoformat(timespec="seconds"),
        "size": len(item.raw),
        "error": item.error,
    }


@quarantine.command("list", epilog="Example: onevoice quarantine list --config onevoice.yaml --limit 20")
@config_option
@json_option
@click.option("--limit", default=100, show_default=True, type=Count, help="At most so many.")
def list_(config: Path, as_json: bool, limit: int) -> None:
    """List them, the oldest first."""
    from storage.intake import quarantined

    found = [_fields(each) for each in run_read(load_settings(config), lambda tx: quarantined(tx, limit))]
    if as_json:
        print_json(found)
    elif not found:
        click.echo("the quarantine is empty")
    for each in () if as_json else found:
        click.echo("{id}  {received_at}  {channel}  {size} bytes: {error}".format_map(each))


@quarantine.command(epilog="Example: onevoice quarantine show --config onevoice.yaml ID > mail.eml")
@config_option
@click.argument("item", metavar="ID", type=click.UUID)
def show(config: Path, item: UUID) -> None:
    """Write the item as it arrived to stdout and the reason to stderr."""
    from storage.intake import quarantined_item

    found = run_read(load_settings(config), lambda tx: quarantined_item(tx, item))
    if found is None:
        raise _unknown(item)
    click.echo(found.error, err=True)
    sys.stdout.buffer.write(found.raw)


@quarantine.command(epilog="Example: onevoice quarantine replay --config onevoice.yaml ID")
@config_option
@click.argument("items", metavar="ID...", type=click.UUID, nargs=-1, required=True)
def replay(config: Path, items: tuple[UUID, ...]) -> None:
    """Read mails again; what still cannot be read comes back here."""
    from storage.intake import quarantined_item
    from storage.intake import replay as replay_item

    settings = load_settings(config)
    mail = {each.id for each in settings.channels if each.type == "email"}

    def work(tx: "Transaction") -> dict[UUID, Refusal | None]:
        refused: dict[UUID, Refusal | None] = {}
        for each in items:
            found = quarantined_item(tx, each)
            if found is None:
                refused[each] = _unknown(each)
            elif found.channel not in mail:
                refused[each] = Refusal(
                    f"{each} came by {found.channel}: only mails can be read again; see onevoice quarantine show {each}"
                )
            else:
                replay_item(tx, each)
                refused[each] = None
        return refused

    for item, refusal in sorted(run_unit(settings, work).items(), key=lambda each: each[1] is not None):
        if refusal is not None:
            raise refusal
        click.echo(f"{item} will be read again")


def _unknown(item: UUID) -> Refusal:
    return Refusal(f"{item} is not in quarantine; see onevoice quarantine list")
