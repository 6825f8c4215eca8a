"""Lanes, leases and fences (R1-R9), on both databases, with a clock the test moves."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from router.model import DeliveryState
from storage import intake, outbox, settling, timers
from storage.database import Database, Transaction, engine_for, normal_url, to_micros
from storage.intake import Submission
from storage.outbox import Claim, Settlement
from storage.schema import migrate
from storage.settling import Ending
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question, rules

LEASE = 60_000_000
ROWS = Statement("SELECT state, attempt, fence, error FROM outbox WHERE lane = :lane ORDER BY seq, part")
LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")
TAKE_BACK = Statement(
    "UPDATE outbox SET state = 'failed' WHERE seq = (SELECT min(seq) FROM outbox WHERE lane = 'tg:42')"
)
SENT = Ending(Settlement(DeliveryState.SENT, remote_ids=("r1",)))
UNKNOWN = Ending(Settlement(DeliveryState.UNKNOWN))


class MovedClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def moved(database_url: str, clock: MovedClock) -> AsyncIterator[Database]:
    database = Database(database_url, clock=clock)
    await database.transact(intake.receive, [Submission("tg", [arrival(question())])], rules, RULES)
    await database.transact(lambda tx: tx.run(LINK, {}))
    yield database
    database.close()


async def reply(database: Database, text: str = "On its way.", order: int = 1) -> None:
    await database.transact(
        intake.receive, [Submission("desk", [arrival(answer(text, "C1:1.1", order=order))])], rules, RULES
    )


async def claim(database: Database, owner: str = "a", channel: str = "tg") -> list[Claim]:
    return await database.transact(take, owner, channel)


def take(tx: Transaction, owner: str, channel: str) -> list[Claim]:
    heads, waits = outbox.due(tx, channel, 10)
    outbox.postpone(tx, waits)
    return outbox.claim(tx, heads, owner, LEASE)


async def rows(database: Database, lane: str = "tg:42") -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(ROWS, {"lane": lane}))


async def test_a_held_reply_leaves_when_its_hold_is_over(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    assert await claim(moved) == []
    clock.move(2.1)
    assert len(await claim(moved)) == 1


async def test_r2_sending_is_committed_before_the_claim_is_handed_out(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    await claim(moved)
    assert [row[0] for row in await rows(moved)] == ["sending"]


async def test_q1_one_open_row_a_lane(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "one", 1)
    await reply(moved, "two", 2)
    clock.move(3)
    (first,) = await claim(moved)
    assert await claim(moved, "b") == []
    await moved.transact(settling.settle, first, SENT, RULES)
    (second,) = await claim(moved, "b")
    assert second.delivery.outgoing.text != first.delivery.outgoing.text


async def test_s10_replies_leave_in_the_order_of_their_ts(moved: Database, clock: MovedClock) -> None:
    for ts in (3, 1, 2):
        await reply(moved, f"m{ts}", ts)
    clock.move(3)
    said = []
    for _ in range(3):
        (claimed,) = await claim(moved)
        said.append(str(claimed.delivery.outgoing.text))
        await moved.transact(settling.settle, claimed, SENT, RULES)
    assert ["m1" in said[0], "m2" in said[1], "m3" in said[2]] == [True, True, True]


async def test_r2_a_row_found_sending_is_unknown_never_ready(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    await claim(moved, "dead")
    clock.move(61)
    (taken,) = await claim(moved, "b")
    assert taken.reconcile
    assert [row[0] for row in await rows(moved)] == ["unknown"]


async def test_r6_a_zombie_changes_nothing(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (zombie,) = await claim(moved, "zombie")
    clock.move(61)
    (heir,) = await claim(moved, "heir")
    assert await moved.transact(settling.settle, zombie, SENT, RULES) is None
    assert [row[0] for row in await rows(moved)] == ["unknown"]
    assert await moved.transact(settling.settle, heir, SENT, RULES) is not None
    assert [row[0] for row in await rows(moved)] == ["sent"]


async def test_r8_the_text_sent_is_the_one_at_the_claim(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "old")
    clock.move(3)
    heads, _ = await moved.read(outbox.due, "tg", 10)
    await moved.transact(
        lambda tx: tx.run(Statement("UPDATE outbox SET body = replace(body, 'old', 'new') WHERE lane = 'tg:42'"), {})
    )
    (claimed,) = await moved.transact(outbox.claim, heads, "a", LEASE)
    assert "new" in str(claimed.delivery.outgoing.text)


async def test_s10_one_taken_back_while_it_is_claimed_does_not_keep_its_lane(
    moved: Database, clock: MovedClock
) -> None:
    await reply(moved, "one", 1)
    await reply(moved, "two", 2)
    clock.move(3)
    heads, _ = await moved.read(outbox.due, "tg", 10)
    await moved.transact(lambda tx: tx.run(TAKE_BACK, {}))
    assert await moved.transact(outbox.claim, heads, "a", LEASE) == []
    (second,) = await claim(moved)
    assert "two" in str(second.delivery.outgoing.text)


async def test_r9_a_network_failure_burns_no_attempt(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    again = Ending(
        Settlement(
            DeliveryState.READY, error="refused", not_before=to_micros(clock.now) + 5_000_000, burnt=False, retried=True
        )
    )
    await moved.transact(settling.settle, claimed, again, RULES)
    assert [row[:2] for row in await rows(moved)] == [("ready", 0)]
    assert await claim(moved) == []
    clock.move(6)
    assert len(await claim(moved)) == 1


async def test_q2_a_failed_head_lets_the_lane_go_on_and_is_told_once(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "one", 1)
    await reply(moved, "two", 2)
    clock.move(3)
    (first,) = await claim(moved)
    ending = Ending(Settlement(DeliveryState.FAILED, error="message is too long"))
    touched = await moved.transact(settling.settle, first, ending, RULES)
    assert touched is not None
    assert touched.channels == {"desk"}
    assert len(await claim(moved)) == 1
    desk = await moved.read(
        lambda tx: tx.all(Statement("SELECT kind, body FROM outbox WHERE channel = 'desk' AND kind = 'notice'"), {})
    )
    assert len(desk) == 1
    assert "message is too long" in desk[0][1]


async def test_q3_later_parts_of_a_failed_part_are_failed_with_it(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "x " * 9000)
    parts = await rows(moved)
    assert len(parts) > 2
    clock.move(3)
    (first,) = await claim(moved)
    await moved.transact(settling.settle, first, Ending(Settlement(DeliveryState.FAILED, error="no")), RULES)
    assert {row[0] for row in await rows(moved)} == {"failed"}


async def test_t12_a_leg_closed_by_the_customer_parks_what_would_follow(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (first,) = await claim(moved)
    ending = Ending(Settlement(DeliveryState.FAILED, error="blocked"), closes_leg=True)
    await moved.transact(settling.settle, first, ending, RULES)
    await reply(moved, "again", 9)
    assert len(await rows(moved)) == 1


async def test_x5_our_own_echo_settles_what_was_unknown(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    unknown = Ending(Settlement(DeliveryState.UNKNOWN, not_before=to_micros(clock.now) + 30_000_000))
    await moved.transact(settling.settle, claimed, unknown, RULES)
    assert await moved.transact(outbox.confirm, "tg", claimed.delivery.id.hex, "42:7")
    assert not await moved.transact(outbox.confirm, "tg", claimed.delivery.id.hex, "42:7")
    assert [row[0] for row in await rows(moved)] == ["sent"]


async def test_x5_an_echo_of_what_was_looked_for_in_vain_keeps_it_from_being_sent_twice(
    moved: Database, clock: MovedClock
) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    await moved.transact(settling.settle, claimed, Ending(Settlement(DeliveryState.UNKNOWN)), RULES)
    (looking,) = await claim(moved)
    assert looking.reconcile
    again = Ending(Settlement(DeliveryState.READY, not_before=to_micros(clock.now) + 5_000_000, retried=True))
    await moved.transact(settling.settle, looking, again, RULES)
    assert await moved.transact(outbox.confirm, "tg", claimed.delivery.id.hex, "42:7")
    clock.move(6)
    assert await claim(moved) == []
    assert [row[0] for row in await rows(moved)] == ["sent"]


@pytest.mark.parametrize("state", [DeliveryState.UNKNOWN, DeliveryState.READY])
async def test_x5_what_came_back_before_its_sender_gave_up_is_sent(
    moved: Database, clock: MovedClock, state: DeliveryState
) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    assert not await moved.transact(outbox.confirm, "tg", claimed.delivery.id.hex, "42:7")
    assert [row[0] for row in await rows(moved)] == ["sending"]
    await moved.transact(settling.settle, claimed, Ending(Settlement(state, error="lost", retried=True)), RULES)
    assert [row[0] for row in await rows(moved)] == ["sent"]
    clock.move(60)
    assert await claim(moved) == []


async def test_x5_an_echo_before_a_crash_keeps_it_from_being_sent_twice(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    await moved.transact(outbox.confirm, "tg", claimed.delivery.id.hex, "42:7")
    clock.move(61)
    (looking,) = await claim(moved, "b")
    assert looking.reconcile
    wait = Ending(Settlement(DeliveryState.UNKNOWN, not_before=to_micros(clock.now) + 9_000_000))
    await moved.transact(settling.settle, looking, wait, RULES)
    assert [row[0] for row in await rows(moved)] == ["sent"]


async def test_x5_no_echo_settles_what_has_not_begun(moved: Database) -> None:
    await reply(moved)
    ((delivery,),) = await moved.read(lambda tx: tx.all(Statement("SELECT id FROM outbox WHERE lane = 'tg:42'"), {}))
    assert not await moved.transact(outbox.confirm, "tg", bytes(delivery).hex(), "42:7")
    assert [row[0] for row in await rows(moved)] == ["ready"]


async def test_x5_an_echo_during_the_look_for_it_does_not_keep_the_lane(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "one", 1)
    await reply(moved, "two", 2)
    clock.move(3)
    (claimed,) = await claim(moved)
    unknown = Ending(Settlement(DeliveryState.UNKNOWN, not_before=to_micros(clock.now)))
    await moved.transact(settling.settle, claimed, unknown, RULES)
    clock.move(1)
    (looking,) = await claim(moved)
    assert looking.reconcile
    assert await moved.transact(outbox.confirm, "tg", claimed.delivery.id.hex, "42:7")
    assert await moved.transact(settling.settle, looking, SENT, RULES) is None
    (second,) = await claim(moved)
    assert "two" in str(second.delivery.outgoing.text)


async def unknown_for_long(database: Database, clock: MovedClock) -> bool:
    """Whether the thread is told, once the patience with what is unknown is over."""
    clock.move(settling.UNKNOWN_PATIENCE / 1_000_000)
    fired = await database.transact(timers.fire, 10)
    told = [await database.transact(settling.tell_unknown, timer.ref, RULES) for timer in fired]
    return any(touched.channels == {"desk"} for touched in told)


async def test_c2_an_outcome_unknown_for_long_is_told_in_the_thread_once(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    for _ in range(3):  # nobody can tell, however often they look
        (claimed,) = await claim(moved)
        await moved.transact(settling.settle, claimed, UNKNOWN, RULES)
        clock.move(31)
    assert await unknown_for_long(moved, clock)
    (claimed,) = await claim(moved)
    await moved.transact(settling.settle, claimed, UNKNOWN, RULES)
    assert not await unknown_for_long(moved, clock)


async def test_c2_what_a_crash_left_unknown_is_told_as_well(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    await claim(moved, "before the crash")
    await moved.transact(outbox.take_back)
    (looking,) = await claim(moved, "after")
    await moved.transact(settling.settle, looking, UNKNOWN, RULES)
    assert await unknown_for_long(moved, clock)


async def test_c2_what_was_sent_again_and_lost_again_is_told(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (first,) = await claim(moved)
    await moved.transact(settling.settle, first, UNKNOWN, RULES)
    (looking,) = await claim(moved)
    await moved.transact(settling.settle, looking, Ending(Settlement(DeliveryState.READY)), RULES)
    assert not await unknown_for_long(moved, clock), "it waits to be sent again"
    (second,) = await claim(moved)
    await moved.transact(settling.settle, second, UNKNOWN, RULES)
    assert await unknown_for_long(moved, clock)


async def test_a_restart_of_the_only_process_takes_its_lanes_back(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    await claim(moved, "before the crash")
    await moved.transact(outbox.take_back)
    (taken,) = await claim(moved, "after")
    assert taken.reconcile
    assert taken.delivery.started_at == clock.now


async def test_d3_a_failed_delivery_can_be_sent_again_or_discarded(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    await moved.transact(settling.settle, claimed, Ending(Settlement(DeliveryState.DEAD, error="3 crashes")), RULES)
    (dead,) = await moved.read(outbox.ended, 10)
    assert (dead.state, dead.error) == ("dead", "3 crashes")
    assert await moved.transact(outbox.retry, dead.id)
    assert not await moved.transact(outbox.retry, dead.id)
    (again,) = await claim(moved)
    assert again.delivery.id == dead.id


async def test_d3_what_stays_unknown_is_listed_and_settled_by_who_has_seen_it(
    moved: Database, clock: MovedClock
) -> None:
    await reply(moved, "one", 1)
    await reply(moved, "two", 2)
    clock.move(3)
    (claimed,) = await claim(moved)
    unknown = Ending(Settlement(DeliveryState.UNKNOWN, not_before=to_micros(clock.now) + 3_600_000_000))
    await moved.transact(settling.settle, claimed, unknown, RULES)
    (listed,) = await moved.read(outbox.ended, 10)
    assert (listed.id, listed.state) == (claimed.delivery.id, "unknown")
    assert await claim(moved) == []
    assert await moved.transact(outbox.arrived, listed.id)
    (looking,) = await claim(moved)
    assert looking.reconcile
    await moved.transact(settling.settle, looking, unknown, RULES)
    assert [row[0] for row in await rows(moved)] == ["sent", "ready"]
    assert not await moved.transact(outbox.arrived, listed.id)
    (second,) = await claim(moved)
    assert "two" in str(second.delivery.outgoing.text)


async def test_d3_what_stays_unknown_is_sent_again_where_somebody_says_so(moved: Database, clock: MovedClock) -> None:
    await reply(moved)
    clock.move(3)
    (claimed,) = await claim(moved)
    unknown = Ending(Settlement(DeliveryState.UNKNOWN, not_before=to_micros(clock.now) + 3_600_000_000))
    await moved.transact(settling.settle, claimed, unknown, RULES)
    assert await moved.transact(outbox.retry, claimed.delivery.id)
    (again,) = await claim(moved)
    assert not again.reconcile


async def test_d3_what_failed_with_an_earlier_part_is_sent_again_with_it(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "word " * 2000)
    clock.move(3)
    (claimed,) = await claim(moved)
    await moved.transact(settling.settle, claimed, Ending(Settlement(DeliveryState.DEAD, error="lost")), RULES)
    parts = await rows(moved)
    assert [row[0] for row in parts] == ["dead", *["failed"] * (len(parts) - 1)]
    assert await moved.transact(outbox.retry, claimed.delivery.id)
    assert {row[0] for row in await rows(moved)} == {"ready"}
    said = 0
    while claimed_again := await claim(moved):
        said += 1
        await moved.transact(settling.settle, claimed_again[0], SENT, RULES)
    assert said == len(parts)


async def test_a_delivery_that_cannot_be_read_holds_up_nobody(moved: Database, clock: MovedClock) -> None:
    await reply(moved, "one", 1)
    await reply(moved, "two", 2)
    clock.move(3)
    await moved.transact(
        lambda tx: tx.run(Statement("UPDATE outbox SET body = '{}' WHERE lane = 'tg:42' AND seq = 1"), {})
    )
    assert await claim(moved) == []
    assert len(await claim(moved)) == 1
    assert [row[0] for row in await rows(moved)] == ["dead", "sending"]


@contextmanager
def synchronous(url: str, clock: MovedClock) -> Iterator[Transaction]:
    """A transaction object outside the writer thread, for the state machine; every statement commits."""
    engine = engine_for(normal_url(url))
    raw = engine.raw_connection()
    assert raw.driver_connection is not None
    yield Transaction(raw.driver_connection.cursor(), "sqlite", to_micros(clock.now))
    raw.close()
    engine.dispose()


class Lanes(RuleBasedStateMachine):
    """Workers that claim, settle, sleep through their leases and come back; the model says who may change what."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        url = f"sqlite:///{self.folder}/lanes.db"
        migrate(url)
        self.clock = MovedClock()
        self._open = synchronous(url, self.clock)
        self.tx = self._open.__enter__()
        self.sent: list[UUID] = []
        self.fences: dict[str, int] = {}
        self.order = 0
        intake.receive(self.tx, [Submission("tg", [arrival(question())])], rules, RULES)
        self.tx.run(LINK, {})

    def teardown(self) -> None:
        self._open.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @rule()
    def reply(self) -> None:
        self.order += 1
        post = answer(f"m{self.order}", "C1:1.1", order=self.order)
        intake.receive(self.tx, [Submission("desk", [arrival(post)])], rules, RULES)

    @rule(seconds=st.sampled_from([1, 2, 30, 61]))
    def wait(self, seconds: int) -> None:
        self.clock.move(seconds)
        self.tx.now = to_micros(self.clock.now)

    @rule(target=claims, owner=st.sampled_from("ab"))
    def claim(self, owner: str) -> Claim | None:
        found = take(self.tx, owner, "tg")
        assert len(found) <= 1, "one open row a lane"
        for claimed in found:
            assert claimed.fence > self.fences.get(claimed.lane, 0), "a fence only grows"
            self.fences[claimed.lane] = claimed.fence
            assert claimed.delivery.id not in self.sent, "what was sent is never claimed again"
        return found[0] if found else None

    @rule(held=consumes(claims), state=st.sampled_from(["sent", "ready", "unknown", "failed"]))
    def settle(self, held: Claim | None, state: str) -> None:
        if held is None:
            return
        ours = self.fences[held.lane] == held.fence
        remote = ("r",) if state == "sent" else ()
        settlement = Settlement(DeliveryState(state), remote_ids=remote, not_before=self.tx.now, burnt=False)
        changed = settling.settle(self.tx, held, Ending(settlement), RULES) is not None
        assert changed == ours, "only the newest fence settles (R6)"
        if changed and state == "sent":
            self.sent.append(held.delivery.id)

    @invariant()
    def order_is_kept(self) -> None:
        rows = self.tx.all(Statement("SELECT seq, state FROM outbox WHERE lane = 'tg:42' ORDER BY seq, part"), {})
        open_seen = False
        for _, state in rows:
            if state == "ready":
                open_seen = True
            assert not (open_seen and state == "sending"), "nothing overtakes the head (INV5)"


Lanes.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestLanes = Lanes.TestCase


THREAD = Statement("SELECT thread_key FROM legs WHERE desk")


async def rerooted(moved: Database) -> Claim:
    """A desk delivery whose thread was lost: the connector has made another root and posted below it, and its answer
    was lost."""
    root, *_ = await claim(moved, channel="desk")
    await moved.transact(settling.settle, root, Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:1.1",))), RULES)
    (message,) = await claim(moved, channel="desk")
    await moved.transact(outbox.checkpoint, message, '{"posted":null,"root":"C1:2.1","files":{}}')
    await moved.transact(settling.confirm, "desk", message.delivery.id.hex, "C1:2.2", RULES)
    return message


async def test_s29_the_echo_of_a_post_below_a_new_root_leaves_the_thread_to_the_connector(
    moved: Database, clock: MovedClock
) -> None:
    message = await rerooted(moved)
    await moved.transact(settling.settle, message, Ending(Settlement(DeliveryState.UNKNOWN)), RULES)
    await moved.transact(settling.confirm, "desk", message.delivery.id.hex, "C1:2.2", RULES)
    (looking,) = await claim(moved, channel="desk")
    assert looking.reconcile
    found = Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:2.2",)), thread="C1:2.1")
    await moved.transact(settling.settle, looking, found, RULES)
    assert await moved.read(lambda tx: tx.all(THREAD, {})) == [("desk:C1:2.1",)]
