"""What the outage page needs of the store: who waits behind a desk that is away, what was said, what became of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from router.consistency.findings import Finding
from router.model import AuthorKind, Conversation, Leg, Visibility
from router.outage import ANSWERED, MAILED, answerer, mail
from router.planning import customer_leg
from router.richtext import plain
from router.rulebook import Agent, Rulebook
from storage import holds, logs
from storage.changes import Changes, Touched
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.snapshots import Snapshots
from storage.statement import Statement

SHOWN = 60
"""Messages of a conversation on the page, the latest ones."""

_BEHIND = """
    SELECT c.id, c.waiting_since FROM conversations c
    JOIN legs l ON l.conversation = c.id AND l.desk AND l.channel = :channel
    WHERE c.status = 'open' AND c.waiting_since IS NOT NULL AND c.merged_into IS NULL AND NOT EXISTS (
        SELECT 1 FROM events e WHERE e.conversation = c.id AND e.type = :mailed AND e.at >= :since
          AND NOT EXISTS (SELECT 1 FROM events f WHERE f.conversation = c.id AND f.type = :answered AND f.seq > e.seq))
    """
# two indexes of `conversations`, one for each half
_WAITING = Statement(
    f"{_BEHIND} AND c.owner IS NULL AND (:everywhere = 1 OR l.address IN :addresses) UNION ALL "
    f"{_BEHIND} AND c.owner IS NOT NULL AND (:everywhere = 1 OR l.address IN :addresses) "
    "ORDER BY waiting_since LIMIT :limit"
)
_MESSAGES = Statement(
    """
    SELECT m.id, m.author_kind, m.author_name, m.author, m.visibility, m.body, m.received_at, m.automatic,
           (SELECT count(*) FROM attachments a WHERE a.message = m.id),
           (SELECT h.state FROM holds h WHERE h.message = m.id ORDER BY h.held_at DESC LIMIT 1)
    FROM messages m WHERE m.conversation IN :conversations AND NOT m.deleted
    ORDER BY m.received_at DESC, m.seq DESC LIMIT :limit
    """
)
_TRIES = Statement("SELECT dedupe_key, id FROM inbox WHERE channel = :channel AND dedupe_key IN :keys")
_MESSAGE = Statement("SELECT visibility, body FROM messages WHERE id = :id")
_HOLD = Statement("SELECT state, findings FROM holds WHERE message = :id ORDER BY held_at DESC LIMIT 1")
_SINCE = Statement("SELECT value FROM cursors WHERE channel = :channel AND name = 'outage'")
_KEEP_SINCE = Statement(
    """
    INSERT INTO cursors (channel, name, value, fence) VALUES (:channel, 'outage', :value, 0)
    ON CONFLICT (channel, name) DO UPDATE SET value = excluded.value
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A message as the page shows it. `held`: a reply the customer has not got."""

    id: UUID
    ours: bool
    author: str
    note: bool
    held: bool
    text: str
    at: datetime
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A conversation as the page shows it, oldest message first. `leg`: where an answer goes, None: nowhere; `desk`
    the agents' side."""

    conversation: Conversation
    customer: str
    leg: Leg | None
    desk: Leg
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written on the page and what became of it."""

    text: str
    note: bool
    held: bool
    findings: tuple[Finding, ...]


def known(tx: Transaction, channel: str) -> int:
    """Since when the desk is away (microseconds), as it was first noticed, also over a restart; 0: it is not."""
    row = tx.one(_SINCE, {"channel": channel})
    return int(row[0]) if row is not None else 0


def begin(tx: Transaction, channel: str, since: int) -> int:
    """Remember since when the desk is away."""
    tx.run(_KEEP_SINCE, {"channel": channel, "value": str(since)})
    return since


def ended(tx: Transaction, channel: str) -> None:
    """The desk is back: what comes is another outage."""
    if known(tx, channel):
        tx.run(_KEEP_SINCE, {"channel": channel, "value": "0"})


def waiting(tx: Transaction, channel: str, addresses: Collection[str] | None, since: int, limit: int) -> list[UUID]:
    """Conversations whose customer waits while their desk is away (`addresses`: only these of the channel) and about
    which nobody was asked since, longest first; once more where the link was used and the customer wrote again."""
    parameters = {
        "channel": channel,
        "everywhere": int(addresses is None),
        "addresses": sorted(addresses or ("",)),
        "since": since,
        "mailed": MAILED,
        "answered": ANSWERED,
        "limit": limit,
    }
    return [UUID(bytes=row[0]) for row in tx.all(_WAITING, parameters)]


def ask(
    tx: Transaction,
    conversation_id: UUID,
    link: Callable[[UUID, Agent, datetime], str],
    rules: Rulebook,
    *,
    via: str,
    fallback: str | None,
    valid: timedelta,
) -> Touched | None:
    """Queue the mail about one of them; None when nobody can be asked."""
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(conversation_id)
    if conversation is None:
        return Touched()
    agent, leg = answerer(conversation, rules, fallback), customer_leg(conversation)
    if agent is None or leg is None:
        return None
    until = of_micros(tx.now) + valid
    contact = snapshots.contacts.get(conversation.contact)
    decision = mail(
        conversation,
        agent,
        customer=contact.name if contact is not None else "",
        said_on=leg.channel,
        via=via,
        link=link(conversation.id, agent, until),
        until=until,
    )
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(conversation.id, None, decision)
    return changes.save()


def view(tx: Transaction, conversation_id: UUID) -> View | None:
    """A conversation for the page; one that was merged leads to its survivor. None: it is not there."""
    snapshots = Snapshots(tx, (), lock=False)
    conversation = snapshots.conversation(conversation_id)
    desk = next((leg for leg in conversation.legs if leg.desk), None) if conversation is not None else None
    if conversation is None or desk is None:
        return None
    group = [each.bytes for each in logs.group(tx, conversation.id)]
    contact = snapshots.contacts.get(conversation.contact)
    lines = [
        Line(
            id=UUID(bytes=row[0]),
            ours=row[1] != AuthorKind.CUSTOMER,
            author=row[2] or row[3],
            note=row[4] == Visibility.NOTE,
            held=row[9] in ("held", "discarded"),
            text=plain(rich_text(row[5])),
            at=of_micros(row[6]),
            files=row[8],
        )
        for row in tx.all(_MESSAGES, {"conversations": group, "limit": SHOWN})
    ]
    return View(
        conversation=conversation,
        customer=contact.name if contact is not None else "",
        leg=customer_leg(conversation),
        desk=desk,
        lines=tuple(reversed(lines)),
    )


def written(tx: Transaction, channel: str, keys: Sequence[str]) -> list[Written]:
    """What was written under these dedupe keys, in their order; the last of it decides."""
    found: dict[str, bytes] = dict(tx.all(_TRIES, {"channel": channel, "keys": list(keys)}))
    return [_written(tx, bytes(found[key])) for key in keys if key in found]


def _written(tx: Transaction, message: bytes) -> Written:
    row = tx.one(_MESSAGE, {"id": message})
    if row is None:  # the rules set it aside
        return Written(text="", note=True, held=False, findings=())
    hold = tx.one(_HOLD, {"id": message})
    return Written(
        text=plain(rich_text(row[1])),
        note=row[0] == Visibility.NOTE,
        held=hold is not None and hold[0] != "released",
        findings=tuple(holds.findings_of(hold[1])) if hold is not None else (),
    )
