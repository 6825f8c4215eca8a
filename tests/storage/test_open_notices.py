"""Notices that ask something, as rows: what has not left says at once what became of it, the rest is changed."""

from dataclasses import replace
from uuid import UUID

from router.record import HoldState
from storage import holds, open_notices
from storage.codec import outgoing_of
from storage.database import Database
from storage.statement import Statement
from tests.storage.test_holds import asked, found, receive, says, wants

NOTICES = Statement("SELECT body FROM outbox WHERE kind = 'notice' AND body LIKE '%has not been sent%' ORDER BY seq")
EDITS = Statement("SELECT body FROM outbox WHERE kind = 'edit' ORDER BY seq")
REPLY = Statement("SELECT m.id, m.remote_key FROM messages m JOIN holds h ON h.message = m.id")
OPEN = Statement("SELECT count(*) FROM open_notices")
SENT = Statement("UPDATE outbox SET state = :state, remote_ids = '[\"C1:9.9\"]' WHERE kind = 'notice'")


async def held(database: Database) -> None:
    await asked(database)
    await receive(database, says("That is not my department."))
    assert await found(database, OPEN) == [(1,)]


async def test_a_notice_that_waits_for_slack_says_from_the_start_what_became_of_it(database: Database) -> None:
    await held(database)
    await receive(database, wants("discard", "U0ALICE"))
    [(body,)] = await found(database, NOTICES)
    notice = outgoing_of(str(body))
    assert notice.buttons == ()
    assert "Discarded by Alice Chen" in str(body)
    assert await found(database, EDITS) == []
    assert await found(database, OPEN) == [(0,)]


async def test_a_notice_that_left_is_changed_where_it_stands(database: Database) -> None:
    await held(database)
    await database.transact(lambda tx: tx.run(SENT, {"state": "sent"}))
    await receive(database, wants("discard", "U0ALICE"))
    [(edit,)] = await found(database, EDITS)
    outgoing = outgoing_of(str(edit))
    assert outgoing.buttons == ()
    assert outgoing.replaces is not None
    assert await database.read(open_notices.post_of, outgoing.replaces) == "C1:9.9"


async def test_a_notice_that_never_came_to_be_is_left_alone(database: Database) -> None:
    await held(database)
    await database.transact(lambda tx: tx.run(SENT, {"state": "dead"}))
    await receive(database, wants("discard", "U0ALICE"))
    assert await found(database, EDITS) == []
    assert await found(database, OPEN) == [(0,)]


async def test_s16_a_release_that_comes_twice_changes_the_notice_once(database: Database) -> None:
    await held(database)
    await database.transact(lambda tx: tx.run(SENT, {"state": "sent"}))
    release = wants("send the customer asked who decides", "U0ALICE")
    await receive(database, release)
    await receive(database, release, replace(release, remote_id="C1:77.7"))
    assert len(await found(database, EDITS)) == 1


async def test_what_became_of_a_reply_is_known_by_its_post_and_by_its_id(database: Database) -> None:
    await held(database)
    [(message, key)] = await found(database, REPLY)
    post = str(key).removeprefix("desk:")
    assert await database.read(holds.ended, "desk", post) is None
    await receive(database, wants("discard", "U0ALICE"))
    for named in (post, UUID(bytes=message).hex):  # type: ignore[arg-type]  # a column of bytes
        ended = await database.read(holds.ended, "desk", named)
        assert ended is not None
        assert (ended.state, ended.actor) == (HoldState.DISCARDED, "agent:alice")
    assert await database.read(holds.ended, "other", post) is None
