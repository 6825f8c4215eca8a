"""The HTTP side of the Bot API: python-telegram-bot's request interface on aiohttp, errors told apart by cause.

aiohttp and not the library's httpx: a call costs a third of the CPU and no log line holds the token (T24).
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import IO, Any

import aiohttp
import orjson
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

CALL_SECONDS = 30.0  # less than the lease of a delivery (R3)
CONNECT_SECONDS = 8.0
POLL_MARGIN_SECONDS = 10.0  # getUpdates: how much longer than the poll we wait for its answer
KEEP_ALIVE_SECONDS = 15.0  # below the server's, so that we never write into a closing connection (T10)
CHUNK = 64 * 1024
NO_DEFAULT: Any = BaseRequest.DEFAULT_NONE
OCTETS = "application/octet-stream"  # Telegram looks at the content itself
JSON = {"Content-Type": "application/json"}

File = tuple[str, IO[bytes]]
"""A file to send: its name there, and its open content."""

NO_FILES: Mapping[str, File] = {}


class Unreachable(TelegramError):
    """No connection was made: the call certainly did not leave (T10)."""


class Lost(TelegramError):
    """The call may have left and its answer is missing (T10)."""


class Refused(TelegramError):
    """The Bot API answered no. `code` is its error_code or the HTTP status."""

    def __init__(
        self, code: int, description: str, retry_after: timedelta | None = None, migrated_to: str | None = None
    ) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrated_to = migrated_to

    def says(self, *phrases: str) -> bool:
        """Whether the description contains one of these lower-case phrases."""
        said = self.description.lower()
        return any(phrase in said for phrase in phrases)


class Wire(BaseRequest):
    """Calls of one bot over one aiohttp session; raises Unreachable, Lost and Refused and nothing else.

    `token` is cut out of every error text (T17, T24).
    """

    def __init__(self, api_url: str, token: str) -> None:
        self._token = token
        self._calls = f"{api_url}/bot{token}/"
        self._files = f"{api_url}/file/bot{token}/"
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return CALL_SECONDS

    async def initialize(self) -> None:
        """Sessions are opened by the first call, inside the running loop."""

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=KEEP_ALIVE_SECONDS),
                timeout=aiohttp.ClientTimeout(
                    total=CALL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
                ),
                skip_auto_headers=("Accept", "User-Agent"),
            )
        return self._session

    def scrubbed(self, text: object) -> str:
        """The text without the token."""
        return str(text).replace(self._token, "<token>")

    async def call(
        self,
        method: str,
        parameters: Mapping[str, Any],
        seconds: float = CALL_SECONDS,
        files: Mapping[str, File] = NO_FILES,
    ) -> Any:
        """One Bot API method, its `result` as it came; files go along as multipart, streamed from disk.

        Messages come and go this way; calls about the account use `telegram.Bot`, which would build objects
        nobody reads here (measured: 0.24 ms an update, 0.35 ms a message sent).
        """
        body: bytes | aiohttp.FormData
        if files:
            fields = {
                name: value if isinstance(value, str) else orjson.dumps(value).decode()
                for name, value in parameters.items()
            }
            body = _form(fields, {name: (*file, OCTETS) for name, file in files.items()})
        else:
            body = orjson.dumps(parameters)
        answer = self.parse_json_payload(await self._exchange("POST", self._calls + method, body, seconds))
        try:
            return answer["result"]
        except (TypeError, KeyError) as error:
            raise Lost("the answer of the Telegram address is none of the Bot API") from error

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = NO_DEFAULT,
        write_timeout: Any = NO_DEFAULT,
        connect_timeout: Any = NO_DEFAULT,
        pool_timeout: Any = NO_DEFAULT,
    ) -> tuple[int, bytes]:
        """See `BaseRequest.do_request`. `read_timeout` bounds the whole call; the other limits are our own."""
        seconds = read_timeout if isinstance(read_timeout, int | float) else CALL_SECONDS
        body: bytes | aiohttp.FormData | None = None
        if request_data is not None and request_data.contains_files:
            body = _form(request_data.json_parameters, request_data.multipart_data)
        elif request_data is not None:
            body = orjson.dumps(request_data.parameters)
        return 200, await self._exchange(method, url, body, seconds)

    async def _exchange(self, method: str, url: str, body: bytes | aiohttp.FormData | None, seconds: float) -> bytes:
        timeout = aiohttp.ClientTimeout(total=seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
        headers = JSON if isinstance(body, bytes) else None
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                payload = await response.read()
                if response.status != 200:
                    raise _refusal(response.status, payload, self.scrubbed)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(f"Telegram cannot be reached: {self.scrubbed(error)}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Lost(f"no answer from Telegram: {type(error).__name__} {self.scrubbed(error)}".rstrip()) from error
        return payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """The answer as Python values; an answer that is no JSON is a lost answer."""
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError:
            try:  # orjson refuses lone surrogates, which must not cost us the whole batch (T7)
                return json.loads(payload)
            except (ValueError, RecursionError) as error:
                raise Lost("the answer of the Telegram address is not JSON") from error

    async def download(self, path: str, limit: int) -> AsyncIterator[bytes]:
        """A file's bytes in chunks, at most `limit` of them plus one chunk (T17: the link is built and forgotten)."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=CALL_SECONDS)
        try:
            async with self._opened().get(self._files + path, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise _refusal(response.status, await response.content.read(4096), self.scrubbed)
                size = 0
                async for chunk in response.content.iter_chunked(CHUNK):
                    yield chunk
                    size += len(chunk)
                    if size > limit:
                        return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Lost(f"the download broke off: {type(error).__name__} {self.scrubbed(error)}".rstrip()) from error


def _form(fields: Mapping[str, str], files: Mapping[str, tuple[str, Any, str]]) -> aiohttp.FormData:
    """Names as they are, in UTF-8: quoted ones would be shown to the customer with their percent signs."""
    form = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    for name, (filename, content, content_type) in files.items():
        form.add_field(name, content, filename=_printable(filename), content_type=content_type)
    return form


def _printable(filename: str) -> str:
    """A file name without line ends and other characters that would end a header early."""
    return "".join(character for character in filename if character.isprintable()) or "file"


def _refusal(status: int, payload: bytes, scrubbed: Callable[[object], str]) -> Refused:
    """The error an answer stands for: the Bot API's own words, or those of a proxy before it."""
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        return Refused(status, f"HTTP {status} without a Bot API answer")
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    wait, moved = parameters.get("retry_after"), parameters.get("migrate_to_chat_id")
    code = answer.get("error_code")
    return Refused(
        code if isinstance(code, int) else status,
        scrubbed(answer.get("description", f"HTTP {status}")),
        timedelta(seconds=wait) if isinstance(wait, int | float) else None,
        str(moved) if moved is not None else None,
    )
