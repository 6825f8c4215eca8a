"""What all commands share: `--config`, `--json`, exit codes, and how an error is said.

Exit codes: 0 ok, 1 the answer is "no", 2 usage or configuration, 3 a needed service is unreachable.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from gateway.settings import Settings
    from storage.database import Database, Transaction

T = TypeVar("T")
File = click.Path(exists=True, dir_okay=False, path_type=Path)
Count = click.IntRange(1, 2**63 - 1)
"""A number that a database can hold."""

LONGEST = 36500
"""A hundred years of days: further back there is no date."""

FIRST_YEAR, LAST_YEAR = 1970, 2100


class Day(click.DateTime):
    """A day like 2026-03-10, not so far away that its midnight could not be counted in every zone."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        day = super().convert(value, param, ctx)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail(f"{value} is not a day of the years {FIRST_YEAR} to {LAST_YEAR}", param, ctx)
        return day


config_option = click.option("--config", "config", type=File, required=True, metavar="FILE", help="The configuration.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class Refusal(click.ClickException):
    """The answer is "no": one sentence on stderr and exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file, err=file is None)


class WrongConfiguration(Refusal):
    exit_code = 2


class Unreachable(Refusal):
    exit_code = 3


def load_settings(path: Path) -> "Settings":
    """The settings of a file; every mistake in it on stderr and exit code 2."""
    from gateway.config import ConfigError, load
    from gateway.settings import environment

    try:
        return load(path, environment())
    except ConfigError as error:
        raise WrongConfiguration(str(error)) from error


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def run_read(settings: "Settings", work: Callable[["Transaction"], T]) -> T:
    """The answer of a unit that only reads; exit code 3 when the database cannot be reached."""
    require_database(settings)
    return _run(settings, lambda database: database.read(work))


def run_unit(settings: "Settings", work: Callable[["Transaction"], T]) -> T:
    """Run a unit that writes; exit code 3 when the database cannot be reached or a node must have it alone (DB3)."""
    return run_long(settings, lambda database: database.transact(work))


def run_long(settings: "Settings", work: Callable[["Database"], Awaitable[T]], *, writes: bool = True) -> T:
    """Run work of many units; exit codes as for one."""
    from storage.lockfile import AlreadyOpen, FileLock

    require_database(settings)
    if not writes:
        return _run(settings, work)
    path = settings.gateway.database.removeprefix("sqlite:///")
    alone = path != settings.gateway.database and not _bears_two_processes()
    try:
        lock = FileLock(Path(f"{path}.lock")) if alone else None
    except AlreadyOpen as error:
        raise Unreachable(f"gateway.database: {error}; stop it first, this SQLite bears only one") from error
    try:
        return _run(settings, work)
    finally:
        if lock is not None:
            lock.release()


def _bears_two_processes() -> bool:
    import sqlite3

    from gateway.doctor import Level, sqlite

    return sqlite(sqlite3.sqlite_version_info).level is Level.OK


def _run(settings: "Settings", ask: Callable[["Database"], Awaitable[T]]) -> T:
    import asyncio

    from storage.database import Database
    from storage.errors import NoSchema, StoreUnavailable

    async def once() -> T:
        database = Database(settings.gateway.database)
        try:
            return await ask(database)
        finally:
            database.close()

    try:
        return asyncio.run(once())
    except NoSchema as error:
        raise Unreachable("gateway.database: it has no schema yet; run onevoice migrate") from error
    except StoreUnavailable as error:
        raise unreachable(settings, error) from error


def require_database(settings: "Settings") -> None:
    """A SQLite file that is not there would be made, empty: better say so."""
    path = settings.gateway.database.removeprefix("sqlite:///")
    if path != settings.gateway.database and not Path(path).exists():
        raise Unreachable(f"gateway.database: there is no file {path} yet; onevoice migrate makes it")


def unreachable(settings: "Settings", error: Exception) -> Unreachable:
    """The database cannot be used: its own words on one line, without the password (Z1)."""
    from gateway.redaction import Redactor
    from gateway.secrecy import secrets_of

    words = " ".join(Redactor(secrets_of(settings)).text(str(error)).split())
    return Unreachable(f"gateway.database: the database cannot be used: {words}")
