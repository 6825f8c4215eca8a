"""A real connector against the Slack stand-in, for the tests of Slack's rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from pydantic import SecretStr

from connectors.base import DeskThread
from connectors.slack.connector import SlackConnector
from connectors.slack.settings import SlackSettings
from gateway import clock
from gateway.sandbox.slack import SlackStandIn
from router.model import AuthorKind, Card, Delivery, DeliveryKind, Outgoing
from router.richtext import of_text
from tests.connectors.ports import MemoryPorts


class SlackDesk:
    """One stand-in, one connector, one memory of what arrived."""

    def __init__(
        self, slack: SlackStandIn, ports: MemoryPorts, connector: SlackConnector, running: asyncio.Task[None] | None
    ) -> None:
        self.slack = slack
        self.ports = ports
        self.connector = connector
        self.running = running

    async def root(self, channel: str = "#support-1", card: Card | None = None) -> str:
        """An open thread; its ref."""
        opening = delivery(kind=DeliveryKind.ROOT, address=channel, outgoing=Outgoing(card=card))
        outcome = await self.connector.deliver(opening)
        ref = str(getattr(outcome, "remote_ids", (None,))[0])
        self.ports.in_use.append(DeskThread(ref=ref, read_to=clock.now()))
        return ref

    async def thread(self, channel: str = "#support-1", card: Card | None = None) -> str:
        """An open thread; its ts. What its echo brings is forgotten."""
        ref = await self.root(channel, card)
        await self.ports.until(1)
        self.ports.arrivals.clear()
        return ref.partition(":")[2]


def settings(slack: SlackStandIn, **changes: Any) -> SlackSettings:
    return SlackSettings(
        **{
            "id": "desk",
            "type": "slack",
            "bot_token": SecretStr(slack.bot_token),
            "app_token": SecretStr(slack.app_token),
            "signing_secret": SecretStr(slack.signing_secret),
            "api_url": slack.api_url,
            **changes,
        }
    )


def delivery(text: str = "Where is my order?", **changes: Any) -> Delivery:
    """A customer's words on their way to the desk."""
    now = datetime.now(UTC)
    outgoing = Outgoing(text=of_text(text), author="Wang Fang", author_kind=AuthorKind.CUSTOMER)
    made = Delivery(
        id=uuid4(),
        channel="desk",
        kind=DeliveryKind.MESSAGE,
        conversation=uuid4(),
        number=17,
        message=uuid4(),
        part=1,
        parts=1,
        address="#support-1",
        thread=None,
        outgoing=outgoing,
        attempt=1,
        created_at=now,
        started_at=now,
    )
    return replace(made, **changes)


@asynccontextmanager
async def slack_desk(
    folder: Path,
    *,
    time_scale: float = 0.002,
    answer_within: float = 3.0,
    run: bool = True,
    ports: MemoryPorts | None = None,
    deaf_after: float = 60.0,
    **changes: Any,
) -> AsyncIterator[SlackDesk]:
    """Socket Mode unless the settings say `mode="http"`; then an HTTP server carries the routes."""
    slack = SlackStandIn(clock.now, time_scale=time_scale, answer_within=answer_within)
    await slack.start()
    ports = ports or MemoryPorts(folder)
    connector = SlackConnector(settings(slack, **changes), ports, clock.now, deaf_after=timedelta(seconds=deaf_after))
    running = asyncio.create_task(connector.run()) if run else None
    server: web.AppRunner | None = None
    try:
        if changes.get("mode") == "http":
            app = web.Application()
            app.router.add_routes(connector.routes())
            server = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
            await server.setup()
            await web.TCPSite(server, "127.0.0.1", 0).start()
            host, port = server.addresses[0][:2]
            slack.events.target = f"http://{host}:{port}/slack/desk"
            async with asyncio.timeout(30):
                while not connector.listening:
                    await asyncio.sleep(0.005)
        elif run:
            await slack.until(lambda: slack.events.sockets == 2)
        yield SlackDesk(slack, ports, connector, running)
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        if server is not None:
            await server.cleanup()
        await connector.close()
        await slack.stop()
