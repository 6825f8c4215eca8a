"""The Slack channel: wires ingress, deliveries and look-ups to one workspace."""

import asyncio
from collections.abc import AsyncIterator, Sequence, Set
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from aiohttp.web import AbstractRouteDef

from connectors.base import Clock, DeskThread, Outcome, Ports
from connectors.slack.api import SlackApi
from connectors.slack.backfill import Backfill
from connectors.slack.canary import Canary
from connectors.slack.desk import Desk
from connectors.slack.directs import Directs
from connectors.slack.files import Files
from connectors.slack.forms import Forms
from connectors.slack.homes import Homes
from connectors.slack.ingress import Ingress
from connectors.slack.ingress import Side as Reader
from connectors.slack.lookup import Lookup
from connectors.slack.manifest import SCOPES, SENDING
from connectors.slack.members import Members
from connectors.slack.outcomes import CallFailed
from connectors.slack.parse import Home
from connectors.slack.people import People
from connectors.slack.places import Places
from connectors.slack.posts import Posts
from connectors.slack.reading import Pacing
from connectors.slack.settings import SlackSettings
from connectors.slack.shares import Shares
from connectors.slack.sockets import Sockets
from connectors.slack.watch import Watch
from connectors.slack.webhooks import Webhooks
from router.model import Attachment, Capabilities, ChannelType, Delivery

log = structlog.get_logger(__name__)

TEXT_LIMIT = 3_800
SPARE_CALLS = 2
"""Of those Slack takes in any minute: theirs does not begin when ours does."""
DEAF_AFTER = timedelta(seconds=60)
LOGIN_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Side(Reader, Protocol):
    """The channel of colleagues who ask through the same app."""

    async def open(self) -> None:
        """Before anything is taken in."""
        ...

    async def refill(self) -> None:
        """After a gap, and at the start."""
        ...


class SlackConnector:
    """One Slack workspace as a channel (decisions 14)."""

    def __init__(
        self,
        settings: SlackSettings,
        ports: Ports,
        clock: Clock,
        *,
        deaf_after: timedelta = DEAF_AFTER,
        pacing: Pacing | None = None,
    ) -> None:
        self._settings = settings
        self._workspace = ""
        app_token = settings.app_token.get_secret_value() if settings.app_token else None
        self._api = SlackApi(settings.api_url, settings.bot_token.get_secret_value(), app_token)
        self._files = Files(self._api, ports.blobs)
        posts = Posts(self._api, ports, self._posted)
        self._places, members = Places(self._api), Members(self._api)
        directs = Directs(self._api, posts, self._places, members, clock, lambda: self._workspace)
        self._desk = Desk(posts, Shares(self._files, posts, ports), self._places, members, directs, ports)
        self._lookup = Lookup(self._api, self._desk.place, self._files, ports)
        bots = frozenset(settings.allowed_bots)
        people = People(self._api).of
        self._forms = Forms(self._api, ports, people)
        self.homes = Homes(settings.id, self._api, ports, people)
        self._ingress = Ingress(settings.id, bots, ports, people, self._heard, self._gap, self._forms, self.homes)
        self.pacing = pacing or Pacing()
        self._backfill = Backfill(settings.id, self._api, ports, self._ingress.receive_payload, clock, self.pacing)
        self._sockets = Sockets(settings.id, self._api, self._ingress.receive_payload, self._gap)
        self._watch = Watch(settings.id, clock, deaf_after, self._sockets.rebuild, self._refill)
        self._clock = clock
        self._login_failure = ""
        self._side: Side | None = None
        self.take = self._ingress.receive_payload

    def serve(self, side: Side) -> None:
        """Colleagues ask through this workspace too; before the start."""
        self._side = side
        self._ingress.serve(side)

    def posted(self, _: str) -> None:
        """Slack took a post; its event must come."""
        self._watch.posted()

    @property
    def api(self) -> SlackApi:
        """The workspace's Web API, with our token."""
        return self._api

    @property
    def heard_to(self) -> datetime | None:
        """When Slack was heard last, if everything until then is stored; None while a gap is being filled."""
        return self._watch.heard_to

    @property
    def channel(self) -> str:
        return self._settings.id

    @property
    def channel_type(self) -> ChannelType:
        return ChannelType.SLACK

    @property
    def capabilities(self) -> Capabilities:
        calls = self._settings.calls_per_minute
        at_once = calls // 10
        return Capabilities(
            text_limit=TEXT_LIMIT,
            edits=True,
            deletes=True,
            rate_per_address=self._settings.rate_per_channel,
            lookups=2,
            lookup_gap=timedelta(seconds=10),
            change_rate=(calls - at_once - SPARE_CALLS) / 60,
            change_burst=at_once,
        )

    @property
    def parser(self) -> str | None:
        return None

    def routes(self) -> Sequence[AbstractRouteDef]:
        secret = self._settings.signing_secret
        if self._settings.mode != "http" or secret is None:
            return ()
        return Webhooks(self._settings.id, secret.get_secret_value(), self._ingress, self._clock).routes()

    @property
    def listening(self) -> bool:
        """Logged in, and with a socket where sockets are used."""
        return self._ingress.is_open and (self._settings.mode == "http" or self._sockets.open > 0)

    @property
    def deaf(self) -> str | None:
        """Why nothing of what agents do reaches us; None while it does."""
        if self.listening:
            return None
        if not self._ingress.is_open:
            return f"the login failed: {self._login_failure}" if self._login_failure else "logging in"
        return "no socket to Slack is open"

    def reached_again(self) -> None:
        """The app is back in a Slack channel, say, from which Slack told nothing: its threads are read on."""
        self._watch.read_on()

    def thread_found(self, thread: DeskThread) -> None:
        """It is read as soon as the rates allow."""
        self._backfill.found.put_nowait(thread)

    async def run(self) -> None:
        """Log in, then keep the sockets and watch over what comes, until cancelled."""
        home = await self._login()
        self._workspace = home.url
        if self._side is not None:
            await self._side.open()
        self._ingress.open(home)
        canary = Canary(self.channel, self._api, self._places, self._clock, home.bot)
        async with asyncio.TaskGroup() as work:
            work.create_task(self._watch.run(canary.sing))
            work.create_task(self._backfill.run())
            work.create_task(self._forms.run())
            work.create_task(self.homes.run(home))
            if self._settings.mode == "socket":
                work.create_task(self._sockets.run())
            else:
                self._watch.gap()  # nobody tells what came while we were not there

    async def _refill(self, since: datetime | None) -> None:
        """Both sides at once: the threads of the desk may be many, and nobody who asks waits for them."""
        async with asyncio.TaskGroup() as reading:
            if self._side is not None:
                reading.create_task(self._side.refill())
            reading.create_task(self._backfill.refill(since))

    async def deliver(self, delivery: Delivery) -> Outcome:
        return await self._desk.deliver(delivery)

    async def reconcile(self, delivery: Delivery) -> Outcome:
        return await self._lookup.reconcile(delivery)

    async def probe(self) -> str | None:
        """Two reads: who we are and which channels we see."""
        return await self._probed(SCOPES.keys())

    async def probe_out(self) -> str | None:
        return await self._probed(SENDING)

    async def _probed(self, needed: Set[str]) -> str | None:
        where = f'Slack channel "{self.channel}"'
        try:
            _, scopes = await self._api.scopes()
            await self._api.read("conversations.list", types="public_channel,private_channel", limit=1)
        except CallFailed as failure:
            return f"{where}: {failure}. Check its bot_token and the app's scopes."
        if scopes is not None and (missing := sorted(needed - scopes)):
            return f"{where}: the app lacks the scopes {', '.join(missing)}. Add them and install the app again."
        return None

    def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        return self._files.fetch(attachment)

    async def close(self) -> None:
        await self._api.close()

    def _posted(self, _: str) -> None:
        self._watch.posted()

    def _heard(self) -> None:
        self._watch.heard()

    def _gap(self) -> None:
        self._watch.gap()

    async def _login(self) -> Home:
        """Who we are; tried until it works, for without it our own posts could not be told from others'."""
        failures = 0
        while True:
            try:
                who, _ = await self._api.scopes()
            except CallFailed as failure:
                if str(failure) != self._login_failure:
                    log.warning("slack.login_failed", channel=self.channel, reason=str(failure))
                self._login_failure = str(failure)
                await asyncio.sleep(LOGIN_PAUSES[min(failures, len(LOGIN_PAUSES) - 1)])
                failures += 1
                continue
            return Home(
                team=who.get("team_id") or "",
                user=who.get("user_id") or "",
                bot=who.get("bot_id") or "",
                enterprise=who.get("enterprise_id") or "",
                url=who.get("url") or "",
            )
