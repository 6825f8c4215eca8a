"""The tree: its stored form, its canonical form and its visible characters (F1, F2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.richtext import (
    EMPTY,
    Break,
    Emoji,
    FileRef,
    Json,
    ListBlock,
    Mention,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
    normalise,
    of_json,
    of_text,
    plain,
    to_json,
)
from tests.router.richtexts import RICH_TEXTS, TEXTS, UNLINKED


@given(RICH_TEXTS)
@settings(max_examples=40)
def test_of_json_is_the_inverse_of_to_json(text: RichText) -> None:
    assert of_json(to_json(text)) == text


def test_the_numbers_of_a_list_that_goes_on_are_stored() -> None:
    text = RichText((ListBlock(((Paragraph((Span("c"),)),),), ordered=True, start=3),))
    assert to_json(text) == [["ol", 3, ["c"]]]
    assert of_json(to_json(text)) == text
    assert plain(text) == "3. c"


@given(RICH_TEXTS)
@settings(max_examples=40)
def test_normalising_twice_is_normalising_once(text: RichText) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(UNLINKED)
@settings(max_examples=40)
def test_f2_normalising_keeps_what_is_written(text: RichText) -> None:
    assert plain(normalise(text)) == plain(text)


@given(st.lists(TEXTS.filter(lambda line: bool(line.strip())), max_size=5))
def test_plain_text_comes_back_as_it_was(lines: list[str]) -> None:
    for separator in ("\n", "\n\n", "\r\n"):
        assert plain(of_text(separator.join(lines))) == separator.join(lines).replace("\r", "")


def test_normalising_joins_spans_of_one_look_and_drops_what_is_empty() -> None:
    text = RichText(
        (
            Paragraph((Span("a"), Span(""), Span("b"), Span("c", Style.BOLD), Span("d", Style.BOLD, "https://x"))),
            Paragraph(()),
            Quote((Paragraph((Span(""),)),)),
            ListBlock(((), (Paragraph((Span("e"),)),))),
            Pre(""),
        )
    )
    assert normalise(text).blocks == (
        Paragraph((Span("ab"), Span("c", Style.BOLD), Span("d", Style.BOLD, "https://x"))),
        ListBlock(((Paragraph((Span("e"),)),),)),
    )


def test_plain_shows_every_kind_of_node() -> None:
    text = RichText(
        (
            Paragraph((Span("Hi "), Mention("Alice", "U1"), Break(), Emoji("👍", "+1"), FileRef(0, "bill.pdf"))),
            Paragraph((Span("shop", link="https://shop.example"), Span(" "), Span("https://a", link="https://a"))),
            Pre("x = 1\ny = 2", "python"),
            Quote((Paragraph((Span("a"),)), Paragraph((Span("b"),)))),
            ListBlock(((Paragraph((Span("one"),)), ListBlock(((Paragraph((Span("in"),)),),))),), ordered=True),
        )
    )
    assert plain(text) == (
        "Hi @Alice\n👍[bill.pdf]\n\nshop (https://shop.example) https://a\n\nx = 1\ny = 2\n\n> a\n>\n> b\n\n"
        "1. one\n   - in"
    )


def test_nothing_is_nothing() -> None:
    assert of_text("") is EMPTY
    assert not EMPTY
    assert of_text("\n\n") == EMPTY
    assert plain(EMPTY) == ""


@pytest.mark.parametrize("stored", [[1], [["x"]], [["p", ["s", 1, 2, None]]], [None]])
def test_an_unknown_form_is_refused(stored: list[Json]) -> None:
    with pytest.raises(ValueError, match="not a stored rich-text"):
        of_json(stored)
