"""The receive loop against the stand-in: T1-T5, T7, T8, T14, N1, X1, X15, and stopping (2.7)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Arrival, Cursor, Lease, LeaseLost, NotStored, Receipt
from gateway.sandbox.telegram_faults import Fault, broken, cut_off, limited
from router.model import InboundKind
from router.richtext import plain
from tests.connectors.ports import MemoryPorts
from tests.connectors.telegram_bench import Desk, desk


def texts(ports: MemoryPorts) -> list[str]:
    return [plain(inbound.text) for inbound in ports.inbound]


def methods(bench: Desk) -> list[str]:
    return [method for method, _ in bench.telegram.calls]


async def test_t1_a_message_is_stored_with_its_cursor_and_only_then_confirmed(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        bench.telegram.say("Mei", "Where is my order?")
        await bench.ports.until(1)

        assert texts(bench.ports) == ["Where is my order?"]
        assert bench.ports.cursors == {"updates": "100002"}
        await bench.telegram.until(lambda: bench.telegram.pending == 0)


async def test_t1_what_was_not_stored_is_asked_for_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        bench.ports.refuse = NotStored("the database is away", retry_after=0.01)
        bench.telegram.say("Mei", "Where is my order?")
        async with bench.receiving():
            await bench.telegram.until(lambda: methods(bench).count("getupdates") >= 3)
            assert bench.telegram.pending == 1
            assert bench.ports.cursors == {}
            bench.ports.refuse = None
            await bench.ports.until(1)

        assert texts(bench.ports) == ["Where is my order?"]


async def test_t1_killed_between_answer_and_commit_the_next_start_gets_it_again(tmp_path: Path) -> None:
    class Stuck(MemoryPorts):
        async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
            got.set()
            await asyncio.Event().wait()
            return []

    got = asyncio.Event()
    async with desk(tmp_path) as bench:
        bench.telegram.say("Mei", "Where is my order?")
        dying = Desk(bench.telegram, Stuck(tmp_path))
        async with dying.receiving():
            await got.wait()
        await dying.connector.close()
        assert bench.telegram.pending == 1

        async with bench.receiving():
            await bench.ports.until(1)


async def test_t1_killed_after_commit_the_redelivery_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        bench.telegram.say("Mei", "one")
        await bench.ports.until(1)
        bench.telegram.repeat(1)
        bench.telegram.say("Mei", "two")
        await bench.ports.until(2)

        assert texts(bench.ports) == ["one", "two"]


async def test_t3_ids_that_start_anew_below_the_cursor_are_all_received(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        bench.telegram.say("Mei", "before the idle week")
        await bench.ports.until(1)
        await bench.telegram.until(lambda: bench.telegram.pending == 0)
        bench.telegram.updates.next_id = 500
        for number in range(5):
            bench.telegram.say("Mei", f"after {number}")
            await bench.ports.until(2 + number)

        assert texts(bench.ports)[1:] == [f"after {number}" for number in range(5)]
        assert bench.ports.cursors == {"updates": "505"}
        await bench.telegram.until(lambda: bench.telegram.pending == 0)


async def test_t4_what_waited_while_we_were_away_is_delivered(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        for number in range(250):
            bench.telegram.say("Mei", f"{number}")
        async with bench.receiving():
            await bench.ports.until(250)

        assert texts(bench.ports) == [f"{number}" for number in range(250)]
        assert not any(parameters.get("drop_pending_updates") for _, parameters in bench.telegram.calls)
        assert all(int(parameters.get("offset", 0)) >= 0 for _, parameters in bench.telegram.calls)


async def test_t5_two_pollers_disturb_each_other_and_lose_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        second = Desk(bench.telegram, bench.ports)
        async with bench.receiving(), second.receiving():
            for number in range(20):
                bench.telegram.say("Mei", f"{number}")
                await bench.ports.until(number + 1)

            assert texts(bench.ports) == [f"{number}" for number in range(20)]
        await second.connector.close()


async def test_t5_a_foreign_webhook_is_left_alone_until_its_owner_removes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk(tmp_path) as bench:
        bench.telegram.updates.webhook = {"url": "https://other.example/bot", "secret": ""}
        async with bench.receiving():
            await bench.telegram.until(lambda: methods(bench).count("getwebhookinfo") >= 3)
            assert "deletewebhook" not in methods(bench)
            bench.telegram.updates.webhook = {}
            bench.telegram.say("Mei", "hello")
            await bench.ports.until(1)

        assert capsys.readouterr().out.count("https://other.example/bot") == 1, "said once, not at every try"


async def test_t5_our_own_old_webhook_is_deleted_and_its_backlog_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        bench.telegram.updates.webhook = {"url": "https://desk.shop.example/telegram/tg", "secret": ""}
        bench.telegram.say("Mei", "hello")
        async with bench.receiving():
            await bench.ports.until(1)


async def test_t7_one_malformed_update_does_not_take_the_batch(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        bench.telegram.say("Mei", "one")
        bench.telegram.updates.push_raw({"update_id": 100_002, "message": {"message_id": None}})
        bench.telegram.updates.push_raw("not an update")
        bench.telegram.updates.push_raw({"update_id": 100_003, "telepathy": {}})
        bench.telegram.updates.next_id = 100_004
        bench.telegram.say("Mei", "two")
        async with bench.receiving():
            await bench.ports.until(5)
            await bench.telegram.until(lambda: bench.telegram.pending == 0)

        assert texts(bench.ports) == ["one", "two"]
        assert [arrival.problem is not None for arrival in bench.ports.arrivals] == [False, True, True, True, False]


async def test_t7_updates_without_ids_are_kept_and_do_not_make_the_loop_spin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk(tmp_path) as bench:
        bench.telegram.updates.push_raw({"message": "no id"})
        async with bench.receiving():
            [arrival] = await bench.ports.until(1)
            await asyncio.sleep(0.2)

        assert arrival.problem
        assert methods(bench).count("getupdates") < 30
        assert "cannot be confirmed" in capsys.readouterr().out


async def test_t8_the_list_of_types_is_said_at_every_start(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        await bench.telegram.until(lambda: bench.telegram.updates.allowed is not None)

        asked = bench.telegram.updates.allowed
        assert asked == ["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"]


async def test_t14_late_members_of_an_album_are_not_lost(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        for wait in (0.0, 0.05, 0.2):
            await asyncio.sleep(wait)
            bench.telegram.say("Mei", photo=b"\xff\xd8\xff jpeg", media_group_id="7")
        await bench.ports.until(3)

        assert [len(inbound.attachments) for inbound in bench.ports.inbound] == [1, 1, 1]


async def test_x11_edits_buttons_reactions_and_blocks_arrive_as_such(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        await bench.telegram.until(lambda: bench.telegram.updates.allowed is not None)
        number = bench.telegram.say("Mei", "Where is my order?")
        bench.telegram.edit("Mei", number, "Where is my order 7?")
        bench.telegram.react("Mei", number, "👍")
        bench.telegram.press("Mei", number, "yes")
        bench.telegram.block("Mei")
        bench.telegram.unblock("Mei")
        await bench.ports.until(6)
        await bench.telegram.until(lambda: "answercallbackquery" in methods(bench))

        assert [(each.kind, each.target, each.value) for each in bench.ports.inbound] == [
            (InboundKind.MESSAGE, None, ""),
            (InboundKind.EDIT, f"5001:{number}", ""),
            (InboundKind.REACTION, f"5001:{number}", "👍"),
            (InboundKind.BUTTON, f"5001:{number}", "yes"),
            (InboundKind.MEMBERSHIP, None, "kicked"),
            (InboundKind.MEMBERSHIP, None, "member"),
        ]


async def test_n1_a_lost_lease_is_waited_for_again_and_nothing_is_lost(tmp_path: Path) -> None:
    class Fenced(MemoryPorts):
        fence = 0

        @asynccontextmanager
        async def lease(self, name: str) -> AsyncIterator[Lease]:
            self.fence += 1
            yield Lease(name, self.fence)

        async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
            assert cursor is not None
            assert cursor.lease is not None
            if cursor.lease.fence == 1:
                raise LeaseLost("another node took over")
            return await super().intake(arrivals, cursor)

    async with desk(tmp_path) as bench:
        ports = Fenced(tmp_path)
        fenced = Desk(bench.telegram, ports)
        bench.telegram.say("Mei", "hello")
        async with fenced.receiving():
            await ports.until(1)
        await fenced.connector.close()

        assert ports.fence == 2


async def test_x15_a_database_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    class Waking(MemoryPorts):
        asked = 0

        async def cursor(self, name: str) -> str | None:
            self.asked += 1
            if self.asked < 3:
                raise NotStored("the database is away", retry_after=0.01)
            return await super().cursor(name)

    async with desk(tmp_path) as bench:
        ports = Waking(tmp_path)
        ports.cursors["updates"] = "100001"
        waking = Desk(bench.telegram, ports)
        bench.telegram.say("Mei", "hello")
        async with waking.receiving():
            await ports.until(1)
        await waking.connector.close()

        polls = [parameters for method, parameters in bench.telegram.calls if method == "getupdates"]
        assert polls[0]["offset"] == 100001


@pytest.mark.parametrize(
    "fault", [broken(), broken(500), cut_off(), limited(0), Fault(status=401, description="Unauthorized")]
)
async def test_trouble_with_polling_passes_and_is_said_once(
    tmp_path: Path, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk(tmp_path) as bench:
        bench.telegram.fail("getUpdates", fault, fault, fault)
        bench.telegram.say("Mei", "hello")
        async with bench.receiving():
            await bench.ports.until(1)
            await asyncio.sleep(0)
            assert bench.connector.deaf is None

        log = capsys.readouterr().out
        assert log.count("telegram.trouble") == 1
        assert log.count("telegram.recovered") == 1


async def test_a_telegram_that_is_away_is_waited_for(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        port = int(bench.telegram.url.rpartition(":")[2])
        await bench.telegram.stop()
        assert bench.connector.deaf is None, "nothing went wrong yet"
        async with bench.receiving():
            await asyncio.sleep(0.05)
            assert "cannot be reached" in (bench.connector.deaf or "")
            await bench.telegram.start(port=port)
            bench.telegram.say("Mei", "hello")
            await bench.ports.until(1)


async def test_stopping_abandons_the_poll_and_confirms_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        async with bench.receiving():
            await bench.telegram.until(lambda: "getupdates" in methods(bench))
        asked = methods(bench).count("getupdates")
        bench.telegram.say("Mei", "hello")

        assert bench.telegram.pending == 1
        assert methods(bench).count("getupdates") == asked


async def test_x15_a_busy_minute_is_stored_in_batches(tmp_path: Path) -> None:
    class Counting(MemoryPorts):
        transactions = 0

        async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
            self.transactions += 1
            return await super().intake(arrivals, cursor)

    async with desk(tmp_path) as bench:
        ports = Counting(tmp_path)
        busy = Desk(bench.telegram, ports)
        async with busy.receiving():
            for number in range(100):
                bench.telegram.say("Mei", f"{number}")
                await asyncio.sleep(0.002)
            await ports.until(100)
        await busy.connector.close()

        assert ports.transactions <= 50


async def test_what_arrives_is_the_raw_update(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        bench.telegram.say("Mei", "hello", future_field={"a": [1]})
        [arrival] = await bench.ports.until(1)

        raw: Any = arrival.raw
        assert b'"future_field":{"a":[1]}' in raw
