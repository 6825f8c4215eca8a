"""What makes a post in a desk thread an internal note (S9, decisions 22)."""

import re
import unicodedata

from router.richtext import Emoji, Inline, RichText, Span, inlines

LOCKS = ("🔒", "🔐", "🔏", ":lock:", ":closed_lock_with_key:", ":lock_with_ink_pen:")
MARKS = ("//", "note:", *LOCKS)

_CALLED = re.compile(r"(?<!\w)[@#][\w.-]+")
"""A colleague, a group, everybody or a channel, called in the text itself."""


def is_note(text: RichText) -> bool:
    """True when a note mark comes before the first word, however it is disguised (zero-width, bidi, full width). Whom
    the post calls, pictures, punctuation, quotation and list marks are no words: what is in doubt does not leave."""
    words = said(text)
    return _is_marked(words) or _is_marked(_CALLED.sub("", words))


def said(text: RichText) -> str:
    """The words without the names of people, pictures but locks, and list marks: NFKC, in lower case, with a blank for
    what is not seen."""
    words = unicodedata.normalize("NFKC", " ".join(_said(each) for each in inlines(text.blocks)))
    return "".join(" " if _unseen(char) else char for char in words).lower()


def _said(inline: Inline) -> str:
    match inline:
        case Span(text):
            return text
        case Emoji(char) if char.startswith(LOCKS):
            return char
    return ""


def _is_marked(words: str) -> bool:
    seen = "".join(words.split())
    first = next((index for index, char in enumerate(seen) if char.isalnum()), len(seen))
    return any(0 <= seen.find(mark) <= first for mark in MARKS)


def _unseen(char: str) -> bool:
    return (
        unicodedata.category(char) in {"Cf", "Cc", "Cn", "Co", "Cs", "Mn", "Me"}
        or char in "\u115f\u1160\u3164\uffa0\u2800\ufffc"
    )
