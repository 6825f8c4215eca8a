"""Webhook mode, both sides real: the stand-in posts, the connector's route answers (T4, T6, T7, T8, X1, X15)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from connectors.base import NotStored
from connectors.bodies import BODY_LIMIT
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.settings import TelegramSettings
from connectors.telegram.webhook import SECRET_HEADER
from gateway.clock import now
from gateway.sandbox.telegram import TelegramStandIn
from gateway.sandbox.telegram_faults import Fault
from router.richtext import plain
from tests.connectors.ports import MemoryPorts
from tests.connectors.telegram_bench import Desk

SECRET = "s3cret_-"
HEADERS = {SECRET_HEADER: SECRET}


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[Desk, str]]:
    """A stand-in, a connector in webhook mode and the address of its route."""
    telegram = TelegramStandIn(now)
    await telegram.start()
    app = web.Application(client_max_size=100)  # the route has its own limit
    runner = web.AppRunner(app)
    seat: list[Desk] = []

    async def receive(request: web.Request) -> web.StreamResponse:
        [route] = seat[0].connector.routes()
        assert isinstance(route, web.RouteDef)
        assert (route.method, route.path) == ("POST", "/telegram/tg")
        response = await route.handler(request)
        assert isinstance(response, web.StreamResponse)
        return response

    app.router.add_post("/telegram/tg", receive)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    bench = Desk(telegram, MemoryPorts(folder), public_url=url, mode="webhook", webhook_secret=SecretStr(SECRET))
    seat.append(bench)
    try:
        yield bench, f"{url}/telegram/tg"
    finally:
        await bench.connector.close()
        await telegram.stop()
        await runner.cleanup()


async def test_t6_updates_are_posted_one_after_the_other_and_stored(tmp_path: Path) -> None:
    async with listening(tmp_path) as (bench, url):
        bench.telegram.say("Mei", "one")
        async with bench.receiving():
            await bench.telegram.until(lambda: bench.telegram.updates.webhook.get("url") == url)
            bench.telegram.say("Mei", "two")
            await bench.ports.until(2)
            await bench.telegram.until(lambda: bench.telegram.pending == 0)

        assert [plain(inbound.text) for inbound in bench.ports.inbound] == ["one", "two"]


async def test_t8_registration_keeps_the_backlog_and_names_the_types(tmp_path: Path) -> None:
    async with listening(tmp_path) as (bench, url), bench.receiving():
        await bench.telegram.until(lambda: bench.telegram.updates.webhook.get("url") == url)

        [parameters] = [parameters for method, parameters in bench.telegram.calls if method == "setwebhook"]
        assert parameters["drop_pending_updates"] is False
        assert bench.telegram.updates.allowed is not None
        assert "my_chat_member" in bench.telegram.updates.allowed


async def test_a_webhook_that_cannot_be_set_is_said_once_and_so_is_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with listening(tmp_path) as (bench, url):
        bench.telegram.fail("setWebhook", *[Fault(status=400, description="Bad Request: bad webhook")] * 3)
        async with bench.receiving():
            await bench.telegram.until(lambda: bench.telegram.updates.webhook.get("url") == url)
            while bench.connector.deaf is not None:
                await asyncio.sleep(0.01)
        log = capsys.readouterr().out
        assert log.count("telegram.trouble") == 1
        assert log.count("telegram.recovered") == 1


async def test_a_webhook_taken_away_is_set_again(tmp_path: Path) -> None:
    async with listening(tmp_path) as (bench, url), bench.receiving():
        await bench.telegram.until(lambda: bench.telegram.updates.webhook.get("url") == url)
        async with aiohttp.ClientSession() as session:
            await session.post(f"{bench.telegram.url}/bot{bench.telegram.token}/deleteWebhook")
        assert bench.telegram.updates.webhook == {}
        await bench.telegram.until(lambda: bench.telegram.updates.webhook.get("url") == url)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({**HEADERS, "Content-Type": "application/json"}, b'{"update_id": 1}', 200),
        ({**HEADERS, "Content-Type": "application/json; charset=utf-8"}, b"not JSON \xff", 200),
        ({**HEADERS, "Content-Type": "application/json"}, b" " * (BODY_LIMIT + 1), 413),
        ({**HEADERS, "Content-Type": "text/plain"}, b'{"update_id": 1}', 415),
        ({SECRET_HEADER: SECRET + "x", "Content-Type": "application/json"}, b'{"update_id": 1}', 401),
        ({SECRET_HEADER: "sécret", "Content-Type": "application/json"}, b'{"update_id": 1}', 401),
        ({"Content-Type": "application/json"}, b'{"update_id": 1}', 401),
    ],
)
async def test_t6_the_route_answers_with_a_status_and_an_empty_body(
    tmp_path: Path, headers: dict[str, str], body: bytes, status: int
) -> None:
    async with listening(tmp_path) as (bench, url), aiohttp.ClientSession() as session:
        async with session.post(url, data=BytesIO(body), headers=headers) as response:
            assert response.status == status
            assert await response.read() == b""

        assert len(bench.ports.arrivals) == (1 if status == 200 else 0)


async def test_t6_a_stream_without_a_length_is_cut_at_the_limit(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    async with listening(tmp_path) as (_, url), aiohttp.ClientSession() as session:
        headers = {**HEADERS, "Content-Type": "application/json"}
        try:
            async with session.post(url, data=endless(), headers=headers) as response:
                assert response.status == 413
        except aiohttp.ClientOSError:
            pass  # closed while we were still sending


async def test_t6_not_stored_is_a_503_with_its_time_and_telegram_tries_again(tmp_path: Path) -> None:
    async with listening(tmp_path) as (bench, url), aiohttp.ClientSession() as session:
        bench.ports.refuse = NotStored("the database is away", retry_after=7200)
        headers = {**HEADERS, "Content-Type": "application/json"}
        async with session.post(url, data=b'{"update_id": 1}', headers=headers) as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == "3600"

        bench.ports.refuse = NotStored("the database is away", retry_after=0.01)
        bench.telegram.say("Mei", "hello")
        async with bench.receiving():
            await bench.telegram.until(lambda: "503" in bench.telegram.updates.webhook_error)
            bench.ports.refuse = None
            await bench.ports.until(1)


async def test_t6_an_update_that_cannot_be_read_does_not_hold_up_the_next(tmp_path: Path) -> None:
    async with listening(tmp_path) as (bench, _):
        bench.telegram.push("message", {"message_id": "poison"})
        bench.telegram.say("Mei", "hello")
        async with bench.receiving():
            await bench.ports.until(2)

        assert [arrival.problem is not None for arrival in bench.ports.arrivals] == [True, False]


def test_a_webhook_needs_a_secret_and_a_public_address(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="webhook_secret is required"):
        TelegramSettings(id="tg", token=SecretStr("1:a"), mode="webhook")
    with pytest.raises(ValidationError, match="1 to 256 characters"):
        TelegramSettings(id="tg", token=SecretStr("1:a"), webhook_secret=SecretStr("with space"))
    settings = TelegramSettings(id="tg", token=SecretStr("1:a"), mode="webhook", webhook_secret=SecretStr("x"))
    with pytest.raises(ValueError, match="public_url"):
        TelegramConnector(settings, MemoryPorts(tmp_path), now)


def test_unknown_settings_and_foreign_addresses_are_refused() -> None:
    with pytest.raises(ValidationError, match="tokn"):
        TelegramSettings.model_validate({"id": "tg", "token": "1:a", "tokn": "x"})
    with pytest.raises(ValidationError, match="https://"):
        TelegramSettings(id="tg", token=SecretStr("1:a"), api_url="ftp://x")
    assert "1:a" not in repr(TelegramSettings(id="tg", token=SecretStr("1:a")))
