"""A shop with a past, for the commands that look back at it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from click.testing import CliRunner, Result

from gateway import clock as wall
from gateway.cli import cli
from gateway.config import load
from gateway.policies import with_policies
from gateway.settings import to_rulebook
from router.model import Capabilities
from router.rulebook import Rulebook
from storage.database import Database

SHOP = """\
gateway: {database: "sqlite:///%s"}
channels:
  - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
  - {id: tg, type: telegram, token: "7:AA"}
agents:
  - {id: alice, name: Alice, slack: U0ALICE}
routes:
  - {id: default, desk: {channel: desk, slack: "#support"}}
calendars:
  ALWAYS: {always: true}
policies:
  - {id: chat, calendar: ALWAYS, first: {seconds: 60}}
"""
T = TypeVar("T")
YESTERDAY = (wall.now() - timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
DAY = YESTERDAY.date().isoformat()


def onevoice(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def on(path: Path, work: Callable[[Database], Awaitable[T]], now: Callable[[], datetime] | None = None) -> T:
    """The result of work on the store of a configuration, at a time of one's choice."""

    async def once() -> T:
        database = Database(load(path, {}).gateway.database, clock=now)
        try:
            return await work(database)
        finally:
            database.close()

    return asyncio.run(once())


async def in_force(database: Database, path: Path) -> Rulebook:
    """What a node does at its start and at SIGHUP."""
    settings = load(path, {})
    rules = to_rulebook(settings, {each.id: Capabilities() for each in settings.channels})
    return await with_policies(rules, settings, database, lambda touched: None)


def loosened(shop: Path) -> Path:
    """The promise is ten minutes from now on, and the nodes know."""
    shop.write_text(shop.read_text().replace("{seconds: 60}", "{seconds: 600}"))
    on(shop, lambda database: in_force(database, shop))
    return shop
