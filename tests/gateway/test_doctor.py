"""The doctor's findings, each from plain values, and the whole examination of this machine."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.config import load
from gateway.doctor import (
    SEVERAL,
    Finding,
    Level,
    disk,
    folders,
    holidays,
    libraries,
    open_files,
    python,
    sqlite,
    time_of_day,
)
from gateway.settings import GatewaySettings
from router.model import Inbound
from storage.database import Database
from storage.intake import Submission, receive
from storage.schema import migrate
from storage.statement import Statement
from tests.gateway.test_cli import SHOP
from tests.storage.inbounds import RULES, arrival, question, rules

MOVED = Statement("UPDATE outbox SET channel = 'old'")
REFUSED = Statement(
    """
    UPDATE outbox SET error = 'refused', created_at = rowid,
        channel = CASE WHEN rowid = (SELECT max(rowid) FROM outbox) THEN 'tg' ELSE 'old' END,
        address = CASE WHEN rowid = (SELECT max(rowid) FROM outbox) THEN 'newest' ELSE hex(id) END
    """
)
"""Each at an address of its own, and only the newest on a channel that is configured."""

NOW = datetime(2026, 10, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 11, 7), Level.WARN),
        ((3, 11, 14), Level.WARN),
        ((3, 11, 15), Level.OK),
        ((3, 12, 12), Level.WARN),
        ((3, 12, 13), Level.OK),
        ((3, 13, 12), Level.OK),
        ((3, 14, 2), Level.WARN),
        ((3, 15, 0), Level.OK),
    ],
)
def test_python_with_known_faults_is_a_warning(version: tuple[int, ...], level: Level) -> None:
    assert python(version).level is level


def test_the_warning_says_what_to_upgrade_to() -> None:
    assert python((3, 11, 7)).sentence.endswith("upgrade to 3.11.15 all the same")


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 40, 1), Level.WARN),
        ((3, 44, 5), Level.WARN),
        ((3, 44, 6), Level.OK),
        ((3, 50, 6), Level.WARN),
        ((3, 50, 7), Level.OK),
        ((3, 51, 2), Level.WARN),
        ((3, 51, 3), Level.OK),
        ((3, 52, 0), Level.OK),
    ],
)
def test_db3_sqlite_with_the_log_race_is_a_warning(version: tuple[int, int, int], level: Level) -> None:
    assert sqlite(version).level is level


def test_libraries_below_their_minimum_are_bad() -> None:
    found = list(
        libraries(
            [
                "click<9,>=8.3",
                "pyyaml>=99.1",
                "no-such-library>=1",
                'no-such-option>=1; extra == "speed"',
                "sqlalchemy[asyncio]>=2",
            ]
        )
    )
    assert [(each.level, each.thing) for each in found] == [
        (Level.BAD, "pyyaml"),
        (Level.BAD, "no-such-library"),
        (Level.OK, "libraries"),
    ]
    assert "is older than 99.1" in found[0].sentence
    assert found[2].sentence == "2 are at their minimum or above"


def test_a_clock_behind_the_installation_is_bad() -> None:
    assert time_of_day(NOW, NOW - timedelta(days=1)).level is Level.OK
    late = time_of_day(NOW, NOW + timedelta(days=1))
    assert (late.level, late.sentence) == (
        Level.BAD,
        "it is at least 1 day, 0:00:00 behind; set it and run a time service",
    )


def test_few_open_files_are_a_warning() -> None:
    assert open_files(1024).level is Level.WARN
    assert open_files(65536).level is Level.OK


def test_disks_are_looked_at_even_before_the_folders_exist(tmp_path: Path) -> None:
    gateway = GatewaySettings.model_validate(
        {"database": f"sqlite:///{tmp_path}/a/b/onevoice.db", "files": str(tmp_path / "c" / "d")}
    )
    found = list(folders(gateway, []))
    assert [each.thing for each in found] == ["disk of files", "disk of database"]
    assert all(str(tmp_path) in each.sentence for each in found)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("files", ["files", "files/inside"])
def test_a_file_where_a_folder_should_be_is_bad(tmp_path: Path, files: str) -> None:
    (tmp_path / "files").touch()
    gateway = GatewaySettings.model_validate({"database": f"sqlite:///{tmp_path}/o.db", "files": str(tmp_path / files)})
    found = next(iter(folders(gateway, [])))
    sentence = f"{tmp_path}/files is no folder; name one this user can write to"
    assert found == Finding(Level.BAD, "disk of files", sentence)


def test_db3_sqlite_on_a_network_disk_is_bad(tmp_path: Path) -> None:
    gateway = GatewaySettings.model_validate({"database": f"sqlite:///{tmp_path}/onevoice.db", "files": str(tmp_path)})
    mounts = [(Path("/"), "ext4"), (tmp_path.resolve(), "nfs4")]
    assert Finding(Level.BAD, "database", "SQLite on nfs4 loses data; move the file to a local disk (DB3)") in list(
        folders(gateway, mounts)
    )
    assert len(list(folders(gateway, mounts[:1]))) == 2


def test_a_full_disk_is_bad() -> None:
    assert disk("disk", Path("/proc")).level is Level.BAD  # it has no room at all


def test_the_whole_examination_follows_the_configuration(tmp_path: Path) -> None:
    shop = tmp_path / "shop.yaml"
    shop.write_text(SHOP % (tmp_path / "onevoice.db") + "")
    shop.write_text(shop.read_text().replace("gateway: {", f'gateway: {{files: "{tmp_path}/files", '))

    def things(*, code: int) -> dict[str, str]:
        result = CliRunner().invoke(cli, ["doctor", "--json", "--config", str(shop)])
        assert result.exit_code == code, result.output
        return {each["thing"]: f"{each['level']} {each['sentence']}" for each in json.loads(result.stdout)}

    assert things(code=0)["database"] == f"ok {tmp_path}/onevoice.db is not there yet; the first start makes it"
    (tmp_path / "onevoice.db").touch()
    assert things(code=0)["database"].endswith("run onevoice migrate")
    revision = migrate(f"sqlite:///{tmp_path}/onevoice.db")
    assert things(code=0)["database"] == f"ok it answers and has schema {revision}"
    assert things(code=0)["configuration"] == f"ok {shop} is right"
    (tmp_path / "onevoice.db").write_bytes(b"something else" * 1000)
    assert things(code=1)["database"] == "bad it cannot be used: file is not a database"
    shop.write_text("gateway: {}\n")
    assert things(code=1)["configuration"].startswith(f"bad {shop}:1: ")


@pytest.mark.parametrize(
    ("today", "level", "sentence"),
    [
        (date(2026, 10, 31), Level.OK, "those in use know the holidays that are coming"),
        (date(2026, 11, 1), Level.WARN, "calendar CN_STD has holidays until 2026-12-31: import those of 2027"),
    ],
)
def test_d40_missing_holidays_are_a_warning(tmp_path: Path, today: date, level: Level, sentence: str) -> None:
    shop = tmp_path / "shop.yaml"
    shop.write_text((SHOP % (tmp_path / "onevoice.db")).replace("ALWAYS", "CN_STD"))
    assert list(holidays(load(shop, {}), today)) == [Finding(level, "calendars", sentence)]


Things = dict[str, tuple[str, str]]
Left = Callable[..., Things]


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """What the doctor finds once something has moved what waits because of these items."""
    shop, database = tmp_path / "shop.yaml", f"sqlite:///{tmp_path}/onevoice.db"
    shop.write_text(SHOP % (tmp_path / "onevoice.db"))
    migrate(database)

    def found(moved: Statement, *inbounds: Inbound) -> Things:
        async def ask() -> None:
            store = Database(database)
            for each in inbounds:
                await store.transact(receive, [Submission(each.channel, [arrival(each)])], rules, RULES)
            await store.transact(lambda tx: tx.run(moved, {}))
            await asyncio.to_thread(store.close)

        asyncio.run(ask())
        found = json.loads(CliRunner().invoke(cli, ["doctor", "--json", "--config", str(shop)]).stdout)
        return {each["thing"]: (each["level"], each["sentence"]) for each in found}

    return found


def test_what_waits_for_a_channel_that_is_not_configured_is_bad(left: Left) -> None:
    assert left(MOVED)["deliveries"][0] == "ok"
    level, sentence = left(MOVED, question())["old"]
    assert level == "bad"
    assert sentence.startswith("2 wait to be delivered, the oldest since 20")
    assert "add it again under this id and restart" in sentence


def test_what_waits_for_nobody_hides_nothing_that_is_refused(left: Left) -> None:
    asked = [question(who=str(number)) for number in range(SEVERAL + 1)]
    found = left(REFUSED, *asked)
    assert found["old"][0] == "bad"
    assert found["tg newest"] == ("warn", "1 wait to be delivered, the oldest since 1970-01-01 00:00 UTC: refused")


def test_an_unreachable_database_is_bad_and_shows_no_password(tmp_path: Path) -> None:
    shop = tmp_path / "shop.yaml"
    database = 'secret: sixteen-letters-or-more, database: "postgresql://user:hunter2@127.0.0.1:1/shop"'
    shop.write_text((SHOP % "x").replace('database: "sqlite:///x"', database))
    result = CliRunner().invoke(cli, ["doctor", "--config", str(shop)])
    assert result.exit_code == 1
    assert "bad   database: it cannot be used: " in result.stdout
    assert "hunter2" not in result.stdout


def test_without_a_configuration_lines_are_for_people() -> None:
    result = CliRunner().invoke(cli, ["doctor"])
    assert {line[:6] for line in result.stdout.splitlines()} <= {"ok    ", "warn  ", "bad   "}
    assert "python: " in result.stdout
