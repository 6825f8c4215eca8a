"""The standards files: read, checked with their own examples, refused with file and line."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.standards import CHECKS, FILES, StandardsError, load_standards, shipped
from router.consistency.findings import Level
from router.consistency.text import normalise
from tests.router.shipped_standards import standards


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(shipped() / f"{name}.yaml", tmp_path)
    return tmp_path


def change(folder: Path, name: str, old: str, new: str) -> int:
    """The line the change is on."""
    path = folder / f"{name}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def refused(folder: Path) -> list[str]:
    with pytest.raises(StandardsError) as caught:
        load_standards(folder)
    return [str(each) for each in caught.value.mistakes]


def test_the_shipped_standards_are_right_and_complete() -> None:
    shipped_ones = standards()

    assert set(shipped_ones.checks) == set(CHECKS)
    assert shipped_ones.version.startswith("sha256:")
    for rule in [*shipped_ones.checks.values(), *(each.rule for each in shipped_ones.wording.rules)]:
        assert rule.message.zh, rule.id
        assert rule.message.en, rule.id


def test_a_file_that_is_missing_is_the_shipped_one(tmp_path: Path) -> None:
    assert load_standards(tmp_path).version == standards().version


def test_a_shop_changes_a_level_without_touching_code(folder: Path) -> None:
    change(folder, "checks", "LANG: {version: 1, level: warn", "LANG: {version: 2, level: log")
    changed = load_standards(folder)
    rule = changed.checks["LANG"]

    assert changed.version != standards().version
    assert (rule.version, rule.level, rule.levels["bot"]) == (2, Level.LOG, Level.BLOCK)


@pytest.mark.parametrize("since", ["2026-11-20", "'2026-11-20'", "'2026-11-20T08:00:00+08:00'"])
def test_a_rule_says_since_when_it_exists(folder: Path, since: str) -> None:
    change(folder, "checks", "LANG: {version: 1,", f"LANG: {{version: 1, since: {since},")
    assert load_standards(folder).rules["LANG"].since == datetime(2026, 11, 20, tzinfo=UTC)
    assert load_standards(folder).rules["W-PII"].since is None


def test_a_day_that_is_none_is_refused(folder: Path) -> None:
    line = change(folder, "checks", "LANG: {version: 1,", "LANG: {version: 1, since: friday,")
    assert refused(folder) == [
        f"{folder}/checks.yaml:{line}: checks.LANG.since: must be an ISO date or an instant with its zone, in quotes"
    ]


def test_a_pattern_whose_positive_example_fails_is_refused_with_file_and_line(folder: Path) -> None:
    line = change(folder, "wording", "yes: ['你是白痴吗', '闭嘴']", "yes: ['您真好']")

    (mistake,) = refused(folder)
    assert mistake.startswith(f"{folder}/wording.yaml:{line}: wording.rules[0].patterns[0].yes: '您真好' must be found")


def test_a_found_negative_a_missing_example_and_bad_syntax_are_refused(folder: Path) -> None:
    line = change(folder, "wording", "no: ['傻瓜式操作', '傻瓜相机']", "no: ['你傻吗']")
    change(folder, "orders", ", yes: ['US-20260301-77'], no: ['A-1']", ", no: []")
    change(folder, "promises", "match: '维修|修理", "match: '(?<=a)维修|修理")

    told = "\n".join(refused(folder))
    assert f"wording.yaml:{line}: wording.rules[0].patterns[1].no: '你傻吗' must not be found" in told
    assert "orders.patterns[1]: yes is missing" in told
    assert "RE2 does not read" in told


def test_every_mistake_of_every_file_is_told_at_once(folder: Path) -> None:
    change(folder, "checks", "W-SHOUT: {version: 1, level: log", "W-SHOUT: {version: 1, level: loud")
    change(folder, "contacts", "region: CN", "regoin: CN")
    change(folder, "facts", "- {key: warranty.months, value: 12}", "- {key: waranty.months, value: 12}")
    change(folder, "promises", "email: 4h}", "email: soon}")

    told = "\n".join(refused(folder))
    assert "must be one of off, shadow, log, warn, block" in told
    assert "unknown key; did you mean region?" in told
    assert "no rule above has this key" in told
    assert "must be a duration like 10s, 5m, 2h or 3d" in told


def test_two_facts_that_could_both_hold_are_refused(folder: Path) -> None:
    entry = "- {key: warranty.months, value: 12}"
    change(folder, "facts", entry, f"{entry}\n    - {{key: warranty.months, value: 24}}")

    (mistake,) = refused(folder)
    assert "12 and 24 could both be in force" in mistake


def test_facts_may_have_a_scope_and_a_time(folder: Path) -> None:
    entry = "- {key: warranty.months, value: 12}"
    scoped = "- {key: warranty.months, value: 24, scope: {category: phone}, valid_from: '2026-01-01'}"
    change(folder, "facts", entry, f"{entry}\n    {scoped}")
    values = [fact for fact in load_standards(folder).facts.values if fact.key == "warranty.months"]

    assert [(fact.value, dict(fact.scope)) for fact in values] == [("12", {}), ("24", {"category": "phone"})]
    assert values[1].valid_from is not None


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "topics.yaml").write_text("topics: [", "utf-8")
    (folder / "formats.yaml").write_text("form: {}", "utf-8")

    told = "\n".join(refused(folder))
    assert "topics.yaml:1: not valid YAML" in told
    assert "the section formats: is missing" in told


def test_a_new_rule_in_traditional_script_finds_both(folder: Path) -> None:
    rule = """
    - id: W-OURS
      version: 1
      level: shadow
      message: {zh: 试, en: trial}
      patterns:
        - {match: '沒現貨', yes: ['没现货'], no: ['有现货']}
"""
    change(folder, "wording", "\n# What a reply must have", f"{rule}\n# What a reply must have")
    ours = load_standards(folder).wording.rules[-1]

    assert (ours.rule.id, ours.rule.level) == ("W-OURS", Level.SHADOW)
    assert ours.patterns[0].found(normalise("這款沒現貨"))
