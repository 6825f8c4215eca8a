"""Answers what agents ask outside of threads: reads the store, asks nothing of anybody, changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.staffing import work_of
from router import home
from router.agent_state import SPOKEN
from router.commands import NOT_AN_AGENT, help_sheet, verb_of_line, wrong_status
from router.home import Desk, Presence
from router.model import Sender
from router.rulebook import Agent, Rulebook
from router.sheets import Sheet, sentence
from router.verbs import Verb
from router.workload import load
from storage import agents, assignments, figures, finding, listing
from storage.agents import AgentRow
from storage.assignments import Held
from storage.database import Database, Transaction, of_micros

WEEK = timedelta(days=6)
"""Whole days before today that "the last 7 days" has."""


class Sheets:
    """Reads for the members of one desk channel."""

    def __init__(self, channel: str, database: Database, rules: Callable[[], Rulebook]) -> None:
        self._channel = channel
        self._database = database
        self._rules = rules

    async def of(self, sender: Sender, line: str) -> Sheet:
        """The answer to a line, "home" for the Home. Only listed agents of the home workspace get one (S8). Raises
        StoreUnavailable."""
        rules = self._rules()
        agent = rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None
        if agent is None:
            return sentence(NOT_AN_AGENT)
        return await self._database.read(_answer, self._channel, agent, verb_of_line(line), rules)


def _answer(tx: Transaction, channel: str, agent: Agent, verb: Verb, rules: Rulebook) -> Sheet:
    """One read transaction."""
    now, zone = of_micros(tx.now), zone_of(agent, rules)
    match verb.name:
        case "home":
            return home.home(_desk(tx, channel, agent, rules, queue=is_lead(agent, rules), whole=True), rules)
        case "me":
            return home.mine(_desk(tx, channel, agent, rules, queue=False), rules)
        case "queue":
            return home.queue(_desk(tx, channel, agent, rules, queue=True), rules)
        case "status" if verb.rest and verb.rest.lower() not in SPOKEN:
            return wrong_status()
        case "status":
            return home.status(_presences(tx, [agent], rules)[0], zone.key)
        case "latency":
            today = midnight(now, zone)
            counts = figures.first_responses(tx, today - WEEK, today)
            waits = {each: (count, of_micros(since)) for each, (count, since) in figures.waiting(tx).items()}
            return home.latency(counts, waits, now, rules, verb.rest)
        case "find":
            found = finding.find(tx, channel, verb.rest)
            return home.found(verb.rest, found.listed, found.searched, now, zone.key, rules)
    return help_sheet(verb)


def is_lead(agent: Agent, rules: Rulebook) -> bool:
    """Whether the agent leads anybody."""
    return any(rules.is_lead(agent, team) for team in (None, *rules.teams))


def zone_of(agent: Agent, rules: Rulebook) -> ZoneInfo:
    """The zone of the agent's working time, else the one promises are counted in."""
    if agent.shifts is not None:
        return agent.shifts.zone
    return ZoneInfo("UTC") if rules.voice is None else rules.voice.calendar.tz


def midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """When the local day began."""
    return datetime.combine(now.astimezone(zone).date(), time(), zone)


def _desk(tx: Transaction, channel: str, agent: Agent, rules: Rulebook, *, queue: bool, whole: bool = False) -> Desk:
    """`queue`: who waits without an owner; `whole`: promises, numbers and colleagues as well."""
    now, zone = of_micros(tx.now), zone_of(agent, rules)
    leads = is_lead(agent, rules)
    waiting, count = listing.queued(tx, channel, None if leads else agent.teams, listing.MOST) if queue else ([], 0)
    everybody = [*rules.agents.values()] if whole and leads else [agent]
    present = _presences(tx, everybody, rules)
    answered, first = figures.answers_of(tx, agent.id, midnight(now, zone)) if whole else (0, [])
    return Desk(
        now=now,
        zone=zone.key,
        me=next(each for each in present if each.agent.id == agent.id),
        owned=listing.owned(tx, channel, agent.id),
        offered=listing.offered(tx, channel, agent.id),
        promises=listing.promised(tx, channel, agent.id) if whole else (),
        answered=answered,
        first=first,
        leads=leads and whole,
        queue=waiting,
        waiting=count,
        colleagues=present if whole and leads else (),
    )


def _presences(tx: Transaction, wanted: Sequence[Agent], rules: Rulebook) -> list[Presence]:
    rows = agents.rows(tx)
    names = {each.id for each in wanted}
    held: dict[str, list[Held]] = {}
    for each in assignments.held(tx, None if len(wanted) > 1 else wanted[0].id):
        if each.agent in names:
            held.setdefault(each.agent, []).append(each)
    now = of_micros(tx.now)
    return [_presence(each, rows, held, now, rules) for each in wanted]


def _presence(
    agent: Agent, rows: Mapping[str, AgentRow], held: Mapping[str, Sequence[Held]], now: datetime, rules: Rulebook
) -> Presence:
    row = rows.get(agent.id)
    gone = row is not None and row.ooo_until is not None and now < row.ooo_until
    return Presence(
        agent=agent,
        status=rules.assignment.default_status if row is None else row.status,
        since=None if row is None else row.since,
        load=load([work_of(each, rules) for each in held.get(agent.id, ())], now, agent.weights),
        away_until=row.ooo_until if row is not None and gone else None,
    )
