"""`onevoice sandbox`: the whole of Onevoice against stand-ins, with a page to play every part."""

import asyncio
import logging
import os
import secrets
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.frame import WrongConfiguration

if TYPE_CHECKING:
    from gateway.sandbox.slack.standin import SlackStandIn
    from gateway.settings import Settings

HOST = "127.0.0.1"


def main(port: int = 8080, data: Path | None = None) -> None:
    """Serve until Ctrl-C. `port` 0 takes a free one; `data` keeps what is stored, a temporary folder does not.

    Raises OSError when the port or the folder cannot be used, AlreadyOpen when another process uses the folder.
    """
    port = _available(port)
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onevoice-sandbox-")))
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(_serve(port, folder.resolve()))


async def _serve(port: int, folder: Path) -> None:
    from gateway import clock, logs
    from gateway.app import Application
    from gateway.config import load
    from gateway.sandbox.api import Api
    from gateway.sandbox.desk import Desk
    from gateway.sandbox.mailprogram import MailProgram
    from gateway.sandbox.pane import Pane
    from gateway.sandbox.phone import Phone
    from gateway.sandbox.tour import Tour
    from gateway.sandbox.world import World
    from gateway.secrecy import secrets_of
    from gateway.settings import packaged

    world = World.of(clock.now)
    await world.start()
    try:
        listen = f"{HOST}:{port}"
        variables = {**world.variables(listen, folder), "SANDBOX_SECRET": _visitors_secret(folder)}
        settings = load(packaged("sandbox.yaml"), variables)
        logs.configure("warning", secrets_of(settings), clock.now)
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # the mail stand-in's own session, not the shop's
        agents = _agents(world.slack, settings)
        panes: dict[str, Pane] = {
            "telegram": Phone(world.telegram),
            "mail": MailProgram(world.mail),
            "slack": Desk(world.slack, agents, _desks(settings), asked=_asked(settings)),
        }
        api = Api(panes, Tour(world, clock.now, agents))
        await Application(settings, mount=api.mount).run(
            lambda: click.echo(f"Onevoice sandbox: open http://{listen}/ in a browser. Ctrl-C ends it.")
        )
    finally:
        await world.stop()


def _agents(slack: "SlackStandIn", settings: "Settings") -> frozenset[str]:
    """The Slack names of those who may answer customers."""
    ids, addresses = {each.slack for each in settings.agents}, {each.email for each in settings.agents if each.email}
    return frozenset(user.name for user in slack.workspace.users.values() if user.id in ids or user.email in addresses)


def _desks(settings: "Settings") -> list[str]:
    """The Slack channels that routes name."""
    return [name.removeprefix("#") for route in settings.routes for name in route.desk.slack]


def _asked(settings: "Settings") -> list[str]:
    """The Slack channels where colleagues ask."""
    named = [name for channel in settings.channels for name in getattr(channel, "help_channels", ())]
    return [name.removeprefix("#") for name in named]


def _visitors_secret(folder: Path) -> str:
    """Kept with the data, so that visitors of the web chat are known again after a restart."""
    path = folder / "visitors-secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16), "ascii")
    return path.read_text("ascii")


def _available(port: int) -> int:
    """That port, or a free one for 0. Raises OSError before anything is started."""
    with socket.socket() as chosen:
        chosen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        chosen.bind((HOST, port))
        number: int = chosen.getsockname()[1]
        return number


@click.command(epilog="Example: onevoice sandbox --port 8080")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535),
    help="Where the page is served; 0 takes a free port.",
)  # fmt: skip
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep what is stored in this folder.")
def sandbox(port: int, data: Path | None) -> None:
    """Try everything on this machine, without any account.

    A complete gateway against stand-ins for Slack, Telegram and a mail provider, and a page where you are every
    customer and the agent. Ctrl-C ends it.
    """
    from storage.lockfile import AlreadyOpen

    try:
        main(port, data)
    except AlreadyOpen as error:
        raise WrongConfiguration(f"--data {data}: {error}") from error
    except OSError as error:
        where = f"--data {error.filename}" if error.filename else f"--port {port}"
        raise WrongConfiguration(
            f"{where} cannot be used: {os.strerror(error.errno or 0)}; choose another one"
        ) from error
