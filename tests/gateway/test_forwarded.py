"""A11: X-Forwarded-For counts from trusted proxies only, and only as far as they vouch for it."""

from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.web.forwarded import forwarded, origin

PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "hops", "expected"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", " 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_a11_the_right_most_hop_that_is_no_trusted_proxy_asks(peer: str, hops: list[str], expected: str) -> None:
    assert origin(peer, hops, PROXIES) == expected


@pytest.mark.parametrize(("trusted", "expected"), [(["127.0.0.0/8"], "198.51.100.1"), (["10.0.0.0/8"], "127.0.0.1")])
async def test_a11_handlers_see_the_origin_also_of_a_web_socket(trusted: list[str], expected: str) -> None:
    async def tell(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.remote or "")
        return socket

    app = web.Application(middlewares=[forwarded([ip_network(each) for each in trusted])])
    app.router.add_get("/ws", tell)
    headers = {"X-Forwarded-For": "6.6.6.6, 198.51.100.1"}
    async with TestClient(TestServer(app)) as client, client.ws_connect("/ws", headers=headers) as socket:
        assert await socket.receive_str() == expected
