"""Mail in by our own SMTP door: acknowledged after the commit, bounded, nobody's relay (M1-M5, M7-M9, M12, M13, L5)."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from connectors.base import Arrival, NotStored, Ports
from connectors.email.arrivals import key_of
from connectors.email.connector import EmailConnector
from connectors.email.settings import EmailSettings, SmtpListenSettings
from connectors.email.smtp import Door
from gateway.sandbox.mail import MailStandIn
from tests.connectors.ports import MemoryPorts

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
OWN = frozenset({"help@shop.example"})
MAIL = b"From: li@customer.example\r\nTo: help@shop.example\r\nMessage-ID: <1@customer.example>\r\n\r\nHello\r\n"


def clock() -> datetime:
    return NOW


class Client:
    """A bare SMTP client: sends exactly the bytes it is given."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> str:
        lines = []
        async with asyncio.timeout(30):
            while line := (await self.reader.readline()).decode():
                lines.append(line.rstrip())
                if line[3:4] != "-":
                    break
        return "\n".join(lines)

    async def say(self, line: str | bytes) -> str:
        self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    async def begin(self, recipient: str = "help@shop.example") -> str:
        await self.say("EHLO customer.example")
        await self.say("MAIL FROM:<li@customer.example>")
        return await self.say(f"RCPT TO:<{recipient}>")

    async def mail(self, content: bytes = MAIL) -> str:
        await self.begin()
        assert (await self.say("DATA")).startswith("354")
        return await self.say(content + b".")

    async def gone(self) -> bool:
        async with asyncio.timeout(30):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


@asynccontextmanager
async def client(door: Door, source: str = "127.0.0.1") -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, local_addr=(source, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def opened(
    ports: Ports, patience: float = 60.0, own: frozenset[str] = OWN, **changes: object
) -> AsyncIterator[Door]:
    async def store(arrival: Arrival) -> object:
        return await ports.intake([arrival])

    settings = SmtpListenSettings.model_validate({"listen": "127.0.0.1:0", **changes})
    door = Door(settings, own, store, clock, timedelta(seconds=patience))
    await door.open()
    try:
        yield door
    finally:
        await door.close(0.5)


@pytest.fixture
def ports(tmp_path: Path) -> MemoryPorts:
    return MemoryPorts(tmp_path)


@pytest.fixture
async def door(ports: MemoryPorts) -> AsyncIterator[Door]:
    async with opened(ports) as door:
        yield door


class SlowPorts(MemoryPorts):
    """Commits when told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.go = asyncio.Event()
        self.asked = asyncio.Event()

    async def intake(self, arrivals, cursor=None):  # type: ignore[no-untyped-def]  # as its parent
        self.asked.set()
        await self.go.wait()
        return await super().intake(arrivals, cursor)


async def test_m1_250_comes_after_the_commit(tmp_path: Path) -> None:
    ports = SlowPorts(tmp_path)
    async with opened(ports) as door, client(door) as sender:
        await sender.reply()
        answer = asyncio.ensure_future(sender.mail())
        await ports.asked.wait()
        assert not answer.done()
        assert ports.arrivals == []

        ports.go.set()

        assert await answer == "250 2.0.0 OK"
        (arrival,) = ports.arrivals
        assert arrival.raw == MAIL
        assert arrival.inbound is None
        assert arrival.problem is None
        assert arrival.meta == {
            "mail_from": "li@customer.example",
            "rcpts": "help@shop.example",
            "peer": "127.0.0.1",
            "received_at": NOW.isoformat(),
        }


@pytest.mark.parametrize(
    "error",
    [RuntimeError("secret"), OSError("secret"), KeyError("secret"), asyncio.CancelledError("secret"), TimeoutError()],
)
async def test_m2_any_failure_is_a_temporary_one_with_constant_text(
    door: Door, ports: MemoryPorts, error: Exception
) -> None:
    ports.refuse = error
    async with client(door) as sender:
        await sender.reply()
        assert await sender.mail() == "451 4.3.0 Temporary failure"

        ports.refuse = None
        assert await sender.mail() == "250 2.0.0 OK"


async def test_m3_our_own_trouble_is_never_permanent(door: Door, ports: MemoryPorts) -> None:
    async with client(door) as sender:
        await sender.reply()
        ports.refuse = NotStored("busy")
        assert await sender.mail() == "451 4.3.1 Cannot store mail now, try again later"
        ports.refuse = NotStored("disk", full=True)
        assert await sender.mail() == "452 4.3.1 Insufficient system storage, try again later"
        ports.refuse = NotStored("stop", draining=True)
        assert (await sender.mail()).startswith("421 4.3.2")
        assert await sender.gone()


async def test_m4_a_stalled_commit_is_given_up_and_never_happens_later(tmp_path: Path) -> None:
    ports = SlowPorts(tmp_path)
    async with opened(ports, patience=0.1) as door, client(door) as sender:
        await sender.reply()
        assert (await sender.mail()).startswith("451 4.3.0")

        ports.go.set()
        await asyncio.sleep(0.05)
        assert ports.arrivals == []

        assert (await sender.mail()).startswith("250")
        assert len(ports.arrivals) == 1


def test_m5_the_key_of_a_mail() -> None:
    meta = {"mail_from": "a@b.example", "rcpts": "help@shop.example"}
    again = b"Received: from x\r\nReturn-Path: <x>\r\n" + MAIL.replace(b"To: help", b"TO:  help")
    nameless = MAIL.replace(b"Message-ID: <1@customer.example>\r\n", b"")

    assert key_of(MAIL, meta) == key_of(again, {"mail_from": "other@b.example"})
    assert key_of(MAIL, meta) != key_of(MAIL.replace(b"Hello", b"Goodbye"), meta)
    assert key_of(MAIL, meta) != key_of(MAIL.replace(b"<1@", b"<2@"), meta)
    assert key_of(nameless, meta) == key_of(nameless, meta)
    assert key_of(nameless, meta) != key_of(nameless, {**meta, "mail_from": "c@d.example"})


async def test_m5_a_mail_sent_twice_is_one_message(door: Door, ports: MemoryPorts) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert (await sender.mail()).startswith("250")
        assert (await sender.mail(b"Received: from another\r\n" + MAIL)).startswith("250")

    assert len(ports.arrivals) == 1


async def test_m7_a_line_without_end_is_cut_off(ports: MemoryPorts) -> None:
    async with opened(ports, max_size=100_000) as door, client(door) as sender:
        await sender.reply()
        await sender.begin()
        await sender.say("DATA")
        try:
            for _ in range(64):
                sender.writer.write(b"x" * 65_536)
                await sender.writer.drain()
        except ConnectionError:
            pass
        assert await sender.reply() == "552 5.3.4 Message too big"
        assert await sender.gone()
    assert ports.arrivals == []


async def test_m7_a_line_longer_than_any_program_writes_is_cut_off_long_before_the_limit_of_a_mail(door: Door) -> None:
    assert door._server is not None
    for listener in door._server.sockets:  # a machine may let a buffer grow to 32 MB, which the sender could fill
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    async with client(door) as sender:
        await sender.reply()
        await sender.begin()
        await sender.say("DATA")
        sender.writer.write(b"Subject: x\r\n\r\n")
        sent = 0
        with suppress(ConnectionError):
            while sent < 20 * 1024 * 1024:
                sender.writer.write(b"x" * 65_536)
                await sender.writer.drain()
                sent += 65_536
        assert await sender.gone()
        assert sent < 16 * 1024 * 1024, "what lies in the buffers of both ends included"


async def test_x15_all_connections_together_hold_only_so_much(ports: MemoryPorts) -> None:
    async with opened(ports, max_size=200_000) as door, client(door) as first, client(door) as second:
        door.receiving_limit = 200_000
        for sender in (first, second):
            await sender.reply()
            await sender.begin()
            await sender.say("DATA")
            sender.writer.write(MAIL + b"0123456789\r\n" * 10_000)
            await asyncio.sleep(0.2)
        assert await second.reply() == "452 4.3.1 Too much mail at once, try again later"
        assert await first.say(b".") == "250 2.0.0 OK"
        assert door.receiving == 0
    assert len(ports.arrivals) == 1


async def test_m7_headers_without_end_are_refused(door: Door, ports: MemoryPorts) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert (await sender.mail(b"X: " + b"y" * 300_000 + b"\r\n")).startswith("552")
    assert ports.arrivals == []


async def test_m8_connections_and_recipients_are_limited(ports: MemoryPorts) -> None:
    async with (
        opened(ports, max_connections_per_host=2, max_recipients=3) as door,
        client(door) as first,
        client(door) as second,
        client(door) as third,
        client(door, "127.0.0.2") as other,
    ):
        assert (await first.reply()).startswith("220")
        assert (await second.reply()).startswith("220")
        assert (await third.reply()).startswith("421")
        assert await third.gone()
        assert (await other.reply()).startswith("220")
        assert (await other.mail()).startswith("250")

        await first.begin()
        assert (await first.say("RCPT TO:<help@shop.example>")).startswith("250")
        assert (await first.say("RCPT TO:<help@shop.example>")).startswith("250")
        assert (await first.say("RCPT TO:<help@shop.example>")).startswith("452 4.5.3")


async def test_m8_one_hundred_noops_are_enough(door: Door) -> None:
    async with client(door) as sender:
        await sender.reply()
        answers = [await sender.say("NOOP") for _ in range(101)]
        assert answers[99].startswith("250")
        assert answers[100].startswith("421")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n", b"\n.\r", b"\r.\r\n"])
async def test_m9_only_crlf_dot_crlf_ends_a_mail(door: Door, ports: MemoryPorts, end: bytes) -> None:
    smuggled = end + b"MAIL FROM:<evil@customer.example>\r\nRCPT TO:<help@shop.example>\r\nDATA\r\nevil\r\n"
    async with client(door) as sender:
        await sender.reply()
        assert (await sender.mail(MAIL + b"tail" + smuggled)).startswith("250")
        assert (await sender.say("NOOP")).startswith("250")

    assert [arrival.raw for arrival in ports.arrivals] == [(MAIL + b"tail" + smuggled).replace(b"\r\n.", b"\r\n")]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(b"..\r\nx\r\n..y\r\n", b".\r\nx\r\n.y\r\n"), (b"", b""), (b"a\r\n", b"a\r\n"), (b"\r\n", b"\r\n")],
)
async def test_dots_are_unstuffed(door: Door, ports: MemoryPorts, sent: bytes, stored: bytes) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert (await sender.mail(sent)).startswith("250")
    assert ports.arrivals[0].raw == stored


async def test_commands_pipelined_behind_the_dot_are_answered(door: Door, ports: MemoryPorts) -> None:
    async with client(door) as sender:
        await sender.reply()
        await sender.begin()
        await sender.say("DATA")
        sender.writer.write(MAIL + b".\r\nNOOP\r\nQUIT\r\n")
        assert (await sender.reply()).startswith("250 2.0.0")
        assert (await sender.reply()).startswith("250")
        assert (await sender.reply()).startswith("221")


@pytest.mark.parametrize(
    "recipient",
    [
        "someone@elsewhere.example",
        "nobody@shop.example",
        "help%elsewhere.example@shop.example",
        "elsewhere.example!help@shop.example",
        '"help"@shop.example',
        "@relay.example:help@shop.example",
        "help@shop.example@elsewhere.example",
        "help@shop.example\x00",
        "help\r@shop.example",
        f"{'h' * 65}@shop.example",
        "help@xn--shp-8na.example",
        "help@shóp.example",
        "help",
        "help@",
        "@shop.example",
        "help @shop.example",
    ],
)
async def test_m12_this_is_no_relay(door: Door, recipient: str) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert (await sender.begin(recipient)).startswith("5")
        assert (await sender.say("DATA")).startswith("503")


@pytest.mark.parametrize("sender", ["root", "li..wei.@customer.example", '"li"@customer.example', "李@客户.example"])
async def test_any_sender_may_write(door: Door, ports: MemoryPorts, sender: str) -> None:
    async with client(door) as connection:
        await connection.reply()
        await connection.say("EHLO customer.example")
        assert (await connection.say(f"MAIL FROM:<{sender}> SMTPUTF8")).startswith("250")
        await connection.say("RCPT TO:<help@shop.example>")
        await connection.say("DATA")
        assert (await connection.say(MAIL + b".")).startswith("250")
    assert ports.arrivals[0].meta["mail_from"] == sender


OURS = ["help@shop.example", "HELP@Shop.Example", "help+token@shop.example", "postmaster", "Postmaster@shop.example"]


@pytest.mark.parametrize("recipient", OURS)
async def test_m12_our_own_addresses_are_welcome(door: Door, recipient: str) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert await sender.begin(recipient) == "250 OK"


async def test_an_unknown_user_is_told_so(door: Door) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert await sender.begin("nobody@shop.example") == "550 5.1.1 No such user here"


async def test_m13_a_size_over_the_limit_is_refused_at_mail_from(ports: MemoryPorts) -> None:
    async with opened(ports, max_size=5000) as door, client(door) as sender:
        await sender.reply()
        assert "SIZE 5000" in await sender.say("EHLO customer.example")
        assert (await sender.say("MAIL FROM:<li@customer.example> SIZE=5001")).startswith("552")
        assert (await sender.say("MAIL FROM:<li@customer.example> SIZE=5000 BODY=8BITMIME")).startswith("250")


@pytest.mark.parametrize(("hops", "code"), [(30, "250"), (31, "554 5.4.6")])
async def test_l5_a_mail_that_went_in_circles_is_refused(door: Door, hops: int, code: str) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert (await sender.mail(b"Received: from a by b\r\n" * hops + MAIL)).startswith(code)


async def test_nobody_logs_in_here(door: Door) -> None:
    async with client(door) as sender:
        await sender.reply()
        assert "AUTH" not in await sender.say("EHLO customer.example")
        assert (await sender.say("AUTH PLAIN AGEAYg==")).startswith("500")
        assert (await sender.say("NOOP")).startswith("250")


async def test_a_null_sender_may_write(door: Door, ports: MemoryPorts) -> None:
    async with client(door) as sender:
        await sender.reply()
        await sender.say("EHLO x.example")
        assert (await sender.say("MAIL FROM:<>")).startswith("250")
        await sender.say("RCPT TO:<help@shop.example>")
        await sender.say("DATA")
        assert (await sender.say(MAIL + b".")).startswith("250")
    assert ports.arrivals[0].meta["mail_from"] == ""


async def test_a_broken_connection_in_the_middle_of_a_mail_stores_nothing(door: Door, ports: MemoryPorts) -> None:
    async with client(door) as sender:
        await sender.reply()
        await sender.begin()
        await sender.say("DATA")
        sender.writer.write(MAIL)
        await sender.writer.drain()
    await asyncio.sleep(0.05)
    assert ports.arrivals == []
    assert not door.sessions


async def test_m10_starttls_drops_what_was_sent_before_it(ports: MemoryPorts, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.example")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.private_key_pem.write_to_path(str(key))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(cert), append=True)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with opened(ports, tls_cert=str(cert), tls_key=str(key), require_tls=True) as door, client(door) as sender:
        await sender.reply()
        assert "STARTTLS" in await sender.say("EHLO customer.example")
        assert (await sender.say("MAIL FROM:<li@customer.example>")).startswith("530")
        assert (await sender.say("STARTTLS\r\nMAIL FROM:<evil@customer.example>")).startswith("220")
        await sender.writer.start_tls(trust, server_hostname="shop.example")
        assert (await sender.mail()).startswith("250")
    assert ports.arrivals[0].meta["mail_from"] == "li@customer.example"


async def test_closing_says_421_and_lets_a_mail_in_the_middle_finish(tmp_path: Path) -> None:
    ports = SlowPorts(tmp_path)
    async with opened(ports) as door, client(door) as idle, client(door) as busy:
        await idle.reply()
        await busy.reply()
        answer = asyncio.ensure_future(busy.mail())
        await ports.asked.wait()
        closing = asyncio.ensure_future(door.close(5))
        assert (await idle.reply()).startswith("421 4.3.2")
        assert await idle.gone()

        ports.go.set()

        assert (await answer).startswith("250")
        await closing
        assert len(ports.arrivals) == 1


async def test_a_certificate_that_is_not_there_is_named(ports: MemoryPorts) -> None:
    door = {"listen": "127.0.0.1:0", "tls_cert": "/no/cert.pem", "tls_key": "/no/key.pem"}
    shop = {"id": "mail", "type": "email", "address": "help@shop.example", "smtp_listen": door}
    connector = EmailConnector(EmailSettings.model_validate(shop), ports, clock, b"0123456789abcdef")
    with pytest.raises(OSError, match="No such file") as raised:
        await connector.open()
    assert raised.value.filename == "smtp_listen of channel mail: tls_cert /no/cert.pem with its key"


async def test_the_connector_opens_its_door_and_closes_it(ports: MemoryPorts) -> None:
    settings = EmailSettings.model_validate(
        {
            "id": "mail",
            "type": "email",
            "address": "help@shop.example",
            "smtp_listen": {"listen": "127.0.0.1:0", "domains": ["shop.example", "shop.test"]},
        }
    )
    connector = EmailConnector(settings, ports, clock, b"0123456789abcdef")
    await connector.open()
    assert connector.door is not None
    running = asyncio.ensure_future(connector.run())
    customer = MailStandIn(clock, door=("127.0.0.1", connector.door.port))
    await customer.send("li@customer.example", "Hello", subject="Question")
    await customer.send("li@customer.example", "Hello", subject="Question", to="help@shop.test")

    assert len(await ports.until(2)) == 2

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection("127.0.0.1", customer.door[1] if customer.door else 0)
