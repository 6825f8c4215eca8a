"""`onevoice recompute` on a real store: it asks for policies in force, says what it did, and is on record."""

import asyncio
import json
import os
import pwd
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from gateway import clock as wall
from gateway.cli import cli
from gateway.config import load
from gateway.policies import with_policies
from gateway.settings import to_rulebook
from router.model import Capabilities
from router.rulebook import Rulebook
from storage import audit
from storage.database import Database
from storage.schema import migrate
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, answered, asked

SHOP = """\
gateway: {database: "sqlite:///%s"}
channels:
  - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
  - {id: tg, type: telegram, token: "7:AA"}
agents:
  - {id: alice, name: Alice, slack: U0ALICE}
routes:
  - {id: default, desk: {channel: desk, slack: "#support"}}
calendars:
  ALWAYS: {always: true}
policies:
  - {id: chat, calendar: ALWAYS, first: {seconds: 60}}
"""
T = TypeVar("T")
YESTERDAY = (wall.now() - timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
DAY = YESTERDAY.date().isoformat()


def onevoice(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def on(path: Path, work: Callable[[Database], Awaitable[T]], now: Callable[[], datetime] | None = None) -> T:
    async def once() -> T:
        database = Database(load(path, {}).gateway.database, clock=now)
        try:
            return await work(database)
        finally:
            database.close()

    return asyncio.run(once())


async def in_force(database: Database, path: Path) -> Rulebook:
    """What a node does at its start and at SIGHUP."""
    settings = load(path, {})
    rules = to_rulebook(settings, {each.id: Capabilities() for each in settings.channels})
    return await with_policies(rules, settings, database, lambda touched: None)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop where somebody was answered yesterday after five minutes instead of one."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP % (tmp_path / "onevoice.db"))
    migrate(f"sqlite:///{tmp_path / 'onevoice.db'}")
    clock = MovingClock(YESTERDAY)

    async def late(database: Database) -> None:
        rules = await in_force(database, path)
        conversation = await asked(database, rules, question(channel="tg"))
        clock.at(5, YESTERDAY)
        await answered(database, rules, conversation)

    on(path, late, clock)
    return path


def loosened(shop: Path) -> Path:
    """The promise is ten minutes from now on, and the nodes know."""
    shop.write_text(shop.read_text().replace("{seconds: 60}", "{seconds: 600}"))
    on(shop, lambda database: in_force(database, shop))
    return shop


def attainment(shop: Path) -> object:
    report = onevoice("report", "response", "--config", shop, "--format", "json")
    return json.loads(report.stdout)["groups"][0]["attainment"]


def run(shop: Path, *words: object) -> Result:
    return onevoice("recompute", "--config", shop, "--from", DAY, "--to", DAY, *words)


def test_d30_a_policy_edit_alone_changes_no_closed_round_and_recompute_does_once(shop: Path) -> None:
    assert attainment(loosened(shop)) == 0

    first = run(shop, "--reason", "the promise was wrong")
    assert (first.exit_code, first.stdout) == (
        0,
        "1 rounds looked at, 1 were judged otherwise, 1 of them with another verdict\n",
    )
    assert first.stderr == "1 of 1 rounds\n"
    assert attainment(shop) == 1

    second = run(shop, "--json")
    assert json.loads(second.stdout) == {
        "from": DAY, "to": DAY, "tz": "UTC", "channel": None, "rounds": 1, "changed": 0, "verdicts": 0,
        "dry_run": False, "reason": "",
    }  # fmt: skip


def test_it_is_on_record_who_did_it_why_and_what_it_changed(shop: Path) -> None:
    run(loosened(shop), "--reason", "the promise was wrong", "--channel", "tg")

    (entry,) = on(shop, lambda database: database.read(audit.latest, 5))
    assert (entry.actor, entry.action, entry.reason) == (
        f"os:{pwd.getpwuid(os.getuid()).pw_name}",
        "recompute",
        "the promise was wrong",
    )
    assert entry.details == {
        "from": DAY, "to": DAY, "tz": "UTC", "channel": "tg", "rounds": 1, "changed": 1, "verdicts": 1,
    }  # fmt: skip
    assert abs(entry.at - wall.now()) < timedelta(minutes=5)


def test_a_dry_run_leaves_no_trace(shop: Path) -> None:
    result = run(loosened(shop), "--dry-run")

    assert "1 would be judged otherwise" in result.stdout
    assert attainment(shop) == 0
    assert on(shop, lambda database: database.read(audit.latest, 5)) == []


def test_a_policy_that_no_node_has_read_yet_is_refused(shop: Path) -> None:
    shop.write_text(shop.read_text().replace("{seconds: 60}", "{seconds: 600}"))

    result = run(shop)
    assert result.exit_code == 1
    assert result.stderr.startswith("policy chat of the configuration is not in force yet: reload")
    assert attainment(shop) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--channel", "tgg"), "there is no channel tgg; there are desk, tg"),
        (("--tz", "Asia/Peking"), "Asia/Peking is no time zone"),
        (("--to", "2020-01-01"), "2020-01-01 is before"),
    ],
)
def test_a_span_that_makes_no_sense_is_wrong_usage(shop: Path, words: tuple[str, ...], sentence: str) -> None:
    result = run(shop, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
