"""What will cause trouble on this machine: each check answers with findings, nothing is changed."""

import asyncio
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import clock
from gateway.config import ConfigError, load
from gateway.redaction import Redactor
from gateway.secrecy import secrets_of
from gateway.settings import GatewaySettings, Settings, environment

if TYPE_CHECKING:
    from storage.waiting import Waiting

Version = tuple[int, ...]

PYTHON_FIXED: Mapping[Version, Version] = {
    (3, 11): (3, 11, 15),
    (3, 12): (3, 12, 13),
    (3, 13): (3, 13, 12),
    (3, 14): (3, 14, 3),
}
SQLITE_FIXED = (3, 51, 3)
SQLITE_PATCHED: Mapping[Version, int] = {(3, 44): 6, (3, 50): 7}
SKEW = timedelta(seconds=2)
PATIENCE = timedelta(minutes=1)
SEVERAL = 20
MEGABYTE = 1024 * 1024
LITTLE, TOO_LITTLE = 1024 * MEGABYTE, 100 * MEGABYTE
FILES = 4096
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"}


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    thing: str
    sentence: str


def examine(config: Path | None) -> list[Finding]:
    """Everything about this machine, and with a configuration about its disk and database."""
    found = [
        python(sys.version_info[:3]),
        sqlite(sqlite3.sqlite_version_info),
        *libraries(metadata.requires("onevoice") or []),
        time_of_day(clock.now(), datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)),
        open_files(_file_limit()),
    ]
    if config is None:
        return [*found, disk("the working folder", Path.cwd())]
    settings, readable = configuration(config)
    found += readable
    if settings is not None:
        gateway = settings.gateway
        found += holidays(settings, clock.now().date())
        found += folders(gateway, _mounts())
        found += database(settings)
    return found


def python(version: Version) -> Finding:
    """Decisions 39, channels.md 3.5."""
    text = ".".join(map(str, version))
    fixed = PYTHON_FIXED.get(version[:2])
    if fixed is not None and version < fixed:
        wanted = ".".join(map(str, fixed))
        return Finding(
            Level.WARN,
            "python",
            f"{text} lets mail headers be injected (CVE-2026-1299, CVE-2024-6923); Onevoice checks them itself, "
            f"upgrade to {wanted} all the same",
        )
    return Finding(Level.OK, "python", f"{text} has no known fault that matters here")


def sqlite(version: Version) -> Finding:
    """DB3: the race between a checkpoint and a restarted log."""
    text = ".".join(map(str, version))
    if version >= SQLITE_FIXED or version[2] >= SQLITE_PATCHED.get(version[:2], sys.maxsize):
        return Finding(Level.OK, "sqlite", f"{text} has no known fault that matters here")
    return Finding(
        Level.WARN,
        "sqlite",
        f"{text} can lose its log when two processes use one file; let only one use it, or upgrade to 3.51.3, "
        "or use PostgreSQL",
    )


def libraries(requirements: list[str]) -> Iterator[Finding]:
    """Every library at or above the minimum this program declares; optional ones where they are installed."""
    right = 0
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        wanted = _version(requirement.partition(">=")[2])
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            if "extra ==" not in requirement:
                yield Finding(Level.BAD, name, "is not installed; install Onevoice again")
            continue
        if _version(installed) < wanted:
            least = ".".join(map(str, wanted))
            yield Finding(Level.BAD, name, f"{installed} is older than {least}, which mends known faults; upgrade it")
        else:
            right += 1
    yield Finding(Level.OK, "libraries", f"{right} are at their minimum or above")


def time_of_day(now: datetime, installed: datetime) -> Finding:
    """A clock that is behind the files of this program is wrong for certain."""
    if now + SKEW < installed:
        behind = installed - now
        return Finding(Level.BAD, "clock", f"it is at least {behind} behind; set it and run a time service")
    return Finding(Level.OK, "clock", f"it says {now:%Y-%m-%d %H:%M} UTC, which is possible")


def open_files(limit: int) -> Finding:
    if limit < FILES:
        return Finding(Level.WARN, "open files", f"only {limit} are allowed, each web chat needs one; raise ulimit -n")
    return Finding(Level.OK, "open files", f"{limit} are allowed")


def configuration(path: Path) -> tuple[Settings | None, list[Finding]]:
    """The settings of a file, or a finding for every mistake in it."""
    try:
        settings = load(path, environment())
    except ConfigError as error:
        return None, [Finding(Level.BAD, "configuration", str(mistake)) for mistake in error.mistakes]
    return settings, [Finding(Level.OK, "configuration", f"{path} is right")]


def holidays(settings: Settings, today: date) -> Iterator[Finding]:
    """D40: what the calendars in use lack of the next year."""
    from gateway.coverage_notes import coverage_notes
    from gateway.policies import as_written

    notes = coverage_notes(as_written(settings), today)
    for note in notes.values():
        yield Finding(Level.WARN, "calendars", note)
    if not notes:
        yield Finding(Level.OK, "calendars", "those in use know the holidays that are coming")


def folders(gateway: GatewaySettings, mounts: list[tuple[Path, str]]) -> Iterator[Finding]:
    """Space, permission and kind of the disks for files and for a SQLite database."""
    uses_sqlite = gateway.database.startswith("sqlite:")
    for name, folder in [("files", gateway.files), ("database", gateway.data)][: 1 + uses_sqlite]:
        there = _existing(folder)
        thing = f"disk of {name}"
        if not there.is_dir():
            yield Finding(Level.BAD, thing, f"{there} is no folder; name one this user can write to")
        elif not os.access(there, os.W_OK):
            yield Finding(Level.BAD, thing, f"{there} cannot be written to; give it to the user that runs Onevoice")
        else:
            yield disk(thing, there)
    kind = _kind(_existing(gateway.data).resolve(), mounts)
    if uses_sqlite and kind in NETWORK:
        yield Finding(Level.BAD, "database", f"SQLite on {kind} loses data; move the file to a local disk (DB3)")


def disk(thing: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    size = f"{free // MEGABYTE} MB are free in {folder}"
    if free < TOO_LITTLE:
        return Finding(Level.BAD, thing, f"{size}, messages will soon be refused; make room")
    if free < LITTLE:
        return Finding(Level.WARN, thing, f"{size}; make room")
    return Finding(Level.OK, thing, size)


def database(settings: Settings) -> Iterator[Finding]:
    """Whether it answers, agrees on the time, and has the schema of this program."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from storage.database import engine_for, normal_url
    from storage.schema import HEAD, current

    url = normal_url(settings.gateway.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield Finding(Level.OK, "database", f"{url.database} is not there yet; the first start makes it")
        return
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            if url.get_backend_name() == "postgresql":
                skew = abs(connection.execute(text("SELECT clock_timestamp()")).scalar_one() - clock.now())
                level = Level.WARN if skew > SKEW else Level.OK
                yield Finding(level, "clock of the database", f"{skew.total_seconds():.1f} s from this machine's")
            revision, wanted = current(connection), HEAD
    except (SQLAlchemyError, OSError) as error:
        words = " ".join(Redactor(secrets_of(settings)).text(str(getattr(error, "orig", None) or error)).split())
        yield Finding(Level.BAD, "database", f"it cannot be used: {words}")
        return
    finally:
        engine.dispose()
    if revision == wanted:
        yield Finding(Level.OK, "database", f"it answers and has schema {revision}")
        yield from undelivered(settings)
    else:
        yield Finding(Level.WARN, "database", f"it has schema {revision}, not {wanted}; run onevoice migrate")


def undelivered(settings: Settings) -> Iterator[Finding]:
    """What has waited long for a channel that refuses it, and why; and what waits for one that is not there."""
    from gateway.trouble import LEFT_BEHIND
    from storage.database import Database
    from storage.errors import StoreUnavailable
    from storage.waiting import Late, Waiting, late, left_behind

    configured = {each.id for each in settings.channels}

    async def asked() -> tuple[list[Late], dict[str, Waiting]]:
        store = Database(settings.gateway.database)
        try:
            found = await store.read(late, configured, int(PATIENCE.total_seconds() * 1_000_000), SEVERAL)
            return found, await store.read(left_behind, configured)
        finally:
            await asyncio.to_thread(store.close)

    try:
        found, gone = asyncio.run(asked())
    except StoreUnavailable as error:
        yield Finding(Level.BAD, "deliveries", f"what waits cannot be read: {error}")
        return
    for channel, waiting in gone.items():
        yield Finding(Level.BAD, channel, f"{_in_words(waiting)}: {LEFT_BEHIND}")
    for each in found:
        yield Finding(Level.WARN, f"{each.channel} {each.address}", f"{_in_words(each.waiting)}: {each.reason}")
    if not found and not gone:
        yield Finding(Level.OK, "deliveries", "nothing waits for an account that refuses it")


def _in_words(waiting: "Waiting") -> str:
    since = datetime.fromtimestamp(waiting.oldest / 1_000_000, UTC)
    return f"{waiting.count} wait to be delivered, the oldest since {since:%Y-%m-%d %H:%M} UTC"


def _version(text: str) -> Version:
    """The leading numbers: (3, 14, 4) of "3.14.4,<4"."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _file_limit() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _mounts() -> list[tuple[Path, str]]:
    """Mount points and kinds of file system; empty where the system does not tell."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [(Path(fields[1]), fields[2]) for fields in (line.split() for line in lines)]


def _kind(folder: Path, mounts: list[tuple[Path, str]]) -> str:
    """The kind of file system a folder is on."""
    above = [(len(point.parts), kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(above)[1] if above else ""
