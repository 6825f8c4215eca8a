"""The run: a steady load, and a gateway that is killed again and again at every failpoint and at random moments."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from storage import failpoints
from tests.chaos.checker import Violation
from tests.chaos.history import Delivered, Shown
from tests.chaos.outside import Outside
from tests.chaos.profile import Profile

MOMENT = "a random moment"
LIFE_SECONDS = 15.0
COLD = 10
"""Every so many lives begin from nothing."""


@dataclass(slots=True)
class Report:
    """What a run came to."""

    database: str
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    written: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    stray: set[str] = field(default_factory=set)
    """Pending, and not even left to people."""
    violations: list[Violation] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Messages written a second while nodes were killed."""
        return self.written / self.seconds if self.seconds else 0.0

    def table(self) -> str:
        lines = [f"{self.database}: {self.kills.total()} kill -9 in {self.seconds:.0f} s, {self.rate:.1f} messages/s"]
        lines += [f"  {place:<28}{count:>6}" for place, count in sorted(self.kills.items())]
        lines += [f"  {name:<28}{count:>6}" for name, count in self.counts.items()]
        lines += [f"  violations                  {len(self.violations):>6}"]
        return "\n".join(lines)


class Storm:
    """Kills the first node of an outside world."""

    def __init__(self, outside: Outside, database: str, profile: Profile) -> None:
        self._outside = outside
        self._profile = profile
        self.report = Report(database)
        self.revived = 0

    async def run(self) -> Report:
        """Kill at each failpoint and at random moments, under load; then heal, wait for the last message and judge."""
        outside, report, profile = self._outside, self.report, self._profile
        wanted = dict.fromkeys(failpoints.PLACES, profile.at_each) | {MOMENT: profile.at_moments}
        load = outside.background(outside.load(profile.rate))
        started = time.monotonic()
        while open_ := [place for place in wanted if report.kills[place] < wanted[place]]:
            await self._life(outside.chance.choice(open_))
            if load.done():
                load.result()
        load.cancel()
        report.seconds = time.monotonic() - started
        report.written = len(outside.history.owners)
        await self.heal()
        await outside.settle(profile.settle)
        pending = outside.pending()
        report.pending, report.stray = len(pending), pending - (await outside.ledger.count()).left
        report.violations = await outside.verdict()
        await self._count()
        return report

    async def _life(self, place: str) -> None:
        """Start a node and let it die: at a place, or after a moment."""
        outside, node = self._outside, self._outside.nodes[0]
        await outside.ledger.let_leases_end()
        commits = 4 if place.endswith("commit") else 1
        turn = outside.chance.randint(1, self._profile.passes * commits)
        armed = f"{place}=kill@{turn}" if place in failpoints.PLACES else ""
        cold = self.report.kills.total() % COLD == 0
        ended = await node.start(armed, cold=cold)
        try:
            async with asyncio.timeout(LIFE_SECONDS if armed else outside.chance.uniform(0.4, 3.0)):
                code = await asyncio.shield(ended)
        except TimeoutError:
            await node.kill()
            self.report.kills[MOMENT] += 1
            return
        if code != -9:
            raise RuntimeError(f"the node ended with {code} by itself:\n{node.tail()}")
        self.report.kills[place] += 1

    async def heal(self) -> None:
        """Start a node that lives, after somebody has seen to the dead letters."""
        self.revived = await self._outside.revive()
        await self._outside.ledger.let_leases_end()
        await self._outside.nodes[0].start()
        await self._outside.nodes[0].ready()

    async def _count(self) -> None:
        history = self._outside.history
        store = await self._outside.ledger.count()
        entries = history.entries
        shown = [each.serial for each in entries if isinstance(each, Shown)]
        delivered = [each for each in entries if isinstance(each, Delivered)]
        telegram = [each.serial for each in delivered if each.owner.startswith("tg")]
        mails = [each.serial for each in delivered if each.owner.partition("-")[0] in ("smtp", "imap")]
        self.report.counts = {
            "messages written": len(history.owners),
            "acknowledged": len(history.acknowledged),
            "given up by Slack": len(history.given_up),
            "stored": len(store.stored),
            "shown in Slack": len(set(shown)),
            "shown twice in Slack": len(shown) - len(set(shown)),
            "replies delivered": len({each.serial for each in delivered}),
            "replies marked as sent": len(history.marked),
            "mails sent again, same ID": len(mails) - len(set(mails)),
            "doubles on Telegram": len(telegram) - len(set(telegram)),
            "unknown on Telegram": store.uncertain,
            "dead letters sent again": self.revived,
            "left to people": len(store.left),
            "mails refused and repeated": sum(each.refused for each in self._outside.mtas),
            "events sent again by Slack": self._outside.world.slack.events.retried,
            "web-chat reconnects": sum(each.reconnects for each in self._outside.widgets),
            "pending at the end": self.report.pending,
        }
