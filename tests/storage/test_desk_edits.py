"""Edits of posts in desk threads: which version counts, and that no note is ever told (X11, S9, S10, INV8)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from router.decision import Decision, Snapshot
from router.model import DeliveryState, Inbound, InboundKind
from router.richtext import RichText, of_text, plain
from router.routing import decide
from router.rulebook import ReplyMode, Rulebook
from router.verbs import spoken
from storage import intake, outbox, settling
from storage.codec import outgoing_of
from storage.database import Database, Transaction
from storage.intake import Submission
from storage.outbox import Settlement
from storage.settling import Ending
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question

LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")
TOLD = Statement(
    "SELECT body FROM outbox WHERE lane = 'tg:42' AND state IN ('ready', 'sent') ORDER BY created_at, seq, part"
)
MINUTE = 60_000_000
SENT = Ending(Settlement(DeliveryState.SENT, remote_ids=("42:9",)))


class Thread:
    """The thread of a customer who writes on Telegram."""

    def __init__(self, database_url: str) -> None:
        self.database = Database(database_url, clock=lambda: self._now)
        self.rules = RULES
        self._now = datetime(2026, 3, 10, 10, tzinfo=UTC)

    async def take(self, *inbounds: Inbound) -> None:
        def decided(snapshot: Snapshot, inbound: Inbound) -> Decision:
            return decide(snapshot, inbound, self.rules)

        for each in inbounds:
            submission = Submission(each.channel, [arrival(each)])
            await self.database.transact(intake.receive, [submission], decided, self.rules)

    async def leave(self) -> None:
        """The undo time is over, and what waits leaves."""
        self._now += timedelta(seconds=5)
        await self.database.transact(self._leave)

    def _leave(self, tx: Transaction) -> None:
        while heads := outbox.due(tx, "tg", 10)[0]:
            for claim in outbox.claim(tx, heads, "a", MINUTE):
                settling.settle(tx, claim, SENT, self.rules)

    async def told(self) -> list[str]:
        """What the customer was told or will be."""
        return [plain(outgoing_of(body).text) for (body,) in await self.database.read(lambda tx: tx.all(TOLD, {}))]


@pytest.fixture
async def thread(database_url: str) -> AsyncIterator[Thread]:
    opened = Thread(database_url)
    await opened.take(question())
    await opened.database.transact(lambda tx: tx.run(LINK, {}))
    yield opened
    opened.database.close()


@pytest.fixture
def quiet(thread: Thread) -> Thread:
    """On a route where plain posts are notes."""
    thread.rules = quiet_rules()
    return thread


def quiet_rules() -> Rulebook:
    return replace(RULES, routes=tuple(replace(each, reply_mode=ReplyMode.NOTE) for each in RULES.routes))


def edited(post: Inbound, text: RichText, version: int, replaced: RichText | None = None) -> Inbound:
    return replace(
        post,
        kind=InboundKind.EDIT,
        remote_id=f"{post.remote_id}:{version}",
        target=post.remote_id,
        text=text,
        order=post.order + version,
        replaced=replaced,
    )


async def test_x11_an_earlier_version_that_comes_late_changes_nothing(thread: Thread) -> None:
    post = answer("one", "C1:1.1")
    await thread.take(post, edited(post, of_text("three"), 3), edited(post, of_text("two"), 2))
    assert await thread.told() == ["three"]
    await thread.leave()
    await thread.take(edited(post, of_text("five"), 5), edited(post, of_text("four"), 4))
    assert await thread.told() == ["three", "five"]


async def test_inv8_what_replaces_a_note_is_not_told_although_it_comes_before_the_note(thread: Thread) -> None:
    post, note = answer("one", "C1:1.1"), of_text("// secret")
    await thread.take(post, edited(post, of_text("secret"), 2, note), edited(post, note, 1, post.text))
    await thread.leave()
    assert await thread.told() == []


async def test_inv8_a_reply_that_left_and_became_a_note_tells_nothing_more(thread: Thread) -> None:
    post, note = answer("one", "C1:1.1"), of_text("// secret")
    await thread.take(post)
    await thread.leave()
    await thread.take(edited(post, note, 1), edited(post, of_text("secret"), 2), edited(post, of_text("secrets"), 3))
    await thread.leave()
    assert await thread.told() == ["one"]


async def test_s9_where_notes_are_the_default_an_edit_is_told_only_when_it_asks_for_it(quiet: Thread) -> None:
    post = replace(answer("", "C1:1.1"), text=spoken("reply one"))
    await quiet.take(post)
    await quiet.leave()
    await quiet.take(edited(post, spoken("reply two"), 1))
    await quiet.leave()
    await quiet.take(edited(post, of_text("for us alone"), 2))
    assert await quiet.told() == ["one", "two"]
