"""One bot, its stand-in and its connector, for the tests of this folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from connectors.telegram.connector import TelegramConnector
from connectors.telegram.pace import Pace
from connectors.telegram.settings import TelegramSettings
from gateway.clock import now
from gateway.sandbox.telegram import TelegramStandIn
from router.model import Attachment, Delivery, DeliveryKind, Outgoing
from router.richtext import RichText, of_text
from tests.connectors.ports import MemoryPorts

QUICK = Pace(call=1.0, poll=2, network=(0.01, 0.05), conflict=(0.02, 0.1), watch=0.1)


class Desk:
    """The connector under test between a stand-in and in-memory ports."""

    def __init__(
        self,
        telegram: TelegramStandIn,
        ports: MemoryPorts,
        *,
        public_url: str = "",
        pace: Pace = QUICK,
        **settings: Any,
    ) -> None:
        self.telegram = telegram
        self.ports = ports
        self.settings = TelegramSettings(
            **{"id": "tg", "token": SecretStr(telegram.token), "api_url": telegram.url, **settings}
        )
        self.connector = TelegramConnector(self.settings, ports, now, public_url=public_url, pace=pace)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """The receive loop runs inside the body, and must still run at its end."""
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.connector.run())
            yield
            assert not running.done()
            running.cancel()

    def delivery(
        self,
        address: str,
        text: str | RichText = "",
        *,
        kind: DeliveryKind = DeliveryKind.MESSAGE,
        checkpoint: str | None = None,
        attachments: tuple[Attachment, ...] = (),
        in_reply_to: str | None = None,
        target: str | None = None,
    ) -> Delivery:
        return Delivery(
            id=uuid4(),
            channel="tg",
            kind=kind,
            conversation=uuid4(),
            number=1,
            message=uuid4(),
            part=1,
            parts=1,
            address=address,
            thread=None,
            outgoing=Outgoing(
                text=of_text(text) if isinstance(text, str) else text,
                attachments=attachments,
                in_reply_to=in_reply_to,
                target=target,
            ),
            attempt=1,
            created_at=datetime(2026, 11, 21, tzinfo=UTC),
            checkpoint=checkpoint,
        )

    async def file(self, name: str, content: bytes, content_type: str) -> Attachment:
        """A stored file, ready to be sent."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        blob = await self.ports.blobs.put(chunks(), 100 * 1024 * 1024)
        return Attachment(name=name, content_type=content_type, size=blob.size, blob=blob)


@asynccontextmanager
async def desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    """A started stand-in and a connector for it; both are closed at the end."""
    telegram = TelegramStandIn(now)
    await telegram.start()
    bench = Desk(telegram, MemoryPorts(folder), **settings)
    try:
        yield bench
    finally:
        await bench.connector.close()
        await telegram.stop()
