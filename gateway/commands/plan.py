"""`onevoice plan`: what another configuration would have done with conversations of the past. Nothing is written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.frame import config_option, json_option, load_settings, print_json, run_long

if TYPE_CHECKING:
    from gateway.settings import Settings
    from router.replay import Beginning
    from router.rulebook import Rulebook
    from storage.database import Database
    from storage.policies import Content

USUAL = "30d"
AT_ONCE = 200
"""Conversations read in one go."""

EDITED = "edited"
"""Stands for the version of a policy that no node has read yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A conversation that would begin otherwise. Each pair is stored -> new, None where nothing changes."""

    beginning: "Beginning"
    route: tuple[str, str, str] | None
    policy: tuple[str, str] | None
    notes: tuple[str, ...]


def _days(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Days as `30d`, or as a number."""
    if value is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})d?", value)
    if match is None:
        raise click.BadParameter(f"{value} is no number of days; write it like 30d", context, option)
    return int(match[1])


@click.command(epilog="Example: onevoice plan --config next.yaml --replay 30d")
@config_option
@click.option(
    "--replay", is_flag=False, flag_value=USUAL, callback=_days, metavar="[DAYS]",
    help=f"Decide the conversations of so many last days again; without a number {USUAL}.",
)  # fmt: skip
@json_option
def plan(config: Path, replay: int | None, as_json: bool) -> None:
    """Tell what a configuration would have done otherwise.

    Every stored conversation is begun again with the routes and policies of the file, and each that would have taken
    another route, or been judged by another policy or by an edited one, is listed. Exit code 0: there is no difference,
    1: there are some.
    """
    if replay is None:
        raise click.UsageError("give --replay: what a file changes is told by the conversations it would change")
    settings = load_settings(config)
    shown: list[dict[str, object]] = []

    def show(difference: Difference) -> None:
        if as_json:
            shown.append(_fields(difference))
        else:
            click.echo("\n".join(_lines(difference)))

    async def work(database: "Database") -> tuple[int, int]:
        return await _replay(database, settings, replay, show)

    looked_at, differing = run_long(settings, work, writes=False)
    if as_json:
        print_json({"days": replay, "conversations": looked_at, "differences": shown})
    else:
        click.echo(f"{differing} of {looked_at} conversations of the last {replay} days would begin otherwise")
    if differing:
        raise click.exceptions.Exit(1)


async def _replay(database: "Database", settings: "Settings", days: int, show: Any) -> tuple[int, int]:
    """How many conversations there were and how many differ; each difference is shown at once."""
    from gateway import clock
    from gateway.commands.progress import progress
    from storage import beginnings, policies
    from storage.database import to_micros

    known = await database.read(policies.all_of)
    rules, versions = _rules(settings, known)
    since = to_micros(clock.now() - timedelta(days=days))
    looked_at = differing = after = 0
    with progress(await database.read(beginnings.count, since), "conversations") as further:
        while page := await database.read(beginnings.since, since, after, AT_ONCE):
            for each in page:
                difference = _difference(each, rules, versions)
                if difference is not None:
                    differing += 1
                    show(difference)
            looked_at, after = looked_at + len(page), page[-1].number
            further(len(page))
    return looked_at, differing


def _rules(settings: "Settings", known: "Mapping[tuple[str, int], Content]") -> "tuple[Rulebook, dict[str, str]]":
    """The rules of the file, and for each of its policies the stored version it equals, or that it is edited."""
    from gateway.policies import contents_of, to_policy
    from gateway.settings import to_rulebook
    from router.model import Capabilities
    from storage.codec import json_of, json_value

    versions: dict[str, str] = {}
    found = []
    for each in settings.policies:
        content = json_value(json_of(contents_of(each, settings)))
        same = [version for (name, version), stored in known.items() if name == each.id and stored == content]
        versions[each.id] = str(max(same)) if same else EDITED
        found.append(to_policy(each.id, max(same, default=0), content))
    rules = to_rulebook(settings, {each.id: Capabilities() for each in settings.channels})
    return replace(rules, policies=tuple(found)), versions


def _difference(beginning: "Beginning", rules: "Rulebook", versions: Mapping[str, str]) -> Difference | None:
    from router import replay

    chosen, why = replay.route(beginning, rules)
    policy = replay.policy(beginning, rules)
    before = f"{beginning.policy} {beginning.policy_version}" if beginning.policy else "none"
    after = f"{policy.id} {versions[policy.id]}" if policy is not None else "none"
    if chosen.id == beginning.route and after == before:
        return None
    notes = [f"{name} is not known" for name in replay.unknown(beginning, chosen, rules)]
    if beginning.channel not in rules.channels:
        notes.append(f"there is no channel {beginning.channel} in the file")
    return Difference(
        beginning=beginning,
        route=None if chosen.id == beginning.route else (beginning.route, chosen.id, why),
        policy=None if after == before else (before, after),
        notes=tuple(notes),
    )


def _lines(found: Difference) -> Iterator[str]:
    head = f"#{found.beginning.number} {found.beginning.opened_at:%Y-%m-%d %H:%M:%S}"
    notes = f" ({'; '.join(found.notes)})" if found.notes else ""
    if found.route is not None:
        before, after, why = found.route
        yield f"{head} route {before or 'none'} -> {after}: {why}{notes}"
    if found.policy is not None:
        yield f"{head} policy {found.policy[0]} -> {found.policy[1]}{notes}"


def _fields(found: Difference) -> dict[str, object]:
    return {
        "conversation": found.beginning.number,
        "opened_at": found.beginning.opened_at.isoformat(timespec="seconds"),
        "route": None if found.route is None else dict(zip(("from", "to", "why"), found.route, strict=True)),
        "policy": None if found.policy is None else dict(zip(("from", "to"), found.policy, strict=True)),
        "notes": list(found.notes),
    }
