"""Forms of verbs through the real application, on both databases: opening one changes nothing, filling one in is the
verb."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.slack.modals import Modal
from gateway.sandbox.slack.workspace import Post
from router.model import Status
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled
from tests.stories.test_assignment import everybody_in_one_team, owned
from tests.stories.test_card import filled, press, root_of, says, stands, words

EVENTS = Statement("SELECT type, actor FROM events ORDER BY at, seq")
NOTES = Statement("SELECT count(*) FROM messages")
TAGS = Statement("SELECT tags FROM conversations")
CATEGORIES = Statement("SELECT payload FROM events WHERE type = 'status_changed' ORDER BY at")
UNDER_WAY = Statement("SELECT 1 FROM outbox WHERE kind = 'message' AND state <> 'sent'")
MERGED = Statement("SELECT number FROM conversations WHERE merged_into IS NOT NULL")


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two agents of one team, offers."""
    async with running(database_url, tmp_path, everybody_in_one_team) as gateway:
        yield gateway


async def asked(shop: Gateway, text: str = "Do you ship order A10017 to Oslo?") -> Post:
    """A question of Tom's in the desk, and its root."""
    shop.world.telegram.say("tom", text)
    return root_of(shop, await shop.shown(text))


async def form(shop: Gateway, root: Post, line: str, user: str = "alice") -> dict[str, Any]:
    """The form of a line of the menu, by the labels of its fields."""
    await says(shop, root, "Status: ")
    shop.world.slack.press(user, root.channel, root.ts, "ask.more", f"{line} …")
    await shop.world.slack.until(lambda: shop.world.slack.modal(user) is not None)
    found = shop.world.slack.modal(user)
    assert found is not None
    return {each["block_id"]: each for each in found.view["blocks"] if each["type"] == "input"}


def choices(field: dict[str, Any]) -> list[str]:
    return [str(each["text"]["text"]) for each in field["element"]["options"]]


async def known(shop: Gateway) -> None:
    """What the desk shows is known to be there: until then nobody can tell which message a post is."""

    async def so() -> bool:
        return not await rows(shop, UNDER_WAY)

    await settled(so)


async def turned(shop: Gateway, form: Modal, page: int) -> None:
    await shop.world.slack.until(lambda: f"{page}/" in form.view["title"]["text"])


async def whispered(shop: Gateway, text: str) -> None:
    slack = shop.world.slack
    await slack.until(lambda: any(text in each.text for each in slack.workspace.whispers))


async def test_opening_a_form_changes_nothing_and_filling_it_in_is_the_verb_with_its_actor(shop: Gateway) -> None:
    root = await asked(shop)
    await shop.shown("Offered to @Alice Chen")
    before = await rows(shop, EVENTS), await rows(shop, NOTES)
    fields = await form(shop, root, "assign")
    assert choices(fields["whom"])[:3] == ["Alice Chen", "Bob Li", "Carol Wu"]
    assert (await rows(shop, EVENTS), await rows(shop, NOTES)) == before
    await filled(shop, "alice", whom="bob")
    await owned(shop, "bob")
    assert ("assigned", "agent:alice") in await rows(shop, EVENTS)


async def test_s8_who_is_no_agent_gets_no_form_and_is_told_in_private(shop: Gateway) -> None:
    root = await asked(shop)
    await says(shop, root, "Status: open")
    press(shop, "guest", root, "more", "assign …")
    await whispered(shop, "Only listed agents can assign")
    assert shop.world.slack.modal("guest") is None


async def test_set_aside_until_a_day_and_an_hour_in_the_agents_own_zone(shop: Gateway) -> None:
    root = await asked(shop)
    fields = await form(shop, root, "snooze")
    day = fields["date"]["element"]["initial_date"]
    await filled(shop, "alice", time="17:30")
    await shop.shown(f"Snoozed until {day} 17:30")
    await stands(shop, Status.SNOOZED)


async def test_s16_a_form_sent_three_times_is_one_tag_and_one_event(shop: Gateway) -> None:
    root = await asked(shop)
    await form(shop, root, "tag")
    slack = shop.world.slack
    slack.modals.submit(slack.user("alice"), {"tags": "Broken-Lamp late"}, times=3)
    await shop.shown("Tags now: broken-lamp, late.")
    await says(shop, root, "broken-lamp")
    await form(shop, root, "untag")
    await filled(shop, "alice", tags="late")
    await shop.shown("Tags now: broken-lamp.")
    assert [kind for kind, _ in await rows(shop, EVENTS)].count("tags_changed") == 2
    assert await rows(shop, TAGS) == [('["broken-lamp"]',)]


async def test_resolved_with_a_category_from_the_list_of_the_shop(shop: Gateway) -> None:
    root = await asked(shop)
    fields = await form(shop, root, "resolve")
    category = fields["category"]["element"]["options"][0]["value"]
    await filled(shop, "alice", category=category)
    await stands(shop, Status.RESOLVED)
    assert category in str((await rows(shop, CATEGORIES))[-1])


async def test_what_the_rules_refuse_is_told_to_the_one_who_sent_the_form_alone(shop: Gateway) -> None:
    root = await asked(shop)
    await shop.shown("Offered to @Alice Chen")
    await form(shop, root, "link")
    before = len(shop.world.slack.thread(root.channel, root.ts))
    await filled(shop, "alice", who="#4711")
    await whispered(shop, "There is no conversation #4711.")
    [whisper] = shop.world.slack.workspace.whispers
    assert (whisper.user, whisper.thread_ts) == ("U0ALICE", root.ts)
    assert len(shop.world.slack.thread(root.channel, root.ts)) == before


async def test_d25_merged_with_another_conversation_of_the_same_customer(shop: Gateway) -> None:
    await asked(shop)
    second = await asked(shop, "And is order B20018 delayed?")
    fields = await form(shop, second, "merge")
    assert [each.split()[0] for each in choices(fields["into"])] == ["#1"]
    await filled(shop, "alice", into="#1", reason="one matter")
    await says(shop, second, "Merged into #1")
    assert await rows(shop, MERGED) == [(2,)]
    press(shop, "alice", second, "more", "unmerge")
    await shop.shown("Conversation #2 stands by itself again")
    await says(shop, second, "Status: open")
    assert await rows(shop, MERGED) == []


async def test_the_customers_last_messages_are_split_off(shop: Gateway) -> None:
    root = await asked(shop)
    await shop.answer(await shop.shown("Do you ship"), "We do.")
    shop.world.telegram.say("tom", "How long does it take?")
    await shop.shown("How long does it take?")
    fields = await form(shop, root, "split")
    assert choices(fields["count"]) == ["The last 1, from: How long does it take?"]
    await filled(shop, "alice", subject="Time of delivery")
    await shop.world.slack.until(lambda: any("Time of delivery" in each.text for each in shop.posts()))


async def test_a_message_shortcut_offers_what_the_card_does(shop: Gateway) -> None:
    root = await asked(shop)
    await says(shop, root, "Status: open")
    post = await shop.shown("Do you ship")
    slack = shop.world.slack
    slack.shortcut("alice", post.channel, post.ts, "onevoice_actions")
    await slack.until(lambda: slack.modal("alice") is not None)
    found = slack.modal("alice")
    assert found is not None
    options = [each["value"] for each in found.view["blocks"][0]["element"]["options"]]
    [block] = [each for each in root.blocks if each["type"] == "actions"]
    menu = [each["value"] for each in block["elements"][-1]["options"]]
    assert set(menu) < set(options)
    slack.modals.submit(slack.user("alice"), {"do": "priority …"})
    await slack.until(lambda: found.view["blocks"][0]["block_id"] == "priority")
    await filled(shop, "alice", priority="urgent")
    await shop.shown("Its priority is urgent now.")


async def test_s22_a_long_mail_is_cut_in_the_thread_and_shown_whole_in_pages_where_it_is_inert(shop: Gateway) -> None:
    lines = [f"Line {number}: <!channel> *bold* <https://evil.example|bank>" for number in range(400)]
    await shop.world.mail.send("wang@example.com", "\n".join(lines), subject="A long story")
    post = await shop.shown("The message goes on:")
    await known(shop)
    assert "Line 0:" in post.text
    assert "Line 399:" not in str(post.blocks)
    slack = shop.world.slack
    slack.press("alice", post.channel, post.ts, "ask.show_form")
    await slack.until(lambda: slack.modal("alice") is not None)
    found = slack.modal("alice")
    assert found is not None
    seen, page = "", 1
    while True:
        seen += "".join(words(found.view["blocks"]))
        pages = int(found.view["title"]["text"].partition("/")[2])
        if page == pages:
            break
        page += 1
        slack.modals.press(slack.user("alice"), f"ask.show_{page}_form")
        await turned(shop, found, page)
    assert pages > 2
    assert [line for line in lines if line not in seen] == []
    assert slack.calls["views.open"] == 1


async def test_a_reply_that_leaves_out_what_it_quotes_is_shown_whole_by_a_shortcut(shop: Gateway) -> None:
    text = "Thank you.\n\nOn Monday, 9 March 2026 the shop wrote:\n> We ship to Oslo.\n> It takes two days.\n"
    await shop.world.mail.send("wang@example.com", text, subject="Thanks")
    post = await shop.shown("Thank you.")
    await known(shop)
    slack = shop.world.slack
    slack.shortcut("alice", post.channel, post.ts, "onevoice_show")
    await slack.until(lambda: slack.modal("alice") is not None)
    found = slack.modal("alice")
    assert found is not None
    assert "It takes two days." in words(found.view["blocks"])


async def test_a_canned_reply_is_chosen_looked_at_and_sent_once(shop: Gateway) -> None:
    root = await asked(shop)
    await form(shop, root, "replies")
    slack, alice = shop.world.slack, shop.world.slack.user("alice")
    slack.modals.submit(alice, {"reply": "looking-into"})
    found = slack.modal("alice")
    assert found is not None
    await slack.until(lambda: "about order A10017" in words(found.view["blocks"]))
    assert found.view["submit"]["text"] == "Send"
    slack.modals.submit(alice, {}, times=2)
    await slack.until(lambda: slack.modal("alice") is None)
    await owned(shop, "alice")
    await shop.world.telegram.until(lambda: len(shop.world.telegram.heard("tom")) == 1)
    shop.world.telegram.say("tom", "Thank you!")
    await shop.shown("Thank you!")
    [heard] = shop.world.telegram.heard("tom")
    assert "about order A10017" in heard


async def test_a_new_conversation_is_started_from_a_form_and_its_transcript_sent_from_another(shop: Gateway) -> None:
    root = await asked(shop)
    await form(shop, root, "start")
    text = "Subject: Your lamp\nHello, your lamp is ready.\n\nRegards"
    await filled(shop, "alice", channel="mail", to="wang@customer.example", text=text)
    box = shop.world.mail.mailbox
    await shop.world.mail.until(lambda: bool(box("wang@customer.example")))
    [mail] = box("wang@customer.example")
    assert mail.subject == "Your lamp"
    assert "your lamp is ready.\n\nRegards" in mail.text.replace("\r", "")


async def test_what_the_rules_refuse_in_the_thread_of_an_absorbed_conversation_is_private_too(shop: Gateway) -> None:
    await asked(shop)
    second = await asked(shop, "And is order B20018 delayed?")
    await says(shop, second, "Status: open")
    slack = shop.world.slack
    slack.press("alice", second.channel, second.ts, "ask.more", "link …")
    await slack.until(lambda: slack.modal("alice") is not None)
    slack.mention("alice", second.channel, "merge #1 one matter", thread_ts=second.ts)
    await says(shop, second, "Merged into #1")
    await filled(shop, "alice", who="#4711")
    await whispered(shop, "There is no conversation #4711.")
    shop.world.telegram.say("tom", "Hello?")
    await shop.shown("Hello?")
    assert not [post for post in shop.posts() if "#4711" in post.text]
