"""The command `onevoice`."""

import click

from gateway.commands.calendars import calendars
from gateway.commands.check import check
from gateway.commands.check_reply import check_reply
from gateway.commands.contacts import contacts
from gateway.commands.deadletters import deadletters
from gateway.commands.doctor import doctor
from gateway.commands.explain import explain
from gateway.commands.migrate import migrate
from gateway.commands.plan import plan
from gateway.commands.quarantine import quarantine
from gateway.commands.recompute import recompute
from gateway.commands.report import report
from gateway.commands.serve import serve
from gateway.commands.slack_manifest import slack_manifest
from gateway.commands.vectors import vectors
from gateway.sandbox.run import sandbox


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Exit codes: 0 ok, 1 the answer is "no", 2 usage or configuration, 3 a needed service is unreachable.',
)
@click.version_option(package_name="onevoice", prog_name="onevoice")
def cli() -> None:
    """Every channel, one voice: customers write by mail, Telegram and web chat, agents answer from Slack."""


for command in (
    calendars,
    check,
    check_reply,
    contacts,
    deadletters,
    doctor,
    explain,
    migrate,
    plan,
    quarantine,
    recompute,
    report,
    sandbox,
    serve,
    slack_manifest,
    vectors,
):
    cli.add_command(command)
