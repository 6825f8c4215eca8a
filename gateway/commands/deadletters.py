"""`onevoice deadletters`: what could not be delivered, or may have been."""

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
    from storage.outbox import Ended


@click.group(epilog="Example: onevoice deadletters list --config onevoice.yaml")
def deadletters() -> None:
    """Messages that could not be delivered, or of which nobody knows."""


def _fields(ended: "Ended") -> dict[str, object]:
    from storage.database import of_micros

    return {
        "id": str(ended.id),
        "conversation": ended.number,
        "channel": ended.channel,
        "address": ended.address,
        "kind": ended.kind,
        "state": ended.state,
        "error": ended.error,
        "since": of_micros(ended.since).isoformat(timespec="seconds"),
        "attempts": ended.attempt,
    }


@deadletters.command("list", epilog="Example: onevoice deadletters list --config onevoice.yaml --limit 20")
@config_option
@json_option
@click.option("--limit", default=100, show_default=True, type=Count, help="At most so many.")
def list_(config: Path, as_json: bool, limit: int) -> None:
    """List them, the latest first."""
    from storage.outbox import ended

    found = [_fields(each) for each in run_read(load_settings(config), lambda tx: ended(tx, limit))]
    if as_json:
        print_json(found)
    elif not found:
        click.echo("nothing is undelivered")
    for each in () if as_json else found:
        click.echo("{id}  {since}  #{conversation}  {channel} {address}  {state}: {error}".format_map(each))


@deadletters.command(epilog="Example: onevoice deadletters show --config onevoice.yaml ID")
@config_option
@json_option
@click.argument("delivery", metavar="ID", type=click.UUID)
def show(config: Path, as_json: bool, delivery: UUID) -> None:
    """Show one with its text."""
    from router.richtext import plain
    from storage.codec import outgoing_of
    from storage.outbox import ended_one

    found = run_read(load_settings(config), lambda tx: ended_one(tx, delivery))
    if found is None:
        raise _unknown(delivery)
    fields = {**_fields(found), "text": plain(outgoing_of(found.body).text)}
    if as_json:
        print_json(fields)
    for name, value in () if as_json else fields.items():
        click.echo(f"{name}: {value}")


@deadletters.command(epilog="Example: onevoice deadletters retry --config onevoice.yaml ID")
@config_option
@click.argument("deliveries", metavar="ID...", type=click.UUID, nargs=-1, required=True)
def retry(config: Path, deliveries: tuple[UUID, ...]) -> None:
    """Send again; what a reply says counts as told again.

    It may arrive twice when the provider had taken it after all.
    """
    from storage.settling import send_again

    def work(tx: "Transaction") -> dict[UUID, None]:
        done: dict[UUID, None] = {}
        for each in deliveries:
            if each not in done:  # later parts go along with the first
                done |= dict.fromkeys(send_again(tx, each))
        return done

    done = run_unit(load_settings(config), work)
    for delivery in done:
        click.echo(f"{delivery} will be sent again")
    for delivery in deliveries:
        if delivery not in done:
            raise _unknown(delivery)


@deadletters.command(epilog="Example: onevoice deadletters sent --config onevoice.yaml ID")
@config_option
@click.argument("delivery", metavar="ID", type=click.UUID)
def sent(config: Path, delivery: UUID) -> None:
    """Somebody saw one of unknown outcome where it was sent: go on with what comes after it."""
    from storage.outbox import arrived

    if not run_unit(load_settings(config), lambda tx: arrived(tx, delivery)):
        raise Refusal(f"the outcome of {delivery} is not unknown; see onevoice deadletters list")
    click.echo(f"{delivery} counts as sent")


@deadletters.command(epilog="Example: onevoice deadletters discard --config onevoice.yaml --reason 'left the shop' ID")
@config_option
@click.option("--reason", required=True, help="Why; it is kept with the delivery.")
@click.argument("delivery", metavar="ID", type=click.UUID)
def discard(config: Path, reason: str, delivery: UUID) -> None:
    """Take one off the list; it is kept as failed."""
    from storage.outbox import discard as discard_delivery

    if not run_unit(load_settings(config), lambda tx: discard_delivery(tx, delivery, reason)):
        raise _unknown(delivery)
    click.echo(f"{delivery} is discarded")


def _unknown(delivery: UUID) -> Refusal:
    return Refusal(
        f"{delivery} is not the id of an undelivered message, or was taken back; see onevoice deadletters list"
    )
