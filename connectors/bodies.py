"""Bodies of webhook calls, read no further than allowed."""

from aiohttp import web

BODY_LIMIT = 1024 * 1024


async def body_of(request: web.Request) -> bytes | None:
    """The raw body, None when it is too large; a lying Content-Length changes nothing."""
    if (request.content_length or 0) > BODY_LIMIT:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)
