"""A question on any channel reaches Slack, the answer goes back: through the real application, on both databases."""

import asyncio

from gateway.sandbox.slack.faults import Broken, Refused
from gateway.sandbox.telegram_faults import broken
from router.richtext import plain
from storage.codec import rich_text
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled

SENT = Statement("SELECT count(*) FROM outbox WHERE state <> 'sent'")
WAITS = Statement("SELECT waiting_since FROM conversations")
AGENTS = Statement("SELECT body FROM messages WHERE author_kind = 'agent'")
MESSAGES = Statement("SELECT count(*) FROM messages")
LABEL = ("label.txt", "text/plain", b"label")


async def test_a_question_on_telegram_opens_a_thread_and_the_answer_goes_back(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Where is my order?")
    post = await gateway.shown("Where is my order?")
    await gateway.answer(post, "On its way")
    await gateway.world.telegram.until(lambda: gateway.world.telegram.heard("tom") == ["On its way"])


async def test_a_mail_opens_a_thread_and_the_answer_is_threaded(gateway: Gateway) -> None:
    mail = gateway.world.mail
    sent = await mail.send("ann@customer.example", "Please send my money back", subject="Refund", name="Ann")
    post = await gateway.shown("Please send my money back")
    await gateway.answer(post, "We will.")
    await mail.until(lambda: bool(mail.mailbox("ann@customer.example")))
    answer = mail.mailbox("ann@customer.example")[0]
    assert answer.message["In-Reply-To"] == f"<{sent}>"
    await mail.reply("ann@customer.example", "Thank you")
    again = await gateway.shown("Thank you")
    assert again.thread_ts == post.thread_ts


async def test_an_answer_by_mail_is_a_letter_in_its_own_language_and_the_thread_keeps_the_words(
    gateway: Gateway,
) -> None:
    mail, slack = gateway.world.mail, gateway.world.slack
    await mail.send("ann@customer.example", "Where is my lamp?", subject="Lamp", name="Ann")
    await mail.send("wang@customer.example", "请问我的灯到哪里了?", subject="灯", name="王芳")
    english, chinese = await gateway.shown("Where is my lamp?"), await gateway.shown("请问我的灯到哪里了?")
    slack.post("alice", english.channel, mrkdwn="It has left *today*.", thread_ts=english.thread_ts)
    await gateway.answer(chinese, "已经为您发货。")
    await mail.until(lambda: all(mail.mailbox(f"{who}@customer.example") for who in ("ann", "wang")))
    [to_ann], [to_wang] = mail.mailbox("ann@customer.example"), mail.mailbox("wang@customer.example")
    assert to_ann.text == "Hello Ann,\n\nIt has left *today*.\n\nKind regards,\n\nAlice Chen"
    assert "<p>Hello Ann,</p>\n<p>It has left <b>today</b>.</p>" in to_ann.html
    assert to_wang.text == "王芳,您好:\n\n已经为您发货。\n\n如有其他问题,请随时回复本邮件。\n\n客服 Alice Chen"
    assert not [each for each in slack.thread(english.channel, english.thread_ts or "") if "Kind regards" in each.text]
    assert {plain(rich_text(row[0])) for row in await rows(gateway, AGENTS)} == {"It has left today.", "已经为您发货。"}


async def test_an_answer_is_marked_in_the_thread_when_the_provider_has_it(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello")
    post = await gateway.shown("Hello")
    ts = await gateway.answer(post, "Hi")
    await gateway.marked(post, ts, "white_check_mark")


async def test_s9_a_note_reaches_nobody_and_is_marked(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello")
    post = await gateway.shown("Hello")
    ts = await gateway.answer(post, "// he is angry")
    await gateway.marked(post, ts, "memo")
    assert gateway.world.telegram.heard("tom") == []


async def test_s8_a_guest_in_the_thread_is_told_that_nothing_was_sent(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello")
    post = await gateway.shown("Hello")
    await gateway.answer(post, "I can help", user="guest")
    await gateway.shown("Not sent")
    assert gateway.world.telegram.heard("tom") == []


async def test_t12_a_customer_who_blocked_us_is_told_once_in_the_thread(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "Hello")
    post = await gateway.shown("Hello")
    gateway.world.telegram.block("tom")
    await gateway.shown("blocked us")
    await gateway.answer(post, "Hi")
    await gateway.shown("cannot be reached")
    assert gateway.world.telegram.heard("tom") == []


async def test_t12_a_customer_who_unblocks_us_is_answered_in_every_thread(gateway: Gateway) -> None:
    telegram = gateway.world.telegram
    telegram.say("tom", "Where is my order A10017?")
    first = await gateway.shown("Where is my order A10017?")
    telegram.say("tom", "I want a refund of order A10018")
    second = await gateway.shown("I want a refund of order A10018")
    threads = {first.thread_ts, second.thread_ts}
    assert len(threads) == 2

    async def told_in_both(text: str) -> None:
        await gateway.world.slack.until(
            lambda: {each.thread_ts for each in gateway.posts() if text in each.text} == threads
        )

    telegram.block("tom")
    await told_in_both("blocked us")
    for each in (first, second):
        await gateway.answer(each, "Hello Tom")
    await told_in_both("cannot be reached any more")
    telegram.unblock("tom")
    await told_in_both("can be reached on this channel again")
    await gateway.answer(first, "It left today.")
    await telegram.until(lambda: telegram.heard("tom") == ["It left today."])
    await gateway.answer(second, "Done today.")
    await telegram.until(lambda: telegram.heard("tom") == ["It left today.", "Done today."])


async def test_files_travel_both_ways(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.say("tom", "See this", document=("scan.pdf", b"%PDF-1.7 content", "application/pdf"))
    post = await gateway.shown("See this")
    await slack.until(lambda: any(each.files for each in slack.thread(post.channel, post.thread_ts or "")))
    slack.post("alice", post.channel, "Your label", thread_ts=post.thread_ts, files=[LABEL])
    await telegram.until(lambda: any("document" in shown.raw for shown in telegram.chat("tom") if shown.from_bot))


async def test_x11_a_deleted_reply_is_gone_with_all_its_files(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.say("tom", "Where are the papers?")
    post = await gateway.shown("Where are the papers?")
    files = [(name, "text/plain", b"paper") for name in ("one.txt", "two.txt")]
    reply = slack.post("alice", post.channel, "Here they are.", thread_ts=post.thread_ts, files=files)
    await gateway.marked(post, reply, "white_check_mark")
    assert len([shown for shown in telegram.chat("tom") if shown.from_bot]) == 2
    slack.delete("alice", post.channel, reply)
    await telegram.until(lambda: all(shown.deleted for shown in telegram.chat("tom") if shown.from_bot))


async def test_x11_an_edit_changes_the_words_that_stand_below_a_file(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.say("tom", "What does it cost?")
    post = await gateway.shown("What does it cost?")
    long = "It costs 40. " + "word " * 250  # more than a caption holds
    files = [("prices.txt", "text/plain", b"prices")]
    reply = slack.post("alice", post.channel, long, thread_ts=post.thread_ts, files=files)
    await gateway.marked(post, reply, "white_check_mark")
    slack.edit("alice", post.channel, reply, "It is free.")
    await telegram.until(lambda: telegram.heard("tom")[-1] == "It is free.")
    assert [shown.text for shown in telegram.chat("tom") if shown.from_bot] == ["", "It is free."]


async def test_a_file_that_cannot_be_had_now_is_fetched_again_before_its_message_leaves(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.fail("getFile", broken(), broken(), broken(), broken())
    telegram.say("tom", "See this", document=("scan.pdf", b"%PDF-1.7 content", "application/pdf"))
    post = await gateway.shown("See this")
    await slack.until(lambda: any(each.files for each in slack.thread(post.channel, post.thread_ts or "")))
    slack.faults.on("files.info", *[Broken(503)] * 6)
    ts = slack.post("alice", post.channel, "Your label", thread_ts=post.thread_ts, files=[LABEL])
    await telegram.until(lambda: any("document" in shown.raw for shown in telegram.chat("tom") if shown.from_bot))
    await gateway.marked(post, ts, "white_check_mark")
    assert not any("could not be fetched" in each.text for each in telegram.chat("tom"))


async def test_x17_a_reply_that_left_without_its_file_does_not_look_sent(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.say("tom", "Where is my label?")
    post = await gateway.shown("Where is my label?")
    slack.faults.always["files.info"] = Refused("file_deleted")
    ts = slack.post("alice", post.channel, "Your label", thread_ts=post.thread_ts, files=[LABEL])
    await gateway.shown("The reply was delivered, but not all of it: file label.txt, could not be fetched.")
    await gateway.marked(post, ts, "warning")
    assert telegram.heard("tom") == ["Your label\n\n[file label.txt, could not be fetched]"]


async def test_x7_a_long_reply_leaves_although_its_file_is_lost(gateway: Gateway) -> None:
    telegram, slack = gateway.world.telegram, gateway.world.slack
    telegram.say("tom", "Where is my label?")
    post = await gateway.shown("Where is my label?")
    slack.faults.always["files.info"] = Refused("file_deleted")
    text = ("Hello Tom, " + "do this and that. " * 300)[:4090].strip()
    slack.post("alice", post.channel, text, thread_ts=post.thread_ts, files=[LABEL])
    await telegram.until(lambda: len(telegram.heard("tom")) == 2)
    first, second = telegram.heard("tom")
    assert f"{first} {second}" == f"{text}\n\n[file label.txt, could not be fetched]"


async def test_an_edit_by_the_customer_is_seen_in_the_thread(gateway: Gateway) -> None:
    message = gateway.world.telegram.say("tom", "I want a reed one")
    await gateway.shown("I want a reed one")
    gateway.world.telegram.edit("tom", message, "I want a red one")
    await gateway.shown("I want a red one")


async def test_d9_an_edit_that_asks_something_else_after_the_answer_waits_for_another(gateway: Gateway) -> None:
    telegram = gateway.world.telegram
    message = telegram.say("tom", "Please cancel order US-20260301-77")
    post = await gateway.shown("order US-20260301-77")
    await gateway.answer(post, "It is cancelled.")
    await telegram.until(lambda: telegram.heard("tom") == ["It is cancelled."])

    async def waits() -> bool:
        return (await gateway.app.database.read(lambda tx: tx.all(WAITS, {})))[0][0] is not None

    while await waits():
        await asyncio.sleep(0.05)
    telegram.edit("tom", message, "Please cancel order US-20260301-99")
    told = await gateway.shown("The customer has changed what they asked.")
    assert "Before: Please cancel order US-20260301-77" in told.text
    assert await waits()


async def test_nothing_is_lost_or_doubled_over_a_restart(gateway: Gateway) -> None:
    telegram = gateway.world.telegram
    telegram.say("tom", "before")
    post = await gateway.shown("before")
    await gateway.halt()
    telegram.say("tom", "while you were away")
    await gateway.boot()
    await gateway.shown("while you were away")
    await gateway.answer(post, "hello again")
    await telegram.until(lambda: telegram.heard("tom") == ["hello again"])
    texts = [each.text for each in gateway.posts()]
    assert len([text for text in texts if "while you were away" in text]) == 1


async def test_the_same_update_three_times_is_one_message(gateway: Gateway) -> None:
    gateway.world.telegram.say("tom", "once")
    gateway.world.telegram.repeat(3)
    await gateway.shown("once")
    await asyncio.sleep(0.5)
    rows = await gateway.app.database.read(lambda tx: tx.all(MESSAGES, {}))
    assert rows[0][0] == 1


async def test_everything_queued_ends_as_sent(gateway: Gateway) -> None:
    for number in range(5):
        gateway.world.telegram.say(f"customer{number}", f"question {number}")

    async def all_sent() -> bool:
        rows = await gateway.app.database.read(lambda tx: tx.all(SENT, {}))
        return rows[0][0] == 0 and len(gateway.posts()) == 10

    await settled(all_sent)


async def test_l6_a_mail_that_comes_back_is_told_and_is_no_sent_one(gateway: Gateway) -> None:
    mail = gateway.world.mail
    await mail.send("ann@customer.example", "Please send my money back", subject="Refund", name="Ann")
    post = await gateway.shown("Please send my money back")
    ts = await gateway.answer(post, "It is on its way.")
    await gateway.marked(post, ts, "white_check_mark")
    await mail.bounce(mail.accepted[-1])
    await gateway.shown("Not delivered: the customer's mail server returned the reply (5.1.1).")
    await gateway.marked(post, ts, "warning")
    answer = next(each for each in gateway.posts() if each.ts == ts)
    assert "white_check_mark" not in answer.reactions
