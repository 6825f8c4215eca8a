"""Rounds of the past judged again by the policies in force now, a bounded piece in each transaction (D30).

What stood before moves to `superseded_rounds`; the judgement itself is an event of the log, so that the rows stay what
the log says (docs/adr/0008).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from router.decision import Decision, NewEvent, Outcome, Reason
from router.events import EventType
from router.instants import to_text
from router.judging import LAST
from router.model import Event, Round
from router.replay import Beginning, policy
from router.rulebook import Rulebook
from router.timeline import Outcome as RoundOutcome
from storage import beginnings, logs
from storage.changes import Changes
from storage.database import Transaction, of_micros, to_micros
from storage.rounds import figures_of, row_of
from storage.snapshots import Snapshots
from storage.statement import Statement

AT_ONCE = 25
"""Rounds looked at in one transaction: less than a tenth of a second, so that nodes beside it go on."""

Place = tuple[int, bytes, int]
"""Start, conversation and number of the last round looked at."""

FIRST: Place = (0, b"", -1)

_JUDGED = (
    "cycle", "kind", "opener", "start_at", "end_at", "outcome", "sla", "wall_ms", "business_ms", "out_of_hours",
    "calendar_uncertain", "channel", "channels", "team", "owner", "author", "author_team", "manual", "policy",
    "policy_version", "calendar", "calendar_version", "target", "deadline", "breached_at", "breach_agent",
    "breach_team", "breach_reason", "parts", "definitions",
)  # fmt: skip
"""Columns that tell one judgement of a round from another."""

_COLUMNS = ", ".join(_JUDGED)
_CLOSED = "outcome <> 'open' AND start_at >= :begin AND start_at < :end AND (:channel = '' OR channel = :channel)"
_COUNT = Statement(f"SELECT count(*) FROM rounds WHERE {_CLOSED}")  # noqa: S608  our own words
_NEXT = Statement(
    f"""
    SELECT start_at, conversation, number FROM rounds
    WHERE {_CLOSED} AND start_at >= :start AND (start_at, conversation, number) > (:start, :conversation, :number)
    ORDER BY start_at, conversation, number LIMIT :limit
    """  # noqa: S608
)
_LOCK = Statement("SELECT id FROM conversations WHERE id IN :ids ORDER BY id", lock="FOR NO KEY UPDATE")
_STORED = Statement(
    f"SELECT number, {_COLUMNS} FROM rounds WHERE conversation = :conversation AND {_CLOSED} ORDER BY number"  # noqa: S608
)
_SUPERSEDE = Statement(
    f"""
    INSERT INTO superseded_rounds (superseded_by, superseded_at, conversation, number, revision, {_COLUMNS})
    SELECT :audit, :now, conversation, number, revision, {_COLUMNS}
    FROM rounds WHERE conversation = :conversation AND {_CLOSED}
    """  # noqa: S608
)
_FORMER = Statement(
    """
    SELECT number, revision, sla, policy, policy_version FROM superseded_rounds
    WHERE conversation = :conversation ORDER BY number, revision
    """
)
_NAMING = frozenset({EventType.CONVERSATION_OPENED, EventType.POLICY_CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rounds that start in [begin, end) (microseconds), on one channel or, without one, on all."""

    begin: int
    end: int
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one transaction did. `rounds` were looked at, `changed` are judged otherwise now, `verdicts` of them are
    met where they were breached or the reverse. `place` is None after the last."""

    place: Place | None
    rounds: int
    changed: int
    verdicts: int


def count(tx: Transaction, span: Span) -> int:
    """How many closed rounds start in the span."""
    row = tx.one(_COUNT, _parameters(span))
    found: int = row[0] if row else 0
    return found


def step(tx: Transaction, span: Span, after: Place, rules: Rulebook, audit: UUID | None, limit: int = AT_ONCE) -> Step:
    """Judge the next rounds again; without an audit entry nothing is written."""
    start, conversation, number = after
    place = {"start": start, "conversation": conversation, "number": number, "limit": limit}
    rows = tx.all(_NEXT, _parameters(span) | place)
    found = list(dict.fromkeys(UUID(bytes=row[1]) for row in rows))
    if audit is not None and found:
        tx.all(_LOCK, {"ids": [each.bytes for each in found]})
    begun = beginnings.of(tx, found) if found else {}
    looked_at = {(bytes(row[1]), row[2]) for row in rows}
    changed = verdicts = 0
    for each in found:
        differing = _judge(tx, span, begun[each], rules, audit) if each in begun else {}
        for number, verdict in differing.items():
            # a conversation is written as a whole when its first round comes by, and only looked at round by round
            if audit is not None or (each.bytes, number) in looked_at:
                changed += 1
                verdicts += verdict
    return Step(
        place=(rows[-1][0], bytes(rows[-1][1]), rows[-1][2]) if len(rows) == limit else None,
        rounds=len(rows),
        changed=changed,
        verdicts=verdicts,
    )


def _judge(tx: Transaction, span: Span, beginning: Beginning, rules: Rulebook, audit: UUID | None) -> dict[int, bool]:
    """The rounds of one conversation that are judged otherwise now, and whether their verdict is another."""
    conversation = beginning.conversation
    payload = _payload(tx, span, beginning, rules)
    event = Event(
        conversation=conversation,
        seq=LAST,
        type=EventType.JUDGED_AGAIN,
        at=of_micros(tx.now),
        actor="system:recompute",
        payload=payload,
    )
    figures = figures_of(tx, conversation, rules.terms, event)
    fresh = [row_of(each, number, figures.definitions) for number, each in enumerate(figures.rounds)]
    key = {"conversation": conversation.bytes, **_parameters(span)}
    differing: dict[int, bool] = {}
    for number, *stored in tx.all(_STORED, key):
        now = fresh[number] if number < len(fresh) else {"outcome": RoundOutcome.OPEN}
        before = dict(zip(_JUDGED, stored, strict=True))
        if now["outcome"] != RoundOutcome.OPEN and any(before[name] != now[name] for name in _JUDGED):
            differing[number] = before["sla"] != now["sla"]
    if differing and audit is not None:
        payload["rounds"] = [
            each.opener.hex
            for each in figures.rounds
            if each.opener is not None and each.outcome != RoundOutcome.OPEN and _is_in(span, each)
        ]
        _keep(tx, conversation, payload, rules, key | {"audit": audit.bytes, "now": tx.now})
    return differing


def _payload(tx: Transaction, span: Span, beginning: Beginning, rules: Rulebook) -> dict[str, object]:
    """What the log is told: the policy that matches now, and the versions in force of others it went through (D26)."""
    matching = policy(beginning, rules)
    in_force = {each.id: each.version for each in rules.policies}
    named = {str(event.payload.get("policy")) for event in logs.read(tx, beginning.conversation, _NAMING)}
    return {
        "begin": to_text(of_micros(span.begin)),
        "end": to_text(of_micros(span.end)),
        "channel": span.channel or None,
        "policy": matching.id if matching is not None else None,
        "policy_version": matching.version if matching is not None else 0,
        "versions": {name: in_force[name] for name in sorted(named & in_force.keys())},
    }


def _keep(
    tx: Transaction, conversation: UUID, payload: Mapping[str, object], rules: Rulebook, key: Mapping[str, object]
) -> None:
    """The former rows move away, the event is written, and the rows are made again from the log."""
    snapshots = Snapshots(tx, ())
    found = snapshots.conversation(conversation)
    if found is None or found.id != conversation:
        return
    tx.run(_SUPERSEDE, key)
    changes = Changes(tx, snapshots, rules, openings=0)
    event = NewEvent(type=EventType.JUDGED_AGAIN, actor="system:recompute", payload=payload)
    reasons = (Reason("D30", "judged again by the policies in force"),)
    changes.apply(
        conversation, None, Decision(outcome=Outcome.STORED, reasons=reasons, conversation=found, events=(event,))
    )
    changes.save()


def _is_in(span: Span, judged: Round) -> bool:
    return span.begin <= to_micros(judged.start_at) < span.end and span.channel in ("", judged.channel)


def _parameters(span: Span) -> dict[str, object]:
    return {"begin": span.begin, "end": span.end, "channel": span.channel}


@dataclass(frozen=True, slots=True)
class Former:
    """What was said of a round before it was judged again."""

    number: int
    revision: int
    sla: str
    policy: str | None
    policy_version: int


def superseded(tx: Transaction, conversation: UUID) -> list[Former]:
    """The former judgements of a conversation's rounds, oldest first."""
    return [Former(*row) for row in tx.all(_FORMER, {"conversation": conversation.bytes})]
