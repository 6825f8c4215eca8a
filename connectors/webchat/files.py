"""Files of the chat: streamed in under a cap and typed by their bytes, handed out as downloads only (W13, X16)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

import filetype  # type: ignore[import-untyped]  # the package has no types
import orjson
from aiohttp import web

from connectors.base import BlobTooLarge
from connectors.webchat.chat import Chat
from connectors.webchat.protocol import Refused
from connectors.webchat.tokens import Visitor
from router.model import Attachment, Blob

_HEAD = 8192  # bytes the type is told from
_CHUNK = 64 * 1024
_UNKNOWN = "application/octet-stream"
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_NAME = 200


async def upload(chat: Chat, visitor: Visitor, request: web.Request) -> web.Response:
    """Store the body as a file of this visitor; answers with the token that a send frame names it by."""
    limit = chat.settings.file_limit
    too_large = Refused("webchat.too_large", 413, f"A file may have {limit} bytes.")
    if (request.content_length or 0) > limit:
        raise too_large
    head = bytearray()
    try:
        async with asyncio.timeout(chat.settings.limits.upload_seconds):
            blob = await chat.ports.blobs.put(_chunks(request, head), limit)
    except BlobTooLarge as error:
        raise too_large from error
    except TimeoutError as error:
        raise Refused("webchat.too_slow", 408, "The upload took too long: send it again.") from error
    except ConnectionError as error:  # nobody is there to read the answer
        raise Refused("webchat.frame", 400, "The upload broke off: send it again.") from error
    if not blob.size:
        raise Refused("webchat.frame", 400, "The file is empty.")
    attachment = _described(unquote(request.headers.get("X-File-Name", "")), bytes(head), blob)
    link = chat.link(attachment, visitor)
    answer = {
        "file": link.rpartition("/")[2],
        "name": attachment.name,
        "type": attachment.content_type,
        "size": blob.size,
        "url": link,
    }
    return web.Response(status=201, body=orjson.dumps(answer), content_type="application/json")


async def _chunks(request: web.Request, head: bytearray) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(_CHUNK):
        if len(head) < _HEAD:
            head += chunk[: _HEAD - len(head)]
        yield chunk


def _described(name: str, head: bytes, blob: Blob) -> Attachment:
    """The name is a label and never a path (J12); the type is what the bytes say, never what the client says."""
    shown = "".join(each for each in PurePosixPath(name.replace("\\", "/")).name if each.isprintable())
    return Attachment(
        name=shown[-_NAME:] if shown.strip(". ") else "file",
        content_type=filetype.guess_mime(head) or _UNKNOWN,
        size=blob.size,
        blob=blob,
    )


async def download(chat: Chat, request: web.Request) -> web.StreamResponse:
    """A file by its sealed link: always a download, never a page of ours, whatever is in it."""
    attachment = chat.tokens.open_file(request.match_info["token"])
    assert attachment.blob is not None, "links are made for stored files only"
    path = chat.ports.blobs.path(attachment.blob)
    if not await asyncio.to_thread(path.is_file):
        raise Refused("webchat.file", 404, "There is no such file, or its link has expired.")
    headers = {
        "Content-Type": attachment.content_type if attachment.content_type in _SHOWN else _UNKNOWN,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "private, max-age=3600",
        "Referrer-Policy": "no-referrer",
    }
    return web.FileResponse(path, headers=headers)
