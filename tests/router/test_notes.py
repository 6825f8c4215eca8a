"""What is a note, however it is written, and what only looks like one (S9, decisions 22)."""

import pytest

from router.intent import is_internal, words_of
from router.notes import is_note
from router.richtext import Break, Emoji, ListBlock, Mention, Paragraph, Pre, Quote, RichText, Span, Style, of_text
from router.rulebook import ReplyMode

BOT = Mention("onevoice", "U0ONEVOICE")
BOB = Mention("Bob Li", "U0BOB")


def paragraph(*children: Span | Mention | Emoji | Break) -> RichText:
    return RichText((Paragraph(children),))


@pytest.mark.parametrize(
    "text",
    [
        of_text("\u200b" * 4_500 + "// far behind what nobody sees"),
        of_text("\ufffc// behind the place of a pasted object"),
        of_text("\u3000\u2028\uff2e\uff4f\uff54\uff45\uff1a full width"),
        paragraph(BOB, Span(" // please look")),
        paragraph(BOB, Span(" "), BOB, Break(), Emoji("\N{LOCK}", "lock"), Span(" for you both")),
        RichText((Quote((Paragraph((Span("// quoted"),)),)), Paragraph((Span("so it is"),)))),
        RichText((ListBlock(((Paragraph((Span("note: first"),)),), (Paragraph((Span("second"),)),))),)),
        RichText((Paragraph((BOB,)), Pre("// in the code"))),
        paragraph(BOB, Span(", // a comma behind the name")),
        paragraph(Span("@here"), Span(" // for whoever is there")),
        paragraph(Span("@here"), Span("note: without a blank")),
        paragraph(Span("@leads"), Span(" "), Span("#lost-parcels"), Span(": note: a group and a channel")),
        of_text("@b\u00f6b.li, @leads_2 \u2013 // typed, never looked up"),
        of_text("#note: a channel or a mark"),
        of_text("\u2022 // behind a bullet"),
        of_text("(*note: in parentheses*)"),
        of_text(".//"),
        paragraph(Emoji(":shop_logo:", "shop_logo"), Span(" // behind a picture")),
        paragraph(Emoji("\N{OPEN LOCK}", "unlock"), Emoji("\N{LOCK}", "lock"), Span(" the second counts")),
        paragraph(Span("\u200b", link="https://shop.example"), Span("// behind a link nobody sees")),
        RichText((ListBlock(((Paragraph((Span("// numbered"),)),),), ordered=True),)),
    ],
)
def test_s9_a_note_in_disguise_is_a_note(text: RichText) -> None:
    assert is_note(text)


@pytest.mark.parametrize(
    "text",
    [
        of_text("notes: none"),
        of_text("see // there"),
        of_text("n\u043ete: with a Cyrillic letter"),
        of_text("\u2215\u2215 not slashes"),
        paragraph(BOB, Span(" see note: 1")),
        paragraph(Span("@here"), Span(" see // there")),
        paragraph(Emoji("\N{OPEN LOCK}", "unlock"), Span(" it is open")),
        paragraph(Emoji(":shop_logo:", "shop_logo"), Span(" Hello // there")),
        of_text("https://shop.example/a"),
        of_text("1// of 2"),
        of_text("(note): none"),
        of_text("anna@x.com // and bob@x.com"),
        RichText((Paragraph((Span("Hello"),)), Quote((Paragraph((Span("// quoted"),)),)))),
        RichText(),
        paragraph(BOB),
    ],
)
def test_s9_what_only_looks_like_a_note_is_none(text: RichText) -> None:
    assert not is_note(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (paragraph(BOT, Span(" reply It left today")), paragraph(Span("It left today"))),
        (paragraph(Span(" "), BOT, Span("  Reply")), paragraph(Span(" "), BOT, Span("  Reply"))),
        (
            paragraph(BOT, Span(" reply"), Break(), Span("It "), Span("left", Style.BOLD), Break(), Span("today")),
            paragraph(Span("It "), Span("left", Style.BOLD), Break(), Span("today")),
        ),
        (RichText((Paragraph((BOT, Span(" reply"))), Pre("42"))), RichText((Pre("42"),))),
        (paragraph(BOT, Span(" replying")), paragraph(BOT, Span(" replying"))),
        (paragraph(BOB, Span(" reply soon")), paragraph(BOB, Span(" reply soon"))),
    ],
)
def test_the_words_of_a_reply_that_is_asked_for_keep_their_form(text: RichText, words: RichText) -> None:
    assert words_of(text) == words


def test_s9_where_notes_are_the_default_only_a_reply_that_is_asked_for_leaves() -> None:
    assert is_internal(of_text("It left today"), ReplyMode.NOTE)
    assert not is_internal(paragraph(BOT, Span(" reply It left today")), ReplyMode.NOTE)
    assert is_internal(paragraph(BOT, Span(" reply // he is angry")), ReplyMode.NOTE)
    assert is_internal(paragraph(BOT, Span(" reply // he is angry")), ReplyMode.REPLY)
    assert not is_internal(of_text("It left today"), ReplyMode.REPLY)
