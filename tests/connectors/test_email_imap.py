"""Mail in by IMAP: the cursor, dead connections, poison, limits, logins (I1-I3, I5-I8, I10, I11)."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors.base import Arrival, Cursor, Lease, LeaseLost, NotStored, Receipt
from connectors.email.imap import Inbox
from connectors.email.parse import inbound
from connectors.email.settings import ImapSettings
from gateway.sandbox.mail import MailStandIn
from gateway.sandbox.mail_imap import ImapFault
from router.richtext import plain
from tests.connectors.ports import MemoryPorts

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CUSTOMER = "li.wei@customer.example"
CONTEXT = {
    "channel": "mail",
    "address": "help@shop.example",
    "own": "help@shop.example",
    "keys": "00" * 32,
    "authserv_ids": "",
}


def clock() -> datetime:
    return NOW


@pytest.fixture
async def provider() -> AsyncIterator[MailStandIn]:
    stand_in = MailStandIn(clock)
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
def ports(tmp_path: Path) -> MemoryPorts:
    return MemoryPorts(tmp_path)


def settings(provider: MailStandIn, **changes: object) -> ImapSettings:
    return ImapSettings.model_validate(
        {
            "host": provider.host,
            "port": provider.imap_port,
            "tls": False,
            "user": provider.user,
            "password": provider.password,
            **changes,
        }
    )


@asynccontextmanager
async def reading(provider: MailStandIn, ports: MemoryPorts, **changes: object) -> AsyncIterator[Inbox]:
    inbox = Inbox(settings(provider, **changes), "mail", ports, clock, (0.01, 0.02), (0.01,))
    running = asyncio.ensure_future(inbox.run())
    try:
        yield inbox
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def idle(provider: MailStandIn) -> None:
    """Until the reader has nothing to do."""
    async with asyncio.timeout(30):
        while not any(session.idling for session in provider.imap.sessions):
            await asyncio.sleep(0.005)


def texts(arrivals: Iterable[Arrival]) -> list[str]:
    return [plain(inbound(arrival.raw, arrival.meta, CONTEXT).inbound.text) for arrival in arrivals]


async def test_old_and_new_mail_is_read_once(provider: MailStandIn, ports: MemoryPorts) -> None:
    await provider.send(CUSTOMER, "first")
    async with reading(provider, ports):
        await ports.until(1)
        await idle(provider)
        await provider.send(CUSTOMER, "second")
        assert texts(await ports.until(2)) == ["first", "second"]

    assert ports.arrivals[0].meta["internaldate"] == NOW.isoformat()
    assert ports.cursors == {"imap:INBOX": "1 2"}
    provider.imap.commands.clear()
    async with reading(provider, ports):
        await idle(provider)
    assert "UID FETCH" not in provider.imap.commands
    assert len(ports.arrivals) == 2


async def test_i1_a_lost_commit_is_fetched_again(provider: MailStandIn, ports: MemoryPorts) -> None:
    await provider.send(CUSTOMER, "first")
    ports.refuse = NotStored("no database", retry_after=0.02)
    async with reading(provider, ports) as inbox:
        await asyncio.sleep(0.1)
        assert ports.cursors == {}
        assert "cannot be stored" in (inbox.trouble.reason or "")
        ports.refuse = None
        await ports.until(1)
        await idle(provider)
        assert inbox.trouble.reason is None
    assert ports.cursors == {"imap:INBOX": "1 1"}


async def test_i2_seen_is_neither_used_nor_set(provider: MailStandIn, ports: MemoryPorts) -> None:
    await provider.send(CUSTOMER, "read by somebody already")
    provider.inbox.mails[0].flags.add("\\Seen")
    await provider.send(CUSTOMER, "unread")
    async with reading(provider, ports):
        await ports.until(2)
    assert provider.inbox.mails[1].flags == set()


async def test_i6_a_mail_that_comes_as_idle_begins_does_not_wait_for_its_end(
    provider: MailStandIn, ports: MemoryPorts
) -> None:
    provider.imap.just_now.append((b"From: a@b.example\r\n\r\njust now\r\n", NOW))
    async with reading(provider, ports):
        assert texts(await ports.until(1)) == ["just now"]


async def test_i3_another_uidvalidity_imports_only_what_is_new(provider: MailStandIn, ports: MemoryPorts) -> None:
    for number in range(60):
        await provider.send(CUSTOMER, f"mail {number}")
    async with reading(provider, ports):
        await ports.until(60)
        await idle(provider)
    provider.inbox.renumber()
    for number in range(3):
        await provider.send(CUSTOMER, f"new {number}")
    async with reading(provider, ports):
        await ports.until(63)
        await idle(provider)
    assert len(ports.arrivals) == 63
    assert ports.cursors == {"imap:INBOX": f"2 {provider.inbox.uid_next - 1}"}


async def test_i4_one_new_mail_in_a_large_box_is_cheap(provider: MailStandIn, ports: MemoryPorts) -> None:
    for _ in range(10_000):
        provider.inbox.add(b"From: a@b.example\r\n\r\nold\r\n", NOW)
    ports.cursors["imap:INBOX"] = "1 10000"
    async with reading(provider, ports):
        await idle(provider)
        await provider.send(CUSTOMER, "new")
        assert texts(await ports.until(1)) == ["new"]
    assert provider.imap.bytes_sent < 50_000


async def test_i5_poison_is_quarantined_and_the_next_mail_read(provider: MailStandIn, ports: MemoryPorts) -> None:
    await provider.send(CUSTOMER, "before")
    await provider.send(CUSTOMER, "poison")
    await provider.send(CUSTOMER, "after")
    provider.imap.poison.add(2)
    async with reading(provider, ports):
        await ports.until(3)
    good, bad, last = ports.arrivals
    assert texts([good, last]) == ["before", "after"]
    assert "mail 2 of INBOX could not be fetched" in (bad.problem or "")
    assert provider.imap.fetched[2] == 3


@pytest.mark.parametrize("fault", [ImapFault(eof=True), ImapFault(bye=True)])
@pytest.mark.parametrize("stage", ["greeting", "login", "select", "search", "fetch", "idle"])
async def test_i6_a_dead_connection_is_made_anew(
    provider: MailStandIn, ports: MemoryPorts, stage: str, fault: ImapFault
) -> None:
    provider.imap.fail(stage, fault)
    await provider.send(CUSTOMER, "hello")
    async with reading(provider, ports):
        await ports.until(1)
        await idle(provider)
        await provider.send(CUSTOMER, "still there?")
        assert texts(await ports.until(2)) == ["hello", "still there?"]


async def test_i6_a_server_that_is_away_is_named_once_and_so_is_its_return(
    provider: MailStandIn, ports: MemoryPorts
) -> None:
    provider.imap.fail("greeting", *[ImapFault(eof=True)] * 3)
    with capture_logs() as logged:
        async with reading(provider, ports) as inbox:
            await idle(provider)
            assert inbox.trouble.reason is None
    assert [each["event"] for each in logged] == ["imap.trouble", "imap.recovered"]
    assert logged[0]["reason"].startswith(f"no connection to {provider.host}:{provider.imap_port}: ")
    assert logged[0]["reason"].endswith("; check host, port and tls, and the network")


@pytest.mark.parametrize("farewell", [b"", b"* BYE idle for too long"])
async def test_i6_an_end_during_idle_is_noticed_at_once(
    provider: MailStandIn, ports: MemoryPorts, farewell: bytes
) -> None:
    async with reading(provider, ports):
        await idle(provider)
        started = time.process_time()
        provider.imap.cut(farewell)
        await asyncio.sleep(0.3)
        await idle(provider)
        assert time.process_time() - started < 0.25
        await provider.send(CUSTOMER, "hello")
        await ports.until(1)


async def test_i6_a_silent_server_is_polled_all_the_same(provider: MailStandIn, ports: MemoryPorts) -> None:
    async with reading(provider, ports, poll=1):
        await idle(provider)
        provider.imap.mute = True
        await provider.send(CUSTOMER, "nobody told me")
        await ports.until(1)


async def test_i7_a_hanging_server_holds_nothing_up(provider: MailStandIn, ports: MemoryPorts) -> None:
    provider.imap.fail("search", ImapFault(hang=True))
    started = time.monotonic()
    async with reading(provider, ports):
        while "UID SEARCH" not in provider.imap.commands:
            await asyncio.sleep(0.01)
    assert time.monotonic() - started < 15, "the server hangs for ever, and our timeout is longer"


async def test_i7_stopping_in_the_middle_of_idle_takes_no_time(provider: MailStandIn, ports: MemoryPorts) -> None:
    async with reading(provider, ports):
        await idle(provider)
        started = time.monotonic()
    assert time.monotonic() - started < 15, "an IDLE lasts minutes"


async def test_i8_a_refused_login_is_not_repeated_for_ever(provider: MailStandIn, ports: MemoryPorts) -> None:
    inbox = Inbox(settings(provider, password="wrong"), "mail", ports, clock, (0.01,), (0.01,))

    async with asyncio.timeout(30):
        await inbox.run()

    assert provider.imap.logins == 5
    assert "check the password and restart" in (inbox.trouble.reason or "")


async def test_i8_a_temporary_refusal_is(provider: MailStandIn, ports: MemoryPorts) -> None:
    provider.imap.fail("login", *[ImapFault(no="[UNAVAILABLE] try again later")] * 7)
    await provider.send(CUSTOMER, "hello")
    async with reading(provider, ports):
        await ports.until(1)


async def test_i10_of_a_huge_mail_only_the_headers_are_fetched(provider: MailStandIn, ports: MemoryPorts) -> None:
    await provider.send(CUSTOMER, "look", subject="Video", attachments=[("v.mp4", "video/mp4", bytes(3_000_000))])
    await provider.send(CUSTOMER, "small")
    async with reading(provider, ports, max_size=1_000_000):
        arrivals = await ports.until(2)
    parsed = inbound(arrivals[0].raw, arrivals[0].meta, CONTEXT).inbound
    assert parsed.subject == "Video"
    assert plain(parsed.text) == "[mail of 4 MB, too large to fetch: open it in the mailbox]"
    assert provider.imap.bytes_sent < 20_000


async def test_mail_from_before_a_day_is_left_alone(provider: MailStandIn, ports: MemoryPorts) -> None:
    provider.inbox.add(b"From: a@b.example\r\n\r\nold\r\n", datetime(2025, 1, 1, tzinfo=UTC))
    await provider.send(CUSTOMER, "new")
    async with reading(provider, ports, since=date(2026, 1, 1)):
        await ports.until(1)
        await idle(provider)
    assert texts(ports.arrivals) == ["new"]


async def test_i11_two_readers_of_one_mailbox_make_no_duplicates(provider: MailStandIn, ports: MemoryPorts) -> None:
    for number in range(5):
        await provider.send(CUSTOMER, f"mail {number}")
    async with reading(provider, ports), reading(provider, ports):
        await ports.until(5)
        await asyncio.sleep(0.1)
    assert len(ports.arrivals) == 5


class FencedPorts(MemoryPorts):
    """Remembers the fences its cursors came with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fences: list[int] = []

    async def intake(self, arrivals, cursor: Cursor | None = None) -> list[Receipt]:  # type: ignore[no-untyped-def]
        self.fences.append(cursor.lease.fence if cursor and cursor.lease else 0)
        return await super().intake(arrivals, cursor)


async def test_i11_every_cursor_carries_the_fence_of_the_lease(provider: MailStandIn, tmp_path: Path) -> None:
    ports = FencedPorts(tmp_path)
    await provider.send(CUSTOMER, "hello")
    async with reading(provider, ports):
        await ports.until(1)
    assert ports.fences == [1]


async def test_i11_what_is_wrong_is_told_by_the_node_that_reads(provider: MailStandIn, tmp_path: Path) -> None:
    class Lost(MemoryPorts):
        times = 0

        @asynccontextmanager
        async def lease(self, name: str) -> AsyncIterator[Lease]:
            self.times += 1
            if self.times > 1:
                await asyncio.Event().wait()
            yield Lease(name, 1)
            raise AssertionError("cancelled, or the lease is lost")

        async def cursor(self, name: str) -> str | None:
            raise LeaseLost("another node took over")

    provider.imap.fail("greeting", ImapFault(eof=True))
    ports = Lost(tmp_path)
    async with reading(provider, ports) as inbox:
        async with asyncio.timeout(30):
            while ports.times < 2:
                await asyncio.sleep(0.005)
        assert inbox.trouble.reason is None


async def test_the_probe_says_what_is_wrong(provider: MailStandIn, ports: MemoryPorts) -> None:
    good = Inbox(settings(provider), "mail", ports, clock)
    wrong = Inbox(settings(provider, password="wrong"), "mail", ports, clock)

    assert await good.probe() is None
    assert "check the password" in (await wrong.probe() or "")
    await provider.stop()
    assert "no connection" in (await good.probe() or "")
