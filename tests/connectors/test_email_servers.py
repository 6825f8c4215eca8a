"""The mail channel against TLS and against a real IMAP server; the whole connector at work (O4, I1, I2, I6)."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import trustme
from imapclient import IMAPClient
from pydantic import SecretStr

from connectors.base import NotSent, Sent
from connectors.email.connector import EmailConnector
from connectors.email.parse import inbound
from connectors.email.settings import EmailSettings
from gateway.sandbox.mail import AUTHSERV_ID, MailStandIn
from router.model import Delivery, DeliveryKind, Outgoing
from router.richtext import of_text, plain
from tests.connectors.ports import MemoryPorts
from tests.ports import free_port

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CUSTOMER = "li.wei@customer.example"
SECRET = b"0123456789abcdef"


def clock() -> datetime:
    return NOW


def delivery() -> Delivery:
    return Delivery(
        id=UUID(int=1),
        channel="mail",
        kind=DeliveryKind.MESSAGE,
        conversation=UUID(int=2),
        number=7,
        message=None,
        part=1,
        parts=1,
        address=CUSTOMER,
        thread=None,
        outgoing=Outgoing(text=of_text("hello"), author="Alice", subject="Order"),
        attempt=1,
        created_at=NOW,
    )


class Authority:
    """A certificate authority in a folder, and a server's certificate."""

    def __init__(self, folder: Path, host: str) -> None:
        authority = trustme.CA()
        self.file = str(folder / f"{host}.pem")
        authority.cert_pem.write_to_path(self.file)
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(host).configure_cert(self.server)


def settings(provider: MailStandIn, ca_file: str | None, tls: bool | str = True) -> EmailSettings:
    login = {"host": "127.0.0.1", "user": provider.user, "password": provider.password, "ca_file": ca_file}
    return EmailSettings.model_validate(
        {
            "id": "mail",
            "type": "email",
            "address": "help@shop.example",
            "imap": {**login, "port": provider.imap_port, "tls": tls},
            "smtp": {**login, "port": provider.smtp_port, "tls": "starttls" if tls else False},
            "authserv_ids": [AUTHSERV_ID],
        }
    )


@asynccontextmanager
async def running(connector: EmailConnector) -> AsyncIterator[None]:
    task = asyncio.ensure_future(connector.run())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await connector.close()


@asynccontextmanager
async def provided(authority: Authority | None) -> AsyncIterator[MailStandIn]:
    provider = MailStandIn(clock)
    context = authority.server if authority else None
    await provider.start(starttls=context, imap_tls=context)
    try:
        yield provider
    finally:
        await provider.stop()


async def test_mail_goes_round_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "127.0.0.1")
    ports = MemoryPorts(tmp_path)
    async with provided(authority) as provider:
        connector = EmailConnector(settings(provider, authority.file), ports, clock, SECRET)
        async with running(connector):
            await provider.send(CUSTOMER, "Where is it?", subject="Order")
            (question,) = await ports.until(1)
            assert isinstance(await connector.deliver(delivery()), Sent)
            await provider.reply(CUSTOMER, "Thanks")
            answer = (await ports.until(2))[1]
            assert await connector.probe() is None

    assert plain(inbound(question.raw, question.meta, connector.parser_context).inbound.text) == "Where is it?"
    item = inbound(answer.raw, answer.meta, connector.parser_context).inbound
    assert plain(item.text) == "Thanks"
    assert (item.thread.conversation, item.thread.participant) == (UUID(int=2), CUSTOMER)
    assert item.sender.verification == 1


async def test_b1_a_mailbox_that_cannot_be_read_keeps_no_reply_from_leaving(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "127.0.0.1")
    async with provided(authority) as provider:
        given = settings(provider, authority.file)
        assert given.imap is not None
        locked = given.model_copy(update={"imap": given.imap.model_copy(update={"password": SecretStr("wrong")})})
        connector = EmailConnector(locked, MemoryPorts(tmp_path), clock, SECRET)
        assert await connector.probe() is not None
        assert await connector.probe_out() is None
        await connector.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.example"])
async def test_o4_a_certificate_nobody_vouches_for_is_temporary_trouble(tmp_path: Path, host: str) -> None:
    authority = Authority(tmp_path, host)
    trusted = authority.file if host != "127.0.0.1" else None
    async with provided(authority) as provider:
        connector = EmailConnector(settings(provider, trusted), MemoryPorts(tmp_path), clock, SECRET)

        outcome = await connector.deliver(delivery())

        assert isinstance(outcome, NotSent)
        assert "certificate" in outcome.reason.lower()
        assert provider.accepted == []
        assert "certificate" in (await connector.probe() or "").lower()
        await connector.close()


async def test_o4_a_relay_without_starttls_gets_nothing(tmp_path: Path) -> None:
    async with provided(None) as provider:
        connector = EmailConnector(settings(provider, None), MemoryPorts(tmp_path), clock, SECRET)

        assert isinstance(await connector.deliver(delivery()), NotSent)
        assert provider.accepted == []
        await connector.close()


@asynccontextmanager
async def pymap() -> AsyncIterator[int]:
    """A real IMAP server with four mails of its own in INBOX."""
    port = free_port()
    program = Path(sys.executable).with_name("pymap")
    process = await asyncio.create_subprocess_exec(
        *(str(program), "--host", "127.0.0.1", "--port", str(port), "--no-tls"),
        *("dict", "--demo-data", "--demo-user", "help", "--demo-password", "secret"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    await writer.wait_closed()
                    break
        yield port
    finally:
        process.kill()
        await process.wait()


def append(port: int, raw: bytes) -> None:
    client = IMAPClient("127.0.0.1", port, ssl=False)
    client.login("help", "secret")
    client.append("INBOX", raw)
    client.logout()


def unseen(port: int) -> list[int]:
    client = IMAPClient("127.0.0.1", port, ssl=False)
    client.login("help", "secret")
    client.select_folder("INBOX", readonly=True)
    found: list[int] = client.search("UNSEEN")
    client.logout()
    return found


async def test_a_real_imap_server_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    ports = MemoryPorts(tmp_path)
    async with pymap() as port:
        before = await asyncio.to_thread(unseen, port)
        connector = EmailConnector(
            EmailSettings.model_validate(
                {
                    "id": "mail",
                    "type": "email",
                    "address": "help@shop.example",
                    "imap": {"host": "127.0.0.1", "port": port, "tls": False, "user": "help", "password": "secret"},
                }
            ),
            ports,
            clock,
            SECRET,
        )
        async with running(connector):
            await ports.until(4)
            raw = b"From: li@customer.example\r\nMessage-ID: <1@customer.example>\r\n\r\nHello\r\n"
            await asyncio.to_thread(append, port, raw)
            arrivals = await ports.until(5)
        assert arrivals[4].raw == raw
        assert set(before) <= set(await asyncio.to_thread(unseen, port))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "can neither receive nor send"),
        ({"smtp_listen": {"listen": "2525"}}, "listen is host:port"),
        ({"smtp_listen": {"listen": "0.0.0.0:2525", "tls_cert": "c.pem"}}, "tls_cert and tls_key go together"),
        ({"smtp_listen": {"listen": "0.0.0.0:2525", "require_tls": True}}, "require_tls needs"),
        ({"smtp": {"host": "x"}, "address": "help"}, "not a mail address"),
        ({"smtp": {"host": "x", "prot": 1}}, "prot"),
        ({"smtp": {"host": "x"}, "aliases": ["sales"]}, "not a mail address"),
    ],
)
def test_a_wrong_configuration_is_explained(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EmailSettings.model_validate({"id": "mail", "type": "email", "address": "help@shop.example", **changes})


def test_the_example_of_the_contract_is_valid_and_hides_its_secrets() -> None:
    example = EmailSettings.model_validate(
        {
            "id": "mail",
            "type": "email",
            "address": "help@shop.example",
            "imap": {
                "host": "imap.shop.example",
                "port": 993,
                "tls": True,
                "user": "help",
                "password": "hunter2",
                "folder": "INBOX",
            },
            "smtp_listen": {"listen": "0.0.0.0:2525", "domains": ["shop.example", "shop.test"]},
            "smtp": {
                "host": "smtp.shop.example",
                "port": 587,
                "tls": "starttls",
                "user": "help",
                "password": "hunter2",
            },
        }
    )

    assert example.own == {"help@shop.example", "help@shop.test"}
    assert example.hold.total_seconds() == 10
    assert "hunter2" not in repr(example) + example.model_dump_json()
