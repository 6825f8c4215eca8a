"""What the configuration says about one Slack channel."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.lists import Texts


class SlackSettings(BaseModel):
    """One Slack workspace. `rate_per_channel` is in messages a second for each Slack channel (S17), `calls_per_minute`
    what Slack takes of chat.update, and of reactions.add, in any minute (tier 3); `allowed_bots` are bot ids ("B...")
    whose messages count like a person's (S6)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    type: Literal["slack"]
    mode: Literal["socket", "http"] = "socket"
    bot_token: SecretStr
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    api_url: str = "https://slack.com/api/"
    rate_per_channel: float = Field(default=1.0, gt=0)
    calls_per_minute: int = Field(default=50, ge=20)
    allowed_bots: Texts = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "socket" and not _given(self.app_token):
            raise ValueError(
                f'channel "{self.id}": mode "socket" needs the key app_token (an app-level token, xapp-..., with the'
                ' scope connections:write); create one under "Basic Information", or use mode "http"'
            )
        if self.mode == "http" and not _given(self.signing_secret):
            raise ValueError(
                f'channel "{self.id}": mode "http" needs the key signing_secret (under "Basic Information" of the'
                " Slack app); without it nobody could tell Slack's requests from forged ones"
            )
        return self


class ColleaguesSettings(BaseModel):
    """Slack as a channel of customers: colleagues who ask in help channels ("#help" or an id), by direct message or by
    mentioning the app. `workspace` is the id of the channel of type slack whose app they reach. `rate_per_channel` is
    in messages a second, for all of them together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    type: Literal["slack"]
    workspace: str
    help_channels: Texts = ()
    direct_messages: bool = False
    mentions: bool = False
    rate_per_channel: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not (self.help_channels or self.direct_messages or self.mentions):
            raise ValueError(f'channel "{self.id}": nobody can ask; give help_channels, direct_messages or mentions')
        return self


def _given(secret: SecretStr | None) -> bool:
    return secret is not None and bool(secret.get_secret_value())
