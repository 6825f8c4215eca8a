"""`onevoice serve`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.frame import Unreachable, WrongConfiguration, config_option, load_settings, unreachable

if TYPE_CHECKING:
    from gateway.settings import Settings


@click.command(epilog="Example: onevoice serve --config onevoice.yaml")
@config_option
def serve(config: Path) -> None:
    """Run one gateway node.

    SIGTERM or Ctrl-C finishes what was begun, within gateway.drain, and ends it. SIGHUP reads the configuration again
    and takes over every section but gateway and channels; a wrong file is reported and changes nothing, and so is one
    in which these two differ.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from gateway import clock, logs
    from gateway.app import Application
    from gateway.config import load
    from gateway.loop import run
    from gateway.secrecy import gateway_secret, secrets_of
    from gateway.settings import armed_failpoints, environment
    from storage import failpoints
    from storage.errors import StoreUnavailable
    from storage.lockfile import AlreadyOpen

    settings = load_settings(config)
    _make_files(settings)
    try:
        failpoints.arm(armed_failpoints())
    except ValueError as error:
        raise WrongConfiguration(f"ONEVOICE_FAILPOINTS: {error}") from error
    try:
        own = gateway_secret(settings.gateway).decode()
        logs.configure(settings.gateway.log_level, {*secrets_of(settings), own}, clock.now)
        logs.catch_uncaught()
        run(Application(settings).run(reload=partial(load, config, environment())))
    except AlreadyOpen as error:
        raise Unreachable(f"gateway.database: {error}") from error
    except (StoreUnavailable, SQLAlchemyError) as error:
        raise unreachable(settings, getattr(error, "orig", None) or error) from error
    except OSError as error:
        where = error.filename or f"gateway.listen: {settings.gateway.listen}"
        raise WrongConfiguration(f"{where} cannot be used: {error.strerror}") from error


def _make_files(settings: "Settings") -> None:
    """The folder for files, before the first customer sends one; a full disk is told by `/readyz` and does not end."""
    from storage.blobs import BlobStore
    from storage.errors import StoreUnavailable

    folder = settings.gateway.files
    try:
        BlobStore(folder).try_out()
    except StoreUnavailable as error:
        if not error.full:
            sentence = f"gateway.files: {folder} is no folder this user can write to; name another"
            raise WrongConfiguration(sentence) from error
