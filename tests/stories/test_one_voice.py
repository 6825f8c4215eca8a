"""Consistency in the running gateway: replies are checked, held, released and kept on record, on both databases."""

import asyncio
from typing import Any

from gateway.sandbox.slack.workspace import Post
from storage import contacts, holds
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled

HOLDS = Statement("SELECT state, reason, ended_by, agent FROM holds ORDER BY held_at")
HITS = Statement("SELECT rule, level, action, reason FROM rule_hits ORDER BY at, id")
TOLD = Statement(
    """
    SELECT value, unit, state, agent, channel FROM statements WHERE slot = 'refund_amount' ORDER BY said_at, id
    """
)
PROMISES = Statement("SELECT kind, owner, state FROM promises ORDER BY made_at, id")
HURRY = Statement("UPDATE timers SET due_at = 1 WHERE kind = :kind AND fired_at IS NULL")


async def hurry(gateway: Gateway, kind: str) -> None:
    """Its time has come."""
    await gateway.app.database.transact(lambda tx: tx.run(HURRY, {"kind": kind}))


async def asked(gateway: Gateway, text: str = "Hello, where is my parcel?", who: str = "tom") -> Post:
    gateway.world.telegram.say(who, text)
    return await gateway.shown(text)


def ask(gateway: Gateway, post: Post, text: str, user: str = "alice") -> None:
    """Somebody says "@onevoice ..." in the thread of a post."""
    gateway.world.slack.mention(user, post.channel, text, thread_ts=post.thread_ts)


async def heard(gateway: Gateway, *texts: str, who: str = "tom") -> None:
    telegram = gateway.world.telegram
    await telegram.until(lambda: telegram.heard(who) == list(texts))


def held_for_a_while(config: dict[str, Any]) -> None:
    for route in config["routes"]:
        route["hold"] = "3s"


async def test_a_customer_is_never_told_two_amounts_by_two_agents_on_two_channels(gateway: Gateway) -> None:
    mail = gateway.world.mail
    await mail.send("ann@customer.example", "The lamp is broken, please refund me.", subject="Refund", name="Ann")
    by_mail = await gateway.shown("The lamp is broken")
    await gateway.answer(by_mail, "Hello, we are sorry. We will refund 89.50 CNY for your lamp.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))

    on_chat = await asked(gateway, "It is Ann again, about the refund of my lamp", "ann")
    ask(gateway, on_chat, "link #1 same customer")
    await gateway.shown("is this customer too")

    await gateway.answer(on_chat, "Hello Ann, sorry for that. We will refund 98.50 CNY.", user="bob")
    notice = await gateway.shown("Held: the reply by Bob Li has not been sent")
    assert "89.50 CNY" in notice.text
    assert "alice" in notice.text
    assert "mail" in notice.text
    assert "@onevoice correct" in notice.text

    ask(gateway, on_chat, "send it is fine")
    await gateway.shown("It contradicts what the customer was told")
    ask(gateway, on_chat, "correct", "bob")
    await gateway.shown("Say why")
    assert gateway.world.telegram.heard("ann") == []

    ask(gateway, on_chat, "correct the return postage is ours", "bob")
    await heard(gateway, "Hello Ann, sorry for that. We will refund 98.50 CNY.", who="ann")
    await gateway.shown("superseded")
    assert await rows(gateway, TOLD) == [
        ("89.50", "CNY", "superseded", "alice", "mail"),
        ("98.50", "CNY", "active", "bob", "tg"),
    ]
    assert await rows(gateway, HOLDS) == [("released", "the return postage is ours", "agent:bob", "bob")]
    assert ("L-AMOUNT", "block", "corrected", "the return postage is ours") in await rows(gateway, HITS)


async def test_an_insult_is_blocked_and_only_a_lead_releases_it(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "Hello, only an idiot would ask that.", user="carol")
    notice = await gateway.shown("Held: the reply by Carol Wu has not been sent")
    assert "block W-INSULT" in notice.text
    ask(gateway, post, "send I mean it", "carol")
    await gateway.shown("Only a lead can send this")
    assert gateway.world.telegram.heard("tom") == []
    ask(gateway, post, "send a quotation of the customer", "alice")
    await heard(gateway, "Hello, only an idiot would ask that.")
    assert (await rows(gateway, HOLDS))[0][:3] == ("released", "a quotation of the customer", "agent:alice")
    (rate,) = await gateway.app.database.read(lambda tx: holds.override_rates(tx, 30))
    assert (rate.rule, rate.hits, rate.sent_anyway) == ("W-INSULT", 1, 1)
    page = gateway.app.metrics.render()[0].decode()
    assert 'onevoice_rule_hits_total{action="held",level="block",rule="W-INSULT"} 1.0' in page
    assert 'onevoice_rule_hits_total{action="sent_anyway",level="block",rule="W-INSULT"} 1.0' in page


async def test_the_second_of_two_answers_at_once_is_held_while_the_first_can_still_be_undone(
    gateway: Gateway,
) -> None:
    await gateway.halt()
    gateway.change = held_for_a_while
    await gateway.boot()
    post = await asked(gateway)
    await gateway.answer(post, "Hello Tom, it left the warehouse this morning.", user="alice")
    await asyncio.sleep(0.15)
    await gateway.answer(post, "Hello, I am looking for it, one moment.", user="bob")
    notice = await gateway.shown("Held: the reply by Bob Li has not been sent")
    assert "it left the warehouse this morning" in notice.text
    assert gateway.world.telegram.heard("tom") == []
    await heard(gateway, "Hello Tom, it left the warehouse this morning.")
    await asyncio.sleep(1)
    assert gateway.world.telegram.heard("tom") == ["Hello Tom, it left the warehouse this morning."]


async def test_a_held_reply_never_leaves_by_itself_and_the_lead_hears_of_it_once(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "That is not my department.", user="bob")
    await gateway.shown("Held: the reply by Bob Li has not been sent")
    await gateway.halt()
    await gateway.boot()
    await hurry(gateway, holds.TIMER)
    await gateway.shown("a reply by Bob Li has been held")
    await asyncio.sleep(1.5)
    assert gateway.world.telegram.heard("tom") == []
    assert [each for each in gateway.posts() if "has been held for" in each.text][1:] == []
    assert (await rows(gateway, HOLDS))[0][0] == "held"


async def test_an_edit_of_a_held_reply_is_checked_again_and_sent_when_it_is_clean(gateway: Gateway) -> None:
    post = await asked(gateway)
    ts = await gateway.answer(post, "That is not my department.", user="bob")
    await gateway.shown("Held: the reply by Bob Li has not been sent")
    gateway.world.slack.edit("bob", post.channel, ts, "Are you an idiot?")
    await gateway.shown("block W-INSULT")
    assert gateway.world.telegram.heard("tom") == []
    gateway.world.slack.edit("bob", post.channel, ts, "Hello Tom, I will ask the warehouse.")
    await heard(gateway, "Hello Tom, I will ask the warehouse.")
    assert [row[0] for row in await rows(gateway, HOLDS)] == ["released"]
    assert {row[2] for row in await rows(gateway, HITS) if row[1] != "log"} == {"edited"}


async def test_a_reply_edited_into_an_insult_is_taken_back_while_it_is_queued(gateway: Gateway) -> None:
    await gateway.halt()
    gateway.change = held_for_a_while
    await gateway.boot()
    post = await asked(gateway)
    ts = await gateway.answer(post, "Hello Tom, I will look.", user="bob")
    await settled(lambda: _has(gateway, "SELECT 1 FROM outbox WHERE channel = 'tg'"))
    gateway.world.slack.edit("bob", post.channel, ts, "Are you an idiot?")
    await gateway.shown("block W-INSULT")
    await asyncio.sleep(4)
    assert gateway.world.telegram.heard("tom") == []


async def test_a_discarded_reply_is_never_sent(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "That is not my department.", user="bob")
    await gateway.shown("Held")
    ask(gateway, post, "discard", "carol")
    await gateway.shown("Only its author or a lead")
    ask(gateway, post, "discard", "bob")
    await gateway.shown("Discarded")
    ask(gateway, post, "send after all", "bob")
    await gateway.shown("No reply is held")
    assert gateway.world.telegram.heard("tom") == []


async def test_slack_markup_that_a_channel_would_show_as_it_is_leaves_without_it(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "Hello, it left *today*:shop_logo:, see `this`.")
    await heard(gateway, "Hello, it left today, see this.")
    assert await rows(gateway, HOLDS) == []


async def test_what_is_only_recorded_holds_nobody_up(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "It left this morning.")
    await heard(gateway, "It left this morning.")
    assert ("W-GREET", "log", "logged", "") in await rows(gateway, HITS)
    assert await rows(gateway, HOLDS) == []


async def test_a_promise_is_kept_by_the_next_answer_and_late_without_one(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "Hello Tom, we will get back to you within 2 hours.")
    await gateway.shown("Hello Tom, we will get back")
    await settled(lambda: _has(gateway, "SELECT 1 FROM promises WHERE state = 'open'"))
    await hurry(gateway, "promise")
    await gateway.shown("late: an answer was promised for")
    assert await rows(gateway, PROMISES) == [("contact", "alice", "late")]
    page = gateway.app.metrics.render()[0].decode()
    assert 'onevoice_promises_total{state="open"} 1.0' in page
    assert 'onevoice_promises_total{state="late"} 1.0' in page
    await gateway.answer(post, "It will be at your door on Friday.")
    await settled(lambda: _has(gateway, "SELECT 1 FROM promises WHERE kind = 'contact' AND state = 'kept'"))


async def test_a_deleted_reply_takes_back_what_it_said_while_it_is_queued(gateway: Gateway) -> None:
    await gateway.halt()
    gateway.change = held_for_a_while
    await gateway.boot()
    post = await asked(gateway, "Hello, what about my refund?")
    ts = await gateway.answer(post, "Hello Tom, we will refund 89.50 CNY.")
    await settled(lambda: _has(gateway, "SELECT 1 FROM statements WHERE state = 'active'"))
    gateway.world.slack.delete("alice", post.channel, ts)
    await settled(lambda: _has(gateway, "SELECT 1 FROM statements WHERE state = 'retracted'"))


async def test_a_link_is_undone_and_everything_is_as_before(gateway: Gateway) -> None:
    first = await asked(gateway, "one", "tom")
    second = await asked(gateway, "two", "ann")
    ask(gateway, second, "link #1")
    await gateway.shown("is this customer too")
    ask(gateway, first, "link #2")
    await gateway.shown("is already linked")
    ask(gateway, first, "unlink")
    await gateway.shown("is undone")
    assert [each.merged_into for each in await gateway.app.database.read(contacts.find, "")] == [None, None]


async def _has(gateway: Gateway, sql: str) -> bool:
    return bool(await rows(gateway, Statement(sql)))
