"""Files are fetched at once and by nobody else, and the token is nowhere to be read (T16, T17, T24)."""

import logging
from pathlib import Path

import pytest

from connectors.base import AccountDown
from connectors.telegram.content import DOWNLOAD_LIMIT
from gateway.sandbox.telegram_faults import Fault, broken, cut_off
from router.model import Attachment
from tests.connectors.telegram_bench import Desk, desk


async def fetched(bench: Desk, attachment: Attachment) -> bytes:
    return b"".join([chunk async for chunk in bench.connector.fetch(attachment)])


async def received(bench: Desk, content: bytes) -> Attachment:
    """A document somebody sent, as it arrived."""
    async with bench.receiving():
        bench.telegram.say("Mei", document=("order.pdf", content, "application/pdf"))
        await bench.ports.until(1)
    [attachment] = bench.ports.inbound[0].attachments
    return attachment


async def test_t16_a_file_a_customer_sent_is_fetched_by_its_id(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        attachment = await received(bench, b"%PDF" * 100_000)

        assert await fetched(bench, attachment) == b"%PDF" * 100_000
        assert attachment.remote is not None
        assert "/" not in attachment.remote


@pytest.mark.parametrize(("size", "files"), [(DOWNLOAD_LIMIT, 1), (DOWNLOAD_LIMIT + 1, 0)])
async def test_t16_a_file_over_the_download_limit_is_only_named(tmp_path: Path, size: int, files: int) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        bench.telegram.say("Mei", document=("film.mkv", b"x" * size, "video/x-matroska"))
        await bench.ports.until(1)

        [inbound] = bench.ports.inbound
        assert len(inbound.attachments) == files
        if files:
            assert len(await fetched(bench, inbound.attachments[0])) == size


async def test_a_file_telegram_no_longer_has_is_not_found(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        for attachment in (Attachment(name="a.pdf", remote="gone"), Attachment(name="a.pdf")):
            with pytest.raises(FileNotFoundError, match=r"a\.pdf"):
                await fetched(bench, attachment)


@pytest.mark.parametrize("fault", [broken(), cut_off(), Fault(status=429, description="Too Many Requests")])
async def test_a_file_that_cannot_be_had_now_may_be_had_later(tmp_path: Path, fault: Fault) -> None:
    async with desk(tmp_path) as bench:
        attachment = await received(bench, b"%PDF")
        bench.telegram.fail("getFile", fault)

        with pytest.raises(ConnectionError):
            await fetched(bench, attachment)
        assert await fetched(bench, attachment) == b"%PDF"


async def test_t24_no_log_line_and_no_reason_holds_the_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[object] = []
    async with desk(tmp_path) as bench:
        token = bench.telegram.token
        echo = Fault(status=500, description=f"Internal Server Error: /bot{token}/sendMessage")
        attachment = await received(bench, b"%PDF")
        await fetched(bench, attachment)
        for fault in (echo, cut_off(), Fault(status=401, description=f"Unauthorized {token}")):
            for method in ("sendMessage", "getMe", "getFile", "getUpdates", "getWebhookInfo"):
                bench.telegram.fail(method, fault)
            said.append(await bench.connector.deliver(bench.delivery("5001", "hello")))
            said.append(await bench.connector.probe())
            with pytest.raises(OSError, match="order") as caught:
                await fetched(bench, attachment)
            said.append(
                (caught.value, caught.value.__cause__, caught.value.__cause__ and caught.value.__cause__.__cause__)
            )
            async with bench.receiving():
                bench.telegram.say("Mei", "hello")
                await bench.ports.until(len(bench.ports.arrivals) + 1)
        await bench.telegram.stop()
        said += [await bench.connector.deliver(bench.delivery("5001", "hello")), await bench.connector.probe()]

    assert any(isinstance(each, AccountDown) for each in said)
    written = capsys.readouterr().out
    assert "telegram.trouble" in written
    for words in (repr(said), caplog.text, written, repr(bench.ports.arrivals), repr(bench.settings)):
        assert token not in words
        assert token.partition(":")[2] not in words
