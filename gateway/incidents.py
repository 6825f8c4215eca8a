"""Notices that many customers ask the same (`service.md` 4.3): reads what they say, opens incidents, tells the threads;
and has it looked at for customers who are perhaps one.

One node does it, under a lease. What it remembers is read from the store again whenever it begins.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from connectors.base import Lease, LeaseLost
from gateway.leases import Leases
from gateway.suggestions import Suggestions
from router.clusters import Asking, LastHour, is_alike
from router.duplicates import Features, features
from router.rulebook import Rulebook
from storage import incidents, joining
from storage.changes import Touched
from storage.database import Database
from storage.errors import StoreUnavailable
from storage.incidents import Known

log = structlog.get_logger()

RESOURCE = "incidents"
EVERY = 1.0
"""Seconds between looks."""
REST = 19
"""Rests as many times as long as the last look took while there is more: reading a whole hour must not eat a core."""
AT_ONCE = 100
"""Messages a look, a few milliseconds of work."""


class Incidents:
    """The worker; `wake` is told what its commits touched."""

    def __init__(
        self, database: Database, leases: Leases, rules: Callable[[], Rulebook], wake: Callable[[Touched], None]
    ) -> None:
        self._database = database
        self._leases = leases
        self._rules = rules
        self._wake = wake

    async def run(self) -> None:
        """Look out whenever this node holds the lease, for ever."""
        while True:
            try:
                async with self._leases.hold(RESOURCE) as lease:
                    await self._look_out(lease)
            except* LeaseLost:
                log.info("incidents.lease_lost")
            except* StoreUnavailable as errors:
                log.error("incidents.store", reason=str(errors.exceptions[0]))
                await asyncio.sleep(EVERY)

    async def _look_out(self, lease: Lease) -> None:
        """Look until the standards change: what is alike is found out anew then."""
        ignored = _ignored(self._rules())
        since = await self._database.read(joining.beginning)
        lookout = Lookout(self._database, lease, self._rules, self._wake, ignored, since)
        while _ignored(self._rules()) == ignored:
            started = time.monotonic()
            more = await lookout.look()
            await asyncio.sleep(REST * (time.monotonic() - started) if more else EVERY)


class Lookout:
    """What is known while a lease is held: `ignored` words make nothing alike, messages count from `since` on."""

    def __init__(
        self,
        database: Database,
        lease: Lease,
        rules: Callable[[], Rulebook],
        wake: Callable[[Touched], None],
        ignored: frozenset[str],
        since: int,
    ) -> None:
        self._database = database
        self._lease = lease
        self._rules = rules
        self._wake = wake
        self._ignored = ignored
        self._since = since
        self._seen: dict[UUID, int] = {}
        self._asked = LastHour()
        self._questions: dict[UUID, Features] = {}
        self._joined: dict[UUID, set[UUID]] = {}
        self._suggestions = Suggestions(database, lease, rules, wake)

    async def look(self) -> bool:
        """One look at what is new; True when there is more. Raises LeaseLost and StoreUnavailable."""
        found = await self._database.read(joining.look, self._since, self._seen, self._ignored, AT_ONCE)
        self._questions = {each.id: self._question(each) for each in found.incidents}
        self._joined = {each.id: self._joined.get(each.id, set()) for each in found.incidents}
        await self._sort(found.askings, found.incidents)
        await self._suggestions.look(found.askings, self._ignored)
        untold = [each.id for each in found.incidents if each.untold and each.closed_at is None]
        for each in untold:
            self._wake(await self._database.transact(joining.announce, self._lease, each, self._rules()))
        if any(each.quiet for each in found.incidents):
            await self._database.transact(incidents.close_quiet)
        self._seen |= found.seen
        self._since = max(self._since, max(found.seen.values(), default=0) - joining.OVERLAP)
        self._seen = {each: at for each, at in self._seen.items() if at >= self._since}
        return found.more or bool(untold)

    def _question(self, incident: Known) -> Features:
        known = self._questions.get(incident.id)
        return features(incident.question, self._ignored) if known is None else known

    async def _sort(self, askings: Sequence[Asking], known: Sequence[Known]) -> None:
        """Each question goes to the incident it is alike to, else among those of the hour, which may make a new one.
        What was asked before an incident was closed counts for no other."""
        open_ = [each.id for each in known if each.closed_at is None]
        closed = [(each.id, each.closed_at) for each in known if each.closed_at is not None]
        joins: dict[UUID, list[Asking]] = {}
        for asking in askings:
            found = next((each for each in open_ if self._is_like(asking, each)), None)
            if found is not None:
                if asking.conversation not in self._joined[found]:
                    joins.setdefault(found, []).append(asking)
            elif any(asking.at <= at and self._is_like(asking, each) for each, at in closed):
                pass
            elif cluster := self._asked.cluster(asking):
                open_.append(await self._open(cluster))
            else:
                self._asked.add(asking)
            await asyncio.sleep(0)  # a look at a full hour takes a millisecond a question: others come in between
        for incident, more in joins.items():
            await self._join(incident, more)

    def _is_like(self, asking: Asking, incident: UUID) -> bool:
        return is_alike(asking.features, self._questions[incident])

    async def _open(self, cluster: Sequence[Asking]) -> UUID:
        incident, touched = await self._database.transact(joining.open_, self._lease, cluster, self._rules())
        self._asked.forget(cluster)
        self._questions[incident] = cluster[-1].features
        self._joined[incident] = {each.conversation for each in cluster}
        self._wake(touched)
        log.info("incident.opened", incident=incident.hex, conversations=len({each.conversation for each in cluster}))
        return incident

    async def _join(self, incident: UUID, askings: Sequence[Asking]) -> None:
        touched = await self._database.transact(joining.join, self._lease, incident, askings, self._rules())
        if touched is not None:
            self._joined[incident].update(each.conversation for each in askings)
            self._wake(touched)
            return
        for each in askings:  # it was closed meanwhile: they count for the next one
            self._asked.add(each)


def _ignored(rules: Rulebook) -> frozenset[str]:
    return rules.recognition.topics.ignored if rules.recognition is not None else frozenset()
