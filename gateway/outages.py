"""Notices that a desk is away while customers wait, and asks agents by mail to answer on a page (`router.outage`)."""

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from connectors.base import Clock, LeaseLost, Listener
from gateway.answer_links import AnswerLinks
from gateway.leases import Leases
from gateway.outage_notes import mail_channel
from router.rulebook import Agent
from storage import outage
from storage.database import to_micros
from storage.errors import StoreUnavailable
from storage.ids import new_id

if TYPE_CHECKING:
    from gateway.app import Application

log = structlog.get_logger()

RESOURCE = "outages"
EVERY = 2.0
"""Seconds between looks at this node's own state; the database is asked while a desk is away only."""
AT_ONCE = 50
CALM = 60.0
"""Seconds a desk must have worked: one that comes and goes has one outage, not many."""


class Outages:
    """The worker; one node does it, under a lease."""

    def __init__(self, app: "Application", leases: Leases, clock: Clock, links: AnswerLinks) -> None:
        self._app = app
        self._leases = leases
        self._clock = clock
        self._links = links
        self._deaf_since: dict[str, datetime] = {}
        self._calm_since: dict[str, float] = {}
        self._nobody: set[UUID] = set()

    async def run(self) -> None:
        """Look out whenever this node holds the lease, for ever."""
        while True:
            try:
                async with self._leases.hold(RESOURCE):
                    while True:
                        await asyncio.sleep(EVERY)
                        await self.look()
            except* LeaseLost:
                log.info("outages.lease_lost")
            except* StoreUnavailable as errors:
                log.error("outages.store", reason=str(errors.exceptions[0]))
                await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One look at every desk. Raises StoreUnavailable."""
        via = mail_channel(self._app.settings)
        if via is None:
            return
        for channel in self._app.rulebook.desks:
            if channel in self._app.outlets:
                await self._look_at(channel, via)

    async def _look_at(self, channel: str, via: str) -> None:
        places = self._app.outlets[channel].troubles.places
        since, addresses = self._away_since(channel), None
        if since is None and places:
            since, addresses = min(each.since for each in places.values()), frozenset(places)
        if since is None:
            await self._calm(channel)
            return
        self._calm_since.pop(channel, None)
        began = await self._app.database.read(outage.known, channel)
        if not began:
            began = await self._app.database.transact(outage.begin, channel, to_micros(since))
        if self._app.now_micros() - began < self._app.settings.outage.after.total_seconds() * 1_000_000:
            return
        await self._ask(channel, via, addresses, began)

    def _away_since(self, channel: str) -> datetime | None:
        """Since when neither posts leave nor anything agents do comes in; None: the account works."""
        now = self._clock()
        account = self._app.outlets[channel].troubles.account
        connector = self._app.connectors[channel]
        if isinstance(connector, Listener) and connector.deaf is not None:
            self._deaf_since.setdefault(channel, now)
        else:
            self._deaf_since.pop(channel, None)
        found = [self._deaf_since.get(channel), account.since if account is not None else None]
        return min((each for each in found if each is not None), default=None)

    async def _calm(self, channel: str) -> None:
        began = self._calm_since.setdefault(channel, time.monotonic())
        if began >= 0 and time.monotonic() - began >= CALM:
            await self._app.database.transact(outage.ended, channel)
            self._calm_since[channel] = -1.0  # told once
            self._nobody.clear()

    async def _ask(self, channel: str, via: str, addresses: frozenset[str] | None, began: int) -> None:
        app, terms = self._app, self._app.settings.outage
        found = await app.database.read(outage.waiting, channel, addresses, began, AT_ONCE + len(self._nobody))
        for conversation in found:
            if conversation in self._nobody:
                continue
            touched = await app.database.transact(
                outage.ask,
                conversation,
                self._link,
                app.rulebook,
                via=via,
                fallback=terms.fallback,
                valid=terms.valid,
            )
            if touched is None:
                self._nobody.add(conversation)
                log.warning("outage.nobody_to_ask", channel=channel, conversation=conversation.hex)
            else:
                app.wake(touched)
                log.info("outage.asked", channel=channel, conversation=conversation.hex)

    def _link(self, conversation: UUID, agent: Agent, until: datetime) -> str:
        return self._links.make(conversation, agent.id, until, new_id().bytes[-8:])
