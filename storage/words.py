"""Which words were said in which conversation, noted after the commit (decisions 11, docs/adr/0013)."""

from collections.abc import Collection, Iterable

from router.arrivals import Lease
from router.richtext import plain
from router.words import words_of
from storage import leases
from storage.codec import json_value, rich_text
from storage.database import Transaction
from storage.ids import first_id_at
from storage.statement import Statement

CURSOR = "words"
OVERLAP = 15_000_000
"""Microseconds that are looked at again: a commit may come later than the instant its ids are of."""
AT_ONCE = 200
CALM = 3_000_000
"""Microseconds without a message after which words are noted: nobody shall wait for an answer because of them."""
LATEST = 60_000_000
"""Microseconds after which they are noted however much is said."""

_NEWEST = Statement("SELECT id FROM messages ORDER BY id DESC LIMIT 1")
_FRESH = Statement("SELECT id FROM messages WHERE id > :since ORDER BY id LIMIT :limit")
_SAID = Statement(
    """
    SELECT c.number, m.body, c.subject, c.orders, k.name, m.deleted OR m.automatic
    FROM messages m JOIN conversations c ON c.id = m.conversation JOIN contacts k ON k.id = c.contact
    WHERE m.id IN :ids
    """
)
_ADDRESSES = Statement(
    """
    SELECT DISTINCT c.number, l.address FROM messages m JOIN conversations c ON c.id = m.conversation
    JOIN legs l ON l.conversation = c.id WHERE m.id IN :ids AND NOT l.desk
    """
)
_NOTE = Statement("INSERT INTO words (word, conversation) VALUES (:word, :conversation) ON CONFLICT DO NOTHING")
_CURSOR = Statement("SELECT value FROM cursors WHERE channel = '' AND name = :name")
_MOVE = Statement(
    """
    INSERT INTO cursors (channel, name, value, fence) VALUES ('', :name, :value, :fence)
    ON CONFLICT (channel, name) DO UPDATE SET value = excluded.value, fence = excluded.fence
    """
)
_COUNT = Statement("SELECT count(*) FROM (SELECT 1 FROM words WHERE word = :word LIMIT :limit) AS few")
_WITH = Statement("SELECT conversation FROM words WHERE word = :word ORDER BY conversation DESC LIMIT :limit")
_AMONG = Statement("SELECT conversation FROM words WHERE word = :word AND conversation IN :numbers")


def beginning(tx: Transaction) -> bytes:
    """The id behind which messages may not be noted yet; all of them where nothing is."""
    row = tx.one(_CURSOR, {"name": CURSOR})
    return bytes.fromhex(row[0]) if row is not None else bytes(16)


def unnoted(tx: Transaction, since: bytes, seen: Collection[bytes], calm: int = CALM) -> tuple[list[bytes], bool]:
    """The next messages behind an id that were not seen, at most `AT_ONCE`, and whether there are more; none while more
    may come at any moment and the oldest can wait. `calm` is in microseconds."""
    rows = tx.all(_FRESH, {"since": since, "limit": len(seen) + AT_ONCE + 1})
    fresh = [bytes(row[0]) for row in rows if bytes(row[0]) not in seen]
    newest = tx.one(_NEWEST, {}) if fresh else None
    if newest is None or (_age(tx, newest[0]) < calm and _age(tx, fresh[0]) < LATEST):
        return [], False
    return fresh[:AT_ONCE], len(fresh) > AT_ONCE


def _age(tx: Transaction, message: bytes) -> int:
    """Microseconds since the id was made."""
    return tx.now - int.from_bytes(message[:6], "big") * 1000


def note(tx: Transaction, lease: Lease, messages: Collection[bytes]) -> bytes:
    """Note what these messages say, and everything that is not certainly noted is behind the answer. Raises
    LeaseLost."""
    leases.check(tx, lease)
    ids = {"ids": sorted(messages)}
    said: dict[int, set[str]] = {}
    for number, body, subject, orders, name, silent in tx.all(_SAID, ids):
        words = said.setdefault(number, set())
        if not silent:
            words.update(words_of(plain(rich_text(body))))
        words.update(words_of(" ".join((subject, name, *json_value(orders)))))
    for number, address in tx.all(_ADDRESSES, ids):
        said[number].update(words_of(address))
    tx.many(_NOTE, list(_rows(said)))
    last = max(messages)
    behind = min(last, first_id_at(max(tx.now - OVERLAP, 0)).bytes)
    tx.run(_MOVE, {"name": CURSOR, "value": behind.hex(), "fence": lease.fence})
    return behind


def _rows(said: dict[int, set[str]]) -> Iterable[dict[str, object]]:
    for number in sorted(said):
        for word in sorted(said[number]):
            yield {"word": word, "conversation": number}


def among(tx: Transaction, words: Collection[str], limit: int, most: int) -> tuple[list[int], bool]:
    """The numbers of the latest conversations in which all of these words were said, at most `limit`; True where only
    the latest `most` with the rarest word could be looked at."""
    counted = sorted((_count(tx, word, most), word) for word in dict.fromkeys(words))
    if not counted or not counted[0][0]:
        return [], False
    rarest, *others = [word for _, word in counted]
    candidates = [row[0] for row in tx.all(_WITH, {"word": rarest, "limit": most})]
    found: list[int] = []
    for start in range(0, len(candidates), 1000):
        left = candidates[start : start + 1000]
        for word in others:
            if not left:
                break
            has = {row[0] for row in tx.all(_AMONG, {"word": word, "numbers": left})}
            left = [each for each in left if each in has]
        found += left
        if len(found) >= limit:
            return found[:limit], False
    return found, len(candidates) >= most


def _count(tx: Transaction, word: str, limit: int) -> int:
    row = tx.one(_COUNT, {"word": word, "limit": limit})
    return row[0] if row is not None else 0
