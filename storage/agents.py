"""What agents say about themselves and when they last got something (decisions 24)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from router.agent_state import AgentStatus
from router.ownership import Absence, StatusChange
from router.rulebook import Rulebook
from storage.database import Transaction, of_micros, to_micros
from storage.statement import Statement

_ENLIST = Statement(
    "INSERT INTO agent_status (agent, status, since) VALUES (:agent, :status, :now) ON CONFLICT (agent) DO NOTHING"
)
_ALL = Statement("SELECT agent, status, since, ooo_until, last_assigned_at, version FROM agent_status")
_SET = Statement("UPDATE agent_status SET status = :status, since = :now WHERE agent = :agent AND status <> :status")
_OUT_OF_OFFICE = Statement("UPDATE agent_status SET ooo_until = :until WHERE agent = :agent")
_LOCK = Statement("SELECT version FROM agent_status WHERE agent = :agent", lock="FOR UPDATE")
_GIVEN = Statement("UPDATE agent_status SET version = version + 1, last_assigned_at = :now WHERE agent = :agent")


@dataclass(frozen=True, slots=True)
class AgentRow:
    """`version` counts what the agent was given automatically: a decision made on an older one is out of date."""

    status: AgentStatus
    since: datetime
    ooo_until: datetime | None
    last_assigned_at: datetime | None
    version: int

    def is_absent(self, now: datetime) -> bool:
        """Whether conversations may have to leave this agent."""
        return self.status is AgentStatus.OFFLINE or (self.ooo_until is not None and now < self.ooo_until)


def absent(tx: Transaction, rules: Rulebook) -> frozenset[str]:
    """Who is not to be disturbed now: out of office, offline, or outside of their working time."""
    said, now = rows(tx), of_micros(tx.now)
    gone = {agent for agent, row in said.items() if row.is_absent(now)}
    if rules.assignment.default_status is AgentStatus.OFFLINE:
        gone |= rules.agents.keys() - said.keys()
    off = {each.id for each in rules.agents.values() if each.shifts is not None and not each.shifts.is_open(now)}
    return frozenset(gone | off)


def enlist(tx: Transaction, agents: Iterable[str], status: AgentStatus) -> None:
    """Give agents who never said anything their first status."""
    tx.many(_ENLIST, [{"agent": agent, "status": status.value, "now": tx.now} for agent in agents])


def rows(tx: Transaction) -> Mapping[str, AgentRow]:
    return {
        row[0]: AgentRow(
            AgentStatus(row[1]),
            of_micros(row[2]),
            of_micros(row[3]) if row[3] is not None else None,
            of_micros(row[4]) if row[4] is not None else None,
            row[5],
        )
        for row in tx.all(_ALL, {})
    }


def set_status(tx: Transaction, change: StatusChange) -> None:
    """Note what an agent says; the same again keeps the time since when it holds."""
    enlist(tx, [change.agent], change.status)
    tx.run(_SET, {"agent": change.agent, "status": change.status.value, "now": tx.now})


def set_absence(tx: Transaction, change: Absence, status: AgentStatus) -> None:
    """Note until when somebody is out of office; `status` is theirs if they never said one."""
    enlist(tx, [change.agent], status)
    tx.run(_OUT_OF_OFFICE, {"agent": change.agent, "until": to_micros(change.until) if change.until else None})


def is_current(tx: Transaction, agent: str, version: int) -> bool:
    """Whether nobody gave the agent anything since `version`; locks their load until the commit (3.3, 7)."""
    row = tx.one(_LOCK, {"agent": agent})
    return row is not None and row[0] == version


def give(tx: Transaction, agent: str) -> None:
    """Count an automatic assignment."""
    tx.run(_GIVEN, {"agent": agent, "now": tx.now})
