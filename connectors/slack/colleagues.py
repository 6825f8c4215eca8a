"""Slack as a channel of customers: colleagues ask in help channels, by direct message or by mention.

It shares the app of a workspace: what comes in passes through that connector's ingress, what leaves has lanes of its
own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import structlog
from aiohttp.web import AbstractRouteDef

from connectors.base import Arrival, Clock, Outcome, Ports
from connectors.slack.answers import Answers
from connectors.slack.connector import SlackConnector
from connectors.slack.files import Files
from connectors.slack.lookup import Lookup
from connectors.slack.outcomes import CallFailed
from connectors.slack.parse import Home, People, Setting
from connectors.slack.posts import Posts
from connectors.slack.questions import Payload, Ways, to_questions
from connectors.slack.rooms import Rooms
from connectors.slack.settings import ColleaguesSettings
from connectors.slack.shares import Shares
from connectors.slack.unheard import Unheard
from router.model import Attachment, Capabilities, ChannelType, Delivery

log = structlog.get_logger(__name__)

TEXT_LIMIT = 3_800
LOOK_EVERY = 60.0
"""Seconds between two notes of how far Slack was heard, and two looks for a help channel that is not there."""
DIRECT_SCOPES = frozenset({"im:history", "im:read"})
"""Direct messages must be read, and found again after a gap."""


class ColleaguesConnector:
    """`desks` are the Slack channels of agents, by name or id, as the routes have them now."""

    def __init__(
        self,
        settings: ColleaguesSettings,
        ports: Ports,
        clock: Clock,
        workspace: SlackConnector,
        desks: Callable[[], Sequence[str]],
        *,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self.ports = ports
        self._settings = settings
        self._workspace = workspace
        self._desks = desks
        self._look_every = look_every
        api = workspace.api
        self._files = Files(api, ports.blobs)
        posts = Posts(api, ports, workspace.posted)
        answers = Answers(posts, Shares(self._files, posts, ports), ports)
        self._answers = answers
        self._lookup = Lookup(api, answers.place, self._files, ports)
        self._rooms = Rooms(api, settings)
        self._unheard = Unheard(settings.id, api, ports, workspace.take, clock, workspace.pacing)
        workspace.serve(self)

    @property
    def channel(self) -> str:
        return self._settings.id

    @property
    def channel_type(self) -> ChannelType:
        return ChannelType.SLACK

    @property
    def capabilities(self) -> Capabilities:
        """Many threads share one Slack channel and its rate, so the rate is one for all of them."""
        return Capabilities(
            text_limit=TEXT_LIMIT,
            edits=True,
            deletes=True,
            rate_per_account=self._settings.rate_per_channel,
            lookups=2,
            lookup_gap=timedelta(seconds=10),
        )

    @property
    def parser(self) -> str | None:
        return None

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self) -> None:
        """Note how far Slack was heard, so that a restart knows where to read on; until cancelled."""
        while True:
            await asyncio.sleep(self._look_every)
            if self._rooms.missing:
                await self.refill()
            elif (heard := self._workspace.heard_to) is not None:
                await self._unheard.keep(heard)

    async def open(self) -> None:
        """Find the places before anything is taken in: what is said there must not go the desk's way."""
        await self._look()
        await self._unheard.begin()

    def read(self, body: Payload, home: Home, people: People) -> list[Arrival] | None:
        """What a payload asks here; None when it is the desk's."""
        ways = Ways(
            help=self._rooms.help,
            direct=self._settings.direct_messages,
            mentions=self._settings.mentions,
            desks=self._rooms.ids(self._desks()),
        )
        return to_questions(body, Setting(channel=self.channel, home=home), people, ways)

    async def refill(self) -> None:
        """Take in what was asked while nobody could tell us (S13); the store knows how far that is."""
        if await self._look():
            others = self._rooms.others(self._desks()) if self._settings.mentions else ()
            await self._unheard.refill([*self._rooms.help, *self._rooms.directs, *others])

    async def _look(self) -> bool:
        """Whether Slack told which channels there are."""
        try:
            await self._rooms.look()
        except CallFailed as failure:
            log.warning("slack.channels_unknown", channel=self.channel, reason=str(failure))
            return False
        for name in self._rooms.missing:
            log.error("slack.help_channel_missing", channel=self.channel, name=name, remedy=INVITE)
        return True

    async def deliver(self, delivery: Delivery) -> Outcome:
        return await self._answers.deliver(delivery)

    async def reconcile(self, delivery: Delivery) -> Outcome:
        return await self._lookup.reconcile(delivery)

    async def probe(self) -> str | None:
        """The workspace's own probe, the scopes of direct messages, and the help channels."""
        if (trouble := await self._workspace.probe()) is not None:
            return trouble
        where = f'Slack channel "{self.channel}"'
        try:
            _, scopes = await self._workspace.api.scopes()
            if self._settings.direct_messages and scopes is not None and (lacking := sorted(DIRECT_SCOPES - scopes)):
                return f"{where}: the app lacks the scopes {', '.join(lacking)}. Add them and install the app again."
            await self._rooms.look()
        except CallFailed as failure:
            return f"{where}: {failure}."
        if self._rooms.missing:
            return f"{where}: the app is not in {', '.join(self._rooms.missing)}. {INVITE}."
        return None

    def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        return self._files.fetch(attachment)

    async def close(self) -> None:
        """Nothing is its own: the workspace's connector closes what both use."""


INVITE = 'Create the channel and invite the app there with "/invite"'
