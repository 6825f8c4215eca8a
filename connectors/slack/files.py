"""Files to and from Slack: uploads in three steps that can be resumed, downloads that keep the token at home."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from connectors.base import Blobs, NotSent
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed
from router.model import Attachment

CHUNK = 64 * 1024
PIECE = 512 * 1024
HOPS = 5
LOOKS = (0.0, 0.2, 0.4, 0.8, 1.2)
"""Seconds before each look at a file that Slack may not have ready yet (S26, S27)."""
DOWNLOAD_TIMEOUT = 120.0
SLACK_HOSTS = ("slack.com", "slack-edge.com", "slack-files.com")


class Files:
    def __init__(self, api: SlackApi, blobs: Blobs) -> None:
        self._api = api
        self._blobs = blobs

    async def begin(self, attachment: Attachment) -> tuple[str, str]:
        """Step 1: a file id and the address for its bytes. Raises CallFailed."""
        assert attachment.blob is not None
        answer = await self._api.read(
            "files.getUploadURLExternal", filename=to_name(attachment.name), length=attachment.blob.size
        )
        return answer["file_id"], answer["upload_url"]

    async def send(self, url: str, attachment: Attachment) -> None:
        """Step 2: the bytes. Raises CallFailed."""
        assert attachment.blob is not None
        await self._api.upload(url, _chunks(self._blobs, attachment), attachment.blob.size)

    async def share(self, files: Mapping[str, str], channel: str, thread_ts: str | None) -> None:
        """Step 3: show uploaded files (id -> name) as one message. Raises CallFailed."""
        arguments: dict[str, object] = {
            "files": [{"id": file, "title": to_name(name)} for file, name in files.items()],
            "channel_id": channel,
        }
        if thread_ts:
            arguments["thread_ts"] = thread_ts
        await self._api.write("files.completeUploadExternal", arguments)

    async def shown_at(self, file: str, channel: str, *, patient: bool = False) -> str | None:
        """The ts of the message that shows the file in that channel, None when there is none: Slack may say ok and
        show nothing. `patient` waits for it. Raises CallFailed."""
        for pause in LOOKS if patient else LOOKS[:1]:
            await asyncio.sleep(pause)
            try:
                answer = await self._api.read("files.info", file=file)
            except CallFailed as failure:
                if failure.code == "file_not_found":
                    return None
                raise
            shares = ((answer.get("file") or {}).get("shares") or {}).values()
            for share in (posts for kind in shares for posts in (kind.get(channel) or ())):
                ts: str = share["ts"]
                return ts
        return None

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of a file somebody posted (S27). Raises FileNotFoundError when Slack does not give it out,
        ConnectionError when it may later."""
        url = await self._address(attachment)
        html = attachment.content_type == "text/html"
        try:
            async with asyncio.timeout(DOWNLOAD_TIMEOUT):
                for _ in range(HOPS):
                    async with self._api.session.get(
                        url,
                        headers=self._headers(url),
                        allow_redirects=False,
                        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30),
                    ) as answer:
                        if answer.status in (301, 302, 303, 307, 308) and (to := answer.headers.get("Location")):
                            url = url.join(URL(to))
                            continue
                        if answer.status != 200:
                            passing = answer.status == 429 or answer.status >= 500
                            raise (ConnectionError if passing else FileNotFoundError)(
                                f'Slack answered {answer.status} for the file "{attachment.name}"'
                            )
                        if answer.content_type == "text/html" and not html:
                            raise FileNotFoundError(
                                f'Slack gave a web page instead of the file "{attachment.name}": the app lacks the'
                                " scope files:read or is not in that channel"
                            )
                        async for chunk in answer.content.iter_chunked(CHUNK):
                            yield chunk
                        return
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionError(f'the file "{attachment.name}" could not be read from Slack: {error!r}') from error
        raise FileNotFoundError(f'Slack sent us in circles for the file "{attachment.name}"')

    async def _address(self, attachment: Attachment) -> URL:
        """Asked anew each time: an event may come before its file is ready, or without its address."""
        refusal = f'Slack does not give out the file "{attachment.name}"'
        if attachment.remote is None:
            raise FileNotFoundError(refusal)
        trouble: OSError
        for pause in LOOKS:
            await asyncio.sleep(pause)
            try:
                answer = await self._api.read("files.info", file=attachment.remote)
            except CallFailed as failure:
                if not isinstance(failure.outcome, NotSent):
                    raise FileNotFoundError(f"{refusal}: {failure}") from failure
                trouble = ConnectionError(f"{refusal}: {failure}")
                continue
            file: Mapping[str, Any] = answer.get("file") or {}
            if address := file.get("url_private_download") or file.get("url_private"):
                return URL(address)
            trouble = FileNotFoundError(f"{refusal}: it has no address")
        raise trouble

    def _headers(self, url: URL) -> dict[str, str]:
        """The token goes to Slack and to nobody a redirect names."""
        host = url.host or ""
        slack = url.scheme == "https" and (
            host in SLACK_HOSTS or host.endswith(tuple(f".{each}" for each in SLACK_HOSTS))
        )
        if slack or url.origin() == URL(self._api.url).origin():
            return {"Authorization": f"Bearer {self._api.bot_token}"}
        return {}


def to_name(name: str) -> str:
    """A file name on one line and of a sane length, the extension kept."""
    name = "".join(char if char.isprintable() else " " for char in name).strip() or "file"
    if len(name) <= 200:
        return name
    stem, dot, extension = name.rpartition(".")
    return f"{stem[:180]}{dot}{extension[:19]}" if dot else name[:200]


async def _chunks(blobs: Blobs, attachment: Attachment) -> AsyncIterator[bytes]:
    """Opened anew for each piece: an upload that Slack breaks off leaves no open file behind."""
    assert attachment.blob is not None
    path = blobs.path(attachment.blob)
    for offset in range(0, attachment.blob.size, PIECE):
        yield await asyncio.to_thread(_piece, path, offset)


def _piece(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PIECE)
