"""RichText to Slack and back (F1-F3), sizes Slack accepts (S22), and words of customers that stay words (S23)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.slack import blocks, card, emojis, render
from gateway.sandbox.slack.limits import fault_of, masked_links, pings
from router.model import AuthorKind, Card, ChannelType, Outgoing, Status
from router.richtext import (
    Block,
    Break,
    Emoji,
    Inline,
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

NAMES = {"U0ALICE": "Alice Chen"}

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12)
STYLES = st.sampled_from([Style(value) for value in range(16)])
LINKS = st.sampled_from(["https://shop.example/a?b=1&c=<2>", "http://x.example/|", "mailto:a@b.example"])
SPANS = st.builds(Span, WORDS, STYLES) | st.builds(Span, WORDS.map(lambda word: f"label {word}"), STYLES, LINKS)
EMOJI = st.sampled_from(["+1", "wave::skin-tone-4", "heart", "cn", "lock", "shop_logo"]).map(
    lambda name: Emoji(emojis.to_char(name), name)
)
INLINES = SPANS | EMOJI | st.just(Mention("Alice Chen", "U0ALICE"))


def _lines(lines: list[list[Span | Emoji | Mention]]) -> Paragraph:
    children: list[Inline] = [part for line in lines for part in (Break(), *line)]
    return Paragraph(tuple(children[1:]))


PARAGRAPHS = st.lists(st.lists(INLINES, min_size=1, max_size=4), min_size=1, max_size=3).map(_lines)
ITEMS = st.tuples(PARAGRAPHS)
LISTS = st.recursive(
    st.builds(ListBlock, st.lists(ITEMS, min_size=1, max_size=3).map(tuple), st.booleans()),
    lambda inner: st.builds(
        ListBlock,
        st.lists(ITEMS | st.tuples(PARAGRAPHS, inner), min_size=1, max_size=3).map(tuple),
        st.booleans(),
    ),
    max_leaves=3,
)
PRES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).map(Pre)
QUOTES = st.lists(PARAGRAPHS, min_size=1, max_size=2).map(lambda inner: Quote(tuple(inner)))


@st.composite
def trees(draw: st.DrawFn) -> RichText:
    """What Slack can express: two lists never touch, for Slack would join them."""
    drawn: list[Block] = draw(st.lists(PARAGRAPHS | LISTS | PRES | QUOTES, max_size=4))
    parted: list[Block] = []
    for block in drawn:
        if parted and isinstance(block, ListBlock) and isinstance(parted[-1], ListBlock):
            parted.append(Paragraph((Span("and"),)))
        parted.append(block)
    return normalise(RichText(tuple(parted)))


@settings(max_examples=60, deadline=None)
@given(trees())
def test_f1_what_is_rendered_is_read_back(tree: RichText) -> None:
    block = render.rich_text(tree, inert=False)
    assert normalise(blocks.to_rich_text([block], NAMES)) == tree
    assert not tree or fault_of("x", [block]) in (None, "msg_blocks_too_long")


@settings(max_examples=60, deadline=None)
@given(trees(), st.booleans())
def test_f2_no_visible_character_is_lost(tree: RichText, inert: bool) -> None:
    read = blocks.to_rich_text([render.rich_text(tree, inert=inert)], NAMES)
    assert plain(read) == plain(tree)


@settings(max_examples=60, deadline=None)
@given(before=st.text(max_size=5), char=st.sampled_from("&<>*_~`:@#!|\\\"'"), after=st.text(max_size=5))
def test_f3_every_special_character_is_just_a_character(before: str, char: str, after: str) -> None:
    text = "".join(each for each in f"{before}{char}{after}" if each.isprintable())
    said = render.message(Outgoing(text=of_text(text), author_kind=AuthorKind.CUSTOMER))
    assert [element["text"] for element in _texts(said["blocks"])] == [text]
    assert said["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


HOSTILE = [
    "<!channel> <!here> <!everyone>",
    "<@U1> <@W123> @here @channel",
    "<!subteam^S1|@leads>",
    "<https://evil.example|bank.example>",
    "`*_~ soup ~_*` ``` ``` *<https://evil.example|x>*",
    "&lt;!channel&gt; &amp;lt;!here&amp;gt;",
    "https://evil.example/?<@U1>",
    ":lock: /onevoice resolve",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_s23_a_customers_words_ping_nobody_and_mask_no_link(text: str) -> None:
    link = Paragraph((Span("bank.example", link="https://evil.example"), Mention("here", "U0ALICE")))
    tree = RichText((*of_text(text).blocks, link))
    shown = (
        render.message(Outgoing(text=tree, author=text, author_kind=AuthorKind.CUSTOMER)),
        render.notice(Outgoing(text=of_text(text), author=text)),
        render.bare(Outgoing(text=tree, author=text)),
        card.content(a_card(contact=text, subject=text, address=text)),
    )
    for said in shown:
        assert fault_of(said["text"], said["blocks"]) is None
        assert pings(said["text"], said["blocks"], {"parse": "none", "link_names": False}) == 0
        assert masked_links(said["text"], said["blocks"]) == 0
    assert text in [element["text"] for element in _texts(shown[0]["blocks"])]


@pytest.mark.parametrize(
    "tree",
    [
        of_text("长" * 3_800),
        of_text("a\n" * 1_900),
        of_text("\n\n".join("x" * 1_900)),
        RichText((Paragraph(tuple(Span("ab", Style(1 + n % 2)) for n in range(1_900))),)),
        RichText((ListBlock(tuple((Paragraph((Span("x"),)),) for _ in range(1_900))),)),
        RichText(tuple(Quote((Paragraph((Span("x"),)),)) for _ in range(900))),
        RichText((Pre("\n" * 100 + "<>&" * 1_200),)),
        of_text("&" * 3_800),
    ],
    ids=["chinese", "breaks", "paragraphs", "styles", "list", "quotes", "pre", "escapes"],
)
@pytest.mark.parametrize("kind", [AuthorKind.CUSTOMER, AuthorKind.SYSTEM])
def test_s22_every_part_of_the_greatest_length_is_accepted(tree: RichText, kind: AuthorKind) -> None:
    outgoing = Outgoing(text=tree, author="Wang Fang" * 200, author_kind=kind)
    for said in (render.message(outgoing, 2, 3), render.notice(outgoing)):
        assert fault_of(said["text"], said["blocks"]) is None
        assert len(said["text"]) < 40_000
        seen = "".join(element["text"] for element in _texts(said["blocks"])) or said["text"]
        assert len(seen) >= len(plain(tree).replace("\n", "").replace("- ", "").replace("> ", "")) * 0.99


def test_s22_the_longest_card_is_accepted() -> None:
    said = card.content(a_card(contact="长" * 5_000, subject="<b>" * 5_000, address="x" * 5_000))
    assert fault_of(said["text"], said["blocks"]) is None


def test_the_author_is_named_once_and_parts_are_counted() -> None:
    outgoing = Outgoing(text=of_text("hello"), author="Wang Fang", author_kind=AuthorKind.CUSTOMER)
    first, second = render.message(outgoing, 1, 2), render.message(outgoing, 2, 2)
    assert first["blocks"][0]["elements"][0]["text"] == "Wang Fang · 1/2"
    assert second["blocks"][0]["elements"][0]["text"] == "2/2"


def test_a_system_notice_may_mention_a_colleague() -> None:
    text = RichText((Paragraph((Mention("Dana Zhao", "U0DANA"), Span(" please look"))),))
    said = render.notice(Outgoing(text=text))
    assert pings(said["text"], said["blocks"], {}) == 1


def test_what_a_notice_puts_between_backticks_is_code() -> None:
    said = render.notice(Outgoing(text=of_text("Say `@onevoice why`, or nothing.")))
    assert [(each["text"], each.get("style")) for each in _texts(said["blocks"])] == [
        ("Say ", None),
        ("@onevoice why", {"code": True}),
        (", or nothing.", None),
    ]


def a_card(contact: str, subject: str, address: str) -> Card:
    return Card(
        number=17,
        contact=contact,
        verification=1,
        channel="tg",
        channel_type=ChannelType.TELEGRAM,
        address=address,
        status=Status.ON_HOLD,
        subject=subject,
        team="aftersale",
    )


def _texts(node: Any) -> list[dict[str, Any]]:
    """The `text` elements of the rich_text blocks."""
    if isinstance(node, list):
        return [found for each in node for found in _texts(each)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "text" else []
    return own + [found for key, value in node.items() if key != "style" for found in _texts(value)]
