"""`onevoice report`: figures about the past."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.frame import LONGEST, Day, config_option, load_settings, print_json, run_read

if TYPE_CHECKING:
    from router.consistency.findings import Rule
    from router.model import Round
    from router.reports import Summary
    from storage.holds import OverrideRate

COLUMNS = ("group", "n", "waiting", "p50", "p90", "km_p50", "km_p90", "attainment", "rate", "closed_no_reply")
OVERRIDES = ("rule", "version", "level", "hits", "sent_anyway", "rate", "suggested")
GROUPS = ("channel", "agent", "team", "topic", "hour", "kind", "policy")

form_option = click.option(
    "--format", "form", default="table", show_default=True, type=click.Choice(["table", "csv", "json"])
)


@click.group(epilog="Example: onevoice report response --config onevoice.yaml --from 2026-03-01 --to 2026-03-31")
def report() -> None:
    """Figures about the past."""


@report.command(epilog="Example: onevoice report response --config onevoice.yaml --from 2026-03-01 --by channel")
@config_option
@click.option("--from", "first", type=Day(), help="First day; default: seven days ago.")
@click.option("--to", "last", type=Day(), help="Last day; default: today.")
@click.option("--by", default="channel", show_default=True, type=click.Choice(GROUPS), help="Group by.")
@click.option("--tz", "zone", default="UTC", show_default=True, help="Time zone of the days and hours.")
@click.option("--clock", default="business", show_default=True, type=click.Choice(["business", "wall"]))
@form_option
def response(
    config: Path, first: datetime | None, last: datetime | None, by: str, zone: str, clock: str, form: str
) -> None:
    """How long customers waited for an answer, and how many still wait.

    A round runs from the oldest unanswered message to the next human answer. p50 and p90 are of answered rounds; km_p50
    and km_p90 (Kaplan-Meier) count those who still wait as well. attainment: met among all that were judged. rate:
    answered within three minutes. A topic is the one that the conversation has now.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from gateway import clock as wall
    from gateway.policies import terms_of
    from router.reports import grouped, summarise
    from router.targets import TimeBase
    from storage import policies
    from storage.rounds import between

    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"{zone} is no time zone; write one like Asia/Shanghai", param_hint="--tz") from error
    today = wall.now().astimezone(place).date()
    begin, end = first.date() if first else today - timedelta(days=7), last.date() if last else today
    if end < begin:
        raise click.BadParameter(f"{end} is before {begin}", param_hint="--to")
    settings = load_settings(config)
    found = run_read(
        settings,
        lambda tx: between(tx, _midnight(begin, place), _midnight(end, place, 1), terms_of(policies.all_of(tx))),
    )
    key = _key(by, place)
    rows = [
        {"group": str(name), **_fields(summarise(group, TimeBase(clock)))}
        for name, group in sorted(grouped(found, key).items(), key=lambda item: str(item[0]))
    ]
    if form == "json":
        print_json({"from": begin.isoformat(), "to": end.isoformat(), "by": by, "clock": clock, "groups": rows})
    else:
        _print(rows, COLUMNS, form, f"nobody asked anything between {begin} and {end}")


@report.command(epilog="Example: onevoice report rules --config onevoice.yaml --days 30")
@config_option
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, LONGEST), help="Look back so far.")
@form_option
def rules(config: Path, days: int, form: str) -> None:
    """How often replies that a rule held were sent anyway.

    hits: replies that a version of the rule held, each counted once. sent_anyway: those that left with the words that
    were held; what was edited, discarded, sent as a correction or still waits is none of them. level: that of the rule
    in force; without one the rule, or this version of it, is in force no more. suggested: the milder level, where more
    than 40 % of at least 20 hits were sent anyway; nothing but a new file changes a level.
    """
    from gateway.voices import voice_of
    from storage.holds import override_rates

    settings = load_settings(config)
    voice = voice_of(settings)
    in_force = voice.standards.rules if voice is not None else {}
    rows = [
        _override(each, in_force.get(each.rule)) for each in run_read(settings, lambda tx: override_rates(tx, days))
    ]
    if form == "json":
        print_json({"days": days, "rules": rows})
    else:
        _print(rows, OVERRIDES, form, f"no reply was held in the last {days} days")


def _override(found: "OverrideRate", rule: "Rule | None") -> dict[str, object]:
    from router.consistency.trials import suggested_level

    if rule is not None and rule.version != found.version:
        rule = None
    return {
        "rule": found.rule,
        "version": found.version,
        "level": rule and rule.level,
        "hits": found.hits,
        "sent_anyway": found.sent_anyway,
        "rate": round(found.rate, 4),
        "suggested": rule and suggested_level(rule, found.hits, found.sent_anyway),
    }


def _midnight(day: date, place: Any, later: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=later), time(), place)


def _key(by: str, place: Any) -> "Callable[[Round], str]":
    keys: dict[str, Callable[[Any], str]] = {
        "channel": lambda each: each.channel,
        "agent": lambda each: each.author or each.owner or "nobody",
        "team": lambda each: each.team or "no team",
        "topic": lambda each: each.topic or "no topic",
        "hour": lambda each: f"{each.start_at.astimezone(place):%H}",
        "kind": lambda each: each.kind,
        "policy": lambda each: each.policy or "none",
    }
    return keys[by]


def _fields(summary: "Summary") -> dict[str, object]:
    return {
        "n": summary.n,
        "waiting": summary.waiting,
        "p50": summary.p50,
        "p90": summary.p90,
        "p95": summary.p95,
        "km_p50": summary.km_p50,
        "km_p90": summary.km_p90,
        "attainment": _share(summary.attainment),
        "rate": _share(summary.rate),
        "closed_no_reply": summary.closed_no_reply,
        "values": list(summary.values),
        "parts": dict(summary.parts),
        "calendar_uncertain": summary.calendar_uncertain,
    }


def _share(value: object) -> float | None:
    return None if value is None else round(float(value), 4)  # type: ignore[arg-type]  # a Fraction


def _cell(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _print(rows: list[dict[str, object]], columns: tuple[str, ...], form: str, nothing: str) -> None:
    """As CSV or as a table; in the place of a table without rows a sentence."""
    if form == "csv":
        click.echo(",".join(columns))
        for row in rows:
            click.echo(",".join(_cell(row[column]) for column in columns))
    elif not rows:
        click.echo(nothing)
    else:
        _table(rows, columns)


def _table(rows: list[dict[str, object]], columns: tuple[str, ...]) -> None:
    cells = [list(columns), *([_cell(row[column]) or "-" for column in columns] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
