"""Feeds: what the clients of pull channels (web chat) fetch by cursor, one numbered list for each visitor (W3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from router.arrivals import FeedItem
from router.decision import Revision
from router.model import Attachment, AuthorKind, Message, Visibility
from router.richtext import EMPTY, RichText
from storage import told
from storage.attachments import attachment_of
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

_LAST = Statement("SELECT place, max(seq) FROM feed WHERE place IN :places GROUP BY place")
_APPEND = Statement("INSERT INTO feed (place, seq, kind, message, at) VALUES (:place, :seq, :kind, :message, :now)")
_HISTORY = Statement(
    """
    SELECT f.seq, f.kind, m.id, m.conversation, m.seq, m.author_kind, m.author, m.author_name, m.channel, m.body,
           m.remote_key, f.at, m.version, m.deleted, m.automatic, m.visibility
    FROM feed f JOIN messages m ON m.id = f.message
    WHERE f.place = :place AND f.seq > :after ORDER BY f.seq LIMIT :limit
    """
)
_ATTACHMENTS = Statement(
    """
    SELECT message, name, content_type, size, sha256, remote, inline, content_id FROM attachments
    WHERE message IN :messages ORDER BY message, position
    """
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something for a visitor's feed; `place` is "channel:address"."""

    place: str
    kind: str
    message: UUID


def kind_of(revision: Revision | None) -> str:
    """What a feed entry is, by what happened to its message."""
    if revision is None:
        return "message"
    return "delete" if revision.deleted else "edit"


def heads(tx: Transaction, places: Sequence[str]) -> dict[str, int]:
    """How far feeds go; one without entries is left out."""
    return {row[0]: row[1] for row in tx.all(_LAST, {"places": places})} if places else {}


def append(tx: Transaction, entries: Sequence[Entry]) -> tuple[dict[UUID, int], dict[str, int]]:
    """Put entries at the end of their feeds; the number each message got, and how far each feed goes now."""
    if not entries:
        return {}, {}
    places = sorted({entry.place for entry in entries})
    last: dict[str, int] = dict.fromkeys(places, 0)
    last.update(heads(tx, places))
    rows = []
    found: dict[UUID, int] = {}
    for entry in entries:
        last[entry.place] += 1
        found[entry.message] = last[entry.place]
        rows.append(
            {
                "place": entry.place,
                "seq": last[entry.place],
                "kind": entry.kind,
                "message": entry.message.bytes,
                "now": tx.now,
            }
        )
    tx.many(_APPEND, rows)
    return found, last


def history(tx: Transaction, place: str, after: int, limit: int) -> list[FeedItem]:
    """The feed after a cursor, in order; of ours in the words that left, not in those of an edit that is held. Notes
    are never in a feed; the condition is a second lock (INV8)."""
    rows = tx.all(_HISTORY, {"place": place, "after": after, "limit": limit})
    if not rows:
        return []
    files: dict[bytes, list[Attachment]] = {}
    for row in tx.all(_ATTACHMENTS, {"messages": [row[2] for row in rows]}):
        files.setdefault(bytes(row[0]), []).append(attachment_of(row[1:]))
    left = told.texts(tx, [row[2] for row in rows if row[5] != AuthorKind.CUSTOMER])
    return [
        _item(row, left.get(bytes(row[2]), EMPTY), tuple(files.get(bytes(row[2]), ())))
        for row in rows
        if row[15] == Visibility.PUBLIC
    ]


def _item(row: Row, left: RichText, attachments: tuple[Attachment, ...]) -> FeedItem:
    remote_key = row[10]
    return FeedItem(
        seq=row[0],
        kind=row[1],
        author_name=row[7],
        message=Message(
            id=UUID(bytes=row[2]),
            conversation=UUID(bytes=row[3]),
            seq=row[4],
            author_kind=AuthorKind(row[5]),
            author=row[6],
            visibility=Visibility.PUBLIC,
            channel=row[8],
            text=rich_text(row[9]) if row[5] == AuthorKind.CUSTOMER else left,
            attachments=attachments,
            remote_id=remote_key[len(row[8]) + 1 :] if remote_key else None,
            received_at=of_micros(row[11]),
            version=row[12],
            deleted=bool(row[13]),
            automatic=bool(row[14]),
        ),
    )
