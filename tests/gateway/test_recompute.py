"""`onevoice recompute` on a real store: it asks for policies in force, says what it did, and is on record."""

import json
import os
import pwd
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from gateway import clock as wall
from storage import audit
from storage.database import Database
from storage.schema import migrate
from tests.gateway.looking_back import DAY, SHOP, YESTERDAY, in_force, loosened, on, onevoice
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, answered, asked


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


def test_explain_tells_how_a_deadline_was_computed_and_what_was_said_before(shop: Path) -> None:
    run(loosened(shop))

    said = onevoice("explain", "--config", shop, 1).stdout
    assert said[said.index("Deadlines") :].splitlines() == [
        "Deadlines",
        f"  {DAY} 10:00:00 to {DAY} 10:05:00, first on tg: answered, met",
        (
            f"    The first answer is due {DAY} 10:10 (UTC), counted from {DAY} 10:00. "
            "Policy chat, version 2, promises it within 10 min of opening hours. "
            f"Calendar ALWAYS, version 2, counts {DAY} 10:00–10:10."
        ),
        f"    warnings: 50 % at {DAY} 10:05:00, 75 % at {DAY} 10:07:30, 90 % at {DAY} 10:09:00",
        "    judged again: it was breached by policy chat, version 1",
    ]
    (stored,) = json.loads(onevoice("explain", "--config", shop, "--json", 1).stdout)["deadlines"]
    assert (stored["policy"], stored["policy_version"], stored["calendar"]) == ("chat", 2, "ALWAYS")
    assert (stored["start_at"], stored["deadline"]) == (f"{DAY}T10:00:00Z", f"{DAY}T10:10:00Z")
    assert stored["target"] == {"seconds": 600, "clock": "business"}
    assert "首次回复最迟" in stored["text"]["zh"]
    assert stored["superseded"] == [{"revision": 1, "sla": "breached", "policy": "chat", "policy_version": 1}]


def test_explain_names_the_breach_and_whose_it_is(shop: Path) -> None:
    said = onevoice("explain", "--config", shop, 1).stdout

    assert f"first on tg: answered, breached at {DAY} 10:01:00\n" in said
