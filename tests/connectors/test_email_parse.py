"""Reading mail: every fixture as expected, hostile mail, who is believed (P1-P9, H2, H3, L1, L4, L6, M14, M15)."""

import base64
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import Header
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from connectors.email import threading
from connectors.email.authentication import dmarc_passes
from connectors.email.charsets import to_text
from connectors.email.filenames import to_file_name
from connectors.email.headers import to_header_text, to_mailboxes
from connectors.email.mail import new_part, read_mail
from connectors.email.markup import to_rich_text
from connectors.email.parse import Parsed, Unparseable, inbound
from router.model import InboundKind
from router.richtext import FileRef, Paragraph, Span, Style, of_text, plain

CASES = Path(__file__).parent.parent / "cases" / "email"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((CASES / "expected.yaml").read_text(encoding="utf-8"))
KEY = bytes(32)
CONTEXT = {
    "channel": "mail",
    "address": "help@shop.example",
    "own": "help@shop.example",
    "keys": KEY.hex(),
    "authserv_ids": "mx.shop.example",
}
CONVERSATION = UUID(int=0x0195_0000_0000_7000_8000_0000_0000_0001)


def parse(raw: bytes, **meta: str) -> Parsed:
    return inbound(raw, meta, CONTEXT)


def letter(headers: str = "", body: bytes = b"hello\r\n") -> bytes:
    return f"From: Li <li@customer.example>\r\nMessage-ID: <1@customer.example>\r\n{headers}\r\n".encode() + body


def test_every_fixture_has_an_expected_value() -> None:
    assert {path.stem for path in CASES.glob("*.eml")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fixture_is_read_as_expected(name: str) -> None:
    expected = {
        "cut": False,
        "subject": "Re: order 20260301",
        "from": ["Li Wei", "li.wei@customer.example"],
        "files": [],
        "inline": [],
        "automatic": False,
        "bounce": None,
        "problems": [],
        **EXPECTED[name],
    }
    raw = (CASES / f"{name}.eml").read_bytes()

    mail = read_mail(raw)
    parsed = parse(raw)
    item = parsed.inbound

    bounce = mail.bounce
    assert {
        "text": plain(item.text),
        "cut": item.full_text is not None,
        "subject": item.subject,
        "from": [item.sender.name, item.address],
        "files": [file.name for file in item.attachments],
        "inline": [file.name for file in item.attachments if file.inline],
        "automatic": item.automatic,
        "bounce": [bounce.status, bounce.recipient, bounce.original] if bounce else None,
        "problems": list(mail.problems),
    } == expected
    assert [len(content) for content in parsed.contents] == [file.size for file in item.attachments]
    assert item.kind is (InboundKind.BOUNCE if bounce else InboundKind.MESSAGE)
    assert item.target is None  # nothing here carries our HMAC
    assert plain(item.text)
    assert plain(item.full_text or item.text)


def test_times_come_from_the_provider_and_claims_from_the_date_header() -> None:
    item = parse((CASES / "plain.eml").read_bytes(), internaldate="2026-03-02T03:00:05+00:00").inbound

    assert item.sent_at == datetime(2026, 3, 2, 3, 0, 5, tzinfo=UTC)
    assert item.claimed_at == datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
    assert item.remote_id == "plain@customer.example"


# P1: mail that is meant to hurt.


def many_parts() -> bytes:
    return letter("Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n\r\n" * 200_000)


def deep_parts() -> bytes:
    body = b"".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n".encode() for n in range(1000))
    return letter("Content-Type: multipart/mixed; boundary=b0\r\n", body)


def deep_parts_with_odd_boundaries() -> bytes:
    body = b"".join(
        f'--b"{n}\r\nContent-Type: multipart/mixed; boundary="b\\"{n + 1}"\r\n\r\n'.encode() for n in range(1000)
    )
    return letter('Content-Type: multipart/mixed; boundary="b\\"0"\r\n', body)


def deep_parts_with_folded_boundaries() -> bytes:
    body = b"".join(
        f"--b{n}\r\nContent-Type: multipart/mixed;\r\n boundary*0=b;\r\n boundary*1={n + 1}\r\n\r\n".encode()
        for n in range(1000)
    )
    return letter("Content-Type: multipart/mixed; boundary*0=b; boundary*1=0\r\n", body)


def deep_messages() -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" * 1000


def deep_messages_with_bare_returns() -> bytes:
    return b"Content-Type: message/rfc822\r\r" * 1000


def many_headers() -> bytes:
    return b"X-A: 1\r\n" * 1500 + b"\r\nhello"


def huge_headers() -> bytes:
    return b"X-A: " + b"x" * 300_000 + b"\r\n\r\nhello"


def long_from() -> bytes:
    return b"From: " + b"(" * 20_000 + b"\r\n\r\nhello"


def quote_bomb_in_a_part() -> bytes:
    value = b'Content-Type: multipart/mixed; x="' + b";" * 100_000
    return letter("Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n" + value + b"\r\n\r\nx\r\n--b--\r\n")


@pytest.mark.parametrize(
    "hostile",
    [
        many_parts,
        deep_parts,
        deep_parts_with_odd_boundaries,
        deep_parts_with_folded_boundaries,
        deep_messages,
        deep_messages_with_bare_returns,
        many_headers,
        huge_headers,
        long_from,
        quote_bomb_in_a_part,
    ],
)
def test_p1_what_would_cost_minutes_is_refused_at_once(hostile: Callable[[], bytes]) -> None:
    raw = hostile()
    started = time.process_time()

    with pytest.raises(Unparseable, match=r"its|it has"):
        parse(raw)

    assert time.process_time() - started < 1


def parentheses() -> bytes:
    return b"From: " + b"(" * 2000 + b"\r\nTo: " + b"<" * 5000 + b"\r\n\r\nhello"


def nested_html() -> bytes:
    return letter("Content-Type: text/html\r\n", b"<div>" * 20_000 + b"hello")


def nested_formatting() -> bytes:
    return letter("Content-Type: text/html\r\n", b"".join(b"<p><b id=%d>" % n for n in range(190)) + b"hello")


def angle_brackets() -> bytes:
    return letter("Content-Type: text/html\r\n", b"<" * 1_000_000 + b" hello")


def quote_heads() -> bytes:
    return letter(body=b"On 1@1 wrote @@@@@@@ wrote wrote wrote wrote wrote wrote wrote@ 1 :\r\n" * 2500 + b"hello")


def endless_heads() -> bytes:
    return letter(body=(b"On " + b"@1 wrote" * 35 + b" x:\r\n") * 650 + b"hello")


def label_heads() -> bytes:
    return letter(body=b"From: hello\r\nTo: x\r\n\r\n" * 9_000)


def rules() -> bytes:
    return letter(body=b"-" * 50_000 + b"\r\n" + b"- - - - - -\r\n" * 10_000 + b"hello")


def stars() -> bytes:
    return letter(body=b"* * * * *:\r\n" * 15_000 + b"hello")


def encoded_words() -> bytes:
    return letter("Subject: " + "=?utf-8?q?a" * 1300 + "\r\n")


def comments_in_dates() -> bytes:
    return letter("Date: " + "(" * 10_000 + "\r\n")


def ids() -> bytes:
    return letter("References: " + "<a@b> " * 2500 + "\r\n")


def long_lines() -> bytes:
    return letter(body=b"hello " * 200_000)


def signatures() -> bytes:
    return letter(body=b"-- \r\n" * 30_000 + b"hello")


@pytest.mark.parametrize(
    "hostile",
    [
        parentheses,
        nested_html,
        nested_formatting,
        angle_brackets,
        quote_heads,
        endless_heads,
        label_heads,
        rules,
        stars,
        encoded_words,
        comments_in_dates,
        ids,
        long_lines,
        signatures,
    ],
)
def test_p1_what_is_only_odd_is_read_in_time(hostile: Callable[[], bytes]) -> None:
    raw = hostile()
    started = time.process_time()

    item = parse(raw).inbound
    text = plain(item.full_text or item.text)

    assert "hello" in text or text.endswith("see the original mail]")
    assert time.process_time() - started < 1.5


def test_p7_a_text_without_end_is_cut_and_says_so() -> None:
    text = plain(parse(letter(body=b"hello " * 200_000)).inbound.text)

    assert len(text) < 210_000
    assert text.endswith("[the rest is too long to be shown: see the original mail]")


def test_p1_a_thousand_files_and_many_attached_mails_are_no_attack() -> None:
    part = b"--b\r\nContent-Type: image/png; name=p.png\r\n\r\nx\r\n"
    forwarded = b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\n\r\nhello\r\n"
    files = letter("Content-Type: multipart/mixed; boundary=b\r\n", part * 900 + b"--b--\r\n")
    mails = letter("Content-Type: multipart/digest; boundary=b\r\n", forwarded * 60 + b"--b--\r\n")
    dashes = letter(body=b"--- item ---\r\n-- boundary: 5\r\n" * 2000)

    assert len(parse(files).contents) == 900
    assert len(parse(mails).contents) == 60
    assert "item" in plain(parse(dashes).inbound.text)


def test_p1_any_bytes_are_read_or_refused() -> None:
    chance = random.Random(7)
    seeds = [path.read_bytes() for path in sorted(CASES.glob("*.eml"))]
    for _ in range(400):
        raw = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(len(raw))
            match chance.randrange(4):
                case 0:
                    raw[at] = chance.randrange(256)
                case 1:
                    del raw[at : at + chance.randrange(1, 40)]
                    raw = raw or bytearray(b"x")
                case 2:
                    raw[at:at] = chance.choice(
                        [b"\x00", b"\r", b"\n", b"=?", b'"', b"(", b"--b\r\n", b"boundary=", b"\xff\xfe"]
                    )
                case _:
                    raw[at:at] = raw[: chance.randrange(60)]
        try:
            item = parse(bytes(raw)).inbound
        except Unparseable:
            continue
        text = (
            plain(item.full_text or item.text)
            + item.subject
            + item.sender.name
            + "".join(file.name for file in item.attachments)
        )
        text.encode()
        assert "\x00" not in text


# P2: charsets.

LABELS = [
    "us-ascii",
    "utf-8",
    "utf8",
    "UTF-8",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-5",
    "iso-8859-7",
    "iso-8859-9",
    "iso-8859-15",
    "iso-8859-8-i",
    "iso-8859-8-e",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "windows-874",
    "koi8-r",
    "koi8-u",
    "gb2312",
    "GB2312",
    "gbk",
    "gb18030",
    "x-gbk",
    "cp936",
    "hz-gb-2312",
    "big5",
    "big5-hkscs",
    "x-x-big5",
    "shift_jis",
    "x-sjis",
    "iso-2022-jp",
    "euc-jp",
    "ks_c_5601-1987",
    "euc-kr",
    "iso-2022-kr",
    "utf-7",
    "unicode-1-1-utf-7",
    "utf-16",
    "utf-16le",
    "utf-32",
    "x-unknown",
    "unknown-8bit",
    "x-user-defined",
    "default",
    "macintosh",
    "x-mac-cyrillic",
    "cp437",
    "cp850",
    "cp866",
    "tis-620",
    "viscii",
    "zlib",
    "hex",
    "base64",
    "punycode",
    "undefined",
    "idna",
    "unicode_escape",
    "rot13",
    "mbcs",
    "None",
    '"utf-8"',
    "'utf-8'",
    "utf-8;x",
    "=?utf-8?",
    "../../etc",
    "�",
]


@pytest.mark.parametrize("label", LABELS)
def test_p2_no_label_stops_a_text(label: str) -> None:
    for content in (b"plain words", "Grüße 你好 привет".encode(), "你好，请问".encode("gb18030"), bytes(range(256))):
        to_text(content, label).encode()


@pytest.mark.parametrize("label", ["gb2312", "gbk", "x-gbk", "us-ascii", "x-unknown", "utf-8", None])
def test_p2_chinese_survives_a_wrong_label(label: str | None) -> None:
    assert to_text("请问我的订单什么时候发货？".encode("gb18030"), label) == "请问我的订单什么时候发货？"


def test_p2_one_broken_character_does_not_spoil_the_others() -> None:
    text = "您好，我想退货。" * 5

    assert to_text(text.encode("gb18030") + b"\xd6", "gb2312").startswith(text)


# P3, F: HTML.


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<p>a\n   b&nbsp;c</p>", "a b c"),
        ("<b>a</b> <i>b</i>", "a b"),
        ("<p>a <b>b </b>c</p>", "a b c"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "1. a\n2. b\n   - c"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="https://evil.example">https://bank.example</a>', "https://bank.example (https://evil.example)"),
        ('<a href="javascript:x()">a</a><a href="data:x">b</a>', "ab"),
        ("<script>x</script><style>y</style><title>z</title>a", "a"),
        ('<span style="display:none">x</span>a', "a"),
        ('a<img src="https://x.example/t.gif" alt="👍"><img alt="Our logo" src="cid:no">', "a👍[Our logo]"),
        ("a < b & c", "a < b & c"),
        ("<!-- x -->a<![CDATA[y]]>", "a"),
    ],
)
def test_f_html_becomes_the_text_a_reader_sees(markup: str, text: str) -> None:
    assert plain(to_rich_text(markup)) == text


def test_f_styles_come_from_tags_and_from_css() -> None:
    (block,) = to_rich_text(
        '<p><b>a</b><span style="font-weight: 700">b</span><em><s>c</s></em><tt>d</tt>'
        '<b style="font-weight:normal">e</b></p>'
    ).blocks

    assert block == Paragraph(
        (Span("ab", Style.BOLD), Span("c", Style.ITALIC | Style.STRIKE), Span("d", Style.CODE), Span("e"))
    )


@pytest.mark.parametrize("reference", ["cid:pic@x", "CID:PIC@X", "cid:<pic@x>", " cid:pic@x"])
def test_p4_an_image_stands_where_it_is_referred_to(reference: str) -> None:
    raw = letter(
        "Content-Type: multipart/related; boundary=b\r\n",
        f'--b\r\nContent-Type: text/html\r\n\r\n<p>a<img src="{reference}">b</p>\r\n'
        "--b\r\nContent-Type: image/png; name=p.png\r\nContent-ID: <Pic@x>\r\n\r\nx\r\n"
        "--b\r\nContent-Type: image/png; name=p.png\r\nContent-ID: <pic@x>\r\n\r\ny\r\n--b--\r\n".encode(),
    )

    item = parse(raw).inbound

    assert Paragraph((Span("a"), FileRef(0, "p.png"), Span("b"))) in item.text.blocks
    assert item.attachments[0].inline


# P7: history.


def test_p7_nothing_but_history_is_shown_whole() -> None:
    quoted = of_text("On Mon, 2 Mar 2026 at 10:00, Shop <help@shop.example> wrote:\n> hello\n> world")

    assert new_part(quoted) == quoted


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote:\nplease send it",
        "I paid on 3 May and wrote:\nnothing",
        "发件人: 张三\n收件人: 李四\n请按这个地址发货",
        "From: Beijing\nTo: Shanghai\nSubject to change",
        "--\nis not a signature\n" + "because a lot of text follows\n" * 12,
        "> 5 pieces",
        "在吗：\n订单号是 5",
        "Sent from the wrong address, I suppose, and that is a long story which I tell you some other day\nok",
        "a -- b",
        "_____\nsign here",
        "Am 3. März bestellt:\n5 Lampen",
    ],
)
def test_p7_a_customers_own_words_are_never_cut(text: str) -> None:
    assert new_part(of_text(text)) == of_text(text)


# P9: file names.


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.doc", "a.doc"),
        ("a\0.exe", "a.exe"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("..", "attachment"),
        ("", "attachment"),
        ("   ", "attachment"),
        ("a" * 4000 + ".pdf", "a" * 116 + ".pdf"),
        ("发票.pdf", "发票.pdf"),
        ("a\r\nX: y", "aX y"),
        (".bashrc", "bashrc"),
    ],
)
def test_p9_file_names_are_made_harmless(raw: str, name: str) -> None:
    assert to_file_name(raw) == name


# Headers.


@pytest.mark.parametrize(
    ("raw", "boxes"),
    [
        ("a@b.example", [("", "a@b.example")]),
        ("A <a@b.example>, B <b@b.example>", [("A", "a@b.example"), ("B", "b@b.example")]),
        ('"Doe, J" <a@b.example>', [("Doe, J", "a@b.example")]),
        ('"a\\"b" <a@b.example>', [('a"b', "a@b.example")]),
        ("a@b.example (A (the) B)", [("A (the) B", "a@b.example")]),
        ("=?utf-8?B?5p2O?= <a@b.example>", [("李", "a@b.example")]),
        ("=?utf-8?Q?a=2C_b?= <a@b.example>", [("a, b", "a@b.example")]),
        ("Friends: a@b.example, b@b.example;", [("", "a@b.example"), ("", "b@b.example")]),
        ("<a@b.example", [("", "a@b.example")]),
        ("", []),
        ('"evil@x.example" <a@b.example>', [("evil@x.example", "a@b.example")]),
    ],
)
def test_address_lists(raw: str, boxes: list[tuple[str, str]]) -> None:
    assert [(box.name, box.address) for box in to_mailboxes(raw)] == boxes


def test_encoded_words_read_back_what_the_standard_library_writes() -> None:
    text = "订单没有收到 – bitte prüfen Sie die Bestellung 20260301, спасибо большое за помощь"

    assert to_header_text(Header(text, "utf-8").encode()) == text


# M14, M15: who is believed.

PASS = "mx.shop.example; dmarc=pass (p=none) header.from=customer.example"
BELIEVED = f"Authentication-Results: {PASS}\r\n"


@pytest.mark.parametrize(
    ("headers", "verified"),
    [
        (BELIEVED, 1),
        (
            'Authentication-Results: mx.shop.example 1; spf=pass; dmarc=pass header.from="customer.example"\r\n',
            1,
        ),
        ("", 0),
        ("Authentication-Results: mx.evil.example; dmarc=pass header.from=customer.example\r\n", 0),
        (
            f"Authentication-Results: mx.shop.example; dmarc=fail header.from=customer.example\r\n{BELIEVED}",
            0,
        ),
        (f"Authentication-Results: mx.shop.example; none\r\nAuthentication-Results: {PASS}\r\n", 0),
        ("Authentication-Results: mx.shop.example; dmarc=pass header.from=other.example\r\n", 0),
        ("Authentication-Results: mx.shop.example; dmarc=fail; dmarc=pass header.from=customer.example\r\n", 0),
        ("Authentication-Results: mx.shop.example; dmarc=fail (dmarc=pass header.from=customer.example)\r\n", 0),
        (
            'Authentication-Results: mx.shop.example; dmarc=fail x="; dmarc=pass header.from=customer.example"\r\n',
            0,
        ),
        ("Authentication-Results: (mx.evil.example) mx.shop.example; spf=pass smtp.mailfrom=customer.example\r\n", 0),
        ("Authentication-Results: mx.evil.example (mx.shop.example; dmarc=pass header.from=customer.example\r\n", 0),
        ('Authentication-Results: "mx.shop.example; dmarc=pass header.from=customer.example\r\n', 0),
        (
            "Authentication-Results: mx.evil.example; x=y mx.shop.example; dmarc=pass header.from=customer.example\r\n",
            0,
        ),
        (f"ARC-Authentication-Results: i=1; {PASS}\r\n", 0),
        (f"Authentication-Results: {PASS} header.from=other.example\r\n", 0),
        (f"{BELIEVED}From: Evil <evil@customer.example>\r\n", 0),
    ],
)
def test_m14_only_our_own_servers_dmarc_verdict_counts(headers: str, verified: int) -> None:
    assert parse(letter(headers)).inbound.sender.verification == verified


def test_m14_nobody_is_trusted_unless_configured() -> None:
    assert not dmarc_passes([("authentication-results", PASS)], [], "customer.example")


def test_m15_the_identity_is_from_and_never_reply_to() -> None:
    item = parse(letter("Reply-To: victim@elsewhere.example\r\n")).inbound

    assert item.sender.identity.value == item.address == "li@customer.example"


def test_a_mail_without_a_from_is_from_its_envelope_sender() -> None:
    item = parse(b"To: help@shop.example\r\n\r\nhello", mail_from="Li@Customer.example").inbound

    assert (item.address, item.sender.verification, item.sender.email) == ("li@customer.example", 0, None)


def test_an_international_domain_is_compared_as_a_labels() -> None:
    assert parse("From: li@商店.example\r\n\r\nhello".encode()).inbound.address == "li@xn--czrs0t.example"


# H2, H3, L4, L6.

KEYS = threading.Keys((KEY,))
TOKEN = threading.reply_token(KEYS, CONVERSATION, "li@customer.example")
MESSAGE = threading.message_token(KEYS, CONVERSATION, "li@customer.example", UUID(int=5))


@pytest.mark.parametrize(
    ("headers", "meta", "found"),
    [
        ("", {"rcpts": f"help+{TOKEN.upper()}@shop.example"}, True),
        (f"To: help+{TOKEN}@shop.example\r\n", {}, True),
        (f"Delivered-To: help+{TOKEN}@shop.example\r\n", {}, True),
        (f"In-Reply-To: <{MESSAGE}@shop.example>\r\n", {}, True),
        (f"References: <x@y.example> <{MESSAGE}@shop.example> <z@y.example>\r\n", {}, True),
        (f"To: help+{TOKEN}@shop.example\r\n", {"rcpts": "help@shop.example"}, False),
        (f"Subject: [#7] {TOKEN}\r\n", {}, False),
        ("In-Reply-To: <guessed@shop.example>\r\n", {}, False),
        (f"In-Reply-To: <{MESSAGE[:-1]}a@shop.example>\r\n", {}, False),
    ],
)
def test_h2_only_our_hmac_proves_a_conversation(headers: str, meta: dict[str, str], found: bool) -> None:
    thread = parse(letter(headers), **meta).inbound.thread

    assert thread.conversation == (CONVERSATION if found else None)
    assert thread.participant == ("li@customer.example" if found else None)


def test_h3_a_token_in_other_hands_names_no_participant() -> None:
    raw = f"From: stranger@elsewhere.example\r\nTo: help+{TOKEN}@shop.example\r\n\r\nhello".encode()

    thread = parse(raw).inbound.thread

    assert (thread.conversation, thread.participant) == (CONVERSATION, "")


def test_e1_references_are_kept_for_the_rules_to_look_up() -> None:
    thread = parse(letter("References: <a@x.example> <b@x.example>\r\nIn-Reply-To: <b@x.example>\r\n")).inbound.thread

    assert thread.remote_ids == ("a@x.example", "b@x.example")


def test_l4_mail_from_our_own_address_is_automatic() -> None:
    assert parse(b"From: HELP+x@shop.example\r\n\r\nhello").inbound.automatic


REPORT = (CASES / "bounce-postfix.eml").read_bytes()


def test_l6_a_bounce_to_our_verp_address_names_the_mail() -> None:
    item = parse(REPORT, mail_from="", rcpts=f"help+{MESSAGE}@shop.example").inbound

    assert (item.kind, item.value) == (InboundKind.BOUNCE, "5.1.1")
    assert item.target == f"{MESSAGE}@shop.example"
    assert item.thread.conversation == CONVERSATION


def test_l6_a_bounce_that_quotes_our_message_id_names_it_too() -> None:
    item = parse(REPORT.replace(b"<o1@shop.example>", f"<{MESSAGE}@shop.example>".encode()), mail_from="").inbound

    assert item.target == f"{MESSAGE}@shop.example"


@pytest.mark.parametrize(
    "recipient", ["help@shop.example", f"help+{TOKEN}@shop.example", f"help+{MESSAGE[::-1]}@shop.example"]
)
def test_e10_a_forged_bounce_names_nothing(recipient: str) -> None:
    item = parse(REPORT, mail_from="", rcpts=recipient).inbound

    assert (item.kind, item.target) == (InboundKind.BOUNCE, None)


def test_l1_the_null_envelope_sender_is_automatic() -> None:
    assert parse(letter(), mail_from="").inbound.automatic
    assert not parse(letter(), mail_from="li@customer.example").inbound.automatic


def test_the_address_written_to_is_told() -> None:
    context = {**CONTEXT, "own": "help@shop.example sales@shop.example"}

    item = inbound(letter(), {"rcpts": "other@shop.example sales+x@shop.example"}, context).inbound

    assert item.to == "sales+x@shop.example"


def test_a_file_keeps_its_bytes() -> None:
    content = bytes(range(256)) * 10
    raw = letter(
        "Content-Type: multipart/mixed; boundary=b\r\n",
        b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(content)
        + b"--b--\r\n",
    )

    assert parse(raw).contents == (content,)


@pytest.mark.parametrize(
    "content",
    [b"line\r\n\r\n" * 100_000, b"<p>line</p>\r\n" * 100_000, b"<ul><li>line</li></ul>\r\n" * 60_000],
    ids=["paragraphs", "html", "lists"],
)
def test_x15_a_text_of_countless_pieces_is_cut_to_what_can_be_handled(content: bytes) -> None:
    kind = "html" if content.startswith(b"<") else "plain"

    inbound = parse(letter(f"Content-Type: text/{kind}\r\n", content)).inbound

    assert len(inbound.text.blocks) <= 5_002
    assert "line" in plain(inbound.text)
    assert plain(inbound.text).endswith("[the rest is too long to be shown: see the original mail]")


def test_x2_the_type_of_a_file_holds_no_character_that_a_database_refuses() -> None:
    head = 'Content-Type: image/p\0ng; name="a.png"\r\nContent-Disposition: attachment\r\n'

    (file,) = parse(letter(head, b"x")).inbound.attachments

    assert file.content_type == "application/octet-stream"
