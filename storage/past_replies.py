"""The replies of agents in the last days with what stood around them then, page by page."""

from uuid import UUID

from router.consistency.pii import Own
from router.past_replies import PastReply
from router.richtext import plain
from storage import contacts, targets
from storage.codec import json_value, rich_text
from storage.database import Transaction, of_micros
from storage.ids import first_id
from storage.ledger import statement_of
from storage.statement import Row
from storage.statement import Statement as Sql

ASKED = 10
"""Messages of the customer that are looked at, as when a reply is checked."""

_DAY = 86_400_000_000

_REPLIES = """
    m.author_kind = 'agent' AND m.visibility = 'public' AND NOT m.deleted AND m.received_at >= :since AND m.id > :after
    """
_COUNT = Sql(f"SELECT count(*) FROM messages m WHERE {_REPLIES}")  # noqa: S608  our own words
_PAGE = Sql(
    f"""
    SELECT m.id, m.conversation, m.seq, m.author, m.body, m.received_at, c.number, c.topic, c.orders, c.contact,
           t.language, t.tier
    FROM messages m JOIN conversations c ON c.id = m.conversation JOIN contacts t ON t.id = c.contact
    WHERE {_REPLIES} ORDER BY m.id LIMIT :limit
    """  # noqa: S608
)
_ASKED = Sql(
    """
    SELECT body, channel, author, seq FROM messages
    WHERE conversation = :conversation AND seq < :seq AND author_kind = 'customer' AND visibility = 'public'
      AND NOT automatic AND NOT deleted
    ORDER BY seq DESC LIMIT :limit
    """
)
_EARLIER = Sql(
    """
    SELECT max(m.seq) FROM messages m WHERE m.conversation = :conversation AND m.seq < :seq AND m.author_kind = 'agent'
      AND m.visibility = 'public' AND NOT m.deleted
      AND EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id AND o.kind = 'message'
                  AND o.state NOT IN ('failed', 'withdrawn'))
    """
)
_TOLD = Sql(
    """
    SELECT id, contact, conversation, message, order_no, slot, value, unit, said_at, channel, agent FROM statements
    WHERE contact IN :contacts AND said_at < :at AND (ended_at IS NULL OR ended_at > :at) AND message <> :message
    ORDER BY said_at, id
    """
)

BEFORE_ALL = UUID(int=0)


def count(tx: Transaction, since: int) -> int:
    """How many replies there were since an instant (microseconds)."""
    row = tx.one(_COUNT, {"since": since, "after": _first(since, BEFORE_ALL)})
    found: int = row[0] if row else 0
    return found


def page(tx: Transaction, since: int, after: UUID, limit: int) -> list[PastReply]:
    """The next replies after one, in the order in which they came."""
    rows = tx.all(_PAGE, {"since": since, "after": _first(since, after), "limit": limit})
    people: dict[bytes, list[UUID]] = {}
    return [_reply(tx, row, people) for row in rows]


def _first(since: int, after: UUID) -> bytes:
    """Ids grow with time, so older messages need not be looked at; a day is left for clocks that differ."""
    return max(after.bytes, first_id(since - _DAY).bytes)


def _reply(tx: Transaction, row: Row, people: dict[bytes, list[UUID]]) -> PastReply:
    message, conversation, seq, author, body, received_at, number, topic, orders, contact, language, tier = row
    if contact not in people:
        people[contact] = contacts.linked(tx, UUID(bytes=contact))
    place = {"conversation": conversation, "seq": seq, "limit": ASKED}
    asked = tx.all(_ASKED, place)
    ((answered,),) = tx.all(_EARLIER, place)
    told = tx.all(_TOLD, {"contacts": [each.bytes for each in people[contact]], "at": received_at, "message": message})
    return PastReply(
        message=UUID(bytes=message),
        conversation=UUID(bytes=conversation),
        number=number,
        agent=author.removeprefix("agent:"),
        sent_at=of_micros(received_at),
        text=plain(rich_text(body)),
        channel=asked[0][1] if asked else "",
        asked=tuple(plain(rich_text(each[0])) for each in asked),
        unanswered=sum(answered is None or each[3] > answered for each in asked),
        first=answered is None,
        topic=topic,
        orders=tuple(json_value(orders)),
        language=language,
        tier=tier,
        own=_own(tx, people[contact], asked[0][2] if asked else ""),
        told=tuple(statement_of(each) for each in told),
        attachments=targets.attachments(tx, UUID(bytes=message)),
    )


def _own(tx: Transaction, person: list[UUID], asking: str) -> Own:
    """The customer's own data, to be disclosed only to a proven identity (4.1)."""
    known = contacts.identities(tx, person)
    return Own(
        phones=frozenset(each.key.value for each in known if each.key.type == "phone"),
        emails=frozenset(each.key.value for each in known if each.key.type == "email"),
        disclosable=any(f"{each.key.type}:{each.key.value}" == asking and each.verification >= 1 for each in known),
    )
