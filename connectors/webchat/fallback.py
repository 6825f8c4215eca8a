"""The same frames over plain HTTP, for visitors whose network breaks WebSockets (W6): POST to ask, GET to wait."""

import asyncio
import contextlib

from aiohttp import web

from connectors.webchat import protocol
from connectors.webchat.chat import Chat
from connectors.webchat.limits import client_network
from connectors.webchat.protocol import Hello, Refused, Reset, Resume, Send
from connectors.webchat.tokens import Visitor

LONGEST_WAIT = 25.0  # seconds; proxies cut idle requests at 30 or 60
_JSON = "application/json"


async def post(chat: Chat, visitor: Visitor | None, request: web.Request) -> web.Response:
    """One client frame in the body; answers with the frame a socket would have been sent."""
    limit = chat.settings.limits.frame_bytes
    body = await request.content.read(limit + 1) if (request.content_length or 0) <= limit else b""
    while body and len(body) <= limit and not request.content.at_eof():
        body += await request.content.read(limit + 1 - len(body))
    if len(body) > limit or (request.content_length or 0) > limit:
        raise Refused("webchat.too_large", 413, f"A frame may have {limit} bytes.")
    frame = protocol.parse(body)
    try:
        return web.Response(body=await _done(chat, visitor, frame, client_network(request.remote)), content_type=_JSON)
    except Refused as refused:
        refused.frame = frame.id
        raise


async def _done(chat: Chat, visitor: Visitor | None, frame: protocol.ClientFrame, address: str) -> bytes:
    if isinstance(frame, Hello):
        return chat.welcome(frame, await chat.admit(frame, address))
    if visitor is None:
        raise Refused("webchat.token", 401, "Say hello first and send its token as a bearer token.")
    match frame:
        case Send():
            (receipt,) = await chat.ports.intake([chat.arrival(visitor, visitor.sender(), frame)])
            return chat.answer(frame, receipt)
        case Reset():
            await chat.sign_out(visitor)
            return protocol.ack(frame.id, None)
        case Resume():
            raise Refused("webchat.frame", 400, "Over HTTP, resume by GET with the cursor in seq.")


async def get(chat: Chat, visitor: Visitor, request: web.Request, polls: set[asyncio.Timeout]) -> web.Response:
    """The frames after the cursor `seq`, at once or as soon as there are any within `wait` seconds.

    While it waits its timeout is in `polls`, so that a drain can end the wait (W19).
    """
    seq, wait = _whole(request, "seq", 0), _whole(request, "wait", 0)
    async with chat.ports.watch(visitor.id) as hints:
        known, items = await chat.after(visitor, seq)
        if known and not items and wait:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait, LONGEST_WAIT)) as poll:
                    polls.add(poll)
                    try:
                        async for head in hints:
                            if (head is None or head > seq) and (items := await chat.ports.history(visitor.id, seq)):
                                break
                    finally:
                        polls.discard(poll)
    frames = [] if known else [protocol.reset(0)]
    frames += [event for item in items if (event := chat.event(item, visitor)) is not None]
    return web.Response(body=b"[" + b",".join(frames) + b"]", content_type=_JSON)


def _whole(request: web.Request, key: str, default: int) -> int:
    value = request.query.get(key, str(default))
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise Refused("webchat.frame", 400, f"{key} must be a whole number.")
    return int(value)


def refusal(refused: Refused) -> web.Response:
    """The HTTP answer of a refused request, the same for every reason of one kind."""
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refused.retry_after)))
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = protocol.error(refused)
    return web.Response(status=refused.status, body=body, content_type=_JSON, headers=headers)
