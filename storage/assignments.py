"""The state assignment decides on, and the claim: one transaction that finds everything as it was decided on, or does
nothing (`service.md` 3.3, step 7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from router.assignment_filters import LAST_LEVEL
from router.assignment_inputs import Exclusion, Inputs, PastOwner
from router.assignment_trace import Assignment, DecidedBy, Handover
from router.decision import Reroute
from router.handing import NOBODY, carried_out, expired, released, rerouted
from router.model import DeliveryKind, Priority
from router.release import Release
from router.rulebook import Rulebook
from storage import agents, automatic, contacts, decisions, offers
from storage.agents import AgentRow
from storage.changes import Changes, Touched
from storage.database import Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.snapshots import Snapshots
from storage.statement import Row, Statement

QUEUE_LIMIT = 1000
"""The first so many of the queue are looked at, in its order (`router.queue_order`)."""

_CHANNEL = """
    (SELECT l.channel FROM legs l WHERE l.conversation = c.id AND NOT l.desk
     ORDER BY COALESCE(l.last_in_at, 0) DESC LIMIT 1)
    """
_QUEUE = Statement(
    f"""
    SELECT c.id, c.version, c.contact, c.route, c.team, c.topic, c.priority, c.waiting_since, k.language, {_CHANNEL},
           r.start_at, r.deadline, r.policy, r.policy_version, r.kind
    FROM conversations c JOIN contacts k ON k.id = c.contact
    LEFT JOIN rounds r ON r.conversation = c.id AND r.outcome = 'open'
    WHERE c.owner IS NULL AND c.status = 'open' AND c.waiting_since IS NOT NULL AND c.merged_into IS NULL
    AND NOT EXISTS (SELECT 1 FROM offers o WHERE o.conversation = c.id AND o.state = 'open')
    ORDER BY CASE WHEN c.priority = 'urgent' THEN 0 WHEN c.priority = 'complaint' OR r.deadline < :now THEN 1
                  WHEN c.priority = 'vip' THEN 2 ELSE 3 END, COALESCE(r.deadline, 9000000000000000), c.waiting_since
    LIMIT :limit
    """  # noqa: S608  no value is part of it
)
_OWNED = Statement(
    f"""
    SELECT c.id, c.owner, c.priority, c.waiting_since, c.version, {_CHANNEL},
           CASE WHEN c.waiting_since IS NULL THEN
               (SELECT m.received_at FROM messages m WHERE m.conversation = c.id AND m.visibility = 'public'
                ORDER BY m.seq DESC LIMIT 1) END, c.last_in_at
    FROM conversations c WHERE c.owner IS NOT NULL AND c.status = 'open' AND c.merged_into IS NULL
    """  # noqa: S608  no value is part of it
)
_OFFERED = Statement(
    f"""
    SELECT c.id, o.agent, c.priority, c.waiting_since, c.version, {_CHANNEL}, c.waiting_since,
           c.last_in_at
    FROM offers o JOIN conversations c ON c.id = o.conversation WHERE o.state = 'open'
    """  # noqa: S608  no value is part of it
)
_OWNED_BY = Statement(f"{_OWNED.sql} AND c.owner = :agent")
_OFFERED_TO = Statement(f"{_OFFERED.sql} AND o.agent = :agent")
_GIVEN = Statement("SELECT chosen, count(*) FROM assignments WHERE chosen IS NOT NULL AND at > :since GROUP BY chosen")
_HISTORY = Statement(
    """
    SELECT contact, id, owner, topic, COALESCE(resolved_at, last_in_at, opened_at) FROM conversations
    WHERE contact IN :contacts AND owner IS NOT NULL
    """
)
_CLAIM = Statement(
    "UPDATE conversations SET version = version + 1 WHERE id = :id AND owner IS NULL AND version = :version"
)
_WAITS = Statement(
    "SELECT 1 FROM conversations c WHERE c.owner IS NULL AND c.status = 'open' AND c.waiting_since IS NOT NULL LIMIT 1"
)
_QUEUED_BY_TEAM = Statement(
    """
    SELECT team, count(*) FROM conversations
    WHERE owner IS NULL AND status = 'open' AND waiting_since IS NOT NULL AND merged_into IS NULL GROUP BY team
    """
)
_ALONE = Statement(
    """
    SELECT 1 FROM conversations WHERE owner IS NOT NULL AND status = 'open' AND waiting_since IS NOT NULL
    AND owner NOT IN :present LIMIT 1
    """
)
_SAME_OWNER = Statement(
    "UPDATE conversations SET version = version + 1 WHERE id = :id AND owner = :owner AND version = :version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The first or next target that runs: where its share is counted from and to."""

    metric: str
    start_at: datetime
    deadline: datetime
    policy: str
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A conversation whose customer waits and that nobody has or is offered. `channel` is where they wrote last."""

    id: UUID
    version: int
    contact: UUID
    route: str
    team: str | None
    topic: str | None
    priority: Priority
    waiting_since: datetime
    language: str | None
    channel: str
    running: Running | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An open conversation an agent has or (`offered`) is offered."""

    id: UUID
    agent: str
    priority: Priority
    waiting_since: datetime | None
    version: int
    channel: str
    last_public_at: datetime | None
    last_in_at: datetime | None
    offered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Who waits and who is there, at one instant."""

    now: datetime
    queue: Sequence[Queued]
    held: Sequence[Held]
    agents: dict[str, AgentRow]
    given: dict[str, int]


@dataclass(frozen=True, slots=True)
class Past:
    """What counts for one conversation beside its own row: earlier owners (conversation, owner) and exclusions."""

    owners: Sequence[tuple[UUID, PastOwner]] = ()
    exclusions: Sequence[Exclusion] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A decision to be carried out if the conversation and the chosen agent are still as they were. `until`: how long
    the offer stands, None when it is none."""

    queued: Queued
    inputs: Inputs
    assignment: Assignment
    agent_version: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A conversation that its owner cannot keep."""

    held: Held
    why: Release


def queued_by_team(tx: Transaction) -> dict[str, int]:
    """How many wait without an owner, by team ("" for none)."""
    return {row[0] or "": row[1] for row in tx.all(_QUEUED_BY_TEAM, {})}


def is_needed(tx: Transaction, rules: Rulebook) -> bool:
    """Whether a customer waits whom nobody of the listed agents has who is there."""
    if tx.one(_WAITS, {}) is not None:
        return True
    present = rules.agents.keys() - agents.absent(tx, rules)
    return tx.one(_ALONE, {"present": sorted(present) or [""]}) is not None


def situation(tx: Transaction, window: timedelta) -> Situation:
    since = tx.now - int(window.total_seconds() * 1_000_000)
    return Situation(
        now=of_micros(tx.now),
        queue=[_queued(row) for row in tx.all(_QUEUE, {"limit": QUEUE_LIMIT, "now": tx.now})],
        held=held(tx),
        agents=dict(agents.rows(tx)),
        given={row[0]: row[1] for row in tx.all(_GIVEN, {"since": since})},
    )


def held(tx: Transaction, agent: str | None = None) -> list[Held]:
    """What every agent carries, or only this one: open conversations they have, and those they are offered."""
    key = {"agent": agent}
    owned, offered = (_OWNED, _OFFERED) if agent is None else (_OWNED_BY, _OFFERED_TO)
    return [
        *(_held(row, offered=False) for row in tx.all(owned, key)),
        *(_held(row, offered=True) for row in tx.all(offered, key)),
    ]


def pasts(tx: Transaction, queued: Sequence[Queued]) -> dict[UUID, Past]:
    """Earlier owners of the same customers, and who passed these conversations."""
    people = contacts.people(tx, {each.contact for each in queued})
    owners: dict[UUID, list[tuple[UUID, PastOwner]]] = {}
    for contact, conversation, agent, topic, at in tx.all(
        _HISTORY, {"contacts": sorted({each.bytes for person in people.values() for each in person})}
    ):
        past = PastOwner(agent=agent, at=of_micros(at), topic=topic)
        owners.setdefault(UUID(bytes=contact), []).append((UUID(bytes=conversation), past))
    excluded = offers.exclusions(tx, [each.id for each in queued])
    return {
        each.id: Past(
            [past for contact in people[each.contact] for past in owners.get(contact, ())], excluded.get(each.id, ())
        )
        for each in queued
    }


def carry_out(
    tx: Transaction, claims: Sequence[Claim], rules: Rulebook, known: Collection[bytes] = ()
) -> tuple[list[bool], Touched]:
    """Carry out decisions in their order; False for those whose conversation or agent has changed since."""
    snapshots = Snapshots(tx, ())
    changes = Changes(tx, snapshots, rules, openings=0)
    told: list[tuple[str, str]] = []
    done = [_claim(tx, each, snapshots, changes, rules, known, told) for each in claims]
    in_vain = tuple(
        (claim.queued.team or "", NOBODY)
        for claim, kept in zip(claims, done, strict=True)
        if kept and claim.assignment.decided_by is DecidedBy.QUEUE
    )
    return done, changes.save().and_then(Touched(handed=in_vain, alerts=tuple(told)))


def _claim(
    tx: Transaction,
    claim: Claim,
    snapshots: Snapshots,
    changes: Changes,
    rules: Rulebook,
    known: Collection[bytes],
    told: list[tuple[str, str]],
) -> bool:
    """Whether it was carried out; `told` learns of messages to an agent or a lead (`Touched.alerts`)."""
    queued, assignment = claim.queued, claim.assignment
    given = assignment.chosen is not None and assignment.handover is not Handover.KEEP
    chosen = assignment.chosen.id if assignment.chosen is not None else ""
    if given and not agents.is_current(tx, chosen, claim.agent_version):
        return False
    if given and tx.run(_CLAIM, {"id": queued.id.bytes, "version": queued.version}) != 1:
        return False
    conversation = snapshots.conversation(queued.id)
    if conversation is None or conversation.id != queued.id or conversation.owner is not None:
        return False
    called = assignment.page_lead and decisions.lead_was_called(
        tx, queued.id, LAST_LEVEL, to_micros(queued.waiting_since)
    )
    decisions.record(tx, queued.id, claim.inputs, assignment, known)
    if assignment.decided_by is DecidedBy.QUEUE:
        automatic.nobody(tx, queued.id, to_micros(queued.waiting_since))
    absent = agents.absent(tx, rules) if assignment.page_lead else frozenset()
    decision = carried_out(conversation, assignment, rules, claim.until, absent)
    if decision is not None and not called:
        changes.apply(new_id(), None, decision)
        reached = any(each.kind is DeliveryKind.DIRECT for each in decision.deliveries)
        if claim.until is not None or not given:
            level, kind = ("offer", "dm") if given else ("nobody", "page")
            told.append((level, kind if reached else "unreachable"))
    if given:
        agents.give(tx, chosen)
    return True


def give_back(tx: Transaction, leaving: Sequence[Leaving], rules: Rulebook) -> Touched:
    """Take conversations from owners who are gone; one that has changed since is left for the next look."""
    snapshots = Snapshots(tx, ())
    changes = Changes(tx, snapshots, rules, openings=0)
    for each in leaving:
        held = each.held
        if tx.run(_SAME_OWNER, {"id": held.id.bytes, "owner": held.agent, "version": held.version}) != 1:
            continue
        conversation = snapshots.conversation(held.id)
        if conversation is not None and conversation.id == held.id:
            changes.apply(new_id(), None, released(conversation, each.why, rules))
    return changes.save()


def reroute(tx: Transaction, snapshots: Snapshots, conversation_id: UUID, to: Reroute, rules: Rulebook) -> Touched:
    """Give a conversation that this unit has written to another team's queue, if nobody has it by now."""
    snapshots.forget(conversation_id)
    conversation = snapshots.conversation(conversation_id)
    if conversation is None or conversation.owner is not None:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    standing = offers.standing(tx, conversation.id, explained=False)
    changes.apply(new_id(), None, rerouted(conversation, standing, to, rules))
    return changes.save()


def run_out(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """The timer of an offer: nobody accepted, so that it goes back to the queue."""
    found = offers.still_open(tx, UUID(hex=ref))
    if found is None:
        return Touched()
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(found[0])
    if conversation is None:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(new_id(), None, expired(conversation, found[1], rules))
    return changes.save()


def _queued(row: Row) -> Queued:
    running = None
    if row[11] is not None:
        running = Running(
            metric=row[14],
            start_at=of_micros(row[10]),
            deadline=of_micros(row[11]),
            policy=row[12],
            policy_version=row[13],
        )
    return Queued(
        id=UUID(bytes=row[0]),
        version=row[1],
        contact=UUID(bytes=row[2]),
        route=row[3],
        team=row[4],
        topic=row[5],
        priority=Priority(row[6]),
        waiting_since=of_micros(row[7]),
        language=row[8],
        channel=row[9] or "",
        running=running,
    )


def _held(row: Row, *, offered: bool) -> Held:
    return Held(
        id=UUID(bytes=row[0]),
        agent=row[1],
        priority=Priority(row[2]),
        waiting_since=of_micros(row[3]) if row[3] is not None else None,
        version=row[4],
        channel=row[5] or "",
        last_public_at=of_micros(row[6]) if row[6] is not None else None,
        last_in_at=of_micros(row[7]) if row[7] is not None else None,
        offered=offered,
    )
