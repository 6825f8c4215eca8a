"""`onevoice recompute`: rounds of the past judged again by the policies and calendars in force now (D30)."""

import os
import pwd
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from gateway.commands.frame import Day, Refusal, config_option, json_option, load_settings, print_json, run_long

if TYPE_CHECKING:
    from gateway.settings import Settings
    from router.rulebook import Rulebook
    from storage.database import Database, Transaction
    from storage.policies import Content
    from storage.recomputes import Span, Step

ACTION = "recompute"


@click.command(
    epilog="Example: onevoice recompute --config onevoice.yaml --from 2027-01-01 --to 2027-01-31 --reason 'holidays'"
)
@config_option
@click.option("--from", "first", type=Day(), required=True, help="First day.")
@click.option("--to", "last", type=Day(), required=True, help="Last day.")
@click.option("--tz", "zone", default="UTC", show_default=True, help="Time zone of the days.")
@click.option("--channel", metavar="ID", help="Only rounds of this channel.")
@click.option("--reason", default="", help="Kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Only say how many would change.")
@json_option
def recompute(
    config: Path,
    first: datetime,
    last: datetime,
    zone: str,
    channel: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Judge closed rounds again by the policies and calendars in force now.

    An edit changes no closed round; this does, for the rounds that start in the given days. What was said of them
    before is kept as superseded, and the audit log says who did it. Rounds that are still open follow an edit by
    themselves.
    """
    from storage.database import to_micros
    from storage.recomputes import Span

    if last < first:
        raise click.BadParameter(f"{last.date()} is before {first.date()}", param_hint="--to")
    settings = load_settings(config)
    if channel is not None and all(each.id != channel for each in settings.channels):
        known = ", ".join(each.id for each in settings.channels)
        raise click.BadParameter(f"there is no channel {channel}; there are {known}", param_hint="--channel")
    span = Span(
        begin=to_micros(_midnight(first.date(), zone)),
        end=to_micros(_midnight(last.date() + timedelta(days=1), zone)),
        channel=channel or "",
    )
    asked = {"from": first.date().isoformat(), "to": last.date().isoformat(), "tz": zone, "channel": channel}

    async def work(database: "Database") -> dict[str, Any]:
        return await _recompute(database, settings, span, asked, reason, dry_run)

    found = run_long(settings, work, writes=not dry_run)
    if as_json:
        print_json({**asked, **found, "dry_run": dry_run, "reason": reason})
        return
    would = "would be" if dry_run else "were"
    click.echo(
        f"{found['rounds']} rounds looked at, {found['changed']} {would} judged otherwise, "
        f"{found['verdicts']} of them with another verdict"
    )


async def _recompute(
    database: "Database", settings: "Settings", span: "Span", asked: dict[str, Any], reason: str, dry_run: bool
) -> dict[str, Any]:
    from gateway.commands.progress import progress
    from storage import audit, policies, recomputes
    from storage.ids import new_id

    rules = _rules_in_force(settings, await database.read(policies.all_of))
    done = {"rounds": 0, "changed": 0, "verdicts": 0}
    entry: UUID | None = None if dry_run else new_id()
    if entry is not None:
        await database.transact(audit.write, entry, _who(), ACTION, reason, {**asked, **done})
    total = await database.read(recomputes.count, span)
    run = database.read if entry is None else database.transact
    place: recomputes.Place | None = recomputes.FIRST

    def piece(tx: "Transaction", after: recomputes.Place, before: dict[str, int]) -> recomputes.Step:
        """One step, and on record how far that is."""
        step = recomputes.step(tx, span, after, rules, entry)
        if entry is not None:
            audit.complete(tx, entry, {**asked, **_sum(before, step)})
        return step

    with progress(total, "rounds") as further:
        while place is not None:
            step = await run(piece, place, done)
            place, done = step.place, _sum(done, step)
            further(step.rounds)
    return done


def _sum(before: dict[str, int], step: "Step") -> dict[str, int]:
    return {name: count + getattr(step, name) for name, count in before.items()}


def _rules_in_force(settings: "Settings", known: "dict[tuple[str, int], Content]") -> "Rulebook":
    """The rules of the configuration with the policies as they are stored. Refuses one whose policies are not in
    force: running nodes would not know what the log then says."""
    from dataclasses import replace

    from gateway.policies import contents_of, reopening, terms_of
    from gateway.settings import to_rulebook
    from router.model import Capabilities
    from storage.codec import json_of, json_value

    newest: dict[str, int] = {}
    for name, version in known:
        newest[name] = max(version, newest.get(name, 0))
    for each in settings.policies:
        version = newest.get(each.id, 0)
        if not version or json_value(json_of(contents_of(each, settings))) != known[each.id, version]:
            raise Refusal(
                f"policy {each.id} of the configuration is not in force yet: reload the running nodes with SIGHUP, "
                "or start one, and run this again"
            )
    terms = reopening(terms_of(known), settings)
    rules = to_rulebook(settings, {each.id: Capabilities() for each in settings.channels})
    chosen = tuple(terms.policies[each.id, newest[each.id]] for each in settings.policies)
    return replace(rules, policies=chosen, terms=terms)


def _midnight(day: date, zone: str) -> datetime:
    try:
        return datetime.combine(day, time(), ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"{zone} is no time zone; write one like Asia/Shanghai", param_hint="--tz") from error


def _who() -> str:
    """The user of the operating system, as it knows them and not as the environment says."""
    user = os.getuid()
    try:
        return f"os:{pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"os:{user}"
