"""App Homes: published when a member opens theirs, asks for it or said something about themselves."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

import structlog

from connectors.base import NotSent, NotStored, Ports
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed
from connectors.slack.parse import Home, Person, sender_of
from connectors.slack.sheets import view

Lookup = Callable[[list[str], Home], Awaitable[Mapping[str, Person]]]

log = structlog.get_logger(__name__)

APART = 10.0
"""Seconds between two publications of one Home."""
PACE = 0.6
"""Seconds between any two: views.publish is of tier 4, a hundred a minute."""
AGAIN = 5.0
"""Seconds until the next try where Slack or the store was away and gave no time."""
REMEMBERED = 5_000


class Homes:
    """Whoever opened theirs is remembered, so that it can be kept up; `apart` is in seconds."""

    def __init__(self, channel: str, api: SlackApi, ports: Ports, people: Lookup, apart: float = APART) -> None:
        self._channel = channel
        self._api = api
        self._ports = ports
        self._people = people
        self.apart = apart
        self._shown: OrderedDict[str, float] = OrderedDict()
        self._due: dict[str, float] = {}
        self._wanted = asyncio.Event()

    def want(self, member: str) -> None:
        """Publish it soon; asked for many times, it is published once."""
        last = self._shown.get(member)
        soon = time.monotonic() if last is None else max(time.monotonic(), last + self.apart)
        self._due[member] = min(soon, self._due.get(member, soon))
        self._wanted.set()

    def changed(self, member: str) -> None:
        """Something about this member changed: only a Home that was opened is kept up."""
        if member in self._shown:
            self.want(member)

    async def run(self, home: Home) -> None:
        """Publish what is wanted, until cancelled."""
        while True:
            while not self._due:
                self._wanted.clear()
                await self._wanted.wait()
            member = min(self._due, key=self._due.__getitem__)
            if (wait := self._due[member] - time.monotonic()) > 0:
                self._wanted.clear()
                try:
                    async with asyncio.timeout(wait):
                        await self._wanted.wait()
                except TimeoutError:
                    pass
                continue
            del self._due[member]
            await self._publish(member, home)
            await asyncio.sleep(min(PACE, self.apart))

    async def _publish(self, member: str, home: Home) -> None:
        self._shown[member] = time.monotonic()
        self._shown.move_to_end(member)
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)
        try:
            people = await self._people([member], home)
            sheet = await self._ports.sheet(sender_of(member, home.team, home, people), "home")
            await self._api.write("views.publish", {"user_id": member, "view": view(sheet, home.url)}, repeatable=True)
        except NotStored as error:
            self._later(member, error.retry_after, str(error))
        except CallFailed as failure:
            if isinstance(failure.outcome, NotSent):
                pause = failure.outcome.retry_after
                self._later(member, AGAIN if pause is None else pause.total_seconds(), str(failure))
            else:
                log.warning("slack.home_refused", channel=self._channel, member=member, reason=str(failure))
        except Exception:  # one Home we choke on must not end the others
            log.exception("slack.home_choked", channel=self._channel, member=member)

    def _later(self, member: str, seconds: float, reason: str) -> None:
        log.warning("slack.home_late", channel=self._channel, member=member, reason=reason)
        self._due[member] = max(self._due.get(member, 0.0), time.monotonic() + seconds)
