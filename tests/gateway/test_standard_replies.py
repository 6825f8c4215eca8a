"""`replies.yaml`: what is wrong in it is told with file, line and what to do."""

from pathlib import Path

import pytest

from gateway.standards import StandardsError, load_standards, shipped

SHIPPED = (shipped() / "replies.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("{agent}。", "{agnet}。", "replies.items[0].texts.zh-CN", "there is no field {agnet}; did you mean {agent}?"),
        ("{agent} of", "{agent!r} of", "replies.items[0].texts.en", "there is no field {agent}"),
        ("- id: thanks", "- id: hello", "replies.items[4].id", "this reply is here twice; keep one"),
        ("- id: thanks", "- id: Thank you", "replies.items[4].id", "must be small letters"),
        ("en: our shop}", "de: Laden}", "replies.items[0].texts.en", "{shop} is in the text for en"),
        ("title: 感谢 / Thank you and goodbye", "title: ''", "replies.items[4].title", "must have 1 to 75 characters"),
        ("        en: 'Thank you", "        EN: 'Thank you", "replies.items[4].texts.EN", "did you mean en?"),
        ("      title: 感谢", "      label: 感谢", "replies.items[4]", "title is missing"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, old: str, new: str, where: str, said: str) -> None:
    if old == "{agent}。":
        old, new = "客服{agent},", "客服{agnet},"
    assert old in SHIPPED
    (tmp_path / "replies.yaml").write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StandardsError) as raised:
        load_standards(tmp_path)
    mistakes = [str(each) for each in raised.value.mistakes]
    assert any(f"{where}: " in each and said in each and "replies.yaml:" in each for each in mistakes), mistakes


def test_other_words_are_another_version_of_the_standards(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text(SHIPPED.replace("our shop", "Lamps & Co"), encoding="utf-8")
    changed = load_standards(tmp_path)
    assert changed.replies.shop["en"] == "Lamps & Co"
    assert changed.version != load_standards(shipped()).version
