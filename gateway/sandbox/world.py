"""The outside world of a sandbox: the stand-ins for Slack, Telegram and the mail provider, and what they are called
in the configuration."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Clock
from gateway.sandbox.mail import MailStandIn
from gateway.sandbox.slack.standin import SlackStandIn
from gateway.sandbox.telegram import TelegramStandIn


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside Onevoice, on loopback ports of the system's choice."""

    slack: SlackStandIn
    telegram: TelegramStandIn
    mail: MailStandIn

    @classmethod
    def of(cls, clock: Clock) -> "World":
        return cls(SlackStandIn(clock), TelegramStandIn(clock), MailStandIn(clock))

    async def start(self) -> None:
        await self.slack.start()
        await self.telegram.start()
        await self.mail.start()

    async def stop(self) -> None:
        await self.mail.stop()
        await self.telegram.stop()
        await self.slack.stop()

    def variables(self, listen: str, data: Path) -> Mapping[str, str]:
        """What config/sandbox.yaml asks for."""
        return {
            "SANDBOX_LISTEN": listen,
            "SANDBOX_URL": f"http://{listen}",
            "SANDBOX_DATA": str(data),
            "SANDBOX_SLACK_URL": self.slack.api_url,
            "SANDBOX_TELEGRAM_URL": self.telegram.url,
            "SANDBOX_IMAP_PORT": str(self.mail.imap_port),
            "SANDBOX_SMTP_PORT": str(self.mail.smtp_port),
            "SANDBOX_SECRET": secrets.token_hex(16),
        }
