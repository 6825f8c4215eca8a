"""Hostile input against the real process: refused or quarantined with a reason, memory flat, the next one shown."""

import asyncio
import base64
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from storage import intake
from storage.database import Database
from tests.stories.besieged import Besieged

CHUNK = b"x" * 1_000_000
PROMPT = 25.0
LAG = 2.5  # on a busy machine; alone it is 0.025, and what this is about was 5
MULTIPART = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"


@pytest.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Besieged]:
    """A real process on each database."""
    node = Besieged(tmp_path, database_url)
    await node.start()
    yield node
    await node.stop()


@pytest.fixture
def on_sqlite(tmp_path: Path, migrated_sqlite: Path) -> str:
    path = tmp_path / "onevoice.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def single(on_sqlite: str, tmp_path: Path) -> AsyncIterator[Besieged]:
    """A real process on SQLite, where the database makes no difference."""
    node = Besieged(tmp_path, on_sqlite)
    await node.start()
    yield node
    await node.stop()


def mail(body: bytes, head: bytes = b"", sender: bytes = b"<mallory@evil.example>", subject: bytes = b"hi") -> bytes:
    return b"From: " + sender + b"\r\nTo: help@shop.example\r\nSubject: " + subject + b"\r\n" + head + b"\r\n" + body


def parts(count: int) -> bytes:
    return mail(b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n", MULTIPART)


def nested(depth: int) -> bytes:
    levels = (b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(depth))
    return mail(b"".join(levels), b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b0\r\n")


def attachment(size: int) -> bytes:
    content = base64.encodebytes(random.Random(7).randbytes(size * 73 // 100)).replace(b"\n", b"\r\n")
    head = b"Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return mail(b"--b\r\n\r\nthe large file\r\n--b\r\n" + head + content + b"--b--\r\n", MULTIPART)


async def next_mail_is_shown(gateway: Besieged) -> None:
    word = f"next{uuid4().hex}"
    assert (await gateway.mail(mail(word.encode()), "li@customer.example")).startswith("250")
    await gateway.shown(word, PROMPT)


async def reasons(gateway: Besieged) -> list[str]:
    database = Database(gateway.database)
    try:
        return [each.error for each in await database.read(intake.quarantined, 100)]
    finally:
        database.close()


async def test_p1_mail_made_to_hurt_lands_in_quarantine_and_the_next_one_in_slack(gateway: Besieged) -> None:
    await next_mail_is_shown(gateway)
    before = gateway.forget_peak()
    for content in (parts(200_000), nested(1000)):
        assert (await gateway.mail(content)).startswith("250")
        await next_mail_is_shown(gateway)
    found = await reasons(gateway)
    assert [reason.partition("than")[0] for reason in found] == [
        "Unparseable: it has more ",
        "Unparseable: its parts are nested more ",
    ]
    assert gateway.peak_megabytes() - before < 40, "a mail of 2 MB is held a few times, and the page cache fills"
    assert await gateway.worst_lag() <= LAG


async def test_p2_what_is_only_odd_is_shown_without_what_a_database_refuses(gateway: Besieged) -> None:
    word = b"odd"
    file = b'Content-Type: image/p\0ng; name="a\0b.png"\r\nContent-ID: <a\0b>\r\n'
    oddities = [
        mail(word + b"1", sender=b"Mal\0lory <mallory@evil.example>", subject=b"a\0b"),
        mail(
            word + b"2", sender=b"=?utf-8?B?TWFsAGxvcnk=?= <mallory@evil.example>", subject=b"=?utf-8?Q?a=00=ED=A0=80?="
        ),
        mail(word + b"3", sender=b"(" * 2000 + b"a@evil.example"),
        mail(word + b"4 \0 caf\xe9", b"Content-Type: text/plain; charset=x-klingon\r\n"),
        mail(b"--b\r\n\r\n" + word + b"5\r\n--b\r\n" + file + b"\r\nx\r\n--b--\r\n", MULTIPART),
        mail(word + b"6", b"Message-ID: <a\0b@c>\r\nReferences: <p\0q@z>\r\n", sender=b"<mal\0lory@evil.example>"),
        mail(b"<p>odd7 &#0;&#xD800;&#x1F;</p>", b"Content-Type: text/html\r\n"),
    ]
    for number, content in enumerate(oddities, 1):
        assert (await gateway.mail(content)).startswith("250")
        await gateway.shown(f"odd{number}", PROMPT)
    assert await reasons(gateway) == []


async def test_a_mail_of_20_mb_is_shown_and_holds_nobody_up(single: Besieged) -> None:
    await next_mail_is_shown(single)
    assert (await single.mail(attachment(20_000_000))).startswith("250")
    await single.shown("the large file", PROMPT)
    await next_mail_is_shown(single)
    assert await single.worst_lag() <= LAG
    assert await reasons(single) == []


async def test_m7_lines_of_1_gb_are_cut_off_in_flat_memory(single: Besieged) -> None:
    await next_mail_is_shown(single)
    before = single.forget_peak()
    sent = 0
    async with single.smtp() as mailing:
        with suppress(ConnectionError):
            while sent < 1000 and not mailing.reader.at_eof():
                mailing.writer.write(CHUNK)
                await mailing.writer.drain()
                sent += 1
        with suppress(ConnectionError):
            assert (await mailing.answer())[:3] in ("552", ""), "the reset may overtake the answer"
    assert sent < 25, "closed soon after 2 MB; what lies in the buffers of both ends included"
    assert single.peak_megabytes() - before < 10
    await next_mail_is_shown(single)

    before = single.forget_peak()
    _, writer = await asyncio.open_connection("127.0.0.1", single.smtp_port)
    sent = 0
    with suppress(ConnectionError):
        while sent < 200:
            writer.write(CHUNK)
            await asyncio.wait_for(writer.drain(), PROMPT)
            sent += 1
    writer.transport.abort()
    assert single.peak_megabytes() - before < 10
    await next_mail_is_shown(single)


async def test_w11_w8_hostile_sockets_are_closed_and_the_visitor_beside_them_is_served(single: Besieged) -> None:
    async with single.socket(origin="https://evil.example") as foreign:
        assert foreign.status == 403
    before = single.forget_peak()
    async with single.socket() as wire:
        wire.frame(1, b"x" * 10_000_000)
        assert await wire.ended() in (1009, 1006), "the rest of the frame may meet a closed connection"
    async with single.socket() as wire:
        with suppress(ConnectionError):
            for number in range(20_000):
                wire.frame(0 if number else 1, b"x" * 1000, final=False)
                await wire.writer.drain()
        assert await wire.ended() in (1009, 1006)
    async with single.socket() as wire:
        wire.writer.write(random.Random(1).randbytes(200_000))
        assert await wire.ended() in (1002, 1003, 1007, 1009, 1006)
    async with single.socket() as wire:
        for _ in range(5000):
            wire.frame(9, b"ping")
        assert await wire.ended() in (1008, 1006)
    assert single.peak_megabytes() - before < 20
    async with single.socket() as visitor:
        visitor.say(type="hello", id="hello")
        visitor.say(type="send", id=str(uuid4()), text="a kind visitor")
        await single.shown("a kind visitor", PROMPT)


def update(number: int, **content: Any) -> dict[str, Any]:
    message = {"message_id": number, "from": PERSON, "chat": {"id": 500, "type": "private"}, "date": 1700000000}
    return {"update_id": number, "message": {**message, **content}}


PERSON = {"id": 500, "is_bot": False, "first_name": "M\0al\ud800", "language_code": ["x\0"]}
SHOWN: list[dict[str, Any]] = [
    {"text": "shown0 \0 \ud800"},
    {
        "document": {
            "file_id": "f\0",
            "file_name": "shown1\0\ud800.txt",
            "mime_type": "a\0/b\ud800",
            "file_size": -(10**30),
        }
    },
    {"text": "shown2", "entities": [{"type": "bold", "offset": n % 6, "length": 1} for n in range(20_000)]},
    {"text": "shown3", "entities": [{"type": "bold", "offset": -(10**30), "length": 10**40}]},
    {"text": "shown4", "entities": [{"type": "pre", "offset": 0, "length": 6, "language": ["\0\ud800"]}]},
    {"text": "shown5", "from": {**PERSON, "first_name": "N" * 500_000}},
]
KEPT: list[dict[str, Any]] = [
    {"text": ["a"]},
    {"text": 5},
    {"text": "x", "message_id": 2**63},
    {"text": "x", "message_id": 2**70},
    {"text": "x", "chat": {"id": "a\0\ud800", "type": "private"}},
    {"text": "x", "from": {**PERSON, "id": 2**64}},
    {"text": "x", "date": 10**18},
]


async def test_t7_no_update_stops_the_poller_or_the_desk(gateway: Besieged) -> None:
    telegram = gateway.world.telegram
    for content in (*SHOWN, *KEPT):
        number = telegram.updates.next_id
        telegram.updates.next_id += 1
        telegram.updates.push_raw(update(number, **content))
    telegram.updates.push_raw({"update_id": telegram.updates.next_id, "un\0known": {}})
    telegram.updates.next_id += 1
    telegram.updates.push_raw(["no update"])
    telegram.say(77, "a kind person")
    await gateway.shown("a kind person", PROMPT)
    for number in (0, 2, 3, 4, 5):
        await gateway.shown(f"shown{number}", PROMPT)
    assert telegram.pending == 0
    assert len(await reasons(gateway)) == len(KEPT) + 2
    assert await gateway.worst_lag() <= LAG
