"""Slack's Web API over slack-sdk: one shared session, no automatic repeats, and every failure told as an Outcome."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from connectors.base import NotSent, Unknown
from connectors.slack.outcomes import CallFailed, refused

Payload = Mapping[str, Any]

_QUIET = logging.getLogger("onevoice.slack.sdk")
_QUIET.setLevel(logging.WARNING)  # below, the SDK logs every request with the message in it (decisions 35)

CALL_TIMEOUT = 20.0
CONNECT_TIMEOUT = 5.0


class SlackApi:
    """Calls of one bot token. `app_token` opens sockets and nothing else."""

    def __init__(self, url: str, bot_token: str, app_token: str | None) -> None:
        self.url = url if url.endswith("/") else f"{url}/"
        self.bot_token = bot_token
        self._app_token = app_token
        self._client: AsyncWebClient | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one session; made on first use because it belongs to the running loop."""
        session = self._web.session
        assert session is not None
        return session

    @property
    def _web(self) -> AsyncWebClient:
        if self._client is None:
            session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=CALL_TIMEOUT, sock_connect=CONNECT_TIMEOUT, connect=CONNECT_TIMEOUT
                ),
                connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=15),
            )
            self._client = AsyncWebClient(
                self.bot_token, base_url=self.url, session=session, retry_handlers=[], logger=_QUIET
            )
            self._client.proxy = None  # the SDK takes one from the environment, which is not ours to read
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            session, self._client = self.session, None
            await session.close()

    async def read(self, method: str, **arguments: str | int | bool) -> Payload:
        """A call that changes nothing. Raises CallFailed."""
        return await self._call(method, form=arguments, repeatable=True)

    async def write(self, method: str, arguments: Mapping[str, object], *, repeatable: bool = False) -> Payload:
        """A call with effects; `repeatable` when doing it twice is harmless. Raises CallFailed."""
        return await self._call(method, json=dict(arguments), repeatable=repeatable)

    async def scopes(self) -> tuple[Payload, frozenset[str] | None]:
        """`auth.test` and the scopes the token has, None when Slack does not list them. Raises CallFailed."""
        with_headers = await self._answer("auth.test", {}, None, True, None)
        listed = with_headers.headers.get("x-oauth-scopes") or with_headers.headers.get("X-OAuth-Scopes")
        scopes = frozenset(each.strip() for each in listed.split(",")) if listed else None
        return _payload(with_headers), scopes

    async def socket_url(self) -> str:
        """A fresh address to open a Socket Mode connection at. Raises CallFailed."""
        answer = await self._answer("apps.connections.open", {}, None, True, f"Bearer {self._app_token}")
        url: str = answer["url"]
        return url

    async def upload(self, url: str, content: AsyncIterator[bytes], size: int) -> None:
        """The bytes of a file to the address Slack gave for them. Raises CallFailed."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        async with (
            self.translated("upload", repeatable=True),
            self.session.post(url, data=content, headers=headers) as answer,
        ):
            if answer.status != 200:
                raise CallFailed(NotSent(f"Slack's upload address answered {answer.status}"))

    async def _call(
        self,
        method: str,
        *,
        form: dict[str, str | int | bool] | None = None,
        json: dict[str, object] | None = None,
        repeatable: bool,
    ) -> Payload:
        return _payload(await self._answer(method, form, json, repeatable, None))

    async def _answer(
        self,
        method: str,
        form: dict[str, str | int | bool] | None,
        json: dict[str, object] | None,
        repeatable: bool,
        authorization: str | None,
    ) -> AsyncSlackResponse:
        headers = {"Authorization": authorization} if authorization else None
        async with self.translated(method, repeatable=repeatable):
            if json is not None:
                return await self._web.api_call(method, json=json, headers=headers)
            plain = (
                {name: str(value).lower() if isinstance(value, bool) else value for name, value in form.items()}
                if form
                else {}
            )
            return await self._web.api_call(method, data=plain, headers=headers)

    @asynccontextmanager
    async def translated(self, method: str, *, repeatable: bool) -> AsyncIterator[None]:
        """Turns what the SDK and the network raise into CallFailed (S19, S28)."""
        try:
            yield
        except SlackApiError as error:
            raise refused(method, error, repeatable) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise CallFailed(NotSent(f"Slack is unreachable for {method}: {error}")) from error
        except (
            aiohttp.ClientError,
            TimeoutError,
            asyncio.IncompleteReadError,
            SlackClientError,
            AttributeError,
        ) as error:
            # AttributeError: the SDK's own answer to a plain-text body.
            reason = f"Slack's answer to {method} was lost: {type(error).__name__} {error}".rstrip()
            raise CallFailed(NotSent(reason) if repeatable else Unknown(reason)) from error


def _payload(answer: AsyncSlackResponse) -> Payload:
    data = answer.data
    return data if isinstance(data, dict) else {}
