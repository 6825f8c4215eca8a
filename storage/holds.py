"""Held replies and rule hits as rows: a hold survives everything until somebody decides (decisions 17)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from router.consistency.findings import Finding, Level, Words
from router.desk_view import EndedHold
from router.record import Action, HoldEnd, HoldState, NewHold, Record
from storage import timers
from storage.codec import json_of, json_value
from storage.database import Transaction, of_micros
from storage.ids import new_id
from storage.statement import Row, Statement

TIMER = "hold"
"""The timer that tells the lead; its ref is the hold's id in hex."""

_DAY = 86_400_000_000

_HOLD = Statement(
    """
    INSERT INTO holds (id, conversation, message, agent, findings, standards, state, reason, held_at)
    VALUES (:id, :conversation, :message, :agent, :findings, :standards, 'held', '', :now)
    """
)
_AGAIN = Statement("UPDATE holds SET findings = :findings, standards = :standards WHERE id = :id AND state = 'held'")
_END = Statement(
    """
    UPDATE holds SET state = :state, reason = :reason, ended_by = :actor, ended_at = :now
    WHERE id = :id AND state = 'held'
    """
)
_HIT = Statement(
    """
    INSERT INTO rule_hits (id, message, hold, rule, version, span_start, span_end, level, action, actor, reason, at)
    VALUES (:id, :message, :hold, :rule, :version, :span_start, :span_end, :level, :action, :actor, '', :now)
    """
)
_HITS_END = Statement(
    """
    UPDATE rule_hits SET action = :action, actor = :actor, reason = :reason WHERE hold = :hold AND action = 'held'
    RETURNING rule, level
    """
)
_OPEN = Statement(
    """
    SELECT id, message, agent, findings, held_at FROM holds WHERE conversation = :conversation AND state = 'held'
    ORDER BY held_at, id
    """
)
_ONE = Statement("SELECT conversation, message, agent, state, held_at FROM holds WHERE id = :id")
_END_OF = """
    SELECT h.state, h.ended_by, h.reason, h.ended_at
    FROM messages m JOIN holds h ON h.conversation = m.conversation AND h.message = m.id
    """
_ENDED = Statement(f"{_END_OF} WHERE m.remote_key = :key AND h.state <> 'held' ORDER BY h.ended_at DESC LIMIT 1")
_ENDED_UNPOSTED = Statement(f"{_END_OF} WHERE m.id = :id AND h.state <> 'held' ORDER BY h.ended_at DESC LIMIT 1")
_RATES = Statement(
    """
    SELECT rule, version, count(DISTINCT message),
        count(DISTINCT CASE WHEN action = 'sent_anyway' THEN message END) FROM rule_hits
    WHERE at >= :since AND hold IS NOT NULL GROUP BY rule, version ORDER BY rule, version
    """
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A finding as metrics count it."""

    rule: str
    level: str
    action: str


def save(tx: Transaction, message: UUID, conversation: UUID, record: Record) -> list[Hit]:
    """Write hits, a new hold or the end of one; what is to be counted."""
    hits: list[Hit] = []
    if record.hold_end is not None:
        hits += _end(tx, record.hold_end)
    hits += _hits(tx, message, None, record.logged, Action.LOGGED, record.actor)
    if record.hold is not None:
        hits += _hold(tx, message, conversation, record, record.hold)
    return hits


def _hold(tx: Transaction, message: UUID, conversation: UUID, record: Record, hold: NewHold) -> list[Hit]:
    row = {"findings": findings_json(hold.findings), "standards": record.standards}
    if hold.replaces is not None:
        tx.run(_AGAIN, row | {"id": hold.replaces.bytes})
        ended = HoldEnd(hold=hold.replaces, state=HoldState.HELD, action=Action.EDITED, actor=record.actor)
        return [
            *_act(tx, ended),
            *_hits(tx, message, hold.replaces, hold.findings, Action.HELD, record.actor),
        ]
    hold_id = new_id()
    tx.run(
        _HOLD,
        row
        | {
            "id": hold_id.bytes,
            "conversation": conversation.bytes,
            "message": message.bytes,
            "agent": hold.agent,
            "now": tx.now,
        },
    )
    timers.start(tx, TIMER, hold_id.hex, tx.now + int(hold.tell_after.total_seconds() * 1_000_000))
    return _hits(tx, message, hold_id, hold.findings, Action.HELD, record.actor)


def _end(tx: Transaction, end: HoldEnd) -> list[Hit]:
    tx.run(
        _END,
        {
            "id": end.hold.bytes,
            "state": end.state.value,
            "reason": end.reason,
            "actor": end.actor,
            "now": tx.now,
        },
    )
    timers.clear(tx, TIMER, end.hold.hex)
    return _act(tx, end)


def _act(tx: Transaction, end: HoldEnd) -> list[Hit]:
    """Say of the findings of a hold what became of them."""
    rows = tx.all(
        _HITS_END,
        {"hold": end.hold.bytes, "action": end.action.value, "actor": end.actor, "reason": end.reason},
    )
    return [Hit(rule, level, end.action.value) for rule, level in rows]


def _hits(
    tx: Transaction, message: UUID, hold: UUID | None, findings: Sequence[Finding], action: Action, actor: str
) -> list[Hit]:
    tx.many(
        _HIT,
        [
            {
                "id": new_id().bytes,
                "message": message.bytes,
                "hold": hold.bytes if hold is not None else None,
                "rule": each.rule,
                "version": each.version,
                "span_start": each.span[0],
                "span_end": each.span[1],
                "level": each.level.value,
                "action": action.value,
                "actor": actor,
                "now": tx.now,
            }
            for each in findings
        ],
    )
    return [Hit(each.rule, each.level.value, action.value) for each in findings]


def open_holds(tx: Transaction, conversation: UUID) -> list[Row]:
    """(id, message, agent, findings, held_at) of the holds of a conversation, oldest first."""
    return tx.all(_OPEN, {"conversation": conversation.bytes})


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as its timer finds it; `held_at` in microseconds."""

    conversation: UUID
    message: UUID
    agent: str
    state: HoldState
    held_at: int


def one(tx: Transaction, hold: UUID) -> Hold | None:
    row = tx.one(_ONE, {"id": hold.bytes})
    if row is None:
        return None
    return Hold(UUID(bytes=row[0]), UUID(bytes=row[1]), row[2], HoldState(row[3]), row[4])


def ended(tx: Transaction, channel: str, named: str) -> EndedHold | None:
    """What became of a reply that was held and is no more; `named` by its post, or by its own id where nobody posted
    it."""
    try:
        row = tx.one(_ENDED_UNPOSTED, {"id": UUID(hex=named).bytes})
    except ValueError:
        row = tx.one(_ENDED, {"key": f"{channel}:{named}"})
    if row is None:
        return None
    return EndedHold(state=HoldState(row[0]), actor=row[1] or "", reason=row[2], at=of_micros(row[3] or 0))


@dataclass(frozen=True, slots=True)
class OverrideRate:
    """How many replies a version of a rule held (`hits`), and how many of them were sent anyway."""

    rule: str
    version: int
    hits: int
    sent_anyway: int

    @property
    def rate(self) -> float:
        return self.sent_anyway / self.hits


def override_rates(tx: Transaction, days: int) -> list[OverrideRate]:
    """By rule and version, over the last days: a reply counts once, however often a rule found something in it."""
    return [OverrideRate(*row) for row in tx.all(_RATES, {"since": tx.now - days * _DAY})]


def findings_json(findings: Sequence[Finding]) -> str:
    return json_of([_stored(each) for each in findings])


def findings_of(stored: str) -> tuple[Finding, ...]:
    """The inverse of `findings_json`."""
    return tuple(_finding(each) for each in json_value(stored))


def _stored(finding: Finding) -> Mapping[str, object]:
    return {
        "rule": finding.rule,
        "version": finding.version,
        "level": finding.level.value,
        "span": list(finding.span),
        "said": finding.said,
        "approved": finding.approved,
        "earlier": finding.earlier,
        "message": [finding.message.zh, finding.message.en],
        "suggestion": [finding.suggestion.zh, finding.suggestion.en],
    }


def _finding(stored: Mapping[str, Any]) -> Finding:
    start, end = stored["span"]
    return Finding(
        rule=stored["rule"],
        version=stored["version"],
        level=Level(stored["level"]),
        span=(start, end),
        said=stored["said"],
        approved=stored["approved"],
        earlier=stored["earlier"],
        message=Words(*stored["message"]),
        suggestion=Words(*stored["suggestion"]),
    )
