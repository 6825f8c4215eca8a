"""What makes a post in a desk thread an internal note (S9, decisions 22)."""

import unicodedata

from router.richtext import Block, Inline, ListBlock, Mention, Paragraph, Quote, RichText, Span, plain

LOCKS = ("🔒", "🔐", "🔏", ":lock:", ":closed_lock_with_key:", ":lock_with_ink_pen:")
PREFIXES = ("//", "note:")


def is_note(text: RichText) -> bool:
    """True when the visible text begins with a note mark, however it is disguised (zero-width, bidi, full width), in
    a quotation or list, or after the names of colleagues: what is in doubt does not leave."""
    return _visible(plain(RichText(_unwrapped(text.blocks)))).startswith((*PREFIXES, *LOCKS))


def _unwrapped(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Without what stands before the first words: quotation and list marks, and names of people."""
    while blocks:
        match blocks[0]:
            case Quote(inside):
                blocks = (*inside, *blocks[1:])
            case ListBlock(items):
                blocks = (*(block for item in items[:1] for block in item), *blocks[1:])
            case Paragraph(children) if not (rest := _after_names(children)):
                blocks = blocks[1:]
            case Paragraph(children):
                return (Paragraph(rest), *blocks[1:])
            case _:
                return blocks
    return ()


def _after_names(children: tuple[Inline, ...]) -> tuple[Inline, ...]:
    for index, child in enumerate(children):
        if not isinstance(child, Mention) and not (isinstance(child, Span) and not _visible(child.text)):
            return children[index:]
    return ()


def _visible(text: str) -> str:
    """NFKC, without characters that are not seen (format, control, combining-filler, white space), lower case."""
    kept = (char for char in unicodedata.normalize("NFKC", text) if not _unseen(char))
    return "".join(kept).lower()


def _unseen(char: str) -> bool:
    return (
        char.isspace()
        or unicodedata.category(char) in {"Cf", "Cc", "Cn", "Co", "Cs", "Mn", "Me"}
        or char in "\u115f\u1160\u3164\uffa0\u2800\ufffc"
    )
