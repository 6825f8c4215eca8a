"""Edits of posts in desk threads: which version counts, and that no note is ever told (X11, S9, S10, INV8)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from router.decision import Decision, Snapshot
from router.model import Attachment, DeliveryState, Inbound, InboundKind
from router.richtext import EMPTY, Mention, Paragraph, RichText, Span, of_text, plain
from router.routing import decide
from router.rulebook import ReplyMode, Rulebook
from router.verbs import spoken
from storage import intake, outbox, settling
from storage.codec import outgoing_of
from storage.database import Database
from storage.intake import Submission
from storage.outbox import Claim, Settlement
from storage.settling import Ending
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question
from tests.storage.test_holds import CHECKED, wants

LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")
TOLD = Statement(
    "SELECT body FROM outbox WHERE lane = 'tg:42' AND state IN ('ready', 'sent') ORDER BY created_at, seq, part"
)
NOTICES = Statement("SELECT body FROM outbox WHERE kind = 'notice' ORDER BY created_at, seq, part")
OUTCOMES = Statement("SELECT outcome FROM rounds")
WITHDRAWN = Statement("SELECT id FROM outbox WHERE channel = 'tg' AND state = 'withdrawn'")
FETCHED = Statement("UPDATE outbox SET unfetched = :no")
SHOWN = Statement("SELECT body FROM outbox WHERE channel = 'desk' AND kind = 'message' ORDER BY created_at, seq, part")
DELETIONS = Statement("SELECT body FROM outbox WHERE channel = 'desk' AND kind = 'delete' ORDER BY seq, part")
MINUTE = 60_000_000
HELD = "That is not my department."
"""What the checks hold."""
SENT = Ending(Settlement(DeliveryState.SENT, remote_ids=("42:9",)))


class Thread:
    """A desk thread with its customer."""

    def __init__(self, database_url: str) -> None:
        self.database = Database(database_url, clock=lambda: self._now)
        self.rules = RULES
        self._now = datetime(2026, 3, 10, 10, tzinfo=UTC)

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    async def take(self, *inbounds: Inbound) -> None:
        def decided(snapshot: Snapshot, inbound: Inbound) -> Decision:
            return decide(snapshot, inbound, self.rules)

        for each in inbounds:
            submission = Submission(each.channel, [arrival(each)])
            await self.database.transact(intake.receive, [submission], decided, self.rules)

    async def leave(self, channel: str = "tg") -> None:
        """The undo time is over, and what waits leaves."""
        while claimed := await self.claim(channel):
            for each in claimed:
                await self.settle(each, SENT)

    async def claim(self, channel: str = "tg") -> list[Claim]:
        """What is due once the undo time is over."""
        self.move(5)
        return await self.database.transact(lambda tx: outbox.claim(tx, outbox.due(tx, channel, 10)[0], "a", MINUTE))

    async def settle(self, claim: Claim, ending: Ending) -> None:
        await self.database.transact(settling.settle, claim, ending, self.rules)

    async def said(self) -> list[str]:
        """The notices in the thread."""
        return [plain(outgoing_of(body).text) for (body,) in await self.database.read(lambda tx: tx.all(NOTICES, {}))]

    async def files(self) -> list[str]:
        """The files the customer was sent or will be."""
        found = await self.database.read(lambda tx: tx.all(TOLD, {}))
        return [each.name for (body,) in found for each in outgoing_of(body).attachments]

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


async def test_s9_an_edit_that_names_onevoice_is_not_told(thread: Thread) -> None:
    posts = [replace(answer(said, "C1:1.1"), remote_id=f"C1:{said}") for said in ("one", "two")]
    await thread.take(posts[0], edited(posts[0], of_text("@onevoice discard this"), 1))
    assert await thread.told() == []
    await thread.take(posts[1])
    await thread.leave()
    stray = RichText((Paragraph((Span("Hey "), Mention("onevoice", "U0BOT"), Span(" why"))),))
    await thread.take(edited(posts[1], stray, 1))
    await thread.leave()
    assert await thread.told() == ["two"]


async def test_s9_where_notes_are_the_default_an_edit_is_told_only_when_it_asks_for_it(quiet: Thread) -> None:
    post = replace(answer("", "C1:1.1"), text=spoken("reply one"))
    await quiet.take(post)
    await quiet.leave()
    await quiet.take(edited(post, spoken("reply two"), 1))
    await quiet.leave()
    await quiet.take(edited(post, of_text("for us alone"), 2))
    assert await quiet.told() == ["one", "two"]


@pytest.fixture
def checked(thread: Thread) -> Thread:
    """With checks."""
    thread.rules = CHECKED
    return thread


def deleted(post: Inbound) -> Inbound:
    gone = replace(post, kind=InboundKind.DELETE, text=EMPTY)
    return replace(gone, remote_id=f"{post.remote_id}:deleted", target=post.remote_id)


async def test_x11_what_was_held_in_the_queue_and_made_a_note_never_left(checked: Thread) -> None:
    post = answer("Hello, it left this morning.", "C1:1.1")
    await checked.take(post, edited(post, of_text(HELD), 1), edited(post, of_text("// secret"), 2))
    assert not any("had left" in each for each in await checked.said())
    assert await checked.told() == []


async def test_x11_what_was_released_by_an_edit_can_be_edited_again_and_made_a_note(checked: Thread) -> None:
    post = answer("Hello, it left this morning.", "C1:1.1")
    again = [edited(post, of_text(text), at) for at, text in enumerate(("Hello, it leaves today.", "Hello, soon."), 2)]
    await checked.take(post, edited(post, of_text(HELD), 1), *again)
    assert await checked.told() == ["Hello, soon."]
    await checked.take(edited(post, of_text("// never"), 5))
    assert await checked.told() == []
    assert not any("had left" in each for each in await checked.said())


async def test_x11_the_edit_of_a_discarded_reply_reaches_nobody_and_says_so(checked: Thread) -> None:
    post = answer("Hello, it left this morning.", "C1:1.1")
    await checked.take(post, edited(post, of_text(HELD), 1))
    await checked.take(replace(wants("discard", "U0ALICE"), thread=post.thread))
    await checked.take(edited(post, of_text("Hello, all is well."), 2))
    assert await checked.told() == []
    assert "It was never sent" in (await checked.said())[-1]


async def test_q3_a_reply_that_has_begun_to_leave_leaves_whole_when_its_edit_is_held(checked: Thread) -> None:
    tg = CHECKED.channels["tg"]
    short = replace(tg, capabilities=replace(tg.capabilities, text_limit=60))
    checked.rules = replace(CHECKED, channels={**CHECKED.channels, "tg": short})
    post = answer("Hello, it left this morning. " * 4, "C1:1.1")
    await checked.take(post)
    (first,) = await checked.claim()
    await checked.settle(first, SENT)
    await checked.take(edited(post, of_text(HELD), 1))
    await checked.leave()
    assert "".join(await checked.told()).count("left this morning") == 4


async def test_d3_what_was_taken_back_is_no_failure_and_is_not_sent_again(thread: Thread) -> None:
    post = answer("one", "C1:1.1")
    await thread.take(post, edited(post, of_text("// oops"), 1))
    (withdrawn,) = await thread.database.read(lambda tx: tx.all(WITHDRAWN, {}))
    assert await thread.database.read(outbox.ended, 10) == []
    assert not await thread.database.transact(outbox.retry, UUID(bytes=bytes(withdrawn[0])))


async def test_s10_the_next_reply_does_not_wait_for_one_that_was_taken_back(thread: Thread) -> None:
    thread.rules = replace(RULES, routes=tuple(replace(each, hold=timedelta(minutes=5)) for each in RULES.routes))
    post = answer("one", "C1:1.1")
    await thread.take(post)
    thread.rules = RULES
    await thread.take(deleted(post), answer("two", "C1:1.1"))
    await thread.leave()
    assert await thread.told() == ["two"]


@pytest.mark.parametrize("how", ["deleted", "a note"])
async def test_x11_what_is_taken_back_while_it_is_being_sent_is_not_tried_again(thread: Thread, how: str) -> None:
    post = answer("one", "C1:1.1")
    await thread.take(post)
    (claimed,) = await thread.claim()
    await thread.take(deleted(post) if how == "deleted" else edited(post, of_text("// secret"), 1))
    await thread.settle(claimed, Ending(Settlement(DeliveryState.READY, error="refused", retried=True)))
    await thread.leave()
    assert await thread.told() == []


async def test_x11_a_file_removed_in_time_does_not_leave_and_later_it_is_said(thread: Thread) -> None:
    files = tuple(Attachment(name=name, size=3, remote=name) for name in ("mine.pdf", "another-customers.pdf"))
    post = replace(answer("see this", "C1:1.1"), attachments=files)
    await thread.take(post, replace(edited(post, post.text, 1), attachments=files[:1]))
    assert await thread.files() == ["mine.pdf"]
    await thread.database.transact(lambda tx: tx.run(FETCHED, {"no": False}))
    await thread.leave()
    await thread.take(replace(edited(post, post.text, 2), attachments=()))
    assert (await thread.said())[-1].startswith("The files of a reply cannot be changed")


async def test_x11_a_customers_edit_with_another_file_is_a_message(thread: Thread) -> None:
    photo = Attachment(name="photo.jpg", size=3, remote="a")
    asked = replace(question("broken, see here"), attachments=(photo,))
    await thread.take(asked, replace(edited(asked, asked.text, 1), attachments=(replace(photo, size=4, remote="b"),)))
    shown = await thread.database.read(lambda tx: tx.all(SHOWN, {}))
    assert [each.remote for (body,) in shown for each in outgoing_of(body).attachments] == ["a", "b"]


async def test_x11_what_a_customer_deletes_is_taken_off_the_desk_with_all_its_posts(thread: Thread) -> None:
    asked = question("broken, see here")
    await thread.take(asked)
    while claimed := await thread.claim("desk"):
        for each in claimed:
            await thread.settle(each, Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:1.2", "C1:1.3"))))
    await thread.take(deleted(asked))
    gone = await thread.database.read(lambda tx: tx.all(DELETIONS, {}))
    assert [outgoing_of(body).target for (body,) in gone] == ["C1:1.2", "C1:1.3"]


async def test_x11_an_edit_that_nothing_holds_but_that_cannot_be_shown_is_not_called_sent(checked: Thread) -> None:
    tg = CHECKED.channels["tg"]
    fixed = replace(tg, capabilities=replace(tg.capabilities, edits=False))
    checked.rules = replace(CHECKED, channels={**CHECKED.channels, "tg": fixed})
    post = answer("Hello, it left this morning.", "C1:1.1")
    await checked.take(post)
    await checked.leave()
    await checked.take(edited(post, of_text(HELD), 1), edited(post, of_text("Hello, it left today."), 2))
    said = await checked.said()
    assert not any("Changed and sent" in each for each in said)
    assert any("Changed, but not sent" in each for each in said)
    assert any("send-correction" in each for each in said)


@pytest.mark.parametrize("how", ["deleted", "a note"])
async def test_d3_a_reply_that_failed_and_was_taken_back_is_not_sent_again(thread: Thread, how: str) -> None:
    post = answer("one", "C1:1.1")
    await thread.take(post)
    (claimed,) = await thread.claim()
    await thread.settle(claimed, Ending(Settlement(DeliveryState.FAILED, error="refused")))
    await thread.take(deleted(post) if how == "deleted" else edited(post, of_text("// secret"), 1))
    assert not await thread.database.transact(outbox.retry, claimed.delivery.id)
    await thread.leave()
    assert await thread.told() == []


async def test_d22_a_reply_that_is_leaving_while_its_edit_is_held_answers_what_is_resolved(checked: Thread) -> None:
    post = answer("Hello, it left this morning.", "C1:1.1")
    await checked.take(post)
    (claimed,) = await checked.claim()
    await checked.take(edited(post, of_text(HELD), 1), replace(wants("resolve", "U0ALICE"), thread=post.thread))
    await checked.settle(claimed, SENT)
    assert await checked.database.read(lambda tx: tx.all(OUTCOMES, {})) == [("answered",)]


async def corrected(thread: Thread) -> list[str]:
    """What an agent hears who sends the newest words as a correction."""
    thread.move(60)
    await thread.take(wants("send-correction", "U0ALICE"))
    return await thread.said()


async def test_s25_a_correction_that_was_refused_may_be_sent_again(database_url: str) -> None:
    thread = Thread(database_url)
    await thread.take(question(channel="mail", who="ann@x.example"))
    await thread.database.transact(lambda tx: tx.run(LINK, {}))
    post = answer("It comes on Monday.", "C1:1.1")
    await thread.take(post)
    await thread.leave("mail")
    await thread.take(edited(post, of_text("It comes on Tuesday."), 1))
    assert "sent a correction" in (await corrected(thread))[-1]
    for each in await thread.claim("mail"):
        await thread.settle(each, Ending(Settlement(DeliveryState.FAILED, error="the mailbox is full")))
    assert "sent a correction" in (await corrected(thread))[-1]
    await thread.leave("mail")
    assert "as a correction already" in (await corrected(thread))[-1]
    thread.database.close()
