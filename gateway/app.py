"""The composition root: the one place that names concrete connectors and wires everything together."""

import asyncio
import contextlib
import gc
import hashlib
import os
import signal
import socket
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from connectors.base import Clock, Connector, Host, Listener
from gateway import clock as wall
from gateway.answer_links import AnswerLinks
from gateway.assigning import Assigning
from gateway.config import ConfigError
from gateway.coverage_notes import coverage_notes
from gateway.digests import Digests
from gateway.fetching import Fetching
from gateway.hub import Hub
from gateway.incidents import Incidents
from gateway.indexing import Indexing
from gateway.intake import Intake
from gateway.leases import Leases
from gateway.metrics import Metrics
from gateway.neighbours import Neighbours
from gateway.outages import Outages
from gateway.outlet import Outlet, outlets_of
from gateway.parsing import Parsing
from gateway.policies import with_others, with_policies
from gateway.ports import ChannelPorts
from gateway.secrecy import gateway_secret
from gateway.settings import Settings, to_rulebook
from gateway.supervisor import Supervisor
from gateway.timers import Timers
from gateway.trouble import LEFT_BEHIND
from gateway.voices import messages_of, recognition_of, replies_of, voice_of
from gateway.watch import Watch
from gateway.web.answers import Answers
from gateway.web.forwarded import forwarded
from gateway.web.health import Health
from router.rulebook import Rulebook
from storage import desks, leases, outbox
from storage.blobs import BlobStore
from storage.changes import Touched
from storage.database import Database, to_micros
from storage.errors import StoreUnavailable
from storage.lockfile import FileLock
from storage.schema import migrate
from storage.waiting import left_behind

log = structlog.get_logger()

GARBAGE = (10_000, 20, 20)
"""New objects until cycles among them are looked for, and how many such looks until older ones are looked through too:
what the rules remember of an hour is thousands of objects, and Python's usual 700 were a tenth of a message's cost."""


class Application:
    """One gateway node, built from settings; `start` and `stop`, or `run` until a signal. `mount` may put further
    pages on its listener (the sandbox's)."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = wall.now,
        database_clock: Clock | None = None,
        mount: Callable[[web.Application], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._mount = mount
        node = settings.gateway
        self.owner = f"{socket.gethostname()}-{os.getpid()}"
        self.metrics = Metrics(clock)
        self.database = Database(node.database, clock=database_clock)
        self.database.on_commit = self.metrics.transaction
        self.blobs = BlobStore(node.files)
        self.hub = Hub()
        self.supervisor = Supervisor()
        self._reloading = asyncio.Lock()
        self._lock: FileLock | None = None
        self._runner: web.AppRunner | None = None
        self._leases = Leases(self.database, self.owner)
        self.intake = Intake(self.database, self._rules, self.wake, self._parse, self.metrics)
        self.connectors: dict[str, Connector] = {}
        self.outlets: dict[str, Outlet] = {}
        secret = gateway_secret(node)
        for channel in sorted(settings.channels, key=_workspace_of):  # workspaces first
            ports = ChannelPorts(
                channel.id,
                self.intake,
                self.database,
                self.blobs,
                self._leases,
                self.hub,
                partial(self.outlets.__getitem__, channel.id),
                self._rules,
            )
            if workspace := _workspace_of(channel):
                owner = self.connectors[workspace]
                self.connectors[channel.id] = _colleagues(channel, ports, clock, owner, partial(self._desks, workspace))
                continue
            self.connectors[channel.id] = _connector(
                channel, ports, clock, secret, node.url, node.files_url, self.metrics
            )
        self.rulebook: Rulebook = self._compiled(settings)
        fetching = Fetching(self.database, self.blobs, self.connectors)
        for name, connector in self.connectors.items():
            self.outlets[name] = Outlet(
                connector,
                self.database,
                fetching,
                self.metrics,
                self.wake,
                clock,
                self._rules,
                owner=self.owner,
                lease=node.lease,
                http_timeout=node.http_timeout,
            )
            self.metrics.channel_up(name, partial(self._is_up, name))
        self.parsing = Parsing(
            self.database, self.connectors, self.intake.store_parsed, node.files, node.parser_workers
        )
        self.timers = Timers(self.database, self._rules, self.wake)
        self.assigning = Assigning(self.database, self._rules, self.wake)
        self.incidents = Incidents(self.database, self._leases, self._rules, self.wake)
        self.digests = Digests(self.database, self._rules, self.wake, clock)
        links = AnswerLinks(secret, node.url)
        self.outages = Outages(self, self._leases, clock, links)
        self.answers = Answers(self, clock, links)
        self.indexing = Indexing(self.database, self._leases)
        self.health = Health(self)
        self.watch = Watch(self)

    @property
    def settings(self) -> Settings:
        return self._settings

    async def _full(self, rules: Rulebook) -> Rulebook:
        """The rulebook with what only the database knows: every version of the policies."""
        return await with_policies(rules, self._settings, self.database, self.wake)

    def _compiled(self, settings: Settings) -> Rulebook:
        """The rulebook of a configuration; compiling the standards takes a core for a while."""
        capabilities = {name: each.capabilities for name, each in self.connectors.items()}
        return to_rulebook(
            settings,
            capabilities,
            voice_of(settings),
            recognition_of(settings),
            messages_of(settings),
            replies_of(settings),
        )

    def deaf(self, channel: str) -> str | None:
        """Why nothing comes in on a channel; None while it does, and while this node starts or drains."""
        connector = self.connectors[channel]
        return connector.deaf if self.health.ready and isinstance(connector, Listener) else None

    def _is_up(self, channel: str) -> bool:
        """Whether messages leave and come in."""
        return self.outlets[channel].troubles.account is None and self.deaf(channel) is None

    def _rules(self) -> Rulebook:
        return self.rulebook

    def _desks(self, workspace: str) -> list[str]:
        """The Slack channels of a workspace where agents are now."""
        desks = [route.desk for route in self.rulebook.routes]
        return [name for desk in desks if desk.channel == workspace for name in desk.slack]

    def _parse(self, *item: Any) -> None:
        self.parsing.add(*item)

    def wake(self, touched: Touched) -> None:
        """Tell outlets and watchers what a commit has for them."""
        outlets_of(self.outlets, touched)
        self.metrics.response.judged(touched.rounds, touched.breaches)
        for hit in touched.hits:
            self.metrics.rule_hit(hit.rule, hit.level, hit.action)
        self.metrics.response.acknowledged(touched.receipts)
        self.metrics.service.handed(touched.handed)
        self.metrics.service.promises(touched.promises)
        self.metrics.service.alerts(touched.alerts)
        self.hub.wake(touched.places)
        if touched.owners:
            self.assigning.nudge()

    async def start(self, *, migrated: bool = False) -> None:
        """Bring the schema up, start every loop, then listen. Raises StoreUnavailable and OSError."""
        node = self._settings.gateway
        if not migrated:
            await asyncio.to_thread(migrate, node.database)
        if self.database.dialect == "sqlite" and self.database.url.database:
            self._lock = FileLock(Path(f"{self.database.url.database}.lock"))
            await self.database.transact(outbox.take_back)
            await self.database.transact(leases.take_back)
        await self._use(self.rulebook)
        loops = (
            self.timers.run,
            self.assigning.run,
            self.incidents.run,
            self.indexing.run,
            self.digests.run,
            self.outages.run,
            self.watch.run,
        )
        for number, job in enumerate((*self.intake.jobs, *self.parsing.jobs, *loops)):
            self.supervisor.start(f"core-{number}", job)
        if self.database.dialect == "postgresql":  # only there are other nodes
            self.supervisor.start("core-neighbours", Neighbours(self.database, self.hub).run)
        await self._listen()
        for name, connector in self.connectors.items():
            if isinstance(connector, Host):
                await connector.open()
            self.supervisor.start(f"receive-{name}", connector.run)
            if node.deliveries == "run":
                self.supervisor.start(f"deliver-{name}", self.outlets[name].run)
        self.health.ready = True
        log.info("gateway.ready", node=self.owner, listen=node.listen, channels=sorted(self.connectors))

    async def _listen(self) -> None:
        proxies = self._settings.gateway.trusted_proxies
        app = web.Application(client_max_size=2**20, middlewares=[forwarded(proxies)] if proxies else ())
        app.add_routes(self.health.routes())
        app.add_routes(self.answers.routes())
        for connector in self.connectors.values():
            app.add_routes(connector.routes())
        if self._mount is not None:
            self._mount(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
        await self._runner.setup()
        host, port = self._settings.gateway.address
        await web.TCPSite(self._runner, host, port).start()

    @property
    def port(self) -> int:
        """The port it really listens on."""
        assert self._runner is not None
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Drain in the order of `channels.md` 2.7: no new work, stored work acknowledged, sends finished."""
        self.health.ready = False
        within = self._settings.gateway.drain.total_seconds()
        receivers = [f"receive-{name}" for name in self.connectors]
        await self.supervisor.stop(*receivers, within=within / 6)
        self.intake.drain()
        await asyncio.gather(*(outlet.drain(within * 5 / 6) for outlet in self.outlets.values()))
        if self._settings.gateway.deliveries == "run":
            await self.supervisor.stop(*(f"deliver-{name}" for name in self.outlets))
        for connector in self.connectors.values():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await connector.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.supervisor.stop()
        await asyncio.to_thread(self.database.close)
        if self._lock is not None:
            self._lock.release()
        log.info("gateway.stopped", node=self.owner)

    async def run(self, ready: Callable[[], None] | None = None, reload: Callable[[], Settings] | None = None) -> None:
        """Start, serve until SIGTERM or SIGINT, stop. A second signal ends the process at once, which is safe.

        `reload` reads the configuration again on SIGHUP.
        """
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()

        def on_signal() -> None:
            if stopping.is_set():
                os._exit(1)
            stopping.set()

        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, on_signal)
        if reload is not None:
            loop.add_signal_handler(signal.SIGHUP, self._reload, reload)
        await self.start()
        gc.collect()  # what starting left behind; what is left now stays, and is not looked through again and again
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        if ready is not None:
            ready()
        await stopping.wait()
        log.info("gateway.draining", node=self.owner)
        await self.stop()

    def _reload(self, reload: Callable[[], Settings]) -> None:
        self.supervisor.start("reload", partial(self.reload, reload))

    async def reload(self, reload: Callable[[], Settings]) -> None:
        """Take over agents, teams, routes and standards; an invalid file keeps the old configuration running
        (decisions 31). Reading and compiling are done beside the loop, one after the other when asked twice."""
        async with self._reloading:
            await self._take_over(reload)

    async def _take_over(self, reload: Callable[[], Settings]) -> None:
        try:
            settings = await asyncio.to_thread(reload)
        except ConfigError as error:
            log.error("config.refused", mistakes=[str(each) for each in error.mistakes])
            return
        if (settings.gateway, settings.channels) != (self._settings.gateway, self._settings.channels):
            log.warning("config.restart_needed", reason="nothing was taken over: gateway or channels changed; restart")
            return
        rules = await asyncio.to_thread(self._compiled, settings)
        self._settings = settings
        await self._use(rules)
        log.info("config.reloaded", revision=rules.revision)

    async def _use(self, rules: Rulebook) -> None:
        """Decide by these rules from now on; what waits for a thread follows its route. What waits for a channel that
        is not configured any more is told, and which calendars lack holidays."""
        self.rulebook = await self._full(rules)
        for channel in await self.database.transact(desks.follow_routes, self.rulebook):
            self.outlets[channel].wake()
        for channel, waiting in (await self.database.read(left_behind, self.connectors)).items():
            log.warning("channel.left_behind", channel=channel, deliveries=waiting.count, reason=LEFT_BEHIND)
        for calendar, reason in coverage_notes(self.rulebook, self.today()).items():
            log.warning("calendar.coverage", calendar=calendar, reason=reason)

    async def learn_policies(self) -> None:
        """Know the policies that other nodes have stored: their conversations may be answered through this node."""
        async with self._reloading:
            self.rulebook = await with_others(self.rulebook, self._settings, self.database)

    def now_micros(self) -> int:
        """This instant as the database counts."""
        return to_micros(self._clock())

    def today(self) -> date:
        """The day it is, in UTC."""
        return self._clock().date()

    async def backlog(self) -> list[outbox.Backlog]:
        """Open deliveries by channel and state; empty when the database is away."""
        try:
            return await self.database.read(outbox.backlog)
        except StoreUnavailable:
            return []


def _workspace_of(settings: Any) -> str:
    """The channel whose app this one uses; empty for one with an account of its own."""
    return getattr(settings, "workspace", "")


def _colleagues(
    settings: Any, ports: ChannelPorts, clock: Clock, workspace: Connector, desks: Callable[[], list[str]]
) -> Connector:
    """The side of a Slack workspace where colleagues are the customers."""
    from connectors.slack.colleagues import ColleaguesConnector
    from connectors.slack.connector import SlackConnector

    if not isinstance(workspace, SlackConnector):
        raise TypeError(f"channel {settings.id}: {workspace.channel} is no Slack workspace")
    return ColleaguesConnector(settings, ports, clock, workspace, desks)


def _connector(
    settings: Any,
    ports: ChannelPorts,
    clock: Clock,
    secret: bytes,
    public_url: str,
    files_url: str | None,
    metrics: Metrics,
) -> Connector:
    """The connector of a configured channel; its libraries are imported only when it is configured."""
    match settings.type:
        case "slack":
            from connectors.slack.connector import SlackConnector

            return SlackConnector(settings, ports, clock)
        case "telegram":
            from connectors.telegram.connector import TelegramConnector

            return TelegramConnector(settings, ports, clock, public_url=public_url)
        case "email":
            from connectors.email.connector import EmailConnector

            return EmailConnector(settings, ports, clock, hashlib.sha256(secret + settings.id.encode()).digest())
        case "webchat":
            from connectors.webchat.connector import WebchatConnector

            webchat = WebchatConnector(settings, ports, clock, public_url=public_url, files_url=files_url or "")
            metrics.websockets(settings.id, lambda: webchat.sockets)
            return webchat
    raise ValueError(f"channel {settings.id}: there is no connector for type {settings.type!r}")
