"""`onevoice contacts`: find the customers that are one person, link them, undo a link."""

from pathlib import Path
from uuid import UUID

import click

from gateway.commands.frame import Refusal, config_option, json_option, load_settings, print_json, run_read, run_unit

ACTOR = "cli"


@click.group(epilog="Example: onevoice contacts find anna --config onevoice.yaml")
def contacts() -> None:
    """Customers and the links between them."""


@contacts.command(epilog="Example: onevoice contacts find anna@example.org --config onevoice.yaml")
@click.argument("words")
@config_option
@json_option
def find(words: str, config: Path, as_json: bool) -> None:
    """List contacts whose name or address contains WORDS."""
    from storage import contacts as rows

    found = run_read(load_settings(config), lambda tx: rows.find(tx, words))
    if as_json:
        print_json(
            [
                {
                    "id": each.id.hex,
                    "name": each.name,
                    "merged_into": each.merged_into.hex if each.merged_into else None,
                    "identities": list(each.identities),
                }
                for each in found
            ]
        )
        return
    for each in found:
        linked = f" -> {each.merged_into.hex}" if each.merged_into else ""
        click.echo(f"{each.id.hex}{linked}  {each.name}  {' '.join(each.identities)}")
    if not found:
        raise Refusal(f"No contact has {words!r} in its name or address.")


@contacts.command(
    epilog="Example: onevoice contacts merge 0198... 0199... --reason 'same phone' --config onevoice.yaml"
)
@click.argument("one")
@click.argument("other")
@click.option("--reason", required=True, help="Kept on record.")
@config_option
def merge(one: str, other: str, reason: str, config: Path) -> None:
    """Link two contacts that are the same person; the older one survives, and it can be undone."""
    from storage import contacts as rows

    pair = _id(one), _id(other)
    try:
        merged = run_unit(load_settings(config), lambda tx: rows.merge(tx, *pair, ACTOR, reason))
    except rows.SameContact as error:
        raise Refusal(f"{one}, {other}: {error}.") from error
    except rows.NoContact as error:
        raise Refusal(f"{error}; `onevoice contacts find` lists ids.") from error
    click.echo(f"{merged.absorbed.hex} is {merged.survivor.hex} now")


@contacts.command(epilog="Example: onevoice contacts unmerge 0198... --config onevoice.yaml")
@click.argument("contact")
@config_option
def unmerge(contact: str, config: Path) -> None:
    """Undo the newest link of a contact."""
    from storage import contacts as rows

    contact_id = _id(contact)
    try:
        parted = run_unit(load_settings(config), lambda tx: rows.unmerge(tx, contact_id, ACTOR))
    except rows.NotLinked as error:
        raise Refusal(f"{contact}: {error}.") from error
    except rows.NoContact as error:
        raise Refusal(f"{error}; `onevoice contacts find` lists ids.") from error
    click.echo(f"{parted.absorbed.hex} and {parted.survivor.hex} are two again")


def _id(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no id of a contact; `onevoice contacts find` lists them") from error
