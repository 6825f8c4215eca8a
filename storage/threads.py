"""Which desk threads are in use and what is known of them: where a desk that was away must look (S13)."""

from datetime import datetime

from router.arrivals import DeskThread
from storage.database import Transaction, of_micros, to_micros
from storage.ids import first_id_at
from storage.statement import Statement

LIMIT = 2_000
"""Threads that are looked at after a gap, the latest ones."""
LONGEST_CHAIN = 20
"""Merges that are followed, one after the other."""

_BUSY = Statement(
    """
    SELECT coalesce(l.thread_key, l.address), c.opened_at, c.last_in_at,
           (SELECT m.sent_at FROM messages m
            WHERE m.conversation = coalesce(c.merged_into, c.id) AND m.channel = :channel
            ORDER BY m.seq DESC LIMIT 1)
    FROM (SELECT id FROM conversations WHERE status <> 'resolved'
          UNION SELECT conversation FROM messages WHERE id >= :first) busy
    JOIN conversations c ON c.id = busy.id
    JOIN legs l ON l.conversation = c.id
    LEFT JOIN conversations s ON s.id = c.merged_into
    WHERE l.channel = :channel AND (l.thread_key IS NOT NULL OR NOT l.desk)
      AND (s.id IS NULL OR s.status <> 'resolved' OR s.resolved_at >= :since)
    """
)
_CONVERSATION = Statement("SELECT conversation FROM legs WHERE thread_key = :thread")
_SURVIVOR = Statement("SELECT merged_into FROM conversations WHERE id = :id")
_POSTS = Statement(
    """
    SELECT remote_key FROM messages
    WHERE conversation IN :conversations AND channel = :channel AND sent_at >= :since
      AND remote_key IS NOT NULL AND NOT deleted
    ORDER BY remote_key
    """
)


def busy(tx: Transaction, channel: str, since: datetime) -> list[DeskThread]:
    """The threads of a desk, or the addresses of a customers' channel, whose conversation is open or said something
    since, latest first."""
    at = to_micros(since)
    rows = tx.all(_BUSY, {"channel": channel, "since": at, "first": first_id_at(at).bytes})
    rows.sort(key=lambda row: max(each for each in row[1:] if each is not None), reverse=True)
    return [
        DeskThread(ref=row[0].removeprefix(f"{channel}:"), read_to=of_micros(row[1] if row[3] is None else row[3]))
        for row in rows[:LIMIT]
    ]


def posts(tx: Transaction, channel: str, thread: str, since: datetime) -> list[str]:
    """The remote ids of what is stored on this channel in the conversation of a thread; what colleagues write in the
    thread of an absorbed one is stored in its survivor."""
    row = tx.one(_CONVERSATION, {"thread": f"{channel}:{thread}"})
    found: list[bytes] = []
    while row is not None and row[0] is not None and len(found) < LONGEST_CHAIN:
        found.append(bytes(row[0]))
        row = tx.one(_SURVIVOR, {"id": found[-1]})
    if not found:
        return []
    rows = tx.all(_POSTS, {"conversations": found, "channel": channel, "since": to_micros(since)})
    return [each[0][len(channel) + 1 :] for each in rows]
