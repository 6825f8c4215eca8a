"""Floods, huge frames, slow readers: the socket ends, memory stays, others do not notice (W11, W12, Z10, Z11)."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from connectors.webchat import limits
from tests.connectors.webchat_shop import ORIGIN, Shop, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


def memory() -> int:
    """Resident bytes of this process, server and client together."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_w11_too_fast_is_refused_with_the_time_to_wait_and_works_after_it(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        frames = [await client.tell("send", text=f"{number}") for number in range(22)]
        answers = [await client.next() for _ in frames]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert refused
        assert {(each["code"], each["status"]) for each in refused} == {("webchat.rate", 429)}
        await asyncio.sleep(refused[-1]["retry_after"])
        await client.tell("send", refused[-1]["id"], text="again")
        while (await client.next())["type"] != "ack":
            pass
    stored = {arrival.key.partition(":")[2] for arrival in shop.ports.arrivals}
    assert {each["id"] for each in refused[:-1]}.isdisjoint(stored)


async def test_w11_a_flood_ends_the_socket_and_a_reconnect_does_not_fill_the_bucket(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        for number in range(100):
            await client.tell("send", text=f"{number}")
        assert await client.ended() == 1008
    stored = len(shop.ports.arrivals)
    assert stored <= 21
    async with shop.visit() as client:
        await client.hello(token=client.token)
    async with shop.visit() as client:
        assert (await client.hello())["type"] == "ack", "another visitor of this address is not punished"


async def test_w11_a_flood_of_pings_or_binary_frames_ends_the_socket(shop: Shop) -> None:
    async with shop.visit(autoping=False) as client:
        await client.hello()
        for _ in range(100):
            await client.socket.ping(b"x")
        assert await ended(client.socket) == 1008
    async with shop.visit() as client:
        await client.hello()
        for _ in range(100):
            await client.socket.send_bytes(b"x")
        assert await client.ended() == 1008


async def ended(socket: ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(30):
        while (await socket.receive()).type in (WSMsgType.PONG, WSMsgType.TEXT):
            pass
    return socket.close_code


async def test_pings_within_the_rate_are_answered(shop: Shop) -> None:
    async with shop.visit(autoping=False) as client:
        await client.socket.ping(b"there?")
        pong = await client.socket.receive(timeout=30)
    assert (pong.type, bytes(pong.data)) == (WSMsgType.PONG, b"there?")


async def test_w11_a_frame_of_10_mb_ends_the_socket_with_1009(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        before = memory()
        with suppress(ConnectionError):
            await client.tell("send", text="x" * 10_000_000)
        assert await client.ended() in (1009, 1006), "the rest of the frame may meet a closed connection"
        assert memory() - before < 60_000_000, "the test's own copies included"
    assert shop.ports.arrivals == []


@asynccontextmanager
async def raw(shop: Shop) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A WebSocket without a library: whatever bytes we like."""
    host, port = shop.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"GET /webchat/web/ws HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {ORIGIN}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    writer.write(head.encode())
    try:
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_w11_a_frame_that_claims_2_to_the_63_bytes_is_closed_before_they_come(shop: Shop) -> None:
    async with raw(shop) as (reader, writer):
        writer.write(struct.pack("!BBQ", 0x81, 0x80 | 127, 2**63) + b"\0\0\0\0" + b"x" * 1000)
        async with asyncio.timeout(30):
            answer = await reader.read(100)
    assert answer[:1] == b"\x88", "a close frame"


async def test_w11_fragments_without_end_are_closed_at_the_cap(shop: Shop) -> None:
    async with raw(shop) as (reader, writer):
        before = memory()
        closed = False
        with_data = struct.pack("!BBH", 0x01, 0x80 | 126, 1000) + b"\0\0\0\0" + b"x" * 1000
        more = struct.pack("!BBH", 0x00, 0x80 | 126, 1000) + b"\0\0\0\0" + b"x" * 1000
        async with asyncio.timeout(30):
            writer.write(with_data)
            for _ in range(5000):
                writer.write(more)
                await asyncio.sleep(0)
                if reader._buffer or reader.at_eof():  # type: ignore[attr-defined]  # no public peek
                    closed = True
                    break
        assert closed
        assert memory() - before < 20_000_000


async def test_w11_a_fourth_window_of_a_visitor_closes_his_oldest(shop: Shop) -> None:
    async with shop.visit() as first, shop.visit() as second, shop.visit() as third, shop.visit() as fourth:
        token = (await first.hello())["token"]
        for window in (second, third, fourth):
            assert (await window.hello(token=token))["type"] == "ack"
        assert await first.ended() == 4429
        await second.tell("send", text="Still here")
        assert (await second.next())["type"] == "ack"


async def test_w11_an_address_has_so_many_sockets_and_the_channel_too(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"sockets_per_address": 2}) as shop, shop.visit(), shop.visit() as client:
        with pytest.raises(WSServerHandshakeError) as refused:
            async with shop.visit():
                pass
        assert refused.value.status == 429
        await client.socket.close()
        await asyncio.sleep(0.05)
        async with shop.visit():
            assert shop.connector.sockets == 2
    async with open_shop(tmp_path, limits={"sockets": 1}) as shop, shop.visit():
        with pytest.raises(WSServerHandshakeError) as refused:
            async with shop.visit():
                pass
        assert refused.value.status == 503


async def test_new_visitors_of_one_address_are_rated(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"visitors_burst": 2, "visitors_per_second": 0.01}) as shop:
        for expected in ("ack", "ack", "error"):
            async with shop.visit() as client:
                answer = await client.hello()
                assert answer["type"] == expected
        assert answer["code"] == "webchat.rate"
        assert answer["retry_after"] > 50
        token = (await shop.post({"v": 1, "type": "hello", "id": "1"}))[1].get("token")
        assert token is None, "HTTP is no way round"


async def test_w12_a_client_that_never_reads_is_cut_off_and_others_do_not_notice(tmp_path: Path) -> None:
    ends = {"send_seconds": 0.5, "hello_seconds": 5}
    async with open_shop(tmp_path, limits=ends) as shop, shop.visit() as other:
        await other.hello()
        await other.resume()
        async with shop.visit() as client:
            hello = await client.hello()
        for _ in range(600):
            shop.ports.says(client.visitor, "x" * 30_000)  # 18 MB of history
        async with raw(shop) as (_, writer):
            before = memory()
            for frame in (
                b'{"v":1,"type":"hello","id":"1","token":"%s"}' % hello["token"].encode(),
                b'{"v":1,"type":"resume","id":"2","seq":0}',
            ):
                writer.write(struct.pack("!BBH", 0x81, 0x80 | 126, len(frame)) + b"\0\0\0\0" + frame)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # the client's own transport
            async with asyncio.timeout(30):
                while shop.connector.sockets < 2:
                    await asyncio.sleep(0.01)
                shop.ports.says(other.visitor, "Hello")
                assert (await other.next())["text"] == ["Hello"]
                while shop.connector.sockets > 1:
                    await asyncio.sleep(0.05)
            assert memory() - before < 30_000_000
            assert shop.ports.reads < 10, "what nobody reads is not fetched"


def test_a_bucket_gives_its_burst_then_its_rate_and_says_when() -> None:
    bucket = limits.Bucket(rate=5, burst=3)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 0.35 < bucket.take() <= 0.4, "asking in vain costs too"
    assert not bucket.full
    assert not bucket.flooded
    for _ in range(5):
        bucket.take()
    assert bucket.flooded


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, ""),
        ("unix", "unix"),
    ],
)
def test_a_customer_with_many_ipv6_addresses_counts_as_one(remote: str | None, network: str) -> None:
    assert limits.client_network(remote) == network


def test_full_buckets_are_forgotten_before_there_are_too_many() -> None:
    buckets = limits.Buckets(rate=1e9, burst=1)
    first = buckets.of("first")
    for number in range(5000):
        buckets.of(str(number)).take()
    assert buckets.of("first") is not first
