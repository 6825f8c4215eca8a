"""The Telegram connector: one bot as a `Connector`, put together from its receiving and its sending half."""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from aiohttp import web
from telegram import Bot
from telegram.error import TelegramError

from connectors.base import AccountDown, Clock, Outcome, Ports
from connectors.telegram.content import DOWNLOAD_LIMIT
from connectors.telegram.outcomes import to_outcome
from connectors.telegram.pace import Pace
from connectors.telegram.receive import Receiver
from connectors.telegram.send import Mailer
from connectors.telegram.settings import TelegramSettings
from connectors.telegram.steps import TEXT_LIMIT, UPLOAD_LIMIT
from connectors.telegram.webhook import Webhook
from connectors.telegram.wire import Refused, Wire
from router.model import Attachment, Capabilities, ChannelType, Delivery

HOLD = timedelta(seconds=2)


class TelegramConnector:
    """One bot. `public_url` is the gateway's address as Telegram sees it, needed for webhooks only."""

    channel_type = ChannelType.TELEGRAM
    parser: str | None = None

    def __init__(
        self,
        settings: TelegramSettings,
        ports: Ports,
        clock: Clock,
        *,
        public_url: str = "",
        pace: Pace = Pace(),  # noqa: B008  frozen
    ) -> None:
        logging.getLogger("telegram").setLevel(logging.INFO)  # at DEBUG it logs addresses with the token (T24)
        self.channel = settings.id
        self._settings = settings
        token = settings.token.get_secret_value()
        self._wire = Wire(settings.api_url, token)
        self._bot = Bot(
            token,
            base_url=f"{settings.api_url}/bot",
            base_file_url=f"{settings.api_url}/file/bot",
            request=self._wire,
            get_updates_request=self._wire,
        )
        path = f"/telegram/{settings.id}"
        self._mailer = Mailer(settings.id, self._wire, ports, pace, settings.unknown)
        receiver = Receiver(settings.id, self._bot, self._wire, ports, pace, path)
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
        if settings.mode == "webhook" and not public_url:
            raise ValueError(f"channel {settings.id}: mode webhook needs gateway.public_url, where Telegram finds us")
        url = public_url.rstrip("/") + path
        self._webhook = Webhook(settings.id, self._bot, self._wire, ports, pace, secret, url)
        self._path = path
        self._receiving = self._webhook if settings.mode == "webhook" else receiver

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            text_limit=TEXT_LIMIT,
            text_unit="utf16",
            edits=True,
            deletes=True,
            file_limit=UPLOAD_LIMIT,
            hold=HOLD,
            rate_per_address=self._settings.rate_per_chat,
            rate_per_account=self._settings.rate_per_bot,
        )

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """The webhook's route; none when polling."""
        return [web.post(self._path, self._webhook.receive)] if self._settings.mode == "webhook" else []

    async def run(self) -> None:
        """Receive until cancelled."""
        await self._receiving.run()

    @property
    def deaf(self) -> str | None:
        """Why nothing customers write reaches us; None while it does."""
        return self._receiving.trouble.reason

    async def deliver(self, delivery: Delivery) -> Outcome:
        return await self._mailer.deliver(delivery)

    async def reconcile(self, delivery: Delivery) -> Outcome:
        return await self._mailer.reconcile(delivery)

    async def probe(self) -> str | None:
        """getMe: None when the token works."""
        try:
            await self._bot.get_me()
        except TelegramError as error:
            match to_outcome(error):
                case AccountDown(reason):
                    return reason
            return f"{self._wire.scrubbed(error)}; check api_url and the network"
        return None

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of a file a customer sent; its link is asked for anew each time and never kept (T17).

        Raises FileNotFoundError when Telegram does not give it (any more), ConnectionError when it may later.
        """
        if attachment.remote is None:
            raise FileNotFoundError(f"{attachment.name} has no Telegram file id")
        try:
            file = await self._bot.get_file(attachment.remote)
            if file.file_path is None:
                raise FileNotFoundError(f"Telegram gives no link for {attachment.name}")
            path = file.file_path.removeprefix(self._bot.base_file_url).lstrip("/")
            async for chunk in self._wire.download(path, DOWNLOAD_LIMIT):
                yield chunk
        except Refused as error:
            if error.code == 429 or error.code >= 500:
                raise ConnectionError(f"Telegram cannot give {attachment.name} now: {error.description}") from error
            raise FileNotFoundError(f"Telegram refuses {attachment.name}: {error.description}") from error
        except TelegramError as error:
            raise ConnectionError(f"{attachment.name} could not be fetched: {error}") from error

    async def close(self) -> None:
        await self._wire.shutdown()
