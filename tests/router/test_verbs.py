"""Posts that speak to Onevoice and not to the customer."""

import pytest

from router.richtext import Break, Mention, Paragraph, RichText, Span, of_text
from router.verbs import Verb, verb_of

ONEVOICE = Mention("onevoice", "U0BOT")


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
