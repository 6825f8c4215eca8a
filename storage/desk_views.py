"""Loads what an agent's reply is checked against: the thread, holds, the customer's ledger. Desk items only."""

from uuid import UUID

from router.consistency.collision import Answer
from router.desk_view import DeskView, EndedHold, Held
from router.held_notices import REF, is_ref
from router.links import NAMING, conversation_number
from router.model import AuthorKind, Contact, Conversation, Inbound, Status, Visibility
from router.richtext import plain
from router.verbs import verb_in
from storage import contacts, holds, incidents, ledger, logs, targets
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.statement import Row, Statement

RECENT = 40
"""Messages of the thread that are looked at."""

ON_ITS_WAY = 2
"""How far a message of ours has come: 0 nobody was or will be told, 1 it has left."""

ASKED = 10
"""Messages of the customer whose words count for the topic."""

_RECENT = Statement(
    """
    SELECT m.id, m.author_kind, m.author, m.visibility, m.body, m.received_at, m.seq, m.automatic,
           CASE WHEN m.author_kind = 'customer' THEN 0 ELSE (
               SELECT COALESCE(max(CASE WHEN o.state IN ('ready', 'sending', 'unknown') THEN 2
                                        WHEN o.state IN ('failed', 'withdrawn') THEN 0 ELSE 1 END), 0)
               FROM outbox o WHERE o.message = m.id AND o.kind = 'message'
           ) END, m.composed_at
    FROM messages m WHERE m.conversation = :conversation AND NOT m.deleted ORDER BY m.seq DESC LIMIT :limit
    """
)
_RECENT_OF_ALL = Statement(
    _RECENT.sql.replace("= :conversation", "IN :conversations").replace("BY m.seq", "BY m.received_at DESC, m.seq")
)
_RESOLVED = Statement(
    """
    SELECT actor, at FROM events WHERE conversation = :conversation AND type = 'status_changed'
    ORDER BY seq DESC LIMIT 1
    """
)


def load(tx: Transaction, conversation: Conversation, inbound: Inbound, *, lock: bool) -> DeskView:
    """The view of one thread; with `lock` no other unit speaks to this person until the commit."""
    person = contacts.linked(tx, conversation.contact, lock=lock)
    group = logs.group(tx, conversation.id)
    held = tuple(each for part in group for each in _held(tx, part))
    waiting = {each.target.message.id for each in held}
    asked: list[Row] = []
    newest: Row | None = None
    leaving: list[int] = []
    seen: dict[str, int] = {}
    for row in _recent(tx, group):
        if row[1] == AuthorKind.CUSTOMER:
            if not row[7] and row[3] == Visibility.PUBLIC:
                asked.append(row)
            continue
        if row[1] == AuthorKind.AGENT and row[8] == ON_ITS_WAY:  # also while an edit of it is held
            leaving.append(row[9] or row[5])
        if UUID(bytes=row[0]) in waiting:
            continue
        seen.setdefault(row[2].removeprefix("agent:"), row[5])
        if newest is None and row[1] == AuthorKind.AGENT and row[3] == Visibility.PUBLIC and row[8]:
            newest = row
    resolved = _resolved(tx, conversation)
    return DeskView(
        now=of_micros(tx.now),
        asked=tuple(plain(rich_text(row[4])) for row in asked[:ASKED]),
        asked_at=of_micros(asked[0][5]) if asked else None,
        asked_seq=asked[0][6] if asked else None,
        unanswered=tuple(UUID(bytes=row[0]) for row in asked if newest is None or row[6] > newest[6]),
        newest=_answer(newest) if newest is not None else None,
        newest_seq=newest[6] if newest is not None else None,
        leaving=of_micros(max(leaving)) if leaving else None,
        seen={agent: of_micros(at) for agent, at in seen.items()},
        resolved_by=resolved[0].removeprefix("agent:") if resolved is not None else None,
        resolved_at=of_micros(resolved[1]) if resolved is not None else None,
        held=held,
        told=tuple(ledger.active(tx, person)),
        promises=tuple(each for part in group for each in ledger.open_promises(tx, part)),
        contacts=frozenset(person),
        identities=tuple(contacts.identities(tx, person)),
        linked=_linked(tx, inbound),
        incident=incidents.of(tx, group),
        ended=_ended(tx, inbound),
    )


def _recent(tx: Transaction, group: list[UUID]) -> list[Row]:
    """The newest messages of a conversation and of those it absorbed, newest first; numbers of different conversations
    cannot be compared, so that these count anew."""
    if len(group) == 1:
        return tx.all(_RECENT, {"conversation": group[0].bytes, "limit": RECENT})
    rows = tx.all(_RECENT_OF_ALL, {"conversations": [each.bytes for each in group], "limit": RECENT})
    return [(*row[:6], len(rows) - place, *row[7:]) for place, row in enumerate(rows)]


def _held(tx: Transaction, conversation: UUID) -> list[Held]:
    found: list[Held] = []
    for hold, message, agent, findings, held_at in holds.open_holds(tx, conversation):
        target = targets.of_message(tx, UUID(bytes=message))
        if target is not None:
            found.append(
                Held(
                    id=UUID(bytes=hold),
                    target=target,
                    agent=agent,
                    findings=holds.findings_of(findings),
                    held_at=of_micros(held_at),
                )
            )
    return found


def _answer(row: Row) -> Answer:
    return Answer(agent=row[2].removeprefix("agent:"), at=of_micros(row[5]), text=plain(rich_text(row[4])))


def _resolved(tx: Transaction, conversation: Conversation) -> Row | None:
    if conversation.status is not Status.RESOLVED:
        return None
    return tx.one(_RESOLVED, {"conversation": conversation.id.bytes})


def _ended(tx: Transaction, inbound: Inbound) -> EndedHold | None:
    """Only for a button that names a reply."""
    verb = verb_in(inbound)
    ref = verb.rest.partition(" ")[0] if verb is not None else ""
    if not is_ref(ref):
        return None
    return holds.ended(tx, inbound.channel, ref.removeprefix(REF).rpartition("@")[0])


def _linked(tx: Transaction, inbound: Inbound) -> Contact | None:
    verb = verb_in(inbound)
    number = conversation_number(verb.rest) if verb is not None and verb.name in NAMING else None
    return contacts.of_number(tx, number) if number is not None else None
