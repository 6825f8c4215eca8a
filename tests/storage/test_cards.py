"""The one card row of a conversation: it waits, is rewritten by nobody, and is sent of the newest state (S30)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from router.decision import Decision, NewEvent, Outcome
from router.model import Card, DeliveryKind, DeliveryState, Status
from storage import cards, intake, outbox, settling
from storage.changes import Changes, Touched
from storage.database import Database, Transaction, of_micros, to_micros
from storage.intake import Submission
from storage.outbox import Claim, Settlement
from storage.settling import Ending
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.storage.inbounds import RULES, arrival, question, rules
from tests.storage.test_outbox import LEASE, MovedClock

CARDS = Statement("SELECT state, not_before FROM outbox WHERE kind = 'card'")
THREAD = Statement("SELECT thread_key FROM legs WHERE desk")
CONVERSATIONS = Statement("SELECT id FROM conversations")
ROOT_SENT = Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:1.1",)))
SENT = ROOT_SENT
FAILED = Ending(Settlement(DeliveryState.FAILED, error="invalid_blocks"))


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def moved(database_url: str, clock: MovedClock) -> AsyncIterator[Database]:
    """A conversation whose root has not been posted yet."""
    database = Database(database_url, clock=clock)
    await receive(database)
    yield database
    database.close()


async def receive(database: Database) -> None:
    await database.transact(intake.receive, [Submission("tg", [arrival(question())])], rules, RULES)


def _change(tx: Transaction, status: Status) -> Touched:
    [(found,)] = tx.all(CONVERSATIONS, {})
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(UUID(bytes=found))
    assert conversation is not None
    changes = Changes(tx, snapshots, RULES, openings=0)
    event = NewEvent(type="status_changed", actor="agent:alice", payload={"to": status.value})
    decided = Decision(outcome=Outcome.STORED, reasons=(), conversation=conversation, events=(event,))
    changes.apply(conversation.id, None, decided)
    return changes.save()


async def change(database: Database, status: Status) -> Touched:
    return await database.transact(_change, status)


def _claim(tx: Transaction) -> list[Claim]:
    heads, waits = outbox.due(tx, "desk", 10)
    outbox.postpone(tx, waits)
    return outbox.claim(tx, heads, "a", LEASE)


async def claimed(database: Database, kind: DeliveryKind) -> list[Claim]:
    """What can leave now of that kind; the rest is given back."""
    found = await database.transact(_claim)
    assert all(each.delivery.kind is kind for each in found), [each.delivery.kind for each in found]
    return found


async def with_card(database: Database, claim: Claim) -> tuple[Claim, cards.Made]:
    """As the outlet sends it."""
    delivery = claim.delivery
    made = await database.read(cards.made, "desk", delivery.conversation, RULES)
    assert made is not None
    return replace(claim, delivery=replace(delivery, outgoing=replace(delivery.outgoing, card=made.card))), made


async def sent(database: Database, claim: Claim, ending: Ending = SENT) -> Card:
    """Send a card; what it showed."""
    claim, made = await with_card(database, claim)
    await database.transact(settling.settle, claim, ending, RULES)
    return made.card


async def opened(database: Database) -> None:
    """Post the root and the first message."""
    [root] = await claimed(database, DeliveryKind.ROOT)
    await sent(database, root, ROOT_SENT)
    [message] = await claimed(database, DeliveryKind.MESSAGE)
    await database.transact(settling.settle, message, Ending(Settlement(DeliveryState.SENT, ("C1:1.2",))), RULES)


async def rows(database: Database) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.all(CARDS, {}))


async def test_a_new_conversation_has_its_card_in_its_root_and_no_refresh(moved: Database) -> None:
    await opened(moved)
    assert await rows(moved) == []


async def test_fifty_changes_are_one_row_and_the_last_of_them_is_shown(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    for number in range(50):
        touched = await change(moved, Status.PENDING if number < 49 else Status.ON_HOLD)
        assert touched.channels == {"desk"}
    assert len(await rows(moved)) == 1
    assert await claimed(moved, DeliveryKind.CARD) == []
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    assert (await sent(moved, card)).status is Status.ON_HOLD
    clock.move(10)
    assert await claimed(moved, DeliveryKind.CARD) == []


async def test_a_change_while_it_is_being_sent_is_shown_three_seconds_later(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    leaving, made = await with_card(moved, card)
    await change(moved, Status.ON_HOLD)
    await moved.transact(settling.settle, leaving, SENT, RULES)
    assert made.card.status is Status.PENDING
    clock.move(2.9)
    assert await claimed(moved, DeliveryKind.CARD) == []
    clock.move(0.2)
    [again] = await claimed(moved, DeliveryKind.CARD)
    assert (await sent(moved, again)).status is Status.ON_HOLD


async def test_two_refreshes_of_one_card_are_three_seconds_apart(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    await sent(moved, card)
    settled_at = to_micros(clock.now)
    await change(moved, Status.ON_HOLD)
    [(state, not_before)] = await rows(moved)
    assert state == "ready"
    assert of_micros(int(str(not_before))) == of_micros(settled_at + 3_000_000)


async def test_a_card_waits_for_its_thread_and_goes_as_soon_as_it_is_open(moved: Database, clock: MovedClock) -> None:
    await change(moved, Status.PENDING)
    clock.move(1)
    [root] = await claimed(moved, DeliveryKind.ROOT)
    clock.move(5)
    assert await claimed(moved, DeliveryKind.CARD) == []
    stale = replace(root, delivery=replace(root.delivery, outgoing=replace(root.delivery.outgoing, card=None)))
    await moved.transact(settling.settle, stale, ROOT_SENT, RULES)
    leaving = {each.delivery.kind: each for each in await moved.transact(_claim)}
    assert leaving.keys() == {DeliveryKind.MESSAGE, DeliveryKind.CARD}
    assert leaving[DeliveryKind.CARD].delivery.thread == "C1:1.1"


async def test_what_the_root_shows_already_is_not_sent_again(moved: Database, clock: MovedClock) -> None:
    [root] = await claimed(moved, DeliveryKind.ROOT)
    await change(moved, Status.PENDING)
    await sent(moved, root, ROOT_SENT)  # the card is read after the change
    card = next(each for each in await moved.transact(_claim) if each.delivery.kind is DeliveryKind.CARD)
    _, made = await with_card(moved, card)
    assert made.shown


async def test_what_is_shown_already_need_not_be_sent(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    assert not (await with_card(moved, card))[1].shown
    await sent(moved, card)
    await change(moved, Status.ON_HOLD)
    await change(moved, Status.PENDING)
    clock.move(3.1)
    [card] = await claimed(moved, DeliveryKind.CARD)
    assert (await with_card(moved, card))[1].shown


async def test_a_card_that_failed_goes_with_the_next_change(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    await sent(moved, card, FAILED)
    await change(moved, Status.ON_HOLD)
    clock.move(3.1)
    [card] = await claimed(moved, DeliveryKind.CARD)
    assert card.delivery.attempt == 1
    assert (await sent(moved, card)).status is Status.ON_HOLD


async def test_s29_a_thread_that_moved_gets_its_card_below_the_new_root(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    await sent(moved, card)
    await receive(moved)
    [message] = await claimed(moved, DeliveryKind.MESSAGE)
    elsewhere = Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:2.2",)), thread="C1:2.1")
    await moved.transact(settling.settle, message, elsewhere, RULES)
    clock.move(3.5)
    found = {each.delivery.kind: each for each in await moved.transact(_claim)}
    card = found[DeliveryKind.CARD]
    assert card.delivery.thread == "C1:2.1"
    assert not (await with_card(moved, card))[1].shown


async def test_a_further_message_of_a_waiting_customer_makes_no_card(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await receive(moved)
    assert await rows(moved) == []


async def test_a_card_holds_up_nobody_in_the_thread(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    assert len(await claimed(moved, DeliveryKind.CARD)) == 1  # under way and slow
    await change(moved, Status.OPEN)
    await receive(moved)
    clock.move(0.1)
    assert len(await claimed(moved, DeliveryKind.MESSAGE)) == 1


@pytest.mark.parametrize("state", [DeliveryState.UNKNOWN, DeliveryState.READY])
async def test_a_later_card_that_did_not_leave_is_sent_again(
    moved: Database, clock: MovedClock, state: DeliveryState
) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    await sent(moved, card)
    clock.move(10)
    await change(moved, Status.ON_HOLD)
    clock.move(4)
    [again] = await claimed(moved, DeliveryKind.CARD)
    await sent(moved, again, Ending(Settlement(state, error="Slack is away")))
    assert [row[0] for row in await rows(moved)] == [state]


async def test_s29_the_echo_of_a_card_is_the_root_of_its_thread(moved: Database, clock: MovedClock) -> None:
    await opened(moved)
    await change(moved, Status.PENDING)
    clock.move(0.3)
    [card] = await claimed(moved, DeliveryKind.CARD)
    await moved.transact(settling.confirm, "desk", card.delivery.id.hex, "C1:2.1", RULES)
    await sent(moved, card, Ending(Settlement(DeliveryState.UNKNOWN)))
    assert await moved.read(lambda tx: tx.all(THREAD, {})) == [("desk:C1:2.1",)]
