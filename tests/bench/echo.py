"""The least an acknowledged WebSocket message can cost: aiohttp, the gateway's event loop, and nothing else.

Prints its port and echoes until it is killed.
"""

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from gateway.loop import run


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Every text goes back."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def main() -> None:
    app = web.Application()
    app.router.add_get("/", echo)
    runner: web.AppRunner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    addresses: list[Any] = runner.addresses
    print(addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(main())
