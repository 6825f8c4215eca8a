"""Rich text to Telegram and back (F1, F2, F3, T18, J8), judged by the stand-in's strict reading of entities."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.telegram.entities import to_rich_text
from connectors.telegram.render import ENTITY_LIMIT, to_text, utf16_length
from gateway.sandbox.telegram_text import checked
from router.richtext import (
    Block,
    Break,
    Emoji,
    FileRef,
    ListBlock,
    Mention,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
    normalise,
    of_text,
    plain,
)

ALPHABET = st.one_of(
    st.sampled_from("ab .*_`~[]()<>&#+-=|{}!\\\"'@/你好。é👍🏽👨‍👩‍👧😀\u0301"),
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"),
)
WORDS = st.text(ALPHABET, min_size=1, max_size=12)
STYLES = st.sampled_from(
    [
        Style.NONE,
        Style.BOLD,
        Style.ITALIC,
        Style.STRIKE,
        Style.CODE,
        Style.BOLD | Style.ITALIC,
        Style.BOLD | Style.STRIKE,
    ]
)
URLS = st.sampled_from(["https://shop.example/a?b=c&d=(e)", "http://shop.example/你好"])
SPANS = st.one_of(
    st.builds(Span, WORDS, STYLES),
    st.builds(Span, WORDS, STYLES.filter(lambda style: Style.CODE not in style), URLS),
)


@st.composite
def paragraphs(draw: st.DrawFn) -> Paragraph:
    lines = draw(st.lists(st.lists(SPANS, min_size=1, max_size=4), min_size=1, max_size=3))
    children: list[Any] = []
    for line in lines:
        children += [*([Break()] if children else []), *line]
    return Paragraph(tuple(children))


PRES = st.builds(Pre, WORDS, st.sampled_from([None, "python"]))
QUOTES = st.lists(st.one_of(paragraphs(), PRES), min_size=1, max_size=2).map(lambda blocks: Quote(tuple(blocks)))
EXPRESSIBLE = st.lists(st.one_of(paragraphs(), PRES, QUOTES), max_size=4).map(lambda blocks: RichText(tuple(blocks)))

ANY_INLINE = st.one_of(
    st.builds(Span, WORDS, st.integers(0, 15).map(Style), st.one_of(st.none(), URLS, st.just("tg://user?id=1"))),
    st.just(Break()),
    st.builds(Mention, WORDS, st.none()),
    st.builds(Emoji, st.just("👍"), st.just("thumbsup")),
    st.builds(FileRef, st.just(0), WORDS),
)
ANY_BLOCK: st.SearchStrategy[Block] = st.recursive(
    st.one_of(st.lists(ANY_INLINE, max_size=5).map(lambda each: Paragraph(tuple(each))), st.builds(Pre, WORDS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: Quote(tuple(each))),
        st.builds(ListBlock, st.lists(st.lists(inner, max_size=2).map(tuple), max_size=3).map(tuple), st.booleans()),
    ),
    max_leaves=8,
)
ANYTHING = st.lists(ANY_BLOCK, max_size=4).map(lambda each: RichText(tuple(each)))


@given(EXPRESSIBLE)
def test_f1_what_telegram_can_express_comes_back_the_same(text: RichText) -> None:
    words, entities = to_text(text)

    if len(entities) < ENTITY_LIMIT:
        assert to_rich_text(words, entities) == normalise(text)


@given(EXPRESSIBLE)
def test_f2_the_visible_characters_stay(text: RichText) -> None:
    words, entities = to_text(text)

    assert plain(to_rich_text(words, entities)) == plain(normalise(text))


@given(ANYTHING)
def test_t18_whatever_is_written_telegram_never_refuses_its_entities(text: RichText) -> None:
    words, entities = to_text(text)

    checked(words, list(entities))


@settings(max_examples=200)
@given(ANYTHING)
def test_x8_the_text_sent_is_never_longer_than_the_text_that_was_split(text: RichText) -> None:
    words, _ = to_text(normalise(text))

    assert utf16_length(words) <= utf16_length(plain(normalise(text)))


@given(st.text(ALPHABET, max_size=200))
def test_f3_plain_text_needs_no_escaping(text: str) -> None:
    words, entities = to_text(of_text(text))

    assert entities == []
    assert words == plain(of_text(text))


@given(st.text())
def test_lengths_are_counted_as_telegram_counts_them(text: str) -> None:
    assert utf16_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("url", ["tg://resolve?domain=evil", "javascript:alert(1)", "file:///etc/passwd", "TG://x"])
def test_j8_other_schemes_keep_their_label_and_lose_their_link(url: str) -> None:
    assert to_text(RichText((Paragraph((Span("press", link=url),)),))) == ("press", [])


def test_lists_become_bullets_and_numbers() -> None:
    inner = ListBlock(((Paragraph((Span("deep"),)),),))
    text = RichText(
        (
            ListBlock(((Paragraph((Span("one"),)), inner), (Paragraph((Span("two", Style.BOLD),)),))),
            ListBlock(((Paragraph((Span("first"),)),),), ordered=True),
        )
    )

    words, entities = to_text(text)

    assert words == "• one\n  • deep\n• two\n\n1. first"
    assert entities == [{"type": "bold", "offset": 17, "length": 3}]


def test_a_quote_in_a_quote_is_marked_by_hand() -> None:
    inner = Quote((Paragraph((Span("inner"),)),))

    words, entities = to_text(RichText((Quote((Paragraph((Span("outer"),)), inner)),)))

    assert words == "outer\n> inner"
    assert entities == [{"type": "blockquote", "offset": 0, "length": 13}]


def test_t16_entities_beyond_the_limit_are_left_out() -> None:
    spans = tuple(Span("x", Style.BOLD if number % 2 else Style.ITALIC) for number in range(150))

    words, entities = to_text(RichText((Paragraph(spans),)))

    assert len(words) == 150
    assert len(entities) == ENTITY_LIMIT
