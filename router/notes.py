"""What makes a post in a desk thread an internal note (S9, decisions 22)."""

import unicodedata

from router.richtext import Emoji, Inline, Paragraph, RichText, Span, plain

LOCKS = ("🔒", "🔐", "🔏", ":lock:", ":closed_lock_with_key:", ":lock_with_ink_pen:")
PREFIXES = ("//", "note:")


def is_note(text: RichText) -> bool:
    """True when the visible text begins with a note mark, however it is disguised (zero-width, bidi, full width)."""
    return _visible(plain(text)).startswith((*PREFIXES, *LOCKS))


def without_mark(text: RichText) -> RichText:
    """The note without its leading mark, where the mark stands plainly in the first span."""
    if not text.blocks or not isinstance(first := text.blocks[0], Paragraph) or not first.children:
        return text
    head, *rest = first.children
    bare = _bare(head)
    if bare is None:
        return text
    children: tuple[Inline, ...] = (*([bare] if bare.text else ()), *rest)
    return RichText((Paragraph(children), *text.blocks[1:])) if children else RichText(text.blocks[1:])


def _bare(head: Inline) -> Span | None:
    match head:
        case Emoji(char, name) if char in LOCKS or f":{name}:" in LOCKS:
            return Span("")
        case Span(content, style, link):
            for mark in (*PREFIXES, *LOCKS):
                if content.lstrip().lower().startswith(mark):
                    return Span(content.lstrip()[len(mark) :].lstrip(), style, link)
    return None


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
