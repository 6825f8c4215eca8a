"""Tags as they are kept: normalised words, few and short."""

import re
import unicodedata
from collections.abc import Iterable

MOST = 20
"""Tags of one conversation."""
LONGEST = 40
"""Characters of one tag."""

_PARTED = re.compile(r"[\s,;,、;]+")
_INVISIBLE = ("C", "Z")


def tags_in(said: str) -> tuple[str, ...]:
    """The tags somebody wrote, parted by spaces or commas, a "#" before each if they like."""
    found = (_tag(word) for word in _PARTED.split(unicodedata.normalize("NFKC", said)))
    return tuple(dict.fromkeys(each for each in found if each))


def _tag(word: str) -> str:
    seen = "".join(char for char in word if unicodedata.category(char)[0] not in _INVISIBLE)
    return seen.strip("#").casefold()


def joined(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """The tags of both, the first ones first, as many as one conversation may have."""
    return tuple(dict.fromkeys((*one, *other)))[:MOST]
