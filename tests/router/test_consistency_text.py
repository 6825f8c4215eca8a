"""`norm` (4.0): what it makes of a text, the way back to the original, and what is quoted."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.consistency.numerals import number
from router.consistency.scripts import table_version
from router.consistency.text import Haystack, normalise, without_quotes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("您好，請問什麼時候發貨？", "您好,请问什么时候发货?"),
        ("ＡＢＣ１２３", "abc123"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("  a \t b\u00a0\u00a0c  ", "a b c"),
        ("a \n\n\r\n b", "a\nb"),
        ("ﾊﾞｽ", "バス"),
        ("e\u0301", "é"),
        ("I’ll", "i'll"),
        ("3–5", "3-5"),
        ("Straße", "strasse"),
        ("￥５９", "¥59"),
        ("①", "1"),
        ("", ""),
    ],
)
def test_norm_folds_width_script_case_and_spaces(text: str, expected: str) -> None:
    assert normalise(text).text == expected


@given(st.text(alphabet="abZ發发ＡＢ１，。！ \n\t\u200bé’「」가ﾊﾞe\u0301", max_size=60))
def test_norm_of_a_normalised_text_changes_nothing(text: str) -> None:
    normal = normalise(text)

    assert normalise(normal.text).text == normal.text


@given(st.text(max_size=80))
def test_offsets_stay_inside_and_in_order(text: str) -> None:
    normal = normalise(text)

    assert len(normal.starts) == len(normal.ends) == len(normal.text)
    assert all(0 <= start < end <= len(text) for start, end in zip(normal.starts, normal.ends, strict=True))
    assert list(normal.starts) == sorted(normal.starts)


@given(st.text(alphabet="ab発發。 \n\u200bﾊﾞ", max_size=30), st.integers(0, 30), st.integers(0, 30))
@example("a \u200bﾞ", 1, 3)
def test_a_span_of_the_original_normalises_to_the_span_it_came_from(text: str, first: int, second: int) -> None:
    normal = normalise(text)
    start, end = sorted((min(first, len(normal.text)), min(second, len(normal.text))))
    low, high = normal.original(start, end)

    assert normal.text[start:end].strip() in normalise(text[low:high]).text


@given(st.text(max_size=60))
def test_byte_offsets_lead_back_to_characters_in_any_order(text: str) -> None:
    hay = Haystack(text)
    borders = [len(text[:index].encode("utf-8", "surrogatepass")) for index in range(len(text) + 1)]

    assert [hay.char(border) for border in borders] == list(range(len(text) + 1))
    assert [hay.char(border) for border in reversed(borders)] == list(reversed(range(len(text) + 1)))


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("> 客户: 你们说24小时内回复\n您好", "\n您好"),
        ("您说的“滚”不合适", "您说的 不合适"),
        ("「七天」和『八天』不同", " 和 不同"),
        ("Hello\nOn Mon, Anna wrote:\n> old\nmore old", "hello\n "),
        ("好的\n在 2026年3月9日,Anna写道:\n旧内容", "好的\n "),
        ("Hi\n-----Original Message-----\nold", "hi\n "),
        ("Hi\nFrom: a@x.com\nTo: b@x.com\nold", "hi\n "),
        ("a “not closed", "a “not closed"),
        ("on my way", "on my way"),
    ],
)
def test_what_others_said_is_taken_out(text: str, own: str) -> None:
    assert without_quotes(normalise(text)).text == own


def test_spans_after_a_quotation_still_point_into_the_original() -> None:
    text = "您说的“七天”不對,是十五天"
    normal = without_quotes(normalise(text))
    start = normal.text.index("不对")

    assert text[slice(*normal.original(start, start + 2))] == "不對"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十五", 15), ("二十", 20), ("一百二十", 120), ("两", 2), ("两三", 3), ("二〇二六", 2026), ("半", 0.5),
        ("三千五百", 3500), ("1,200", 1200), ("1.5", 1.5), ("twenty-four", 24), ("a couple of", 2), ("x", None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, value: float | None) -> None:
    found = number(text)

    assert (None if found is None else float(found)) == value


def test_the_script_table_has_a_version_to_store_with_decisions() -> None:
    assert table_version().startswith("opencc-ts-")
