"""`onevoice slack-manifest`."""

import re

import click

from gateway.commands.frame import json_option, print_json


@click.command("slack-manifest", epilog="Example: onevoice slack-manifest > manifest.yaml, then paste it into Slack.")
@click.option("--url", metavar="URL", help="mode: http; the public address of the gateway, https://desk.shop.example.")
@click.option(
    "--channel", default="desk", show_default=True, metavar="ID", help="The channel's id in the configuration."
)
@click.option("--direct-messages", is_flag=True, help="Colleagues ask the app by direct message.")
@json_option
def slack_manifest(url: str | None, channel: str, direct_messages: bool, as_json: bool) -> None:
    """Print the manifest of the Slack app, each right with its reason.

    On https://api.slack.com/apps choose Create New App, From a manifest, and paste it. Without --url it is for Socket
    Mode, which needs no address that Slack can reach.
    """
    import yaml

    from connectors.slack.manifest import events, manifest, scopes

    if url is not None and not re.fullmatch(r"https://[^\s/?#]+(/[^\s?#]*)?", url):
        raise click.UsageError(f"--url {url!r} is no https address, such as https://desk.shop.example; Slack wants TLS")
    address = None if url is None else f"{url.rstrip('/')}/slack/{channel}"
    made = manifest(address=address, asking=direct_messages)
    if as_json:
        print_json(made)
        return
    reasons = {**scopes(asking=direct_messages), **events(asking=direct_messages)}
    for line in yaml.safe_dump(made, sort_keys=False).splitlines():
        reason = reasons.get(line.strip().removeprefix("- "))
        click.echo(f"{line:<32}# {reason}" if reason else line)
