"""What a visitor of the web chat reads who comes back: the words that left, on both databases (W3)."""

from collections.abc import AsyncIterator

import pytest

from router.richtext import of_text, plain
from storage import feeds
from tests.storage.inbounds import answer, question
from tests.storage.test_desk_edits import LINK, Thread, edited
from tests.storage.test_holds import CHECKED, wants

LONG = "Hello, it left this morning. " * 200
"""Leaves in two parts."""


@pytest.fixture
async def visited(database_url: str) -> AsyncIterator[Thread]:
    """The thread of a visitor, where replies are checked."""
    opened = Thread(database_url)
    opened.rules = CHECKED
    await opened.take(question("Hello", channel="web", who="v1"))
    await opened.database.transact(lambda tx: tx.run(LINK, {}))
    yield opened
    opened.database.close()


async def read(thread: Thread) -> list[str]:
    return [plain(item.message.text) for item in await thread.database.read(feeds.history, "web:v1", 0, 100)]


@pytest.mark.parametrize("words", ["Hello, it left this morning.", LONG])
async def test_w3_the_words_of_a_held_edit_are_read_by_no_visitor(visited: Thread, words: str) -> None:
    post = answer(words, "C1:1.1")
    await visited.take(post, wants("send it is long, I know", "U0ALICE"))
    await visited.leave("web")
    before = await read(visited)
    await visited.take(edited(post, of_text("That is your own fault, not my department."), 1))
    assert await read(visited) == before
    assert [each.split() for each in before] == [["Hello"], words.split()]
    await visited.take(wants("discard", "U0ALICE"))
    assert await read(visited) == before


async def test_w3_an_edit_that_left_is_read_instead_of_what_was_told_before(visited: Thread) -> None:
    post = answer("Hello, it left this morning.", "C1:1.1")
    await visited.take(post)
    await visited.leave("web")
    await visited.take(edited(post, of_text("Hello, it leaves tomorrow."), 1))
    await visited.leave("web")
    assert await read(visited) == ["Hello", *["Hello, it leaves tomorrow."] * 2]
