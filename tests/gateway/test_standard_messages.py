"""`messages.yaml`: what is wrong in it is told with file, line and what to do."""

from pathlib import Path

import pytest

from gateway.standards import StandardsError, load_standards, shipped
from router.standard_messages import FIELDS, Kind
from tests.router.shipped_standards import standards

SHIPPED = (shipped() / "messages.yaml").read_text(encoding="utf-8")


def told(folder: Path, old: str, new: str) -> str:
    """The one mistake after a change, without its folder."""
    assert old in SHIPPED
    (folder / "messages.yaml").write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StandardsError) as caught:
        load_standards(folder)
    (mistake,) = caught.value.mistakes
    return str(mistake).removeprefix(f"{folder}/")


def line(text: str) -> int:
    return SHIPPED[: SHIPPED.index(text)].count("\n") + 1


def test_every_kind_is_there_in_chinese_and_english() -> None:
    messages = standards().messages

    assert set(messages.texts) == set(Kind)
    for texts in messages.texts.values():
        assert set(texts) == {"zh-CN", "zh-TW", "en"}


def test_a_field_that_does_not_exist_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    text = "Hello, we have received your message (number {number}). A"

    mistake = told(tmp_path, text, text.replace("{number}", "{numbre}"))

    place = f"messages.yaml:{line(text)}: messages.receipt.en.text"
    assert mistake == f"{place}: there is no field {{numbre}}; did you mean {{number}}?"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{weekday}({month}{day}日){time} 起恢复", "{order}起恢复", f"the fields are {', '.join(FIELDS)}"),
        ("(our time)", "{", "braces that do not match"),
        ("[Monday, Tuesday, ", "[Monday, ", "must have 7 names, has 6"),
        ("  waiting:", "  wating:", "unknown key; did you mean waiting?"),
        ("'All our colleagues", "'" + "x" * 1000 + "All our colleagues", "at most 1000"),
        ("at {time} (our time)", "at {time:>9} (our time)", "there is no field {time}"),
        ("'Hello {customer},'", "'Hello {custmer},'", "mail_greeting.en[0]: there is no field {custmer}; did you mean"),
        ("en: '{agent}'", "en: '{time}'", "mail_signature.en: there is no field {time}"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in told(tmp_path, old, new)


def test_a_weekday_needs_its_names(tmp_path: Path) -> None:
    names = "    en: [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday]\n"

    assert "{weekday} is in the text for en, but weekdays has no en" in told(tmp_path, names, "")


def test_every_kind_needs_the_default_language(tmp_path: Path) -> None:
    (tmp_path / "messages.yaml").write_text(SHIPPED.replace("default: en", "default: fr"), encoding="utf-8")
    with pytest.raises(StandardsError) as caught:
        load_standards(tmp_path)

    sentences = [each.sentence for each in caught.value.mistakes]
    assert sentences == ["fr is missing: it stands for every language without a text of its own"] * 3


def test_a_shop_may_leave_a_kind_out_and_add_a_language(tmp_path: Path) -> None:
    content = """
messages:
  version: 2
  default: de
  receipt:
    de: {text: 'Ihre Nachricht {number} ist da.'}
"""
    (tmp_path / "messages.yaml").write_text(content, encoding="utf-8")
    messages = load_standards(tmp_path).messages

    assert messages.version == 2
    assert list(messages.texts) == [Kind.RECEIPT]
    assert messages.tag(Kind.RECEIPT, "Where is it?", None) == "de"


def test_what_stands_around_a_mail_is_one_text_or_several_and_may_be_empty(tmp_path: Path) -> None:
    content = SHIPPED.replace("en: Kind regards,", "en: ''").replace(
        "en: '{agent}'", "en: ['{agent} of {shop}', '{agent}']"
    )
    (tmp_path / "messages.yaml").write_text(content, encoding="utf-8")

    messages = load_standards(tmp_path).messages

    assert messages.mail_greeting["en"] == ("Hello {customer},", "Hello,")
    assert messages.mail_closing["en"] == ()
    assert messages.mail_signature["en"] == ("{agent} of {shop}", "{agent}")
    assert (
        {*messages.mail_greeting} == {*messages.mail_closing} == {*messages.mail_signature} == {"zh-CN", "zh-TW", "en"}
    )
