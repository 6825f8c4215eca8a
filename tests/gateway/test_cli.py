"""The command line: help, results, errors and exit codes."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from sqlite3 import sqlite_version_info
from typing import TypeVar
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from connectors.base import Arrival
from gateway.cli import cli
from gateway.doctor import Level, sqlite
from router.model import Outgoing
from router.richtext import of_text
from storage import intake, tables
from storage.codec import outgoing_json
from storage.database import Database, engine_for, normal_url
from storage.lockfile import FileLock
from storage.schema import migrate

SHOP = """\
gateway: {database: "sqlite:///%s"}
channels:
  - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
  - {id: tg, type: telegram, token: "7:AA"}
agents:
  - {id: alice, name: Alice, slack: U0ALICE}
routes:
  - {id: default, desk: {channel: desk, slack: "#support"}}
promise_calendar: ALWAYS
"""
MAIL = """\
  - id: mail
    type: email
    address: help@shop.example
    smtp_listen: {listen: "127.0.0.1:2525", domains: [shop.example]}
"""
DEAD, FAILED = UUID(int=0xD), UUID(int=0xF)


def onevoice(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration whose database does not exist yet."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP % (tmp_path / "onevoice.db"))
    return path


@pytest.fixture
def used(shop: Path) -> Path:
    """A configuration whose database holds a dead and a failed delivery and a mail in quarantine."""
    shop.write_text(shop.read_text().replace("agents:", f"{MAIL}agents:"))
    url = f"sqlite:///{shop.parent}/onevoice.db"
    migrate(url)
    contact, conversation = UUID(int=1).bytes, UUID(int=2).bytes
    body = outgoing_json(Outgoing(text=of_text("On its way.")))
    engine = engine_for(normal_url(url))
    with engine.begin() as tx:
        tx.execute(insert(tables.contacts).values(id=contact, created_at=0))
        tx.execute(
            insert(tables.conversations).values(id=conversation, number=7, contact=contact, opened_at=0, version=1)
        )
        tx.execute(insert(tables.lanes).values(key="tg:42", channel="tg", address="42"))
        for seq, (delivery, state) in enumerate(((DEAD, "dead"), (FAILED, "failed"))):
            tx.execute(
                insert(tables.outbox).values(
                    id=delivery.bytes, lane="tg:42", seq=seq, part=1, parts=1, channel="tg", address="42",
                    kind="message", conversation=conversation, body=body, state=state, not_before=0, created_at=0,
                    settled_at=seq * 1_000_000, error="chat not found", attempt=3,
                )
            )  # fmt: skip
    engine.dispose()
    asyncio.run(_quarantine(url))
    return shop


async def _quarantine(url: str) -> None:
    database = Database(url)
    await database.transact(intake.quarantine, "mail", Arrival(key="1", raw=b"odd:"), "too odd")
    database.close()


Command = TypeVar("Command", bound=click.Command)


def commands(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    return [(words, command), *(each for name, sub in inner for each in commands(sub, (*words, name)))]


@pytest.mark.parametrize(
    ("words", "command"), commands(cli)[1:], ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_explains_itself_with_an_example(words: tuple[str, ...], command: click.Command) -> None:
    result = onevoice(*words, "--help")
    assert result.exit_code == 0
    assert f"Example: onevoice {' '.join(words)}" in result.stdout
    assert command.get_short_help_str(60)[-1] == "."


def test_help_lists_what_works_and_nothing_else() -> None:
    result = onevoice("--help")
    assert result.exit_code == 0
    for later in ("apply", "export", "backup"):
        assert f"\n  {later} " not in result.stdout


def test_the_version_is_that_of_the_installation() -> None:
    from importlib.metadata import version

    assert onevoice("--version").stdout == f"onevoice, version {version('onevoice')}\n"


# check

NOTE = "note  the outage page is off: set gateway.public_url, the links in its mails need an address"


def test_check_says_that_a_file_is_right(shop: Path) -> None:
    result = onevoice("check", "--config", shop)
    assert (result.exit_code, result.stdout) == (0, f"{shop}: ok, 2 channels, 1 agents, 0 teams, 1 routes\n{NOTE}\n")
    assert json.loads(onevoice("check", "--json", "--config", shop).stdout) == {
        "ok": True, "mistakes": [], "channels": 2, "agents": 1, "teams": 0, "routes": 1,
        "notes": [NOTE.removeprefix("note  ")],
    }  # fmt: skip


def test_tr4_check_notes_a_certificate_that_has_ended(shop: Path) -> None:
    skills = "{old: {certified_until: 2026-01-31}, new: {certified_until: 2100-01-31}}"
    text = shop.read_text().replace("ALWAYS", "CN_STD")
    shop.write_text(text.replace("U0ALICE", f"U0ALICE, skills: {skills}"))
    result = onevoice("check", "--config", shop)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if "skill" in line] == [
        (
            "note  agent alice gets nothing for the skill old: the certificate ended 2026-01-31T16:00:00Z; "
            "renew certified_until or take the skill out"
        )
    ]


def test_d40_check_notes_a_calendar_whose_holidays_are_over(shop: Path) -> None:
    over = "{OVER: {tz: UTC, weekly: {}, coverage_end: 2020-12-31}}"
    shop.write_text(f"{shop.read_text().replace('ALWAYS', 'OVER')}calendars: {over}\n")
    result = onevoice("check", "--config", shop)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2:] == [
        "note  calendar OVER has holidays until 2020-12-31 only: weekly hours apply; import the others"
    ]


def test_check_says_everything_that_is_wrong(shop: Path) -> None:
    shop.write_text(shop.read_text().replace("app_token: xapp-1", "ap_token: xapp-1").replace("U0ALICE", "alice"))
    result = onevoice("check", "--config", shop)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{shop}:3: channels[0].ap_token: unknown key; did you mean app_token?",
        f"{shop}:6: agents[0].slack: must be a Slack member id such as U012ABCDEF",
    ]
    result = onevoice("check", "--json", "--config", shop)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["mistakes"][0] == {
        "file": str(shop),
        "line": 3,
        "key": "channels[0].ap_token",
        "sentence": "unknown key; did you mean app_token?",
    }


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    result = onevoice("check", "--config", tmp_path / "gone.yaml")
    assert result.exit_code == 2
    assert "gone.yaml' does not exist" in result.stderr


@pytest.mark.parametrize(
    "words", [["check"], ["deadletters", "retry", "--config", "x"], ["unknown"], ["migrate", "--what"]]
)
def test_wrong_usage_is_2(words: list[str]) -> None:
    assert onevoice(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["explain", "--config", "SHOP", "9" * 23], "is not in the range"),
        (["deadletters", "list", "--config", "SHOP", "--limit", "9" * 23], "is not in the range"),
        (["quarantine", "list", "--config", "SHOP", "--limit", "9" * 23], "is not in the range"),
        (["plan", "--config", "SHOP", "--replay", "9" * 23], "is no number of days"),
        (["report", "response", "--config", "SHOP", "--to", "9999-12-31"], "not a day of the years 1970 to 2100"),
        (
            ["recompute", "--config", "SHOP", "--from", "0001-01-01", "--to", "2026-01-01"],
            "not a day of the years 1970 to 2100",
        ),
        (["sandbox", "--port", "99999"], "is not in the range"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_numbers_and_days_out_of_range_are_wrong_usage(shop: Path, words: list[str], sentence: str) -> None:
    result = onevoice(*(shop if word == "SHOP" else word for word in words))
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_the_process_ends_with_the_same_codes(shop: Path) -> None:
    """One real process, as a shop starts it; Z18: not with the secrets of an example."""
    shop.write_text(shop.read_text().replace("xoxb-1", "xoxb-your-token"))
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--config", str(shop)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"{shop}:3: channels[0].bot_token: this is an example, not a secret; "
        "give the real one in an environment variable, as ${NAME}\n"
    )


def test_the_command_line_is_light_to_start() -> None:
    """Nothing slow is imported for --help: pydantic, SQLAlchemy, structlog and YAML come when a command runs."""
    program = "import gateway.cli, sys; print(*({'pydantic', 'sqlalchemy', 'structlog', 'yaml'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\n"


# The database


def test_migrate_makes_the_database_and_may_be_repeated(shop: Path) -> None:
    first = onevoice("migrate", "--config", shop)
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.startswith("the database is at schema 00")
    again = onevoice("migrate", "--json", "--config", shop)
    assert json.loads(again.stdout)["revision"] == first.stdout.split()[-1]


def test_a_database_that_cannot_be_reached_is_3(shop: Path) -> None:
    shop.write_text(
        shop.read_text().replace(
            f'database: "sqlite:///{shop.parent}/onevoice.db"',
            'secret: sixteen-letters-or-more, database: "postgresql://user:hunter2@127.0.0.1:1/shop"',
        )
    )
    for words in (["migrate"], ["deadletters", "list"], ["quarantine", "list"]):
        result = onevoice(*words, "--config", shop)
        assert result.exit_code == 3, result.output
        assert result.stderr.startswith("gateway.database: the database cannot be used: ")
        assert result.stderr.count("\n") == 1
        assert "hunter2" not in result.stderr


def test_a_database_that_is_not_there_is_not_made_by_looking(shop: Path) -> None:
    result = onevoice("deadletters", "list", "--config", shop)
    assert result.exit_code == 3
    assert result.stderr == (
        f"gateway.database: there is no file {shop.parent}/onevoice.db yet; onevoice migrate makes it\n"
    )
    assert not (shop.parent / "onevoice.db").exists()


def test_a_database_that_was_never_migrated_says_so(shop: Path) -> None:
    (shop.parent / "onevoice.db").touch()
    result = onevoice("explain", "--config", shop, 1)
    assert result.exit_code == 3
    assert result.stderr == "gateway.database: it has no schema yet; run onevoice migrate\n"


def test_an_unknown_contact_is_named_once(used: Path) -> None:
    stranger = UUID(int=0xC)
    result = onevoice("contacts", "unmerge", stranger, "--config", used)
    assert result.stderr == f"there is no contact {stranger.hex}; `onevoice contacts find` lists ids.\n"


def test_d3_dead_letters_are_listed_shown_retried_and_discarded(used: Path) -> None:
    listed = onevoice("deadletters", "list", "--config", used)
    assert listed.stdout.splitlines() == [
        f"{FAILED}  1970-01-01T00:00:01+00:00  #7  tg 42  failed: chat not found",
        f"{DEAD}  1970-01-01T00:00:00+00:00  #7  tg 42  dead: chat not found",
    ]
    shown = json.loads(onevoice("deadletters", "show", "--json", "--config", used, DEAD).stdout)
    assert (shown["text"], shown["attempts"], shown["conversation"]) == ("On its way.", 3, 7)
    assert "text: On its way." in onevoice("deadletters", "show", "--config", used, DEAD).stdout

    retried = onevoice("deadletters", "retry", "--config", used, FAILED, UUID(int=99))
    assert retried.exit_code == 1
    assert retried.stdout == f"{FAILED} will be sent again\n"
    assert (
        retried.stderr
        == f"{UUID(int=99)} is not the id of an undelivered message, or was taken back; see onevoice deadletters list\n"
    )

    known = onevoice("deadletters", "sent", "--config", used, DEAD)
    assert known.stderr == f"the outcome of {DEAD} is not unknown; see onevoice deadletters list\n"
    discarded = onevoice("deadletters", "discard", "--config", used, "--reason", "left the shop", DEAD)
    assert discarded.exit_code == 0
    assert onevoice("deadletters", "discard", "--config", used, "--reason", "again", FAILED).exit_code == 1
    left = json.loads(onevoice("deadletters", "list", "--json", "--config", used).stdout)
    assert [(each["id"], each["error"]) for each in left] == [(str(DEAD), "discarded: left the shop")]


def test_db3_beside_a_running_node_one_may_look_but_not_touch(used: Path) -> None:
    lock = FileLock(used.parent / "onevoice.db.lock")
    assert onevoice("deadletters", "list", "--config", used).exit_code == 0
    assert onevoice("quarantine", "list", "--config", used).exit_code == 0
    result = onevoice("deadletters", "retry", "--config", used, DEAD)
    lock.release()
    if sqlite(sqlite_version_info).level is Level.OK:
        assert result.exit_code == 0
    else:
        assert result.exit_code == 3
        assert "another onevoice process uses this database; stop it first" in result.stderr
        assert onevoice("deadletters", "retry", "--config", used, DEAD).exit_code == 0


def test_d2_what_did_not_come_by_mail_is_not_said_to_be_read_again(used: Path) -> None:
    url = f"sqlite:///{used.parent}/onevoice.db"

    async def put() -> UUID | None:
        database = Database(url)
        arrival = Arrival(key="2", raw=b"{odd")
        receipt = await database.transact(intake.quarantine, "tg", arrival, "not JSON")
        database.close()
        return receipt.message

    item = asyncio.run(put())
    refused = onevoice("quarantine", "replay", "--config", used, item)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"{item} came by tg: only mails can be read again")
    assert f"{item}" in onevoice("quarantine", "list", "--config", used).stdout


def test_d2_the_quarantine_is_listed_shown_and_replayed(used: Path) -> None:
    (item,) = json.loads(onevoice("quarantine", "list", "--json", "--config", used).stdout)
    assert (item["channel"], item["size"], item["error"]) == ("mail", 4, "too odd")
    assert f"{item['id']}  " in onevoice("quarantine", "list", "--config", used).stdout
    shown = onevoice("quarantine", "show", "--config", used, item["id"])
    assert (shown.stdout, shown.stderr) == ("odd:", "too odd\n")

    replayed = onevoice("quarantine", "replay", "--config", used, item["id"])
    assert replayed.stdout == f"{item['id']} will be read again\n"
    assert onevoice("quarantine", "list", "--config", used).stdout == "the quarantine is empty\n"
    again = onevoice("quarantine", "replay", "--config", used, item["id"])
    assert (again.exit_code, again.stderr) == (1, f"{item['id']} is not in quarantine; see onevoice quarantine list\n")


def test_a_wrong_configuration_stops_every_command(shop: Path) -> None:
    shop.write_text(shop.read_text() + "more: 1\n")
    for words in (["migrate"], ["deadletters", "list"], ["quarantine", "list"]):
        result = onevoice(*words, "--config", shop)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"{shop}:10: more: unknown key")
