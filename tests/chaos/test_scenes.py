"""Single scenes of one or two nodes: work that outlives its lease, answers that come early, and each safety left out.

They mostly wait (Slack is looked through twice, 10 s apart), so they are played at the same time, each in a world of
its own; the tests look at how they ended. A second owner of a lane exists only on PostgreSQL: a SQLite file has one
process (DB3), and a node does not take a lane from itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT

import pytest
import pytest_asyncio

from storage.schema import migrate
from tests.chaos.checker import Violation
from tests.chaos.outside import Outside, outside
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a scene ended. `pending`: what had not arrived; `seconds`: how long the customer waited, where that
    matters."""

    violations: list[Violation]
    pending: set[str]
    log: str
    seconds: float = 0.0

    @property
    def rules(self) -> set[str]:
        return {each.rule for each in self.violations}


async def _ended(world: Outside, within: float, seconds: float = 0.0) -> Ended:
    await world.settle(within)
    return Ended(await world.verdict(), world.pending(), world.nodes[0].tail(), seconds)


async def _outlived(folder: Path, database: str) -> Ended:
    """A delivery takes longer than its lease."""
    async with outside(folder, database) as world:
        await world.nodes[0].start("before_write:tg/message=stall:5@1")
        await world.nodes[0].ready()
        await world.ask("tg-1")
        thread = await world.thread("tg-1")
        world.agents.write(thread)
        world.agents.write(thread)
        await asyncio.sleep(5.5)
        world.agents.write(thread)
        return await _ended(world, 30)


async def _answered_early(folder: Path, database: str) -> Ended:
    """The node dies between Slack's answer to a root and its own commit; Alice is faster than the look-up."""
    async with outside(folder, database) as world:
        ended = await world.nodes[0].start("before_settle:desk/root=kill@1")
        await world.nodes[0].ready()
        await world.ask("tg-1")
        assert await ended == -9
        world.agents.write(await world.thread("tg-1"))
        await world.ledger.let_leases_end()
        await world.nodes[0].start()
        return await _ended(world, 60)


async def _mail_waited(folder: Path, database: str) -> Ended:
    """The node dies with 40 mails stored and not one parsed; more have come when the next one starts."""
    async with outside(folder, database) as world:
        for _ in range(40):
            await world.ask("imap-1")
        ended = await world.nodes[0].start("after_commit_before_ack:mail=kill@1")
        assert await ended == -9
        for _ in range(20):
            await world.ask("imap-1")
        await world.ledger.let_leases_end()
        await world.nodes[0].start()
        return await _ended(world, 60)


async def _taken_over(owner: str, place: str, mutation: str, folder: Path, database: str) -> Ended:
    """One node freezes over a delivery, another takes it over and completes it, the first goes on."""
    async with outside(folder, database, nodes=2) as world:
        first, second = world.nodes
        await first.start(f"{place}=freeze@1,{mutation}")
        await first.ready()
        serial = await world.ask(owner)
        if owner.startswith("web"):
            serial = world.agents.write(await world.thread(owner))
        await world.until(lambda: first.frozen)
        world.front = 1
        for widget in world.widgets:
            await widget.hang_up()
        await second.start(mutation)
        await world.until(lambda: serial in world.history.shown | world.history.delivered, 60)
        await asyncio.sleep(1)
        first.send(SIGCONT)
        await asyncio.sleep(3)
        await world.ask(owner)
        return await _ended(world, 30)


async def _stored_elsewhere(folder: Path, database: str) -> Ended:
    """The node a visitor came to gets stuck over whatever it sends, so that another one stores the answer."""
    async with outside(folder, database, nodes=2) as world:
        socket, worker = world.nodes
        await socket.start("before_write:web/message=stall:60")
        await socket.ready()
        await world.ask("web-1")
        thread = await world.thread("web-1")
        await worker.start()
        await worker.ready()
        began = time.monotonic()
        answer = world.agents.write(thread)
        await world.until(lambda: answer in world.history.delivered)
        return await _ended(world, 20, time.monotonic() - began)


R4 = ("tg-1", "before_write:desk/message")
"""The other node looks twice, 10 s apart, and posts; then the first would."""
R6 = ("web-1", "after_write:web/message")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenes(
    postgres: PostgresServer, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Ended]]:
    """Every scene played to its end, by name."""
    with ExitStack() as databases:

        def folder(name: str) -> Path:
            return tmp_path_factory.mktemp(name)

        def sqlite(name: str) -> tuple[Path, str]:
            place = folder(name)
            (place / "onevoice.db").write_bytes(migrated_sqlite.read_bytes())
            return place, f"sqlite:///{place / 'onevoice.db'}"

        def postgresql(name: str) -> tuple[Path, str]:
            url = databases.enter_context(postgres.database())
            migrate(url)
            return folder(name), url

        played: dict[str, Coroutine[None, None, Ended]] = {
            "outlived": _outlived(*sqlite("outlived")),
            "outlived on PostgreSQL": _outlived(*postgresql("outlived-pg")),
            "answered early": _answered_early(*sqlite("early")),
            "answered early on PostgreSQL": _answered_early(*postgresql("early-pg")),
            "mail waited": _mail_waited(*sqlite("mail")),
            "mail waited on PostgreSQL": _mail_waited(*postgresql("mail-pg")),
            "stored elsewhere": _stored_elsewhere(*postgresql("elsewhere")),
            "R4": _taken_over(*R4, "", *postgresql("r4")),
            "R4 left out": _taken_over(*R4, "lease_before_write=skip", *postgresql("no-r4")),
            "R6": _taken_over(*R6, "", *postgresql("r6")),
            "R6 left out": _taken_over(*R6, "fence=skip", *postgresql("no-r6")),
        }
        yield dict(zip(played, await asyncio.gather(*played.values()), strict=True))


@pytest.mark.parametrize("name", ["outlived", "outlived on PostgreSQL"])
async def test_a_delivery_that_outlives_its_lease_is_not_taken_from_oneself(
    scenes: dict[str, Ended], name: str
) -> None:
    assert scenes[name].violations == []
    assert scenes[name].pending == set()
    assert "job.failed" not in scenes[name].log


@pytest.mark.parametrize("name", ["answered early", "answered early on PostgreSQL"])
async def test_an_answer_under_a_root_that_was_posted_but_not_settled_reaches_the_customer(
    scenes: dict[str, Ended], name: str
) -> None:
    assert scenes[name].violations == []
    assert scenes[name].pending == set()


@pytest.mark.parametrize("name", ["mail waited", "mail waited on PostgreSQL"])
async def test_q5_mail_that_waited_for_its_parser_is_not_overtaken(scenes: dict[str, Ended], name: str) -> None:
    assert scenes[name].violations == []
    assert scenes[name].pending == set()


async def test_pg3_a_visitor_of_one_node_sees_within_seconds_what_the_other_node_stored(
    scenes: dict[str, Ended],
) -> None:
    assert scenes["stored elsewhere"].violations == []
    assert scenes["stored elsewhere"].seconds < 15


async def test_r4_a_sleeper_posts_nothing_after_its_lease(scenes: dict[str, Ended]) -> None:
    assert scenes["R4"].violations == []
    assert scenes["R4"].pending == set()


async def test_r4_left_out_a_sleeper_posts_what_another_node_has_posted(scenes: dict[str, Ended]) -> None:
    assert scenes["R4 left out"].rules == {"INV4"}


async def test_r6_a_sleeper_completes_nothing_after_its_lease(scenes: dict[str, Ended]) -> None:
    assert scenes["R6"].violations == []
    assert scenes["R6"].pending == set()


async def test_r6_left_out_a_sleeper_completes_what_another_node_has_completed(scenes: dict[str, Ended]) -> None:
    assert scenes["R6 left out"].rules == {"INV4"}
