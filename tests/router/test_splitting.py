"""Splitting (X7, X8): every part fits, is valid by itself, and together they say what the whole said."""

import time

import pytest
import regex  # type: ignore[import-untyped]  # its stubs are a package of their own
from hypothesis import given, settings
from hypothesis import strategies as st

from router.richtext import (
    Block,
    Break,
    Inline,
    ListBlock,
    Mention,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
    of_text,
    plain,
)
from router.splitting import SMALLEST, measure, split
from tests.router.richtexts import BLOCKS, RICH_TEXTS, TEXTS

UNITS = st.sampled_from(["utf16", "utf8", "chars"])


def letters(text: RichText) -> str:
    """What is written, without white space and without the marks of quotes and lists."""
    return "".join("".join(_leaves(text.blocks)).split())


def _leaves(blocks: tuple[Block, ...]) -> list[str]:
    found: list[str] = []
    for block in blocks:
        match block:
            case Paragraph():
                found.append(plain(RichText((block,))))
            case Pre(text):
                found.append(text)
            case Quote(inner):
                found += _leaves(inner)
            case ListBlock(items):
                for item in items:
                    found += _leaves(item)
    return found


@given(RICH_TEXTS, st.integers(64, 200), UNITS)
@settings(max_examples=40)
def test_x8_every_part_fits_and_together_they_say_the_same(text: RichText, limit: int, unit: str) -> None:
    parts = split(text, limit, unit)
    assert all(measure(plain(part), unit) <= limit for part in parts)
    assert "".join(letters(part) for part in parts) == letters(text)
    assert parts == split(text, limit, unit)


@given(TEXTS.filter(lambda text: bool(text.strip())), st.integers(40, 90), UNITS)
@settings(max_examples=40)
def test_x8_no_part_begins_inside_a_grapheme_cluster(text: str, limit: int, unit: str) -> None:
    whole = text * 3
    clusters = regex.findall(r"\X", whole)
    if any(measure(cluster, unit) > limit for cluster in clusters):
        return
    parts = [plain(part) for part in split(RichText((Paragraph((Span(whole),)),)), limit, unit)]
    kept = [cluster for part in parts for cluster in regex.findall(r"\X", part)]
    assert [each for each in kept if each.strip()] == [each for each in clusters if each.strip()]


@given(BLOCKS, UNITS)
@settings(max_examples=50)
def test_the_smallest_limit_still_ends_with_parts_that_fit(block: Block, unit: str) -> None:
    text = RichText((block,))
    parts = split(text, SMALLEST, unit)
    assert all(measure(plain(part), unit) <= SMALLEST for part in parts)


@given(RICH_TEXTS)
@settings(max_examples=40)
def test_a_text_that_fits_is_not_touched(text: RichText) -> None:
    size = measure(plain(text), "utf8")
    (part,) = split(text, max(size, SMALLEST), "utf8")
    assert part is text


def test_paragraphs_are_preferred_to_lines_and_lines_to_words() -> None:
    text = of_text("one two three\nfour five six\n\nseven eight nine ten")
    assert [plain(part) for part in split(text, 32, "chars")] == [
        "one two three\nfour five six",
        "seven eight nine ten",
    ]
    assert [plain(part) for part in split(text, 20, "chars")] == [
        "one two three",
        "four five six",
        "seven eight nine ten",
    ]
    assert [plain(part) for part in split(of_text("one two three four"), 16, "chars")] == ["one two three ", "four"]


def test_chinese_is_cut_after_its_punctuation() -> None:
    text = of_text("您好，您的包裹已经发出。请您耐心等待两三天，谢谢您")
    assert [plain(part) for part in split(text, 20, "chars")] == [
        "您好，您的包裹已经发出。",
        "请您耐心等待两三天，谢谢您",
    ]


def test_a_word_longer_than_a_part_is_cut_between_characters() -> None:
    parts = split(of_text("退" * 50), 20, "utf16")
    assert [len(plain(part)) for part in parts] == [20, 20, 10]


def test_a_family_emoji_is_never_taken_apart() -> None:
    family = "👩‍👩‍👧‍👦"  # 25 bytes in UTF-8, 11 units in UTF-16
    assert [plain(part) for part in split(of_text(family * 5), 60, "utf8")] == [family * 2, family * 2, family]
    assert [plain(part) for part in split(of_text(family * 5), 24, "utf16")] == [family * 2, family * 2, family]


def test_a_combining_mark_in_the_next_span_stays_with_its_letter() -> None:
    text = RichText((Paragraph((Span("a" * 19 + "e"), Span("\u0301" + "b" * 10, Style.BOLD))),))
    first, second = split(text, 20, "chars")
    assert plain(first) == "a" * 19
    assert plain(second) == "e\u0301" + "b" * 10


def test_code_is_cut_at_lines_into_code_blocks_of_the_same_language() -> None:
    text = RichText((Pre("first = 1\nsecond = 2\nthird = 3", "python"),))
    assert split(text, 20, "chars") == (
        RichText((Pre("first = 1", "python"),)),
        RichText((Pre("second = 2\nthird = 3", "python"),)),
    )


def test_a_quote_is_cut_into_quotes() -> None:
    text = RichText((Quote((Paragraph((Span("one two three"), Break(), Span("four five six"))),)),))
    assert [plain(part) for part in split(text, 20, "chars")] == ["> one two three", "> four five six"]


def test_list_items_keep_their_numbers() -> None:
    items = tuple((Paragraph((Span(f"item number {number}"),)),) for number in range(1, 5))
    parts = split(RichText((ListBlock(items, ordered=True),)), 40, "chars")
    assert [plain(part) for part in parts] == [
        "1. item number 1\n2. item number 2",
        "3. item number 3\n4. item number 4",
    ]


def test_an_item_that_is_cut_goes_on_without_a_second_mark() -> None:
    items: tuple[tuple[Block, ...], ...] = (
        (Paragraph((Span("a long item that goes on"),)),),
        (Paragraph((Span("next"),)),),
    )
    parts = split(RichText((ListBlock(items, ordered=True),)), 20, "chars")
    assert [plain(part) for part in parts] == ["1. a long item that ", "goes on\n\n2. next"]


def test_a_link_stays_whole_in_one_part() -> None:
    link = Span("the parcel", link="https://x.example/1")
    text = RichText((Paragraph((Span("You can follow it here: "), link, Span(" at any time."))),))
    parts = split(text, 64, "chars")
    assert [link in part.blocks[0].children for part in parts if isinstance(part.blocks[0], Paragraph)] == [True, False]


def test_what_cannot_fit_a_part_becomes_text_and_is_not_lost() -> None:
    inlines: tuple[Inline, ...] = (Span("here", link="https://x.example/" + "y" * 60), Mention("Z" * 40))
    text = RichText((Paragraph(inlines),))
    parts = split(text, 32, "chars")
    assert "".join(plain(part) for part in parts) == plain(text)


def test_parts_of_white_space_alone_are_not_sent() -> None:
    parts = split(of_text("a" + " " * 100 + "b"), 20, "chars")
    assert [plain(part).strip() for part in parts] == ["a", "b"]


@pytest.mark.parametrize(("limit", "unit"), [(SMALLEST - 1, "chars"), (4096, "octets")])
def test_a_limit_or_unit_without_sense_is_refused(limit: int, unit: str) -> None:
    with pytest.raises(ValueError, match=r"limit|unit"):
        split(of_text("a" * 5000), limit, unit)


def test_z13_64_kilobytes_are_cut_within_a_second() -> None:
    for text in ("x" * 65_536, "你" * 65_536, "e\u0301" * 32_768, "a " * 32_768, "\n" * 65_536, "> " * 20_000):
        began = time.process_time()
        assert all(measure(plain(part), "utf16") <= 4096 for part in split(of_text(text), 4096, "utf16"))
        assert time.process_time() - began < 1.0
