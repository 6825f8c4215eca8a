"""What makes a post in a desk thread an internal note (S9, decisions 22)."""

import unicodedata

from router.richtext import RichText, plain

LOCKS = ("🔒", "🔐", "🔏", ":lock:", ":closed_lock_with_key:", ":lock_with_ink_pen:")
PREFIXES = ("//", "note:")


def is_note(text: RichText) -> bool:
    """True when the visible text begins with a note mark, however it is disguised (zero-width, bidi, full width)."""
    return _visible(plain(text)).startswith((*PREFIXES, *LOCKS))


def _visible(text: str) -> str:
    """NFKC, without characters that are not seen (format, control, combining-filler, white space), lower case."""
    kept = (char for char in unicodedata.normalize("NFKC", text[:4000]) if not _unseen(char))
    return "".join(kept).lower()


def _unseen(char: str) -> bool:
    return (
        char.isspace()
        or unicodedata.category(char) in {"Cf", "Cc", "Cn", "Co", "Cs", "Mn", "Me"}
        or char in "\u115f\u1160\u3164\uffa0\u2800"
    )
