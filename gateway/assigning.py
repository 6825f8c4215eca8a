"""Finds owners for conversations that wait for one: looks when something happened and now and then, decides by the
rules, claims in one transaction (`service.md` 3.3). One look at a time; other nodes may look at the same moment."""

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

import structlog

from gateway.staffing import Staff, consumed, inputs_of, owner_state, waiting_of, work_of
from router.agent_state import AgentState
from router.assignment import assign
from router.assignment_filters import allowed_level
from router.assignment_inputs import Inputs
from router.assignment_retry import retry_at
from router.assignment_trace import Assignment, Handover
from router.offers import offer
from router.queue_order import in_order
from router.release import missed, release
from router.rulebook import Rulebook
from storage import agents, assignments
from storage.assignments import Claim, Leaving, Past, Queued, Situation
from storage.changes import Touched
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

SWEEP = 1.0
"""Seconds until a look nobody asked for: time alone may let somebody pass, and other nodes write too."""
SWEEP_REST = 100
NUDGE_REST = 12
LONGEST_REST = 5.0
"""The worker rests so many times as long as its last look took: a long queue must not eat a core. But never longer than
LONGEST_REST seconds: one slow look must not hide what time alone makes due."""
PAUSE = 0.02
AT_ONCE = 32
TRIES = 5
KNOWN_STATES = 20_000


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found about a waiting conversation, and what would make another look worth while."""

    asks: Hashable
    level: int
    crowd: int
    retry_at: datetime | None
    result: Hashable


class Assigning:
    """The worker; `nudge` wakes it."""

    def __init__(self, database: Database, rules: Callable[[], Rulebook], wake: Callable[[Touched], None]) -> None:
        self._database = database
        self._rules = rules
        self._wake = wake
        self._nudged = asyncio.Event()
        self._book: Rulebook | None = None
        self._staff: Staff
        self._looks: dict[UUID, _Look] = {}
        self._crowd: tuple[AgentState, ...] = ()
        self._crowds = 0
        self._known: set[bytes] = set()

    def nudge(self) -> None:
        """Something happened that may concern an owner."""
        self._nudged.set()

    async def run(self) -> None:
        """Look, for ever."""
        took = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(SWEEP, min(SWEEP_REST * took, LONGEST_REST))):
                    await self._nudged.wait()
            self._nudged.clear()
            started = time.monotonic()
            try:
                for _ in range(TRIES):
                    if not await self.look():
                        break
            except StoreUnavailable as error:
                log.error("assigning.store", reason=str(error))
            took = time.monotonic() - started
            await asyncio.sleep(max(PAUSE, min(NUDGE_REST * took, LONGEST_REST)))

    async def look(self) -> bool:
        """One look at everybody who waits; True when another one is worth while at once."""
        rules = self._rules()
        if rules is not self._book:
            await self._database.transact(agents.enlist, rules.agents, rules.assignment.default_status)
            self._book, self._staff = rules, Staff(rules)
            self._looks.clear()
        if not await self._database.read(assignments.is_needed, rules):
            self._looks.clear()
            return False
        situation = await self._database.read(assignments.situation, rules.assignment.settings.window)
        for queued in situation.queue:
            self._staff.speaks(queued.language)
        states = self._staff.states(situation)
        if leaving := _leaving(situation, states, rules):
            self._wake(await self._database.transact(assignments.give_back, leaving[:AT_ONCE], rules))
            return True
        return await self._assign(situation, states, rules)

    async def _assign(self, situation: Situation, states: dict[str, AgentState], rules: Rulebook) -> bool:
        crowd = tuple(states.values())
        if crowd != self._crowd:
            self._crowd, self._crowds = crowd, self._crowds + 1
        shares = {each.id: consumed(each, situation.now, rules) for each in situation.queue}
        due = self._due(situation, shares)
        if not due:
            return False
        pasts = await self._database.read(assignments.pasts, due)
        claims, looks = self._decide(due, situation, pasts, shares, states, rules)
        done: list[bool] = []
        if claims:
            done, touched = await self._database.transact(assignments.carry_out, claims, rules, self._known)
            self._wake(touched)
            self._remember(claims)
        lost = {claim.queued.id for claim, kept in zip(claims, done, strict=True) if not kept}
        self._looks.update({each: look for each, look in looks.items() if each not in lost})
        for claim in claims:
            if claim.assignment.chosen is not None:
                self._looks.pop(claim.queued.id, None)
        return bool(lost) or len(claims) >= AT_ONCE

    def _due(self, situation: Situation, shares: Mapping[UUID, Fraction]) -> list[Queued]:
        """Those worth a look, in the order in which agents get them."""
        self._looks = {each.id: self._looks[each.id] for each in situation.queue if each.id in self._looks}
        due = {each.id.hex: each for each in situation.queue if self._is_due(each, shares[each.id], situation.now)}
        return [due[each.id] for each in in_order(map(waiting_of, due.values()), situation.now)]

    def _is_due(self, queued: Queued, share: Fraction, now: datetime) -> bool:
        last = self._looks.get(queued.id)
        if last is None or last.crowd != self._crowds or last.asks != _asks(queued):
            return True
        return last.level != allowed_level(share) or (last.retry_at is not None and last.retry_at <= now)

    def _decide(
        self,
        due: Sequence[Queued],
        situation: Situation,
        pasts: Mapping[UUID, Past],
        shares: Mapping[UUID, Fraction],
        states: dict[str, AgentState],
        rules: Rulebook,
    ) -> tuple[list[Claim], dict[UUID, _Look]]:
        """Decide one after the other, each knowing what the earlier ones gave to whom. Of conversations that ask for
        the same, and were looked at before, only the first is decided when it finds nobody."""
        claims: list[Claim] = []
        looks: dict[UUID, _Look] = {}
        versions = {agent: row.version for agent, row in situation.agents.items()}
        in_vain: set[Hashable] = set()
        now = situation.now
        for queued in due:
            if len(claims) >= AT_ONCE:
                break
            past, share, last = pasts[queued.id], shares[queued.id], self._looks.get(queued.id)
            kind = None if past.exclusions else _kind(queued, share)
            asks, level = _asks(queued), allowed_level(share)
            if last is not None and last.asks == asks and kind is not None and kind in in_vain:
                looks[queued.id] = _Look(asks, level, self._crowds, last.retry_at, last.result)
                continue
            trigger = self._trigger(last, past, share, now)
            inputs = inputs_of(queued, past, self._staff, states, rules, now, share, trigger)
            decided = assign(inputs)
            chosen = decided.chosen
            result = _result(decided)
            looks[queued.id] = _Look(asks, level, self._crowds, retry_at(inputs), result)
            if chosen is not None:
                claims.append(
                    Claim(
                        queued=queued,
                        inputs=inputs,
                        assignment=decided,
                        agent_version=versions.get(chosen.id, 0),
                        until=_until(decided, inputs, rules),
                    )
                )
                versions[chosen.id] = versions.get(chosen.id, 0) + 1
                states[chosen.id] = chosen.taken(decided.units, now)
                continue
            in_vain.add(kind)
            if last is None or last.result != result:
                claims.append(Claim(queued=queued, inputs=inputs, assignment=decided, agent_version=0, until=None))
        return claims, looks

    def _trigger(self, last: _Look | None, past: Past, share: Fraction, now: datetime) -> str:
        """What made this look worth while, as the trace names it (3.3, triggers)."""
        if last is None:
            return past.exclusions[-1].reason.partition(":")[0] if past.exclusions else "new_round"
        if last.level != allowed_level(share):
            return "relaxation"
        if last.retry_at is not None and last.retry_at <= now:
            return "time"
        return "agents_changed"

    def _remember(self, claims: Sequence[Claim]) -> None:
        """The states of agents that are stored by now."""
        if len(self._known) > KNOWN_STATES:
            self._known.clear()
        for claim in claims:
            self._known.update(agent.digest() for agent in claim.inputs.agents)


def _leaving(situation: Situation, states: Mapping[str, AgentState], rules: Rulebook) -> list[Leaving]:
    """Conversations whose owner is gone while their customer waits."""
    found = []
    for held in situation.held:
        if held.offered or held.waiting_since is None:
            continue
        owner = owner_state(held.agent, states)
        wrote_at = held.last_in_at or held.waiting_since
        why = release(owner, work_of(held, rules), situation.now) or missed(owner, wrote_at, situation.now)
        if why is not None:
            found.append(Leaving(held, why))
    return found


def _asks(queued: Queued) -> Hashable:
    """What a decision about a conversation looks at; a further message of its customer changes nothing of it."""
    return queued.contact, queued.route, queued.team, queued.topic, queued.channel, queued.language, queued.priority


def _kind(queued: Queued, share: Fraction) -> Hashable:
    """What a conversation asks for, as far as finding nobody goes."""
    return queued.route, queued.team, queued.channel, queued.language, queued.priority, allowed_level(share)


def _result(decided: Assignment) -> Hashable:
    """What is worth storing again when it differs."""
    return decided.decided_by, decided.level, tuple((out.agent.id, out.filter) for out in decided.excluded)


def _until(decided: Assignment, inputs: Inputs, rules: Rulebook) -> datetime | None:
    if decided.chosen is None or decided.handover is not Handover.OFFER:
        return None
    needs = inputs.needs
    timeouts = rules.assignment.offer_timeouts
    return offer(needs.conversation, decided.chosen.id, needs.channel_type, inputs.now, timeouts).expires_at
