"""A delivery as a mail: no header can be smuggled in, no character is lost, no line is too long (O1, O3, O5, F)."""

import html
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.email.addresses import BadAddress, normalise, to_envelope
from connectors.email.markup import to_rich_text
from connectors.email.render import (
    Letterhead,
    Unsendable,
    one_line,
    to_html,
    to_mail,
    to_notice,
    to_references,
    to_text,
)
from connectors.email.threading import Keys, opened
from router.model import Attachment, Delivery, DeliveryKind, Outgoing
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
    of_text,
    plain,
)
from router.richtext import (
    normalise as canonical,
)

HEAD = Letterhead(address="help@shop.example", name="Shop", keys=Keys((bytes(16),)))
NOW = datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=UTC)


def delivery(address: str = "li.wei@customer.example", **outgoing: object) -> Delivery:
    return Delivery(
        id=UUID(int=5),
        channel="mail",
        kind=DeliveryKind.MESSAGE,
        conversation=UUID(int=9),
        number=7,
        message=None,
        part=1,
        parts=1,
        address=address,
        thread=None,
        outgoing=Outgoing(**{"text": of_text("hello"), "author": "Alice", "subject": "Order", **outgoing}),  # type: ignore[arg-type]
        attempt=1,
        created_at=NOW,
    )


def rendered(item: Delivery, contents: tuple[bytes, ...] = ()) -> EmailMessage:
    raw = to_mail(item, HEAD, contents).message.as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


HEADERS = ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


def test_a_mail_to_a_colleague_proves_nothing_and_is_the_same_each_time() -> None:
    item = replace(delivery("alice@shop.example", subject="#7:\r\nBcc: x@evil.example"), kind=DeliveryKind.NOTICE)
    envelope = to_notice(item, HEAD)
    assert envelope.raw == to_notice(item, HEAD).raw
    message = message_from_bytes(envelope.raw, policy=policy.default)
    assert set(message.keys()).isdisjoint({"Reply-To", "In-Reply-To", "References", "Bcc"})
    assert message["Auto-Submitted"] == "auto-generated"
    assert envelope.sender == ""
    assert opened(HEAD.keys, envelope.message_id.partition("@")[0], "alice@shop.example") is None


INJECTIONS = [
    "x\r\nBcc: evil@evil.example",
    "x\nBcc: evil@evil.example",
    "x\rBcc: evil@evil.example",
    "x\r\n\r\nbody",
    "x\x00y",
    "x\u2028Bcc: evil@evil.example",
    'x" <evil@evil.example>, "',
    "x, evil@evil.example",
    "=?utf-8?q?x=0D=0ABcc:_evil@evil.example?=",
    "x\x0b\x0c\x1c\x1d\x85y",
    "\ud800",
    "x" * 5000,
    "你" * 3000,
    "a\r\n b",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", ["author", "subject", "in_reply_to", "references", "file", "content_type", "text"])
def test_o3_nothing_but_the_intended_headers(field: str, text: str) -> None:
    contents: tuple[bytes, ...] = ()
    match field:
        case "references":
            item = delivery(references=(text,))
        case "file" | "content_type":
            attached = Attachment(name="a.pdf", content_type="application/pdf")
            change = {"name": text} if field == "file" else {"content_type": text}
            item = delivery(attachments=(replace(attached, **change),))  # type: ignore[arg-type]
            contents = (b"x",)
        case "text":
            item = delivery(text=RichText((Paragraph((Span(text.replace("\ud800", "")),)),)))
        case _:
            item = delivery(**{field: text})

    message = rendered(item, contents)

    extra = {"In-Reply-To", "References"} if field in ("in_reply_to", "references") else set()
    assert [name for name in message if name not in extra] == HEADERS
    assert [address.addr_spec for address in message["From"].addresses] == ["help@shop.example"]
    assert [address.addr_spec for address in message["To"].addresses] == ["li.wei@customer.example"]
    parts = [part for part in message.walk() if part is not message]
    assert {name for part in parts for name in part} <= {
        *HEADERS[-2:],
        "Content-Transfer-Encoding",
        "Content-Disposition",
    }


BAD_ADDRESSES = [
    "li@customer.example\r\nRCPT TO:<evil@evil.example>",
    "li@customer.example>\r\nDATA",
    "<li@customer.example>",
    "li @customer.example",
    '"li"@customer.example',
    "li@customer.example, evil@evil.example",
    "li\x00@customer.example",
    "li@customer..example",
    "li@-x.example",
    "li@customer.example SIZE=1",
    "@customer.example",
    "li@",
    "li",
    "",
    "l" * 65 + "@customer.example",
    "li@" + "c" * 64 + ".example",
    "li@[127.0.0.1]",
    "li\u2028@customer.example",
    "li@customer.example\n",
    "\ud800@customer.example",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_o3_a_bad_address_is_never_sent_to(address: str) -> None:
    with pytest.raises(BadAddress):
        to_envelope(address)
    with pytest.raises(Unsendable, match="correct the customer's address"):
        to_mail(delivery(address), HEAD, ())


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("Li.Wei+shop@Customer.Example", "Li.Wei+shop@customer.example"),
        ("li..wei.@customer.example", "li..wei.@customer.example"),
        ("li@bücher.example", "li@xn--bcher-kva.example"),
        ("o'brien!#$%&*/=?^_`{|}~-@customer.example", "o'brien!#$%&*/=?^_`{|}~-@customer.example"),
    ],
)
def test_o5_addresses_go_out_as_a_labels(address: str, envelope: str) -> None:
    assert to_envelope(address) == envelope
    assert normalise(address) == envelope.lower()
    assert [each.addr_spec for each in rendered(delivery(address))["To"].addresses] in ([envelope], [quoted(envelope)])


def quoted(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f'"{local}"@{domain}'


def test_o1_rendering_twice_gives_the_same_bytes() -> None:
    item = delivery(text=of_text("你好"), attachments=(Attachment(name="发票.pdf", content_type="application/pdf"),))

    first, second = (to_mail(item, HEAD, (b"x",)).message.as_bytes() for _ in range(2))

    assert first == second
    assert to_mail(replace(item, id=UUID(int=6)), HEAD, (b"x",)).message_id != to_mail(item, HEAD, (b"x",)).message_id


def test_h4_references_keep_the_first_and_the_last_ten() -> None:
    ids = [f"{number}@customer.example" for number in range(100)]

    kept = to_references(ids).split()

    assert kept == ["<0@customer.example>", *(f"<{each}>" for each in ids[-10:])]
    assert len(to_references([f"{number}{'x' * 400}@y.example" for number in range(20)])) <= 998


def test_h5_behind_a_relay_that_renames_the_mail_names_itself() -> None:
    envelope = to_mail(delivery(in_reply_to="q@customer.example"), replace(HEAD, names_itself=True), ())

    assert envelope.message["References"] == f"<q@customer.example> <{envelope.message_id}>"


def test_the_date_is_the_deliverys_own() -> None:
    assert rendered(delivery())["Date"] == "Wed, 04 Mar 2026 05:06:07 +0000"


def test_no_subject_becomes_the_number() -> None:
    assert rendered(delivery(subject=""))["Subject"] == "#7"


def test_l2_a_persons_mail_returns_to_its_verp_address() -> None:
    envelope = to_mail(delivery(), HEAD, ())

    assert envelope.sender == f"help+{envelope.message_id.partition('@')[0]}@shop.example"
    assert envelope.message["Auto-Submitted"] is None
    assert to_mail(delivery(automatic=True), HEAD, ()).sender == ""


def test_a_long_name_of_the_desk_leaves_out_what_does_not_fit() -> None:
    head = replace(HEAD, address="a-very-long-customer-service@shop.example")

    envelope = to_mail(delivery(), head, ())

    assert envelope.message["Reply-To"] is None
    assert envelope.sender == head.address


EXAMPLE = RichText(
    (
        Paragraph((Span("a < b & "), Span("bold", Style.BOLD), Break(), Span("x", link="https://x.example/?a=1&b=2"))),
        Pre("one\n  two", "python"),
        Quote((Paragraph((Span("said"),)),)),
        ListBlock(((Paragraph((Span("one"),)),), (Paragraph((Span("two"),)),)), ordered=True),
        Paragraph((Mention("Li", "U1"), Span(" "), Emoji("👍", "+1"))),
    )
)


def test_f_the_text_form() -> None:
    assert to_text(EXAMPLE) == (
        "a < b & *bold*\nx (https://x.example/?a=1&b=2)\n\n    one\n      two\n\n> said\n\n1. one\n2. two\n\n@Li 👍"
    )


def test_f_the_html_form() -> None:
    assert to_html(EXAMPLE) == (
        '<p>a &lt; b &amp; <b>bold</b><br>\n<a href="https://x.example/?a=1&amp;b=2">x</a></p>\n'
        "<pre>\none\n  two</pre>\n"
        "<blockquote><p>said</p>\n</blockquote>\n"
        "<ol>\n<li><p>one</p>\n</li>\n<li><p>two</p>\n</li>\n</ol>\n"
        "<p>@Li 👍</p>\n"
    )


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
LINKS = st.none() | st.sampled_from(["https://x.example/a?b=c&d=%20", "mailto:li@customer.example"])
SPANS = st.builds(
    Span, st.lists(WORDS, min_size=1, max_size=3).map(" ".join), st.sampled_from(list(map(Style, range(16)))), LINKS
)


def paragraphs() -> st.SearchStrategy[Block]:
    lines = st.lists(st.lists(SPANS, min_size=1, max_size=3), min_size=1, max_size=3)

    def joined(content: list[list[Span]]) -> Block:
        children: list[Inline] = []
        for line in content:
            children += [Break(), *line] if children else line
        return Paragraph(tuple(children))

    return lines.map(joined)


def blocks(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Quote, several),
        st.builds(ListBlock, st.lists(several, min_size=1, max_size=3).map(tuple), st.booleans()),
    )


PRES = st.builds(Pre, st.lists(WORDS, min_size=1, max_size=4).map("\n".join))
TREES = st.lists(st.recursive(paragraphs() | PRES, blocks, max_leaves=6), min_size=1, max_size=4).map(
    lambda content: RichText(tuple(content))
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_f1_what_was_rendered_is_read_back(tree: RichText) -> None:
    assert to_rich_text(to_html(tree)) == canonical(tree)


@settings(max_examples=25, deadline=None)
@given(TREES)
def test_f2_no_visible_character_is_lost(tree: RichText) -> None:
    message = rendered(delivery(text=tree))

    body = message.get_body(("html",))
    assert body is not None
    assert plain(to_rich_text(str(body.get_content()))) == plain(canonical(tree))


@given(st.text())
def test_f3_every_character_is_escaped(text: str) -> None:
    shown = one_line(text)
    if shown.strip():
        assert (
            html.unescape(to_html(RichText((Paragraph((Span(shown),)),)))).replace("\xa0", " ") == f"<p>{shown}</p>\n"
        )
