"""Conversations by what somebody remembers of them: a number, an order, a name, an address, words that were said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from router.listing import Listed
from router.words import words_of
from storage import listing, words
from storage.database import Transaction
from storage.statement import Statement

LIMIT = 10
MOST = 5_000
"""Conversations with the rarest of the words that are looked through, the latest ones: an answer takes a few
hundredths of a second whatever is asked."""
WORDS = 8
LARGEST = 2**62
_NUMBER = re.compile(r"#?(\d{1,18})")
_IS_THERE = Statement("SELECT number FROM conversations WHERE number = :number")


@dataclass(frozen=True, slots=True)
class Found:
    """`searched` says where was looked, as a sentence."""

    listed: Sequence[Listed]
    searched: str


def find(tx: Transaction, desk: str, asked: str) -> Found:
    """A number names one conversation, and is a word as well; without a number sign, everything is looked for."""
    numbers: list[int] = []
    exact = _NUMBER.fullmatch(asked.strip())
    if exact is not None and tx.one(_IS_THERE, {"number": int(exact[1])}) is not None:
        numbers.append(int(exact[1]))
    if asked.strip().startswith("#") and exact is not None:
        return Found(listing.numbered(tx, desk, numbers), "Looked for the conversation of that number.")
    sought = words_of(asked)
    if not sought:
        return Found((), "Say what to look for: a #number, an order, a name, an address or words of the conversation.")
    said, cut = words.among(tx, sought[:WORDS], LIMIT, MOST)
    numbers += [each for each in said if each not in numbers]
    return Found(listing.numbered(tx, desk, numbers[:LIMIT]), _searched(sought, cut))


def _searched(sought: Sequence[str], cut: bool) -> str:
    looked = "Looked for whole words in names, addresses, orders, subjects and messages; all of them must be there."
    if len(sought) > WORDS:
        looked += f" Only the first {WORDS} were looked for."
    if cut:
        looked += (
            f" Looked through the latest {MOST} conversations with the rarest of them: say more to find older ones."
        )
    return looked
