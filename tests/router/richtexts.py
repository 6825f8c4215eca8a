"""Hypothesis strategies of rich texts: hard characters, every kind of block and inline, some depth."""

from hypothesis import strategies as st

from router.richtext import (
    Block,
    Break,
    Emoji,
    FileRef,
    Inline,
    ListBlock,
    Mention,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
)

WORDS = st.sampled_from(
    [
        "order ",
        "where",
        " ",
        "退款，",
        "你们的包裹在哪里",
        "é",
        "e\u0301\u0323",
        "👩‍👩‍👧‍👦",
        "🇩🇪🇫🇷",
        "👍🏽",
        "ก็",
        "한글",
        "न्त्र",
        "https://shop.example/a?b=c",
        "&<>*_~`",
        "\u200d",
        "z͑ͫ̓ͪ̂ͫ",
    ]
)
TEXTS = st.lists(WORDS | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8), max_size=12).map("".join)
_LABELS = st.sampled_from(["Alice", "陈", "our shop", "a\u0301"])
SPANS = st.builds(
    Span,
    TEXTS.filter(bool),
    st.sampled_from(list(Style)),
    st.none() | st.sampled_from(["https://shop.example", "mailto:a@shop.example", "https://x.example/" + "y" * 40]),
)
INLINES: st.SearchStrategy[Inline] = (
    SPANS
    | st.just(Break())
    | st.builds(Mention, _LABELS, st.none() | st.just("U1"))
    | st.builds(Emoji, st.sampled_from(["👍🏽", ":partyparrot:", "❤️"]), st.none() | st.just("heart"))
    | st.builds(FileRef, st.integers(0, 3), _LABELS)
)
PARAGRAPHS = st.builds(Paragraph, st.lists(INLINES, min_size=1, max_size=6).map(tuple))
PRES = st.builds(Pre, st.lists(TEXTS, min_size=1, max_size=5).map("\n".join), st.none() | st.just("python"))


def _nested(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    some = st.lists(blocks, min_size=1, max_size=3).map(tuple)
    lists = st.builds(ListBlock, st.lists(some, min_size=1, max_size=4).map(tuple), st.booleans(), st.just(1))
    return st.builds(Quote, some) | lists


BLOCKS: st.SearchStrategy[Block] = st.recursive(PARAGRAPHS | PRES, _nested, max_leaves=6)
RICH_TEXTS = st.builds(RichText, st.lists(BLOCKS, max_size=4).map(tuple))
UNLINKED = st.lists(
    st.builds(Paragraph, st.lists(st.builds(Span, TEXTS.filter(bool), st.sampled_from(Style)), min_size=1).map(tuple)),
    min_size=1,
    max_size=3,
).map(lambda blocks: RichText((Quote(tuple(blocks)), *blocks)))
