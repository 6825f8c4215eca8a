"""What a shop may say about one web-chat channel; validated, frozen, secrets never shown."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from connectors.lists import several

_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _exact(origin: str) -> str:
    """An origin as browsers send it."""
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(
            f"{origin!r} is not an exact origin: write scheme, host and port only, in lower case and "
            "without a path or a wildcard, for example https://shop.example"
        )
    return origin


Origins = Annotated[tuple[Annotated[str, AfterValidator(_exact)], ...], BeforeValidator(several)]


class Limits(BaseModel):
    """What one visitor, one IP address and the whole channel may use (W11, W12); a bench raises the numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame_bytes: int = Field(default=64 * 1024, ge=1024, description="Largest frame, bytes.")
    messages_per_second: float = Field(default=5.0, gt=0, description="Frames a second of one visitor.")
    burst: int = Field(default=20, ge=1, description="Frames a visitor may send at once.")
    visitors_per_second: float = Field(default=1.0, gt=0, description="New visitors a second of one IP address.")
    visitors_burst: int = Field(default=20, ge=1, description="New visitors of one IP address at once.")
    sockets_per_visitor: int = Field(default=3, ge=1, description="More close the oldest.")
    sockets_per_address: int = Field(default=20, ge=1, description="Sockets of one IP address.")
    sockets: int = Field(default=20_000, ge=1, description="Sockets of the channel on one node.")
    hello_seconds: float = Field(default=5.0, gt=0, description="A socket must say hello within this time.")
    send_seconds: float = Field(default=10.0, gt=0, description="A reader slower than this is closed (1013).")
    upload_seconds: float = Field(default=120.0, gt=0, description="Longest upload of one file.")


class WebchatSettings(BaseModel):
    """One web-chat channel of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    type: Literal["webchat"] = "webchat"
    origins: Origins = Field(default=(), description="Exact origins of the pages that embed the widget.")
    identity_secret: SecretStr = Field(description="Signs visitor tokens and verifies the shop's JWTs (HS256).")
    previous_secret: SecretStr | None = Field(default=None, description="Still accepted while a secret is rotated.")
    title: str = Field(default="Chat with us", max_length=80)
    greeting: str = Field(default="Hello! How can we help you?", max_length=500)
    colour: str = "#3056d3"
    consent: str = Field(default="", max_length=2000, description="Text to accept before anything is stored (W18).")
    text_limit: int = Field(default=4000, ge=1, le=16_000, description="Longest message, characters.")
    file_limit: int = Field(default=20 * 1024 * 1024, ge=1, description="Largest file, bytes.")
    files_per_message: int = Field(default=10, ge=0)
    token_days: int = Field(default=30, ge=1, le=365, description="Life of an anonymous visitor's token.")
    link_hours: int = Field(default=24, ge=1, le=24 * 30, description="Life of a file link.")
    limits: Limits = Limits()

    @field_validator("id")
    @classmethod
    def _fits_an_address(cls, name: str) -> str:
        if not _ID.fullmatch(name):
            raise ValueError(
                "an id is made of a-z, 0-9, - and _, at most 32 of them, and begins with a letter or digit"
            )
        return name

    @field_validator("colour")
    @classmethod
    def _six_digits(cls, colour: str) -> str:
        if not _COLOUR.fullmatch(colour):
            raise ValueError("must be a colour such as #3056d3")
        return colour

    @field_validator("identity_secret", "previous_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 16:
            raise ValueError("the secret is too short: use at least 16 characters, better 32 random ones")
        return secret
