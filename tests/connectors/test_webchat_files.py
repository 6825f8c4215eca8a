"""Files of visitors and of the shop: capped, typed by their bytes, downloads only, for whom they were made (W13)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientError

from connectors.base import NotStored
from router.model import Attachment
from tests.connectors.webchat_shop import ORIGIN, Shop, open_shop

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, file_limit=100_000) as shop:
        yield shop


async def upload(shop: Shop, content: object, token: str, name: str = "bill.pdf") -> tuple[int, dict[str, Any]]:
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}", "X-File-Name": quote(name)}
    async with shop.http.post(f"{shop.url}/webchat/web/files", data=content, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_file_is_uploaded_then_sent_and_downloaded(shop: Shop) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]
        status, file = await upload(shop, PNG, token, "照片 1.png")
        assert status == 201
        assert (file["name"], file["type"], file["size"]) == ("照片 1.png", "image/png", len(PNG))
        frame = await client.tell("send", text="", files=[file["file"]])
        ack = await client.next()
        assert ack["id"] == frame
        (event, _) = await client.resume()
    (attachment,) = shop.ports.inbound[0].attachments
    assert (attachment.name, attachment.content_type, attachment.size) == ("照片 1.png", "image/png", len(PNG))
    assert attachment.blob is not None
    assert shop.ports.blobs.path(attachment.blob).read_bytes() == PNG
    for url in (file["url"], event["files"][0]["url"]):
        assert attachment.blob.sha256.hex() not in url, "decisions 10"
        async with shop.http.get(shop.url + url) as answer:
            assert answer.status == 200
            assert await answer.read() == PNG
            assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{quote('照片 1.png')}"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "a.svg"),
        (b"<html><script>alert(1)</script>", "picture.png"),
        (b"<?xml version='1.0'?><x/>", "a.xml"),
        (b"plain words", "a.txt"),
        (b"%PDF-1.4 <script>", "a.pdf"),
        (b"GIF89a/*<script>*/=1;alert(1)", "polyglot.html"),
    ],
)
async def test_w13_whatever_it_is_it_is_a_download_and_never_a_page(shop: Shop, content: bytes, name: str) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]
    _, file = await upload(shop, content, token, name)
    async with shop.http.get(shop.url + file["url"]) as answer:
        assert answer.headers["Content-Type"] in ("application/octet-stream", "image/gif")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\li\\bill.pdf", "bill.pdf"),
        ("a\x00b\r\nX-Evil: 1.pdf", "abX-Evil: 1.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("", "file"),
        ("..", "file"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
async def test_j12_names_are_labels_without_paths_or_tricks(shop: Shop, name: str, kept: str) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]
    status, file = await upload(shop, b"x", token, name)
    assert (status, file["name"]) == (201, kept)


async def test_x16_a_stream_without_length_is_cut_at_the_cap_and_a_long_one_is_not_read(shop: Shop) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]
    taken = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(10_000):
            taken += 10_000
            yield b"x" * 10_000

    try:
        status, refused = await upload(shop, stream(), token)
        assert (status, refused["code"]) == (413, "webchat.too_large")
    except OSError:
        pass  # the server closed while we were still sending
    assert taken < 20_000_000, "100 MB were offered"
    status, refused = await upload(shop, b"x" * 100_001, token)
    assert (status, refused["code"]) == (413, "webchat.too_large")


async def test_uploads_need_a_token_content_and_a_disk_with_room(shop: Shop) -> None:
    assert (await upload(shop, b"x", "nonsense"))[0] == 401
    async with shop.visit() as client:
        token = (await client.hello())["token"]
    assert (await upload(shop, b"", token))[0] == 400

    async def full(*_: object) -> Any:
        raise NotStored("the disk is full", full=True, retry_after=9)

    shop.ports.blobs.put = full  # type: ignore[assignment,method-assign]  # a full disk
    status, refused = await upload(shop, b"x", token)
    assert (status, refused["code"], refused["retry_after"]) == (503, "webchat.unavailable", 9)


async def test_a_slow_upload_is_given_up(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"upload_seconds": 0.2}) as shop:
        async with shop.visit() as client:
            token = (await client.hello())["token"]

        async def stream() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.sleep(2)
            yield b"x"

        status, refused = await upload(shop, stream(), token)
        assert (status, refused["code"]) == (408, "webchat.too_slow")


async def test_an_upload_that_breaks_off_is_no_fault_of_ours(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]

    async def stream() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(0.2)
        raise ConnectionResetError

    with pytest.raises(ClientError):
        await upload(shop, stream(), token)
    await asyncio.sleep(0.2)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_another_visitor_cannot_send_my_file_and_links_expire(shop: Shop) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]
    _, file = await upload(shop, PNG, token)
    async with shop.visit() as stranger:
        await stranger.hello()
        await stranger.tell("send", files=[file["file"]])
        assert (await stranger.next())["code"] == "webchat.file"
    shop.later(hours=25)
    for url in (file["url"], file["url"][:-3] + "AAA", "/webchat/web/files/x"):
        async with shop.http.get(shop.url + url) as answer:
            assert answer.status == 404
            assert (await answer.json())["code"] == "webchat.file"


async def test_too_many_files_in_one_message_are_refused(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        await client.tell("send", files=["x"] * 11)
        assert (await client.next())["code"] == "webchat.too_many_files"


async def test_the_shops_files_reach_the_visitor_as_links_and_an_erased_one_is_gone(shop: Shop) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield PNG

    blob = await shop.ports.blobs.put(chunks(), 1000)
    async with shop.visit() as client:
        await client.hello()
        await client.resume()
        shop.ports.says(client.visitor, "The label", (Attachment(name="l.png", content_type="image/png", blob=blob),))
        event = await client.next()
    (file,) = event["files"]
    assert (file["name"], file["type"], file["size"]) == ("l.png", "image/png", len(PNG))
    async with shop.http.get(shop.url + file["url"]) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    shop.ports.blobs.path(blob).unlink()
    async with shop.http.get(shop.url + file["url"]) as answer:
        assert answer.status == 404
