"""`onevoice check`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.frame import config_option, json_option, print_json

if TYPE_CHECKING:
    from gateway.settings import Settings

PROBE_SECONDS = 30


@click.command(epilog="Example: onevoice check --config onevoice.yaml --online")
@config_option
@click.option("--online", is_flag=True, help="Also log in to every account and tell what is missing.")
@json_option
def check(config: Path, online: bool, as_json: bool) -> None:
    """Find every mistake in a configuration.

    Each is said with its file, line and key. Exit code 2: the configuration is wrong, 1: an account does not work.
    """
    from gateway import clock
    from gateway.config import ConfigError, load
    from gateway.coverage_notes import coverage_notes
    from gateway.outage_notes import outage_notes
    from gateway.policies import as_written
    from gateway.settings import environment
    from gateway.skill_notes import skill_notes

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
    accounts = _accounts(settings) if online else {}
    ok = not any(accounts.values())
    counts = {name: len(getattr(settings, name)) for name in ("channels", "agents", "teams", "routes")}
    now, rules = clock.now(), as_written(settings)
    notes = [*outage_notes(settings), *skill_notes(rules, now), *coverage_notes(rules, now.date()).values()]
    if as_json:
        print_json({"ok": ok, "mistakes": [], **counts, "notes": notes, **({"accounts": accounts} if online else {})})
    else:
        click.echo(f"{config}: ok, " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        for note in notes:
            click.echo(f"note  {note}")
        for channel, trouble in accounts.items():
            click.echo(f"bad   {channel}: {trouble}" if trouble else f"ok    {channel}: the account works")
    if not ok:
        raise click.exceptions.Exit(1)


def _accounts(settings: "Settings") -> dict[str, str | None]:
    """For each channel what is wrong with its account, None when it works."""
    import asyncio

    from gateway import clock, logs
    from gateway.app import Application
    from gateway.redaction import Redactor
    from gateway.secrecy import secrets_of

    secrets = secrets_of(settings)
    logs.configure("error", secrets, clock.now)
    redactor = Redactor(secrets)

    async def all_probed() -> dict[str, str | None]:
        application = Application(settings)

        async def probed(channel: str) -> str | None:
            connector = application.connectors[channel]
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    trouble = await connector.probe()
                return redactor.text(trouble) if trouble else None
            except TimeoutError:
                return f"no answer within {PROBE_SECONDS} s; check its address and the network"
            finally:
                await connector.close()

        try:
            return dict(
                zip(application.connectors, await asyncio.gather(*map(probed, application.connectors)), strict=True)
            )
        finally:
            application.database.close()

    return asyncio.run(all_probed())
