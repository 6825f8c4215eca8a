"""Whether an edit of a customer's message changes the question (D9)."""

import unicodedata
from collections.abc import Set

SIMILAR = 0.8


def is_material(before: str, after: str) -> bool:
    """Other digits, or character bigrams that overlap by less than 0.8 (Jaccard)."""
    old, new = _normal(before), _normal(after)
    if [c for c in old if c.isdigit()] != [c for c in new if c.isdigit()]:
        return True
    return _jaccard(_bigrams(old), _bigrams(new)) < SIMILAR


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _bigrams(text: str) -> Set[str]:
    return {text[index : index + 2] for index in range(max(1, len(text) - 1))} if text else set()


def _jaccard(one: Set[str], other: Set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
