"""Units of work of the incidents: what customers asked, conversations that join an incident, its answer told (4.3).

Every unit that writes looks at the lease first, so that a node that has lost it cannot say anything twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from router.arrivals import Lease
from router.clusters import MOST, Asking, since_when
from router.decision import Decision
from router.duplicates import INCIDENT_WINDOW, features
from router.incidents import announced, joined
from router.richtext import plain
from router.rulebook import Rulebook
from storage import contacts, incidents, leases
from storage.changes import Changes, Touched
from storage.codec import rich_text
from storage.database import Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.incidents import Known
from storage.snapshots import Snapshots
from storage.statement import Statement

OVERLAP = 15_000_000
"""Microseconds that are looked at again: a commit may come later than the instant it stores."""
QUESTION = 4_000
"""Characters of a question that are kept with its incident: as many as are compared."""
TELL_AT_ONCE = 100

_HOUR = int(INCIDENT_WINDOW.total_seconds()) * 1_000_000
_FRESH = Statement(
    """
    SELECT id, received_at FROM messages WHERE author_kind = 'customer' AND received_at >= :since
    ORDER BY received_at, id LIMIT :limit
    """
)
_OLDEST = Statement(
    """
    SELECT received_at FROM messages WHERE author_kind = 'customer' AND received_at >= :since
    ORDER BY received_at DESC, id DESC LIMIT 1 OFFSET :most
    """
)
_SAID = Statement(
    """
    SELECT m.id, m.conversation, c.contact, k.merged_into, m.received_at, m.body
    FROM messages m JOIN conversations c ON c.id = m.conversation JOIN contacts k ON k.id = c.contact
    WHERE m.id IN :ids AND m.visibility = 'public' AND NOT m.automatic AND NOT m.deleted
    ORDER BY m.received_at, m.id
    """
)


@dataclass(frozen=True, slots=True)
class Look:
    """What is new: incidents as they are now, the next questions, and the messages that were looked at with their
    instants (microseconds); `more`: there are further ones."""

    incidents: Sequence[Known]
    askings: Sequence[Asking]
    seen: Mapping[UUID, int]
    more: bool


def beginning(tx: Transaction) -> int:
    """The instant from which on questions count: an hour ago, or later if there were too many since then."""
    since = tx.now - _HOUR
    row = tx.one(_OLDEST, {"since": since, "most": MOST - 1})
    return since if row is None else int(row[0])


def look(tx: Transaction, since: int, seen: Collection[UUID], ignored: Collection[str], limit: int) -> Look:
    """The oldest messages since an instant that were not seen, at most `limit`; `seen` are all of that time."""
    rows = tx.all(_FRESH, {"since": since, "limit": len(seen) + limit + 1})
    fresh = [(found, at) for key, at in rows if (found := UUID(bytes=key)) not in seen]
    new = dict(fresh[:limit])
    said = tx.all(_SAID, {"ids": [each.bytes for each in new]}) if new else []
    return Look(
        incidents=incidents.known(tx, tx.now - _HOUR),
        askings=[
            Asking(
                message=UUID(bytes=message),
                conversation=UUID(bytes=conversation),
                contact=UUID(bytes=contact) if merged is None else contacts.linked(tx, UUID(bytes=contact))[0],
                at=of_micros(at),
                text=(text := plain(rich_text(body))),
                features=features(text, ignored),
            )
            for message, conversation, contact, merged, at, body in said
        ],
        seen=new,
        more=len(fresh) > limit,
    )


def open_(tx: Transaction, lease: Lease, cluster: Sequence[Asking], rules: Rulebook) -> tuple[UUID, Touched]:
    """Open an incident with the conversations of a cluster, whose last question is its own. Raises LeaseLost."""
    leases.check(tx, lease)
    incident = incidents.open_(tx, cluster[-1].text[:QUESTION], to_micros(since_when(cluster)))
    return incident, _joined(tx, incident, cluster, rules) or Touched()


def join(tx: Transaction, lease: Lease, incident: UUID, askings: Sequence[Asking], rules: Rulebook) -> Touched | None:
    """More conversations for an incident; None when it is closed by now. Raises LeaseLost."""
    leases.check(tx, lease)
    return _joined(tx, incident, askings, rules)


def _joined(tx: Transaction, incident: UUID, askings: Sequence[Asking], rules: Rulebook) -> Touched | None:
    locked = incidents.lock(tx, incident)
    if locked is None:
        return None
    revision = locked[1]
    snapshots = Snapshots(tx, ())
    fresh: list[UUID] = []
    for each in askings:
        conversation = snapshots.conversation(each.conversation)
        if conversation is not None and incidents.add(tx, incident, conversation.id, each.contact, revision):
            fresh.append(conversation.id)
    now = incidents.lock(tx, incident)
    if not fresh or now is None:
        return Touched()
    incidents.grew(tx, incident)
    return _carried_out(tx, snapshots, [joined(snapshots.conversations[each], now[0], rules) for each in fresh], rules)


def announce(tx: Transaction, lease: Lease, incident: UUID, rules: Rulebook) -> Touched:
    """Tell some of the threads that have not heard the official answer. Raises LeaseLost."""
    leases.check(tx, lease)
    locked = incidents.lock(tx, incident)
    if locked is None:
        return Touched()
    said, revision = locked
    waiting = incidents.untold(tx, incident, revision, TELL_AT_ONCE)
    snapshots = Snapshots(tx, ())
    decisions: list[Decision] = []
    for each in waiting:
        incidents.told(tx, incident, each, revision)
        conversation = snapshots.conversation(each)
        if conversation is not None:
            decisions.append(announced(conversation, said))
    if len(waiting) < TELL_AT_ONCE:
        incidents.all_told(tx, incident, revision)
    return _carried_out(tx, snapshots, decisions, rules)


def _carried_out(tx: Transaction, snapshots: Snapshots, decisions: Sequence[Decision], rules: Rulebook) -> Touched:
    changes = Changes(tx, snapshots, rules, openings=0)
    for decision in decisions:
        changes.apply(new_id(), None, decision)
    return changes.save()
