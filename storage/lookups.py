"""What some verbs look at besides the thread, loaded for them alone (`router.lookup`); only indexed columns."""

from collections.abc import Sequence
from uuid import UUID

from router import correction_offers as corrections
from router.addresses import identity_of, mail_address, spelled
from router.automatic import TRANSCRIPTS
from router.links import NAMING, conversation_number
from router.lookup import NOTHING, History, Lookup, Past, Reach, Said
from router.model import AuthorKind, Contact, Conversation, IdentityKey, Status, Visibility
from router.verbs import Verb
from storage import contacts, logs, targets, told
from storage.codec import json_value, rich_text
from storage.database import Transaction, of_micros
from storage.statement import Statement

NEWEST = 10
"""Conversations of a history."""
ADDRESSES = 100
SAID = 500
"""Messages of a transcript: the newest ones."""

_COLUMNS = """
    SELECT id, number, status, owner, subject, opened_at, COALESCE(last_in_at, opened_at) AS last_at, merged_into
    FROM conversations
    """
_NEWEST = Statement(
    f"{_COLUMNS} WHERE contact IN :contacts AND status <> 'resolved' UNION ALL "
    f"{_COLUMNS} WHERE contact IN :contacts AND status = 'resolved' ORDER BY last_at DESC, number DESC LIMIT :limit"
)
_COUNT = Statement(
    """
    SELECT (SELECT count(*) FROM conversations WHERE contact IN :contacts AND status <> 'resolved')
         + (SELECT count(*) FROM conversations WHERE contact IN :contacts AND status = 'resolved')
    """
)
_CHANNELS = Statement("SELECT DISTINCT conversation, channel FROM legs WHERE conversation IN :ids AND NOT desk")
_NUMBERS = Statement("SELECT id, number FROM conversations WHERE id IN :ids")
_LEGS = """
    SELECT l.channel, l.address, c.contact, l.identity, l.last_remote_id, l.closed, l.last_in_at AS wrote_at
    FROM conversations c JOIN legs l ON l.conversation = c.id
    WHERE c.contact IN :contacts AND NOT l.desk AND l.last_in_at IS NOT NULL
    """
_REACH = Statement(
    f"{_LEGS} AND c.status <> 'resolved' UNION ALL {_LEGS} AND c.status = 'resolved' "
    "ORDER BY wrote_at DESC LIMIT :limit"
)
_SAID = Statement(
    """
    SELECT m.id, m.author_kind, m.author_name, m.channel, m.body, COALESCE(m.sent_at, m.received_at), m.automatic
    FROM messages m
    WHERE m.conversation IN :conversations AND m.visibility = 'public' AND NOT m.deleted
      AND m.author <> :transcripts
    ORDER BY m.received_at DESC, m.seq DESC LIMIT :limit
    """
)
_EDITED = Statement(
    """
    SELECT payload FROM events WHERE conversation IN :conversations AND type = 'message_edited' AND actor <> 'customer'
    ORDER BY at DESC, seq DESC LIMIT 1
    """
)
_CORRECTED = Statement(
    """
    SELECT 1 FROM events e JOIN messages m ON m.conversation = e.conversation AND m.received_at = e.at AND m.seq > e.seq
    WHERE e.conversation IN :conversations AND e.type = 'reply_corrected' AND e.payload LIKE :ref
      AND (EXISTS (SELECT 1 FROM holds h WHERE h.message = m.id AND h.state = 'held')
           OR EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id AND o.kind = 'message'
                      AND o.state NOT IN ('failed', 'withdrawn')))
    LIMIT 1
    """
)
"""A correction that was refused or discarded told nobody anything."""
_FILES = Statement("SELECT message, name FROM attachments WHERE message IN :messages ORDER BY message, position")


def load(tx: Transaction, verb: Verb, conversation: Conversation, person: Sequence[UUID]) -> Lookup:
    """`person` are the customer's linked contacts."""
    match verb.name:
        case "history":
            return Lookup(history=_history(tx, person))
        case "via":
            return Lookup(reach=_reach(tx, person))
        case "start":
            return Lookup(reach=_reach(tx, person), other=_mail_of(tx, verb))
        case "transcript":
            return Lookup(said=_said(tx, conversation))
        case name if name in NAMING:
            return Lookup(other=_named(tx, verb))
        case corrections.VERB:
            return _edited(tx, verb, conversation)
    return NOTHING


def _named(tx: Transaction, verb: Verb) -> Contact | None:
    """The contact that is named by an address."""
    if conversation_number(verb.rest) is not None:
        return None
    key = identity_of(spelled(verb.rest).partition(" ")[0])
    return contacts.of_identity(tx, key) if key is not None else None


def _mail_of(tx: Transaction, verb: Verb) -> Contact | None:
    words = spelled(verb.rest).split(maxsplit=2)
    mail = mail_address(words[1]) if len(words) > 1 else None
    return contacts.of_identity(tx, IdentityKey("email", mail)) if mail is not None else None


def _edited(tx: Transaction, verb: Verb, conversation: Conversation) -> Lookup:
    """The reply a correction is about: the one that is named, else the one that was edited last."""
    group = [each.bytes for each in logs.group(tx, conversation.id)]
    wanted = corrections.named(verb.rest)
    if wanted is None:
        row = tx.one(_EDITED, {"conversations": group})
        wanted = UUID(hex=json_value(row[0])["message"]) if row is not None else None
    target = targets.of_message(tx, wanted) if wanted is not None else None
    if target is None or target.message.version < 2 or target.message.conversation.bytes not in group:
        return NOTHING
    if target.message.visibility is not Visibility.PUBLIC or target.message.deleted:
        return NOTHING
    ref = corrections.ref_of(target.message, target.message.version)
    done = tx.one(_CORRECTED, {"conversations": group, "ref": f'%"{ref}"%'})
    return Lookup(edited=target, corrected=done is not None)


def _history(tx: Transaction, person: Sequence[UUID]) -> History:
    everybody = [each.bytes for each in person]
    rows = tx.all(_NEWEST, {"contacts": everybody, "limit": NEWEST})
    if not rows:
        return History()
    channels: dict[bytes, list[str]] = {}
    for conversation, channel in tx.all(_CHANNELS, {"ids": [row[0] for row in rows]}):
        channels.setdefault(bytes(conversation), []).append(channel)
    absorbed = [row[7] for row in rows if row[7] is not None]
    numbers = {bytes(key): number for key, number in tx.all(_NUMBERS, {"ids": absorbed})} if absorbed else {}
    count = tx.one(_COUNT, {"contacts": everybody})
    return History(
        newest=tuple(
            Past(
                number=row[1],
                channels=tuple(sorted(channels.get(bytes(row[0]), ()))),
                opened_at=of_micros(row[5]),
                last_at=of_micros(row[6]),
                status=Status(row[2]),
                owner=row[3],
                subject=row[4],
                merged_into=numbers.get(bytes(row[7])) if row[7] is not None else None,
            )
            for row in rows
        ),
        count=count[0] if count is not None else len(rows),
    )


def _reach(tx: Transaction, person: Sequence[UUID]) -> tuple[Reach, ...]:
    found: dict[tuple[str, str], Reach] = {}
    for row in tx.all(_REACH, {"contacts": [each.bytes for each in person], "limit": ADDRESSES}):
        kind, _, value = (row[3] or "").partition(":")
        found.setdefault(
            (row[0], row[1]),
            Reach(
                channel=row[0],
                address=row[1],
                contact=UUID(bytes=row[2]),
                identity=IdentityKey(kind, value) if row[3] else None,
                last_remote_id=row[4],
                closed=bool(row[5]),
            ),
        )
    return tuple(found.values())


def _said(tx: Transaction, conversation: Conversation) -> tuple[Said, ...]:
    """Oldest first. Of ours only what left, in the words that left: a held reply was never said."""
    group = [each.bytes for each in logs.group(tx, conversation.id)]
    rows = tx.all(_SAID, {"conversations": group, "limit": SAID, "transcripts": TRANSCRIPTS})
    if not rows:
        return ()
    messages = [row[0] for row in rows]
    left = told.texts(tx, messages)
    files: dict[bytes, list[str]] = {}
    for message, name in tx.all(_FILES, {"messages": messages}):
        files.setdefault(bytes(message), []).append(name)
    return tuple(
        Said(
            at=of_micros(row[5]),
            author_kind=AuthorKind(row[1]),
            author=row[2],
            channel=row[3],
            text=rich_text(row[4]) if row[1] == AuthorKind.CUSTOMER else left[bytes(row[0])],
            files=tuple(files.get(bytes(row[0]), ())),
        )
        for row in reversed(rows)
        if row[1] == AuthorKind.CUSTOMER or bytes(row[0]) in left
    )
