"""The form of a channel (4.9) and Slack markup that would reach a customer (W-MARKUP)."""

from dataclasses import replace
from typing import Any

import pytest

from router.consistency.findings import Level, Place
from router.consistency.formats import length
from router.consistency.markup import markup, repaired
from router.consistency.pipeline import check
from router.consistency.reply import Reply
from router.model import Attachment, ChannelType
from router.richtext import (
    Emoji,
    ListBlock,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
    of_text,
    plain,
)
from tests.router.shipped_standards import CALENDAR, NOW, standards

MAIL = Place(channel_type=ChannelType.EMAIL)


def rules(text: str, channel_type: ChannelType = ChannelType.WEBCHAT, **reply: Any) -> list[tuple[str, Level]]:
    written = replace(Reply(text=text, place=Place(channel_type=channel_type)), **reply)
    found = check(written, standards(), CALENDAR, NOW)
    return [(each.rule, each.level) for each in found if each.rule.startswith("FMT")]


@pytest.mark.parametrize(
    ("text", "channel_type", "expected"),
    [
        ("a" * 500, ChannelType.WEBCHAT, []),
        ("a" * 501, ChannelType.WEBCHAT, [("FMT-LENGTH", Level.WARN)]),
        ("a" * 4001, ChannelType.WEBCHAT, [("FMT-HARD", Level.WARN)]),
        ("a\n" * 5, ChannelType.WEBCHAT, []),
        ("a\n" * 6, ChannelType.WEBCHAT, [("FMT-LINES", Level.WARN)]),
        ("a" * 4096, ChannelType.TELEGRAM, []),
        ("👍" * 2049, ChannelType.TELEGRAM, [("FMT-HARD", Level.LOG)]),
        ("| a | b |\n| - | - |", ChannelType.TELEGRAM, [("FMT-TABLE", Level.WARN)]),
        ("a" * 5000, ChannelType.EMAIL, []),
        ("see http://evil.example/x", ChannelType.EMAIL, [("FMT-LINK", Level.WARN)]),
        ("see https://www.sf-express.com/x", ChannelType.EMAIL, []),
        ("see https://notsf-express.com/x", ChannelType.EMAIL, [("FMT-LINK", Level.WARN)]),
    ],
)
def test_length_lines_tables_and_links(text: str, channel_type: ChannelType, expected: list[tuple[str, Level]]) -> None:
    assert rules(text, channel_type) == expected


def test_a_short_mail_to_several_questions_is_noted() -> None:
    two = "1. When? 2. Where?"

    assert rules("Soon.", ChannelType.EMAIL, question=two) == [("FMT-QUESTIONS", Level.LOG)]
    assert rules("Soon.", ChannelType.EMAIL, question="When?") == []
    assert rules("Soon.", question=two) == []


def test_the_case_number_stays_in_the_subject() -> None:
    assert rules("x", ChannelType.EMAIL, subject="Re: Refund") == [("FMT-SUBJECT", Level.LOG)]
    assert rules("x", ChannelType.EMAIL, subject="Re: Refund [#1042]") == []


def test_a_file_the_channel_cannot_send_is_named() -> None:
    big = Attachment(name="film.mp4", content_type="video/mp4", size=60 * 1024 * 1024)
    written = Reply(text="x", place=Place(channel_type=ChannelType.TELEGRAM), attachments=[big])
    (finding,) = check(written, standards(), CALENDAR, NOW)

    assert finding.rule == "FMT-FILE"
    assert "film.mp4" in finding.message.en


def test_the_greeting_is_not_repeated_on_web_chat() -> None:
    assert rules("您好,查到了", question="什么时候到") == [("FMT-GREETING", Level.LOG)]


def test_length_is_counted_as_the_channel_counts() -> None:
    assert (length("👍你", "chars"), length("👍你", "utf16"), length("👍你", "utf8")) == (2, 3, 7)


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("<@U012AB3CD> 请看", " 请看"),
        ("<#C012|general> 请看", "general 请看"),
        ("see <https://x.example/a|here>", "see here (https://x.example/a)"),
        ("see <https://x.example/a>", "see https://x.example/a"),
        (":smile: 您好", " 您好"),
        ("请看 *重点* 内容", "请看 重点 内容"),
        ("a &amp; b", "a & b"),
        ("`code`", "code"),
    ],
)
def test_slack_markup_is_found_and_can_be_taken_out(text: str, fixed: str) -> None:
    found = markup(text, Place(), standards().checks)

    assert [(each.rule, each.level) for each in found] == [("W-MARKUP", Level.WARN)]
    assert without_markup(of_text(text)) == of_text(fixed)
    assert markup(text, SLACK, standards().checks) == []
    assert repaired(of_text(text), SLACK, standards().checks) == of_text(text)


SLACK = Place(channel_type=ChannelType.SLACK)


def without_markup(text: RichText, place: Place = MAIL) -> RichText:
    return repaired(text, place, standards().checks)


def test_markup_is_taken_out_of_words_wherever_they_stand_and_formatting_and_code_stay() -> None:
    link, code = Span("here", link="https://shop.example/*a*"), Span("*a*", Style.CODE)
    logo, smile = Emoji(":shop_logo:", "shop_logo"), Emoji("🙂", "slightly_smiling_face")
    pre = Pre("*a* :b:")

    def tree(*said: Span | Emoji, text: str) -> RichText:
        words = Paragraph((Span(text, Style.BOLD), *said, link, code, smile))
        return RichText((words, Quote((words,)), ListBlock(((words,),)), pre))

    assert without_markup(tree(logo, text="It is *_here_*: ")) == tree(text="It is here: ")
    clean = tree(text="2*3*4 at 10:30:45")
    assert without_markup(clean) is clean


@pytest.mark.parametrize("text", ["colour:red: large", ":shop_logo:", "*a* b* c:d:e"])
def test_what_may_be_no_markup_or_all_there_is_stays_and_is_asked_about(text: str) -> None:
    left = without_markup(of_text(text))
    assert plain(left).endswith(text[-5:])
    assert markup(plain(left), MAIL, standards().checks)


def test_where_the_standards_hold_no_markup_it_stays() -> None:
    rule = replace(standards().checks["W-MARKUP"], level=Level.LOG)
    assert plain(repaired(of_text("*a*"), MAIL, {"W-MARKUP": rule})) == "*a*"


@pytest.mark.parametrize("text", ["10:30:45", "您好:)", "2*3*4", "a_b_c", "5 < 6 > 4", "~10~20"])
def test_what_is_no_markup_stays(text: str) -> None:
    assert markup(text, Place(), standards().checks) == []
