"""Files that are fetched before a reply leaves: each is kept as it arrives, with the words as they are then."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from connectors.base import Connector
from gateway.fetching import Fetching
from router.model import Attachment, Capabilities, Inbound, Outgoing
from router.richtext import of_text, plain
from storage import outbox
from storage.blobs import BlobStore
from storage.codec import outgoing_of
from storage.database import Transaction
from storage.outbox import Claim
from storage.statement import Statement
from tests.storage.inbounds import answer, question
from tests.storage.test_desk_edits import LINK, MINUTE, Thread, edited

HEAD = Statement("SELECT body, unfetched FROM outbox WHERE lane = 'tg:42'")
PAUSE = timedelta(seconds=30)
MEGABYTE = 1024 * 1024
FILES = Statement("SELECT name, sha256 IS NOT NULL, problem FROM attachments ORDER BY position")

Meanwhile = Callable[[str], Awaitable[None]]


class Provider:
    """Gives files, and something happens meanwhile."""

    capabilities = Capabilities(file_limit=MEGABYTE)

    def __init__(self, meanwhile: Meanwhile) -> None:
        self._meanwhile = meanwhile
        self.given: list[str] = []

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        self.given.append(attachment.name)
        await self._meanwhile(attachment.name)
        yield attachment.name.encode()
        if attachment.name == "film":
            yield bytes(MEGABYTE)


class Bench:
    """A reply with files, and nodes that fetch them."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.thread = Thread(database_url)
        self._blobs = BlobStore(folder)

    async def reply(self, *names: str) -> Inbound:
        await self.thread.take(question())
        await self.thread.database.transact(lambda tx: tx.run(LINK, {}))
        files = tuple(Attachment(name=each, remote=f"F-{each}") for each in names)
        post = replace(answer("ten euros", "C1:1.1"), attachments=files)
        await self.thread.take(post)
        self.thread.move(5)
        return post

    async def claim(self, owner: str) -> Claim:
        (claimed,) = await self.thread.database.transact(_claim, owner)
        return claimed

    async def fetch(self, claim: Claim, meanwhile: Meanwhile, pause: timedelta | None = PAUSE) -> list[str]:
        provider = Provider(meanwhile)
        found = cast(Connector, provider)
        await Fetching(self.thread.database, self._blobs, {"desk": found, "tg": found}).fetch(claim, pause)
        return provider.given

    async def head(self) -> tuple[Outgoing, bool]:
        ((body, unfetched),) = await self.thread.database.read(lambda tx: tx.all(HEAD, {}))
        return outgoing_of(body), bool(unfetched)


def _claim(tx: Transaction, owner: str) -> list[Claim]:
    return outbox.claim(tx, outbox.due(tx, "tg", 10)[0], owner, MINUTE)


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    opened = Bench(database_url, tmp_path / "files")
    yield opened
    opened.thread.database.close()


async def test_x11_an_edit_while_files_are_fetched_is_what_leaves(bench: Bench) -> None:
    post = await bench.reply("bill", "film")

    async def edit(name: str) -> None:
        if name == "bill":
            await bench.thread.take(edited(post, of_text("twelve euros"), 1))

    await bench.fetch(await bench.claim("a"), edit)
    outgoing, unfetched = await bench.head()
    assert plain(outgoing.text) == "twelve euros\n\n[file film, larger than 1 MB]"
    assert [(each.name, each.elsewhere) for each in outgoing.attachments] == [("bill", False)]
    assert not unfetched
    files = await bench.thread.database.read(lambda tx: tx.all(FILES, {}))
    assert [(name, bool(there), problem) for name, there, problem in files] == [
        ("bill", True, None),
        ("film", False, "larger than 1 MB"),
    ]


async def test_r4_files_that_take_longer_than_a_lease_are_kept_as_they_arrive(bench: Bench) -> None:
    await bench.reply("one", "two")
    claims: list[Claim] = []

    async def slow(name: str) -> None:
        bench.thread.move(40)
        if name == "two":
            claims.append(await bench.claim("b"))

    async def fast(name: str) -> None:
        bench.thread.move(1)

    assert await bench.fetch(await bench.claim("a"), slow) == ["one", "two"]
    assert await bench.fetch(claims[0], fast) == ["two"]
    outgoing, unfetched = await bench.head()
    assert not any(each.elsewhere for each in outgoing.attachments)
    assert not unfetched
    assert not (await bench.claim("c")).unfetched


async def test_r6_files_of_a_lost_lease_do_not_free_the_lane(bench: Bench) -> None:
    await bench.reply("one")
    claims: list[Claim] = []

    async def slow(name: str) -> None:
        bench.thread.move(61)
        claims.append(await bench.claim("b"))

    await bench.fetch(await bench.claim("a"), slow)
    assert claims
    assert await bench.thread.database.transact(_claim, "c") == []


async def test_x9_a_file_that_cannot_be_had_now_is_fetched_again_later_without_the_others(bench: Bench) -> None:
    await bench.reply("one", "two")

    async def down(name: str) -> None:
        if name == "two":
            raise ConnectionError("503")

    async def up(name: str) -> None:
        bench.thread.move(1)

    first = await bench.claim("a")
    assert await bench.fetch(first, down) == ["one", "two"]
    assert await bench.thread.database.transact(_claim, "b") == []
    bench.thread.move(PAUSE.total_seconds())
    second = await bench.claim("b")
    assert (second.retries, second.delivery.attempt) == (first.retries + 1, first.delivery.attempt)
    assert await bench.fetch(second, up) == ["two"]
    outgoing, unfetched = await bench.head()
    assert (plain(outgoing.text), unfetched) == ("ten euros", False)


@pytest.mark.parametrize(("trouble", "pause"), [(FileNotFoundError("gone"), PAUSE), (ConnectionError("503"), None)])
async def test_x9_a_file_that_is_gone_or_was_waited_for_long_enough_is_given_up(
    bench: Bench, trouble: OSError, pause: timedelta | None
) -> None:
    await bench.reply("one")

    async def fails(name: str) -> None:
        raise trouble

    await bench.fetch(await bench.claim("a"), fails, pause)
    outgoing, unfetched = await bench.head()
    assert (plain(outgoing.text), unfetched) == ("ten euros\n\n[file one, could not be fetched]", False)
    assert not (await bench.claim("b")).unfetched
