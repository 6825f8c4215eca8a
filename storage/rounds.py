"""Rounds as rows: the fold of a conversation's log, in the transaction that changed the log (service.md 2.7)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from router.alarms import alarms as alarms_of
from router.decision import NewEvent
from router.events import EventType, MessageReceived
from router.inbound_time import effective
from router.instants import optional_from_text
from router.model import Conversation, Event, Round
from router.rounds import timeline
from router.targets import to_target
from router.terms import Terms, UnknownPolicy
from router.timeline import Timeline
from storage import logs
from storage.codec import json_of, json_value
from storage.database import Transaction, of_micros, to_micros
from storage.errors import StoreUnavailable
from storage.ids import new_id
from storage.statement import Row, Statement

ALARM = "alarm"

CLOCKED = frozenset(EventType)
"""Event types that say something about response times."""

STALE = frozenset(
    {
        EventType.DELIVERY_FAILED,
        EventType.MESSAGE_MOVED,
        EventType.CONVERSATION_ABSORBED,
        EventType.CONVERSATION_PARTED,
        EventType.VOIDED,
        EventType.UNVOIDED,
        EventType.JUDGED_AGAIN,
    }
)
"""Event types after which rounds that were closed may be others."""

_SURVIVOR = Statement("SELECT merged_into FROM conversations WHERE id = :conversation")
_CLOSED = Statement("SELECT count(*) FROM rounds WHERE conversation = :conversation AND outcome <> 'open'")
_DROP = Statement("DELETE FROM rounds WHERE conversation = :conversation AND number >= :number")
_WRITE = Statement(
    """
    INSERT INTO rounds (conversation, number, cycle, kind, opener, start_at, end_at, outcome, sla, wall_ms, business_ms,
                        out_of_hours, calendar_uncertain, channel, channels, team, owner, author, author_team, manual,
                        policy, policy_version, calendar, calendar_version, target, deadline, breached_at, breach_agent,
                        breach_team, breach_reason, parts, definitions, revision)
    VALUES (:conversation, :number, :cycle, :kind, :opener, :start_at, :end_at, :outcome, :sla, :wall_ms, :business_ms,
            :out_of_hours, :calendar_uncertain, :channel, :channels, :team, :owner, :author, :author_team, :manual,
            :policy, :policy_version, :calendar, :calendar_version, :target, :deadline, :breached_at, :breach_agent,
            :breach_team, :breach_reason, :parts, :definitions, :revision)
    """
)
_WAITING = Statement("UPDATE conversations SET waiting_since = :since WHERE id = :conversation")
_STRANDED = Statement(
    """
    SELECT 1 FROM conversations c WHERE c.id = :conversation AND c.status = 'resolved' AND c.waiting_since IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM messages m JOIN outbox o ON o.message = m.id
                    WHERE m.conversation IN :group AND m.author_kind = 'agent' AND o.kind = 'message'
                    AND o.part = o.parts AND o.state IN ('ready', 'sending', 'unknown'))
    """
)
_FORGET = Statement("DELETE FROM timers WHERE conversation = :conversation AND kind = :kind AND fired_at IS NULL")
_SET = Statement(
    """
    INSERT INTO timers (id, kind, ref, conversation, due_at) VALUES (:id, :kind, :ref, :conversation, :due_at)
    ON CONFLICT (kind, ref) DO NOTHING
    """
)
_OPEN = Statement(
    """
    SELECT channel, kind, policy, policy_version, count(*), count(CASE WHEN deadline < :now THEN 1 END), min(start_at)
    FROM rounds WHERE outcome = 'open' GROUP BY channel, kind, policy, policy_version
    """
)


def refresh(tx: Transaction, conversation: Conversation, changed: Collection[str], terms: Terms) -> list[Round]:
    """Bring rounds and alarms up to date after events of the types `changed`; the rounds that were closed by them."""
    kinds = CLOCKED.intersection(changed)
    if not kinds:
        return []
    judged = conversation.id if conversation.merged_into is None else _survivor(tx, conversation.merged_into)
    figures = figures_of(tx, judged, terms)
    key = {"conversation": judged.bytes}
    known = 0
    if not kinds & STALE and conversation.merged_into is None:
        row = tx.one(_CLOSED, key)
        known = row[0] if row else 0
    fresh = list(figures.rounds[known:])
    tx.run(_DROP, key | {"number": known})
    tx.many(_WRITE, [row_of(each, known + place, figures.definitions) for place, each in enumerate(fresh)])
    since = to_micros(figures.waiting.start_at) if figures.waiting is not None else None
    tx.run(_WAITING, key | {"since": since})
    tx.run(_FORGET, key | {"kind": ALARM})
    tx.many(
        _SET,
        [
            key
            | {
                "id": new_id().bytes,
                "kind": ALARM,
                "ref": alarm_ref(judged, alarm.metric, alarm.level, to_micros(alarm.since)),
                "due_at": to_micros(alarm.due_at),
            }
            for alarm in alarms_of(figures)
        ],
    )
    return [each for each in fresh if each.outcome != "open"]


def is_stranded(tx: Transaction, conversation: UUID) -> bool:
    """Whether it is resolved while somebody waits in it for no answer that is on its way (adr/0015)."""
    group = [each.bytes for each in logs.group(tx, conversation)]
    return tx.one(_STRANDED, {"conversation": conversation.bytes, "group": group}) is not None


def is_one_more(conversation: Conversation, events: Iterable[NewEvent], now: datetime) -> bool:
    """Further messages of a customer who waits already, none of them from before (D1): they change no round and no
    queue, and are the commonest."""
    since = conversation.waiting_since
    return since is not None and all(
        each.type == EventType.MESSAGE_RECEIVED and _effective(each, now) >= since for each in events
    )


def _effective(received: NewEvent, now: datetime) -> datetime:
    payload = cast(MessageReceived, received.payload)
    return effective(received.at or now, optional_from_text(payload.get("sent_at")))


def figures_of(tx: Transaction, conversation: UUID, terms: Terms, *more: Event) -> Timeline:
    """Everything the log says about response times, now, with the logs of the conversations it absorbed (D25); `more`
    as if it were in the log. Raises StoreUnavailable for a policy that another node uses and this one has not read
    yet: it will have in a moment."""
    events = [*logs.read(tx, conversation, CLOCKED), *more]
    # a unit that began after this one may have committed before it: what it wrote has happened all the same
    now = max([of_micros(tx.now), *(event.at for event in events)])
    try:
        return timeline(events, terms, conversation, now)
    except UnknownPolicy as error:
        raise StoreUnavailable(f"{error}; the policies are being read again") from error


def void(tx: Transaction, conversation: UUID) -> None:
    """An absorbed conversation has no rounds and no alarms, and nobody waits in it: its survivor has them (D25)."""
    key = {"conversation": conversation.bytes}
    tx.run(_DROP, key | {"number": 0})
    tx.run(_WAITING, key | {"since": None})
    tx.run(_FORGET, key | {"kind": ALARM})


def _survivor(tx: Transaction, conversation: UUID) -> UUID:
    """The conversation that has the rounds: itself, unless it was absorbed."""
    while (row := tx.one(_SURVIVOR, {"conversation": conversation.bytes})) is not None and row[0] is not None:
        conversation = UUID(bytes=row[0])
    return conversation


def alarm_ref(conversation: UUID, metric: str, level: str, since: int) -> str:
    """The name of an alarm: it is given once, however often it is computed (D29)."""
    return f"{conversation.hex}:{metric}:{level}:{since}"


def row_of(each: Round, number: int, definitions: int) -> dict[str, object]:
    """A round as a row; `number` is its place in the conversation."""
    parts = each.parts
    target = each.target
    return {
        "conversation": each.conversation.bytes,
        "number": number,
        "cycle": each.cycle,
        "kind": each.kind,
        "opener": each.opener.bytes if each.opener else None,
        "start_at": to_micros(each.start_at),
        "end_at": to_micros(each.end_at) if each.end_at and each.outcome != "open" else None,
        "outcome": each.outcome,
        "sla": each.sla,
        "wall_ms": each.wall.total_seconds() * 1000 // 1,
        "business_ms": each.business.total_seconds() * 1000 // 1,
        "out_of_hours": each.out_of_hours,
        "calendar_uncertain": each.calendar_uncertain,
        "channel": each.channel,
        "channels": json_of(each.channels),
        "team": each.team,
        "owner": each.owner,
        "author": each.author,
        "author_team": each.author_team,
        "manual": each.manual,
        "policy": each.policy,
        "policy_version": each.policy_version,
        "calendar": each.calendar,
        "calendar_version": each.calendar_version,
        "target": json_of({"seconds": target.seconds, "clock": target.clock, "business_days": target.business_days})
        if target
        else "null",
        "deadline": to_micros(each.deadline) if each.deadline else None,
        "breached_at": to_micros(each.breached_at) if each.breached_at else None,
        "breach_agent": each.breach_agent,
        "breach_team": each.breach_team,
        "breach_reason": each.breach_reason,
        "parts": json_of({name: getattr(parts, name).total_seconds() for name in parts.__slots__}) if parts else "null",
        "definitions": definitions,
        "revision": each.revision,
    }


_BETWEEN = Statement(
    """
    SELECT conversation, cycle, kind, opener, start_at, end_at, outcome, sla, wall_ms, business_ms, out_of_hours,
           calendar_uncertain, channel, team, owner, author, author_team, manual, policy, deadline, breached_at,
           breach_agent, breach_team, policy_version, calendar, calendar_version, target, breach_reason, revision,
           parts, topic
    FROM rounds JOIN (SELECT id, topic FROM conversations) AS matter ON matter.id = conversation
    WHERE start_at >= :begin AND start_at < :end ORDER BY start_at
    """
)


_OF_CONVERSATION = Statement(_BETWEEN.sql.partition("WHERE ")[0] + "WHERE conversation = :conversation ORDER BY number")


def between(tx: Transaction, begin: datetime, end: datetime, terms: Terms) -> list[Round]:
    """The rounds that started in a span of time (D31); open ones end now, and are overdue when they are (D17)."""
    now = of_micros(tx.now)
    return [_round(row, now, terms) for row in tx.all(_BETWEEN, {"begin": to_micros(begin), "end": to_micros(end)})]


def of_conversation(tx: Transaction, conversation: UUID, terms: Terms) -> list[Round]:
    """The rounds of one conversation, in order."""
    now = of_micros(tx.now)
    return [_round(row, now, terms) for row in tx.all(_OF_CONVERSATION, {"conversation": conversation.bytes})]


def _round(row: Row, now: datetime, terms: Terms) -> Round:
    is_open = row[6] == "open"
    deadline = _instant(row[19])
    overdue = is_open and deadline is not None and now > deadline
    target = json_value(row[26])
    start = of_micros(row[4])
    business = _business(row[18], row[23], start, now, terms) if is_open else timedelta(milliseconds=row[9])
    received, owned, composed = _cuts(start, json_value(row[29]))
    return Round(
        conversation=UUID(bytes=row[0]),
        cycle=row[1],
        kind=row[2],
        opener=UUID(bytes=row[3]) if row[3] is not None else None,
        start_at=start,
        end_at=now if is_open else _instant(row[5]),
        outcome=row[6],
        sla="breached" if overdue else row[7],
        business=business,
        out_of_hours=bool(row[10]),
        calendar_uncertain=bool(row[11]),
        channel=row[12],
        topic=row[30],
        team=row[13],
        owner=row[14],
        author=row[15],
        author_team=row[16],
        manual=bool(row[17]),
        received_at=received,
        owned_at=owned,
        composed_at=composed,
        policy=row[18],
        deadline=deadline,
        breached_at=_instant(row[20]) or (deadline if overdue else None),
        breach_agent=row[21],
        breach_team=row[22],
        policy_version=row[23],
        calendar=row[24],
        calendar_version=row[25],
        target=to_target({key: value for key, value in target.items() if value is not None}) if target else None,
        breach_reason=row[27],
        revision=row[28],
    )


def _business(policy: str | None, version: int, start: datetime, now: datetime, terms: Terms) -> timedelta:
    """How long somebody has waited on the calendar of the policy they are judged by."""
    return terms.policies.get((policy or "", version), terms.unjudged).calendar.business(start, now)


def _cuts(
    start: datetime, parts: Mapping[str, float] | None
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """When the opener was received, had an owner and had its answer composed: what the parts lie between (2.3.9)."""
    if parts is None:
        return None, None, None
    received = start + timedelta(seconds=parts["ingest"])
    owned = received + timedelta(seconds=parts["assign"])
    return received, owned, owned + timedelta(seconds=parts["agent"])


def _instant(micros: int | None) -> datetime | None:
    return of_micros(micros) if micros is not None else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Customers who wait, by channel, kind of round and policy: how many, how many of them past their deadline, and how
    long the one who came first has waited."""

    channel: str
    kind: str
    count: int
    overdue: int
    wall: timedelta
    business: timedelta


def waiting(tx: Transaction, terms: Terms) -> list[Waiting]:
    """Everybody who waits now."""
    now = of_micros(tx.now)
    found = []
    for channel, kind, policy, version, count, overdue, oldest in tx.all(_OPEN, {"now": tx.now}):
        start = of_micros(oldest)
        business = _business(policy, version, start, now, terms)
        found.append(Waiting(channel, kind, count, overdue, now - start, business))
    return found
