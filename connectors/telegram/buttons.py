"""The answer a pressed button waits for: without it the customer's app shows a spinner."""

from collections.abc import Iterable

import structlog
from telegram import Bot
from telegram.error import TelegramError

from connectors.base import Arrival
from connectors.telegram.parse import BUTTON_PREFIX
from router.model import InboundKind

log = structlog.get_logger()

ANSWER_SECONDS = 5.0


async def answer_buttons(bot: Bot, arrivals: Iterable[Arrival]) -> None:
    """Stop the spinners of stored arrivals; only a courtesy, so a failure is no more than a log line."""
    for arrival in arrivals:
        if arrival.inbound is None or arrival.inbound.kind is not InboundKind.BUTTON:
            continue
        try:
            query = arrival.inbound.remote_id.removeprefix(BUTTON_PREFIX)
            await bot.answer_callback_query(query, read_timeout=ANSWER_SECONDS)
        except TelegramError as error:
            log.debug("telegram.button_unanswered", channel=arrival.inbound.channel, reason=str(error))
