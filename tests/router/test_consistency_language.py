"""Languages by script (4.8), and what needs no reply (4.11)."""

import pytest

from router.consistency.findings import Level, Origin, Place
from router.consistency.language import Language, language, mismatch, of_tag
from router.consistency.thanks import ack_only
from tests.router.shipped_standards import standards


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ok", "unknown"),
        ("12345", "unknown"),
        ("A20260310001 https://shop.example/a/b", "unknown"),
        ("這", "unknown"),
        ("Hello there", "latin"),
        ("Wo ist mein Paket", "latin"),
        ("Please ship the 蓝色 one to my new address", "latin"),
        ("我要买 Sony WH-1000XM5", "zh-hans"),
        ("后天到", "zh-hans"),
        ("著名的品牌", "zh-hans"),
        ("訂單", "zh-hant"),
        ("我们的产品质量很好很耐用請放心", "zh-hans"),
        ("注文した商品はまだ届いていません", "ja"),
        ("배송 언제 되나요", "ko"),
        ("привет", "ru"),
    ],
)
def test_the_language_of_a_message(text: str, expected: str) -> None:
    assert language(text) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("zh-TW", "zh-hant"),
        ("zh_CN", "zh-hans"),
        ("zh-Hant", "zh-hant"),
        ("de", "latin"),
        ("ja-JP", "ja"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_language_of_a_record(tag: str | None, expected: str) -> None:
    assert of_tag(tag) == expected


def rules(text: str, customer: Language, setting: str | None = None, origin: Origin = Origin.AGENT) -> list[object]:
    found = mismatch(text, customer, setting, Place(origin=origin), standards().checks)
    return [(each.rule, each.level) for each in found]


def test_a_reply_speaks_the_customers_language_or_that_of_their_record() -> None:
    english = "Your parcel is on its way"

    assert rules(english, Language.LATIN) == []
    assert rules(english, Language.SIMPLIFIED) == [("LANG", Level.WARN)]
    assert rules(english, Language.SIMPLIFIED, origin=Origin.BOT) == [("LANG", Level.BLOCK)]
    assert rules(english, Language.SIMPLIFIED, "en") == []
    assert rules(english, Language.UNKNOWN) == []
    assert rules("ok", Language.SIMPLIFIED) == []
    assert rules("您的包裹已經寄出", Language.SIMPLIFIED) == [("LANG-SCRIPT", Level.LOG)]


@pytest.mark.parametrize(
    "text",
    [
        "好的",
        "OK, thanks a lot!",
        "收到,谢谢!麻烦了",
        "👍👍🏻",
        "好的❤️",
        "thank you very much",
        "知道了謝謝",
        "Thx",
        "perfect 👌",
    ],
)
def test_an_acknowledgement_needs_no_reply(text: str) -> None:
    assert ack_only(text, standards().thanks)
    assert not ack_only(text, standards().thanks, attachments=1)
    assert not ack_only(text, standards().thanks, last_is_ours=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "谢谢,再问一下",
        "好不好",
        "没收到",
        "ok?",
        "ok 2",
        "thanks, but where is it",
        "可以退款",
        "no",
        "谢" * 41,
        "yes",
    ],
)
def test_anything_more_is_a_message(text: str) -> None:
    assert not ack_only(text, standards().thanks)
