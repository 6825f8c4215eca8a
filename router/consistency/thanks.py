"""Messages that only acknowledge (好的, thanks, a thumb) open no round and reopen nothing (`service.md` 4.11)."""

from router.consistency.patterns import Pattern
from router.consistency.text import Haystack, normalise

_LONGEST = 40


def ack_only(text: str, words: Pattern, *, attachments: int = 0, last_is_ours: bool = True) -> bool:
    """True when the text is made of the closed list `words` only (a pattern of one of them), is at most 40
    characters long, holds no digit and no question mark, and answers a message of ours."""
    if attachments or not last_is_ours or len(text) > _LONGEST * 10:  # what is left out of it is little
        return False
    normal = normalise(text).text
    if not normal or len(normal) > _LONGEST:
        return False
    if any(char.isdigit() or char == "?" for char in normal):
        return False
    return words.full(Haystack(normal)) is not None
