"""What the configuration says about one Telegram bot."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class TelegramSettings(BaseModel):
    """One bot account. Rates are messages a second; `unknown` is the policy of T11 for a lost answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    type: Literal["telegram"] = "telegram"
    token: SecretStr
    mode: Literal["polling", "webhook"] = "polling"
    api_url: str = "https://api.telegram.org"
    webhook_secret: SecretStr | None = None
    unknown: Literal["resend_once", "hold"] = "resend_once"
    rate_per_chat: float = Field(default=1.0, gt=0)
    rate_per_bot: float = Field(default=30.0, gt=0)

    @field_validator("api_url")
    @classmethod
    def _has_no_end_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with https:// or http://")
        return url.rstrip("/")

    @field_validator("webhook_secret")
    @classmethod
    def _is_a_header_value(cls, secret: SecretStr | None) -> SecretStr | None:
        """Telegram takes 1-256 characters of A-Z a-z 0-9 _ - only."""
        if secret is not None:
            value = secret.get_secret_value()
            if (
                not 1 <= len(value) <= 256
                or not value.isascii()
                or not value.replace("_", "").replace("-", "").isalnum()
            ):
                raise ValueError("must be 1 to 256 characters of A-Z, a-z, 0-9, _ and -")
        return secret

    @model_validator(mode="after")
    def _webhook_has_a_secret(self) -> Self:
        if self.mode == "webhook" and self.webhook_secret is None:
            raise ValueError("webhook_secret is required when mode is webhook")
        return self
