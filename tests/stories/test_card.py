"""The card of a conversation and its buttons, through the real application, on both databases."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.sandbox.slack.workspace import Post
from router.decision import Decision, NewEvent, Outcome
from router.model import Status
from storage import cards
from storage.changes import Changes, Touched
from storage.database import Transaction
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled
from tests.stories.test_assignment import everybody_in_one_team, owned

ROWS = Statement("SELECT state, settled_at FROM outbox WHERE kind = 'card'")
STATES = Statement("SELECT status, waiting_since IS NOT NULL FROM conversations ORDER BY number")
CHANGES = Statement("SELECT actor FROM events WHERE type = 'assigned'")
VOIDS = Statement("SELECT type FROM events WHERE type IN ('voided', 'unvoided') ORDER BY seq")
IDS = Statement("SELECT id FROM conversations ORDER BY number")
WAKE_NOW = Statement("UPDATE timers SET due_at = :now WHERE kind = 'snooze'")


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two agents of one team, offers."""
    async with running(database_url, tmp_path, everybody_in_one_team) as gateway:
        yield gateway


def root_of(gateway: Gateway, post: Post) -> Post:
    return gateway.world.slack.channel(post.channel).posts[post.thread_ts or post.ts]


def words(node: Any) -> str:
    """What a card says."""
    if isinstance(node, list):
        return "".join(map(words, node))
    if "elements" in node:
        return words(node["elements"]) + "\n"
    return str(node.get("fallback") or node.get("text") or "") if isinstance(node.get("text", ""), str) else ""


def buttons(root: Post) -> list[str]:
    return [str(each["action_id"]) for block in root.blocks if block["type"] == "actions" for each in block["elements"]]


async def says(gateway: Gateway, post: Post, *texts: str, within: float = 30.0) -> Post:
    """Wait until the card says all of these."""
    root = root_of(gateway, post)
    await gateway.world.slack.until(lambda: all(text in words(root.blocks) for text in texts), within)
    return root


def press(gateway: Gateway, user: str, root: Post, action: str, value: str | None = None, times: int = 1) -> None:
    gateway.world.slack.press(user, root.channel, root.ts, f"ask.{action}", value, times=times)


async def filled(gateway: Gateway, user: str, **values: str) -> None:
    """Fill in the form that opens for somebody, and see it close."""
    slack = gateway.world.slack
    await slack.until(lambda: slack.modal(user) is not None)
    slack.modals.submit(slack.user(user), values)
    await slack.until(lambda: slack.modal(user) is None)


async def stands(gateway: Gateway, status: Status, *, waits: bool | None = None) -> None:
    async def so() -> bool:
        [found] = await rows(gateway, STATES)
        return bool(found[0] == status and (waits is None or bool(found[1]) == waits))

    await settled(so)


async def test_s16_a_double_click_on_take_is_one_change_of_owner_and_the_card_says_it(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship order A10017 to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    root = await says(shop, post, "Offered to Alice Chen until", "Owner: -", "Status: open")
    assert buttons(root) == ["ask.accept", "ask.pass_form", "ask.take", "ask.resolve", "ask.why", "ask.more"]
    press(shop, "bob", root, "take", times=2)
    await owned(shop, "bob")
    await shop.shown("Bob Li has it now.")
    await says(shop, post, "Owner: Bob Li")
    assert "Offered to" not in words(root.blocks)
    press(shop, "bob", root, "take")
    whispers = shop.world.slack.workspace.whispers
    await shop.world.slack.until(lambda: [each.text for each in whispers] == ["It is yours already."])
    assert await rows(shop, CHANGES) == [("agent:bob",)]
    assert buttons(root) == ["ask.take", "ask.pass_form", "ask.resolve", "ask.why", "ask.more"]


async def test_an_offer_is_accepted_or_passed_by_its_buttons(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    root = await says(shop, post, "Offered to Alice Chen until")
    press(shop, "alice", root, "pass_form")
    await filled(shop, "alice", reason="in a call")
    await shop.shown("Alice Chen passes: in a call.")
    await shop.shown("Offered to @Bob Li")
    await says(shop, post, "Offered to Bob Li until")
    press(shop, "bob", root, "accept")
    await owned(shop, "bob")
    press(shop, "bob", root, "why")
    await shop.shown("Bob Li has it.")


async def test_the_clock_is_on_the_card_until_the_customer_has_an_answer(database_url: str, tmp_path: Path) -> None:
    def timed(config: dict[str, Any]) -> None:
        everybody_in_one_team(config)
        targets = {"first": {"seconds": 4}, "next": {"seconds": 3600}}
        config["policies"] = [{"id": "fast", "calendar": "ALWAYS", **targets}]

    async with running(database_url, tmp_path, timed) as shop:
        shop.world.telegram.say("tom", "Do you ship to Oslo?")
        post = await shop.shown("Offered to @Alice Chen")
        root = await says(shop, post, "Answer due ")
        await says(shop, post, "Overdue since ")
        await shop.answer(post, "We do.")
        await says(shop, post, "Owner: Alice Chen")
        await shop.world.slack.until(lambda: "Overdue" not in words(root.blocks))
        shop.world.telegram.say("tom", "And to Bergen?")
        await says(shop, post, "Answer due ")


async def test_set_aside_by_a_button_and_back_by_itself_or_by_the_customer(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    root = await says(shop, post, "Offered to")
    press(shop, "alice", root, "take")
    await owned(shop, "alice")
    press(shop, "alice", root, "more", "snooze 1h")
    await shop.shown("The customer still waits for an answer")
    await stands(shop, Status.SNOOZED, waits=True)
    await says(shop, post, "Status: snoozed", "Snoozed until")
    await shop.app.database.transact(lambda tx: tx.run(WAKE_NOW, {"now": tx.now}))
    await shop.shown("The snooze is over: it is open again.")
    await stands(shop, Status.OPEN)
    root = await says(shop, post, "Status: open")
    press(shop, "alice", root, "more", "pending")
    await stands(shop, Status.PENDING)
    shop.world.telegram.say("tom", "Are you there?")
    await stands(shop, Status.OPEN)
    press(shop, "alice", root, "resolve")
    await stands(shop, Status.RESOLVED)
    await says(shop, post, "Status: resolved")
    assert buttons(root) == ["ask.open", "ask.why", "ask.more"]
    press(shop, "alice", root, "open")
    await stands(shop, Status.OPEN)


async def test_a_snooze_that_was_changed_does_not_wake_for_the_first_time_named(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    for span in ("1h", "4h"):
        shop.world.slack.mention("alice", post.channel, f"snooze {span}", thread_ts=post.thread_ts)
        await shop.shown("Snoozed until")

    async def both() -> bool:
        return len(await rows(shop, Statement("SELECT 1 FROM timers WHERE kind = 'snooze'"))) == 2

    await settled(both)
    first = Statement("UPDATE timers SET due_at = :now WHERE kind = 'snooze' AND due_at < :later")
    later = 2 * 3600 * 1_000_000
    await shop.app.database.transact(lambda tx: tx.run(first, {"now": tx.now, "later": tx.now + later}))

    await asyncio.sleep(1.2)
    await stands(shop, Status.SNOOZED)


async def test_d24_spam_is_left_out_and_nobody_is_asked_until_it_is_none_after_all(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Buy cheap watches")
    post = await shop.shown("Offered to @Alice Chen")
    root = await says(shop, post, "Offered to")
    press(shop, "alice", root, "more", "spam")
    await stands(shop, Status.OPEN, waits=False)
    await says(shop, post, "Status: spam")
    assert buttons(root) == ["ask.unspam", "ask.why"]
    press(shop, "alice", root, "unspam")
    await stands(shop, Status.OPEN, waits=True)
    await shop.shown("Not spam after all")
    await says(shop, post, "Status: open")
    assert await rows(shop, VOIDS) == [("voided",), ("unvoided",)]


async def test_s8_who_is_no_agent_is_told_in_private_and_nothing_is_done(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    root = await says(shop, post, "Offered to")
    before = len(shop.world.slack.thread(root.channel, root.ts))
    for outsider in ("guest", "dana", "eve"):
        press(shop, outsider, root, "take")
    await shop.world.slack.until(lambda: len(shop.world.slack.workspace.whispers) == 3)
    assert {each.user for each in shop.world.slack.workspace.whispers} == {"U0GUEST", "U0DANA", "U0EVE"}
    assert all("Not done" in each.text for each in shop.world.slack.workspace.whispers)
    assert len(shop.world.slack.thread(root.channel, root.ts)) == before
    await owned(shop, None)


async def test_s30_fifty_changes_in_a_second_are_at_most_two_updates_and_the_last_is_right(
    shop: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "APART", 3_000_000)
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    await says(shop, post, "Offered to")
    await idle(shop)
    before = shop.world.slack.calls["chat.update"]
    [(conversation,)] = await rows(shop, IDS)

    def change(tx: Transaction, status: Status) -> Touched:
        snapshots = Snapshots(tx, ())
        found = snapshots.conversation(UUID(bytes=conversation))
        assert found is not None
        changes = Changes(tx, snapshots, shop.app.rulebook, openings=0)
        event = NewEvent(type="status_changed", actor="agent:alice", payload={"to": status.value})
        decided = Decision(outcome=Outcome.STORED, reasons=(), conversation=found, events=(event,))
        changes.apply(found.id, None, decided)
        return changes.save()

    started = time.monotonic()
    for number in range(50):
        status = Status.ON_HOLD if number == 49 else (Status.OPEN, Status.PENDING)[number % 2]
        shop.app.wake(await shop.app.database.transact(change, status))
        await asyncio.sleep(max(0.0, started + number / 50 - time.monotonic()))
    await says(shop, post, "Status: on hold")
    await idle(shop)
    assert shop.world.slack.calls["chat.update"] - before <= 2
    assert "Status: on hold" in words(root_of(shop, post).blocks)


async def idle(gateway: Gateway) -> None:
    """No card is on its way any more."""

    async def so() -> bool:
        return all(row[0] == "sent" for row in await rows(gateway, ROWS))

    await settled(so)
    await asyncio.sleep(cards.TOGETHER / 1_000_000)
    await settled(so)


async def test_further_messages_of_a_waiting_customer_change_no_card(shop: Gateway) -> None:
    shop.world.telegram.say("tom", "Do you ship to Oslo?")
    post = await shop.shown("Offered to @Alice Chen")
    await says(shop, post, "Offered to")
    await idle(shop)
    before = await rows(shop, ROWS)
    for number in range(5):
        shop.world.telegram.say("tom", f"Hello? {number}")
    await shop.shown("Hello? 4")
    assert await rows(shop, ROWS) == before


async def test_what_the_customer_was_told_is_promised_and_who_is_answering_are_on_the_card(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "The lamp of order A10017 is broken, please refund me.")
    post = await gateway.shown("The lamp of order A10017")
    await gateway.answer(post, "Hello, we are sorry. We will refund 89.50 CNY. We will write again within 24 hours.")
    root = await says(gateway, post, "Told so far: refund amount", "89.50 CNY (Alice Chen, tg)", "Promised: ")
    assert "Orders: A10017" in words(root.blocks)
    await gateway.answer(post, "Hello, only an idiot would ask that.", user="carol")
    await says(gateway, post, "Carol Wu is answering since ")
    gateway.world.slack.mention("carol", post.channel, "discard", thread_ts=post.thread_ts)
    await gateway.world.slack.until(lambda: "is answering" not in words(root.blocks))


async def test_d25_a_card_says_into_which_conversation_it_was_merged(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Do you ship order A10017 to Oslo?")
    first = await gateway.shown("A10017")
    await says(gateway, first, "Status: open")
    gateway.world.telegram.say("tom", "And is order B20018 delayed?")
    second = await gateway.shown("B20018")
    gateway.world.slack.mention("alice", second.channel, "merge #1 one matter", thread_ts=second.thread_ts)
    await says(gateway, second, "Merged into #1")
    assert buttons(root_of(gateway, second)) == ["ask.why", "ask.more"]
