"""The standards of a configuration: the shop's own in the place of the shipped ones, wrong ones refused with a line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.settings import packaged
from gateway.voices import voice_of

BASE = """
channels:
  - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1, signing_secret: s}
  - {id: tg, type: telegram, token: "1:t"}
agents: [{id: alice, name: Alice, slack: U0ALICE}]
routes: [{id: all, desk: {channel: desk, slack: "#support"}}]
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(more: str) -> Path:
        path = tmp_path / "onevoice.yaml"
        path.write_text(BASE + more, encoding="utf-8")
        return path

    return write


def shipped_wording() -> str:
    return packaged("standards/wording.yaml").read_text(encoding="utf-8")


def test_without_a_section_the_shipped_standards_judge(written: Callable[[str], Path]) -> None:
    voice = voice_of(load(written(""), {}))
    assert voice is not None
    assert any(rule.rule.id == "W-INSULT" for rule in voice.standards.wording.rules)
    assert str(voice.calendar.tz) == "Asia/Shanghai"


def test_checks_can_be_switched_off(written: Callable[[str], Path]) -> None:
    assert voice_of(load(written("checks: {mode: 'off'}"), {})) is None


def test_a_file_of_the_shop_takes_the_place_of_the_shipped_one(written: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "standards"
    folder.mkdir()
    (folder / "wording.yaml").write_text(shipped_wording().replace("W-INSULT", "W-RUDE"), encoding="utf-8")
    (folder / "calendars.yaml").write_text(packaged("standards/calendars.yaml").read_text(encoding="utf-8"))
    plain = voice_of(load(written(""), {}))
    voice = voice_of(load(written("standards: {include: standards/}"), {}))
    assert voice is not None
    assert plain is not None
    names = {rule.rule.id for rule in voice.standards.wording.rules}
    assert "W-RUDE" in names
    assert "W-INSULT" not in names
    assert voice.standards.facts.rules
    assert voice.standards.version != plain.standards.version


def test_a_wrong_standard_is_refused_with_its_file_and_line(written: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "standards"
    folder.mkdir()
    lines = shipped_wording().replace("level: block", "level: shout", 1)
    (folder / "wording.yaml").write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(written("standards: {include: standards/}"), {})
    line = next(number for number, text in enumerate(lines.splitlines(), 1) if "shout" in text)
    assert f"wording.yaml:{line}: standards.wording.rules[" in str(raised.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("standards: {wordings: {}}", "standards.wordings: unknown key"),
        ("promise_calendar: MOON", "promise_calendar: there is no calendar MOON"),
        ("checks: {lead_after_chat: 0s}", "checks.lead_after_chat"),
    ],
)
def test_what_does_not_fit_is_said(written: Callable[[str], Path], more: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence.replace(".", r"\.")):
        load(written(more), {})


def test_conditions_name_topics_of_the_shop(written: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "standards"
    folder.mkdir()
    topics = packaged("standards/topics.yaml").read_text(encoding="utf-8")
    (folder / "topics.yaml").write_text(topics.replace("- id: repair", "- id: workshop"), encoding="utf-8")
    more = "standards: {include: standards/}\npolicies: [{id: slow, when: {topic: TOPIC}}]"
    assert load(written(more.replace("TOPIC", "workshop")), {}).policies[0].when.topic == ("workshop",)
    with pytest.raises(ConfigError, match=r"when\.topic: there is no topic repair; topics here: .*, workshop,"):
        load(written(more.replace("TOPIC", "repair")), {})


def test_a_promise_calendar_of_the_shop_counts(written: Callable[[str], Path]) -> None:
    voice = voice_of(load(written("promise_calendar: US_STD"), {}))
    assert voice is not None
    assert "America" in str(voice.calendar.tz)
