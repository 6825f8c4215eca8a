"""`onevoice check-reply --past`: changed standards are tried on what agents wrote, before they hold anything."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import clock as wall
from gateway.standards import shipped
from storage import past_replies
from storage.database import Database, to_micros
from storage.schema import migrate
from tests.gateway.looking_back import SHOP, in_force, on, onevoice
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, asked, replied

START = wall.now().replace(microsecond=0) - timedelta(days=3)
OSLO = """\
    - id: W-OSLO
      version: 1
      level: warn
      message: {zh: '不寄奥斯陆', en: 'We do not speak of Oslo.'}
      patterns: [{match: 'oslo', yes: ['to Oslo'], no: ['to Paris']}]
"""
STRICT = "    - id: W-INSULT\n      version: 1\n      level: block\n"


def at(minutes: float) -> str:
    return f"{START + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop whose agents wrote four times in the last days, and once long before."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP % (tmp_path / "onevoice.db"))
    migrate(f"sqlite:///{tmp_path / 'onevoice.db'}")
    clock = MovingClock(START - timedelta(days=60))

    async def past(database: Database) -> None:
        rules = await in_force(database, path)
        conversation = await asked(database, rules, question("Where is my parcel?", channel="tg"))
        await replied(database, rules, conversation, "Hello, it is on its way to Oslo.")
        for minutes, text in enumerate(
            (
                "Hello, it is on its way to Oslo.",
                "Hello, don't be stupid.",
                "Hello, it is on its way.",
                "Hello, it will be in Oslo on Friday. Don't be stupid.",
            )
        ):
            clock.at(minutes, START)
            await replied(database, rules, conversation, text)

    on(path, past, clock)
    return path


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Standards that hold another word, and no insults any more."""
    folder = tmp_path / "changed"
    folder.mkdir()
    text = (shipped() / "wording.yaml").read_text(encoding="utf-8")
    assert STRICT in text
    text = text.replace(STRICT, STRICT.replace("block", "log")).replace("  rules:\n", f"  rules:\n{OSLO}", 1)
    (folder / "wording.yaml").write_text(text, encoding="utf-8")
    return folder


def test_it_lists_what_would_be_held_and_the_reverse_and_counts_by_rule(shop: Path, changed: Path) -> None:
    result = onevoice("check-reply", "--config", shop, "--past", 30, "--standards", changed)

    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            f"#1 {at(0)} alice would be held: W-OSLO",
            f"#1 {at(1)} alice would not be held any more: W-INSULT",
            "W-INSULT: holds 0 more, 2 fewer",
            "W-OSLO: holds 2 more, 0 fewer",
            "1 of 4 replies of the last 30 days would be held that were not, 1 would not be held any more",
        ],
    )
    assert result.stderr == "4 of 4 replies\n"


def test_json_has_the_findings_of_both(shop: Path, changed: Path) -> None:
    result = onevoice("check-reply", "--config", shop, "--past", 30, "--standards", changed, "--json")

    found = json.loads(result.stdout)
    assert [found[key] for key in ("days", "replies", "held", "released")] == [30, 4, 1, 1]
    assert found["rules"]["W-OSLO"] == {"more": 2, "fewer": 0}
    first = found["differences"][0]
    assert (first["conversation"], first["agent"], first["channel"], first["held"]) == (1, "alice", "tg", True)
    assert "W-OSLO" in {each["rule"] for each in first["after"]} - {each["rule"] for each in first["before"]}


def test_the_list_is_bounded_and_the_counts_are_not(shop: Path, changed: Path) -> None:
    result = onevoice("check-reply", "--config", shop, "--past", 90, "--standards", changed, "--limit", 1)

    lines = result.stdout.splitlines()
    assert lines[1] == "... and 2 more; --limit shows them"
    assert lines[-1].startswith("2 of 5 replies of the last 90 days")


def test_the_standards_in_force_hold_what_they_held(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "same"
    folder.mkdir()
    (folder / "wording.yaml").write_bytes((shipped() / "wording.yaml").read_bytes())
    result = onevoice("check-reply", "--config", shop, "--past", 30, "--standards", folder)

    assert result.stdout == (
        "0 of 4 replies of the last 30 days would be held that were not, 0 would not be held any more\n"
    )


def test_where_checks_are_off_nothing_is_held_now(shop: Path, changed: Path) -> None:
    shop.write_text(f"{shop.read_text()}checks: {{mode: off}}\n")
    result = onevoice("check-reply", "--config", shop, "--past", 30, "--standards", changed)

    assert "would not be held any more: " not in result.stdout
    assert f"#1 {at(0)} alice would be held: W-OSLO" in result.stdout


def test_a_mistake_in_the_folder_is_said_with_its_place(shop: Path, changed: Path) -> None:
    path = changed / "wording.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("yes: ['to Oslo']", "yes: ['to Rome']"), encoding="utf-8")
    result = onevoice("check-reply", "--config", shop, "--past", 30, "--standards", changed)

    assert result.exit_code == 2
    assert f"{path}:" in result.stderr
    assert "'to Rome' must be found by" in result.stderr


def test_wrong_usage_is_said_in_one_sentence(shop: Path, tmp_path: Path) -> None:
    alone = onevoice("check-reply", "--config", shop, "--past", 30)
    assert (alone.exit_code, "--past, --standards and --config go together" in alone.stderr) == (2, True)
    empty = onevoice("check-reply", "--config", shop, "--past", 30, "--standards", tmp_path)
    assert (empty.exit_code, "holds none of checks.yaml, " in empty.stderr) == (2, True)
    endless = onevoice("check-reply", "--config", shop, "--past", 9_999_999_999, "--standards", tmp_path)
    assert (endless.exit_code, "is not in the range" in endless.stderr) == (2, True)


def test_pages_join_without_a_gap_or_a_repetition(shop: Path) -> None:
    async def read(database: Database) -> list[str]:
        since, after, found = to_micros(START) - 1, past_replies.BEFORE_ALL, []
        while page := await database.read(past_replies.page, since, after, 3):
            found += [each.text for each in page]
            after = page[-1].message
        return found

    assert len(on(shop, read)) == len(set(on(shop, read))) == 4
