"""What agents say about conversations and customers, through the real application, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.sandbox.mail import AUTHSERV_ID
from gateway.sandbox.slack.workspace import Post, Whisper
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled
from tests.stories.test_card import press, root_of, says
from tests.stories.test_merging import command
from tests.stories.test_one_voice import ask, asked, heard

EVENTS = Statement("SELECT type, actor FROM events WHERE type IN :types ORDER BY at, seq")
PAYLOAD = Statement("SELECT payload FROM events WHERE type = :type ORDER BY at DESC LIMIT 1")
CONTACTS = Statement("SELECT language FROM contacts ORDER BY created_at")
CONVERSATIONS = Statement("SELECT owner, subject, status FROM conversations ORDER BY number")
TOLD = Statement("SELECT value, state FROM statements WHERE slot = 'refund_amount' ORDER BY said_at, id")
MESSAGES = Statement("SELECT count(*) FROM messages WHERE author_kind = 'agent' AND visibility = 'public'")
RUDE = {
    "version": 1,
    "shop": {"en": "Lamps & Co"},
    "items": [
        {"id": "late", "title": "It is late", "texts": {"en": "Hello {customer}, {agent} of {shop} here: it is late."}},
        {"id": "rude", "title": "Rude", "texts": {"en": "Hello, only an idiot would ask that."}},
    ],
}


def own_words(config: dict[str, Any]) -> None:
    """Two canned replies of its own, and a mail provider whose checks it believes."""
    config["standards"] = {"replies": RUDE}
    for channel in config["channels"]:
        if channel["type"] == "email":
            channel["authserv_ids"] = [AUTHSERV_ID]


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(database_url, tmp_path, own_words) as gateway:
        yield gateway


async def whispered(gateway: Gateway, text: str) -> Whisper:
    """What somebody alone is shown, once it says this."""
    slack = gateway.world.slack

    def found() -> list[Whisper]:
        return [each for each in slack.workspace.whispers if text in each.text or text in str(each.blocks)]

    await slack.until(lambda: bool(found()))
    return found()[-1]


def buttons(shown: Whisper | Post) -> list[str]:
    return [
        str(each["action_id"]) for block in shown.blocks if block["type"] == "actions" for each in block["elements"]
    ]


async def test_class_tags_language_and_category_are_kept_with_who_said_so(gateway: Gateway) -> None:
    post = await asked(gateway, "Do you ship to Oslo?")
    ask(gateway, post, "tag Broken-Lamp late")
    await says(gateway, post, "Tags: broken-lamp, late")
    ask(gateway, post, "untag late", user="bob")
    await gateway.shown("Tags now: broken-lamp.")
    ask(gateway, post, "priority urgent", user="bob")
    root = await says(gateway, post, "Urgent")
    await gateway.world.slack.until(lambda: "late" not in str(root_of(gateway, post).blocks))
    ask(gateway, post, "language zh_tw")
    await gateway.shown("language is zh-TW now")
    assert await rows(gateway, CONTACTS) == [("zh-TW",)]
    ask(gateway, post, "resolve finished")
    await gateway.shown("There is no category")
    ask(gateway, post, "resolve solved")
    await says(gateway, post, "Status: resolved")
    assert root is root_of(gateway, post)
    wanted = ["tags_changed", "priority_changed", "language_changed", "status_changed"]
    assert await rows(gateway, EVENTS, types=wanted) == [
        ("tags_changed", "agent:alice"),
        ("tags_changed", "agent:bob"),
        ("priority_changed", "agent:bob"),
        ("language_changed", "agent:alice"),
        ("status_changed", "agent:alice"),
    ]
    said = await command(gateway, "explain", "1")
    assert "Said by agents" in said
    assert "priority changed by agent:bob: from normal, to urgent" in said
    assert "tags changed by agent:alice: added broken-lamp late" in said
    assert "status changed by agent:alice: to resolved, category solved" in said
    [(payload,)] = await rows(gateway, PAYLOAD, type="status_changed")
    assert orjson.loads(payload) == {**orjson.loads(payload), "to": "resolved", "category": "solved"}


async def test_the_history_of_a_linked_customer_is_whispered_over_all_channels(gateway: Gateway) -> None:
    mail = gateway.world.mail
    await mail.send("ann@customer.example", "The lamp is broken", subject="A broken lamp", name="Ann")
    await gateway.shown("The lamp is broken")
    on_chat = await asked(gateway, "It is Ann, about something else", "ann")
    ask(gateway, on_chat, "link ann@customer.example she said so")
    await gateway.shown("is this customer too")
    ask(gateway, on_chat, "history", user="bob")
    shown = await whispered(gateway, "2 conversations with this customer")
    assert shown.user == gateway.world.slack.user("bob").id
    assert shown.thread_ts == on_chat.thread_ts
    said = str(shown.blocks)
    assert "#1 · mail" in said
    assert "A broken lamp" in said
    assert "#2 (this one) · tg" in said


async def test_answers_go_by_another_leg_until_the_customer_writes_again(shop: Gateway) -> None:
    mail = shop.world.mail
    await mail.send("ann@customer.example", "The lamp is broken", subject="A broken lamp", name="Ann")
    await shop.shown("The lamp is broken")
    on_chat = await asked(shop, "It is Ann, do you ship to Oslo?", "ann")
    ask(shop, on_chat, "via mail")
    await shop.shown("The customer is not known at 'mail'")
    ask(shop, on_chat, "link ann@customer.example she said so")
    await shop.shown("is this customer too")
    ask(shop, on_chat, "via mail")
    await shop.shown("Answers go to ann@customer.example on mail now")
    await says(shop, on_chat, "answers go here")
    await shop.answer(on_chat, "Hello Ann, we do.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    assert "we do" in mail.mailbox("ann@customer.example")[0].text
    shop.world.telegram.say("ann", "And to Bergen?")
    await shop.shown("And to Bergen?")
    await shop.answer(on_chat, "Also to Bergen.")
    await heard(shop, "Also to Bergen.", who="ann")
    assert len(mail.mailbox("ann@customer.example")) == 1


async def test_4_1_what_is_said_to_a_proven_customer_goes_to_no_address_somebody_only_claims(shop: Gateway) -> None:
    mail = shop.world.mail
    await mail.send("eve@customer.example", "I am Ann", subject="Me", name="Ann", verified=False)
    await shop.shown("I am Ann")
    on_chat = await asked(shop, "Do you ship to Oslo?", "ann")
    ask(shop, on_chat, "link eve@customer.example")
    await shop.shown("is this customer too")
    ask(shop, on_chat, "via mail")
    await shop.shown("nobody has proven that eve@customer.example")
    ask(shop, on_chat, "transcript to eve@customer.example")
    await shop.shown("is not proven to be this customer's")
    await shop.answer(on_chat, "We do.")
    await heard(shop, "We do.", who="ann")
    assert mail.mailbox("eve@customer.example") == []


async def test_s16_a_canned_reply_is_looked_for_looked_at_and_sent_once(shop: Gateway) -> None:
    post = await asked(shop, "Where is my parcel?")
    ask(shop, post, "replies late")
    listed = await whispered(shop, "It is late")
    shop.world.slack.press_whisper(listed, "ask.canned_late")
    preview = await whispered(shop, "Alice Chen of Lamps")
    assert preview.user == shop.world.slack.user("alice").id
    assert shop.world.telegram.heard("tom") == []
    send = next(each for each in buttons(preview) if each.startswith("ask.send-canned"))
    shop.world.slack.press_whisper(preview, send, times=2)
    text = "Hello tom, Alice Chen of Lamps & Co here: it is late."
    await heard(shop, text)
    await shop.shown("Alice Chen answered with “It is late”")
    shop.world.slack.press_whisper(preview, send)
    await whispered(shop, "has just been told exactly this")
    assert shop.world.telegram.heard("tom") == [text]
    assert await rows(shop, MESSAGES) == [(1,)]
    [(owner, _, _)] = await rows(shop, CONVERSATIONS)
    assert owner == "alice"


async def test_a_canned_reply_that_is_held_can_be_decided_by_its_buttons(shop: Gateway) -> None:
    post = await asked(shop, "Where is my parcel?")
    ask(shop, post, "send-canned rude", user="bob")
    held = await shop.shown("Held: the reply by Bob Li has not been sent")
    discard = next(each for each in buttons(held) if each.startswith("ask.discard"))
    press(shop, "bob", held, discard.removeprefix("ask."))
    await shop.world.slack.until(lambda: "Discarded by Bob Li" in held.text)
    await shop.answer(post, "Hello Tom, it is on its way.")
    await heard(shop, "Hello Tom, it is on its way.")


async def test_a_conversation_that_an_agent_begins_has_its_own_thread_and_the_answer_comes_there(shop: Gateway) -> None:
    mail = shop.world.mail
    post = await asked(shop, "Please ask Ann, ann@customer.example")
    ask(shop, post, "start mail ann@customer.example Hello Ann, your lamp is ready.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    assert "your lamp is ready" in mail.mailbox("ann@customer.example")[0].text
    begun = await shop.shown("Alice Chen began this conversation with ann@customer.example on mail, out of #1")
    assert begun.thread_ts != post.thread_ts
    assert (await shop.shown("has begun, in a thread of its own")).thread_ts == post.thread_ts
    await says(shop, begun, "Owner: Alice Chen")
    await mail.reply("ann@customer.example", "Wonderful!")
    assert (await shop.shown("Wonderful!")).thread_ts == begun.thread_ts
    await shop.answer(begun, "See you soon.")
    await mail.until(lambda: len(mail.mailbox("ann@customer.example")) == 2)
    assert [row[0] for row in await rows(shop, CONVERSATIONS)] == [None, "alice"]


async def test_a_first_message_that_is_held_waits_in_the_new_thread(shop: Gateway) -> None:
    mail = shop.world.mail
    post = await asked(shop, "Please ask Ann, ann@customer.example")
    ask(shop, post, "start mail ann@customer.example Hello, only an idiot would ask that.")
    held = await shop.shown("Held: the reply by Alice Chen has not been sent")
    assert held.thread_ts != post.thread_ts
    ask(shop, held, "reword Hello Ann, your lamp is ready.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    [sent] = mail.mailbox("ann@customer.example")
    assert "your lamp is ready" in sent.text


async def test_a_transcript_has_what_was_said_and_nothing_that_was_not(shop: Gateway) -> None:
    mail = shop.world.mail
    await mail.send("ann@customer.example", "The lamp is broken", subject="Lamp", name="Ann")
    post = await shop.shown("The lamp is broken")
    ask(shop, post, "transcript", user="guest")
    await shop.shown("Not sent")
    await shop.answer(post, "Hello Ann, send us a picture of it please.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    note = await shop.answer(post, "// she is angry")
    await shop.marked(post, note, "memo")
    await shop.answer(post, "Hello, only an idiot would ask that.")
    await shop.shown("Held: the reply by Alice Chen")
    ask(shop, post, "transcript")
    await mail.until(lambda: len(mail.mailbox("ann@customer.example")) == 2)
    await shop.shown("The transcript was sent to the customer.")
    transcript = mail.mailbox("ann@customer.example")[1]
    assert transcript.subject == "Transcript of conversation #1"
    said = transcript.text
    assert said.index("The lamp is broken") < said.index("send us a picture")
    assert "angry" not in said
    assert "idiot" not in said
    assert await rows(shop, EVENTS, types=["transcript_sent"]) == [("transcript_sent", "agent:alice")]

    async def waits() -> bool:
        return bool(await rows(shop, Statement("SELECT 1 FROM conversations WHERE waiting_since IS NULL")))

    await settled(waits)


async def test_s25_new_words_for_a_mail_that_has_left_are_sent_as_a_correction_once_if_that_is_wanted(
    shop: Gateway,
) -> None:
    mail, slack = shop.world.mail, shop.world.slack
    await mail.send("ann@customer.example", "When will you refund me?", subject="Lamp", name="Ann")
    post = await shop.shown("When will you refund me?")
    ts = await shop.answer(post, "Hello Ann, we will refund 89.50 CNY.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    await shop.marked(post, ts, "white_check_mark")
    slack.edit("alice", post.channel, ts, "Hello Ann, we will refund 98.50 CNY.")
    offer = await shop.shown("The edit cannot be shown where the message was sent")
    [button] = buttons(offer)
    assert len(mail.mailbox("ann@customer.example")) == 1
    press(shop, "alice", offer, button.removeprefix("ask."))
    await mail.until(lambda: len(mail.mailbox("ann@customer.example")) == 2)
    assert "Correction:" in mail.mailbox("ann@customer.example")[1].text
    assert "98.50 CNY" in mail.mailbox("ann@customer.example")[1].text
    await slack.until(lambda: "has sent the new words as a correction" in offer.text)
    ask(shop, post, "send-correction")
    await shop.shown("have been sent as a correction already")
    assert await rows(shop, TOLD) == [("89.50", "superseded"), ("98.50", "active")]
    assert await rows(shop, EVENTS, types=["reply_corrected"]) == [("reply_corrected", "agent:alice")]
    slack.delete("alice", post.channel, ts)
    shown = await whispered(shop, "The customer still has this message")
    assert shown.user == slack.user("alice").id


async def test_an_address_nobody_wrote_from_becomes_the_customers_until_the_link_is_undone(gateway: Gateway) -> None:
    mail = gateway.world.mail
    on_chat = await asked(gateway, "It is Ann, about my lamp", "ann")
    ask(gateway, on_chat, "link ann@new.example she moved")
    await gateway.shown("ann@new.example is this customer's too")
    await mail.send("ann@new.example", "Here is the invoice", subject="Invoice", name="Ann")
    by_mail = await gateway.shown("Here is the invoice")
    assert by_mail.thread_ts != on_chat.thread_ts
    ask(gateway, on_chat, "history")
    await whispered(gateway, "2 conversations with this customer")
    ask(gateway, on_chat, "unlink that was wrong")
    await gateway.shown("The newest link of this customer is undone")
    ask(gateway, on_chat, "history")
    await whispered(gateway, "1 conversation with this customer")
