"""Posts that speak to Onevoice and not to the customer."""

from dataclasses import replace

import pytest

from router.intent import is_internal
from router.model import DeliveryKind, Visibility
from router.richtext import Break, Mention, Paragraph, Quote, RichText, Span, of_text
from router.routing import decide
from router.rulebook import ReplyMode
from router.verbs import Verb, names_bot, verb_of
from tests.router.asking import BOOK, notices, said_in_thread

ONEVOICE = Mention("onevoice", "U0BOT")
BOB = Mention("Bob Li", "U0BOB")


@pytest.mark.parametrize(
    ("children", "verb"),
    [
        ((ONEVOICE, Span(" why")), Verb("why", "")),
        ((Span(" "), ONEVOICE, Span("  Send  it was agreed")), Verb("send", "it was agreed")),
        ((ONEVOICE,), Verb("", "")),
        ((Mention("OneVoice", "U0BOT"), Break(), Span("pass lunch")), Verb("pass", "lunch")),
        ((Span("ask "), ONEVOICE), None),
        ((Mention("alice", "U1"), Span(" why")), None),
    ],
)
def test_a_verb_follows_a_leading_mention(children: tuple[object, ...], verb: Verb | None) -> None:
    assert verb_of(RichText((Paragraph(children),))) == verb  # type: ignore[arg-type]  # inlines


def test_plain_text_is_no_verb() -> None:
    assert verb_of(of_text("@onevoice why")) is None
    assert verb_of(RichText()) is None


STRAYS = [
    RichText((Paragraph((BOB, Span(" "), ONEVOICE, Span(" assign bob, he is a fraud"))),)),
    RichText((Paragraph((Span("Hey"), ONEVOICE, Span("why"))),)),
    RichText((Quote((Paragraph((ONEVOICE, Span(" discard"))),)),)),
    RichText((Paragraph((ONEVOICE, Span(" reply Ask "), ONEVOICE, Span(" why"))),)),
    of_text("@onevoice discard, he is lying"),
    of_text("\u8bf7\uff20OneVoice\u653e\u5f03"),
    of_text("Hello\n\n@onevoice: resolve"),
]


@pytest.mark.parametrize("text", STRAYS)
def test_s9_a_post_that_names_onevoice_never_leaves_and_its_author_is_told_why(text: RichText) -> None:
    snapshot, post = said_in_thread("")
    found = decide(snapshot, replace(post, text=text), BOOK)
    assert found.message is not None
    assert found.message.visibility is Visibility.NOTE
    assert all(each.desk for each in found.deliveries)
    assert "Not sent: it names @onevoice" in notices(found)


def test_a_note_about_onevoice_is_a_note_without_more_words() -> None:
    snapshot, post = said_in_thread("")
    found = decide(snapshot, replace(post, text=of_text("// ask @onevoice why")), BOOK)
    assert [each.kind for each in found.deliveries] == [DeliveryKind.REACTION]


@pytest.mark.parametrize(
    "said",
    ["Write to help@onevoice.example", "See https://t.me/@onevoice", "Write to @onevoice_bot", "Onevoice is away"],
)
def test_what_only_looks_like_the_name_may_leave(said: str) -> None:
    assert not names_bot(of_text(said))
    assert not is_internal(of_text(said), ReplyMode.REPLY)
