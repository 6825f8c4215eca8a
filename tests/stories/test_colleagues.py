"""Colleagues ask in Slack: a help channel, direct messages and mentions are a customer channel like any other."""

from gateway.sandbox.slack.faults import Cut
from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows

CONVERSATIONS = Statement(
    """
    SELECT c.number, l.channel, l.address, l.closed FROM conversations c JOIN legs l ON l.conversation = c.id
    WHERE NOT l.desk ORDER BY c.number, l.address
    """
)
TRUST = Statement("SELECT key, verification FROM identities")
WRITTEN = Statement("SELECT author_kind, author, visibility FROM messages ORDER BY conversation, seq")


def said(gateway: Gateway, channel: str, thread: str | None = None) -> list[str]:
    """What the app has said there, in order."""
    slack = gateway.world.slack
    posts = slack.messages(channel) if thread is None else slack.thread(channel, thread)
    return [post.text for post in posts if post.bot]


async def heard(gateway: Gateway, channel: str, *texts: str, thread: str | None = None) -> None:
    await gateway.world.slack.until(lambda: said(gateway, channel, thread) == list(texts))


async def asked_in_help(gateway: Gateway, text: str = "The printer is on fire", user: str = "dana") -> tuple[Post, str]:
    """The post on the desk, and the ts of the question."""
    ts = gateway.world.slack.post(user, "#help", text)
    return await gateway.shown(text), ts


async def test_a_post_in_the_help_channel_is_a_conversation_that_is_answered_in_its_thread(gateway: Gateway) -> None:
    on_desk, ts = await asked_in_help(gateway)
    answer = await gateway.answer(on_desk, "Hello Dana, take the stairs.")
    await heard(gateway, "#help", "Alice Chen: Hello Dana, take the stairs.", thread=ts)
    await gateway.marked(on_desk, answer, "white_check_mark")
    gateway.world.slack.post("dana", "#help", "And now?", thread_ts=ts)
    gateway.world.slack.post("carol", "#help", "I see it too", thread_ts=ts)
    assert {(await gateway.shown(each)).thread_ts for each in ("And now?", "I see it too")} == {on_desk.thread_ts}
    other, _ = await asked_in_help(gateway, "Where are the stairs?")
    assert other.thread_ts != on_desk.thread_ts
    found = await rows(gateway, CONVERSATIONS)
    assert [(row[0], row[1]) for row in found] == [(1, "help"), (2, "help")]
    assert found[0][2] == f"C0HELP:{ts}"


async def test_a_direct_message_is_answered_there_and_edits_deletions_and_files_go_both_ways(gateway: Gateway) -> None:
    slack = gateway.world.slack
    ts = slack.post("dana", "@dana", "May I bring my dog?", files=[("dog.txt", "text/plain", b"woof")])
    on_desk = await gateway.shown("May I bring my dog?")
    await slack.until(lambda: any(file.content == b"woof" for post in gateway.posts() for file in post.files))
    slack.edit("dana", "@dana", ts, "May I bring my cat?")
    await gateway.shown("May I bring my cat?")
    answer = slack.post(
        "alice", on_desk.channel, "You may.", thread_ts=on_desk.thread_ts, files=[("rules.txt", "text/plain", b"quiet")]
    )
    await slack.until(lambda: any(file.content == b"quiet" for post in slack.messages("@dana") for file in post.files))
    assert said(gateway, "@dana")[0] == "Alice Chen: You may."
    slack.edit("alice", on_desk.channel, answer, "You may on Fridays.")
    await slack.until(lambda: said(gateway, "@dana")[0] == "Alice Chen: You may on Fridays.")
    again = slack.post("dana", "@dana", "Thank you")
    assert (await gateway.shown("Thank you")).thread_ts == on_desk.thread_ts
    slack.delete("dana", "@dana", again)
    await slack.until(lambda: not any("Thank you" in post.text for post in gateway.posts()))
    slack.delete("alice", on_desk.channel, answer)
    await slack.until(lambda: said(gateway, "@dana") == [])
    slack.delete("dana", "@dana", ts)
    await slack.until(lambda: not any(post.files for post in gateway.posts() if post.bot))


async def test_a_mention_opens_a_conversation_in_its_thread_and_nothing_else_does(gateway: Gateway) -> None:
    slack = gateway.world.slack
    slack.post("dana", "#random", "Lunch?")
    elsewhere = slack.post("dana", "#random", "Cake in the kitchen")
    slack.post("carol", "#random", "Yum", thread_ts=elsewhere)
    slack.mention("bob", "#support-1", "is this a question?")
    ts = slack.mention("dana", "#random", "who has the key?")
    on_desk = await gateway.shown("who has the key?")
    assert on_desk.text == "Dana Zhao: who has the key?"
    slack.post("carol", "#random", "Not me", thread_ts=ts)
    await gateway.shown("Not me")
    await gateway.answer(on_desk, "The porter has it.")
    await heard(gateway, "#random", "Alice Chen: The porter has it.", thread=ts)
    assert [row[:3] for row in await rows(gateway, CONVERSATIONS)] == [(1, "help", f"C0RANDOM:{ts}")]
    assert not any(word in post.text for post in gateway.posts() if post.bot for word in ("Lunch", "Yum", "question"))


async def test_who_is_an_agent_asks_like_everybody_and_answers_only_on_the_desk(gateway: Gateway) -> None:
    on_desk, ts = await asked_in_help(gateway, "Where do I find the templates?", "alice")
    slack = gateway.world.slack
    slack.post("alice", "#help", "I answer myself: in the wiki", thread_ts=ts)
    slack.mention("bob", "#help", "resolve", thread_ts=ts)
    await gateway.shown("I answer myself")
    await gateway.shown("Bob Li: resolve")
    for note in ("// she should know", "note: ask HR", "\u200b// not for her"):
        posted = await gateway.answer(on_desk, note, "bob")
        await gateway.marked(on_desk, posted, "memo")
    await gateway.answer(on_desk, "In the wiki, Alice.", "bob")
    await heard(gateway, "#help", "Bob Li: In the wiki, Alice.", thread=ts)
    written = await rows(gateway, WRITTEN)
    assert [row[0] for row in written] == ["customer"] * 3 + ["agent"] * 4
    assert {row[1] for row in written[:3]} == {"slack:U0ALICE", "slack:U0BOB"}
    assert [post.text for post in slack.messages("#help") if "//" in post.text or "note:" in post.text] == []


async def test_guests_and_people_of_other_workspaces_are_not_verified(gateway: Gateway) -> None:
    for who in ("guest", "eve", "dana"):
        await asked_in_help(gateway, f"A question of {who}", who)
    found = dict(await rows(gateway, TRUST))
    assert found == {"slack:U0GUEST": 0, "slack:U0EVE": 0, "slack:U0DANA": 1}


async def test_s13_what_was_asked_while_slack_was_away_is_asked_once(gateway: Gateway) -> None:
    slack = gateway.world.slack
    on_desk, ts = await asked_in_help(gateway)
    slack.faults.drop_events = True
    asked = ask_everywhere(gateway, ts)
    slack.faults.drop_events = False
    slack.events.refresh(close=True)
    await all_shown_once(gateway, asked)
    assert (await gateway.shown("It spreads")).thread_ts == on_desk.thread_ts


async def test_s13_what_was_asked_before_a_restart_is_asked_once_and_nothing_older(gateway: Gateway) -> None:
    on_desk, ts = await asked_in_help(gateway)
    await gateway.halt()
    asked = ask_everywhere(gateway, ts)
    await gateway.boot()
    await all_shown_once(gateway, asked)
    assert (await gateway.shown("It spreads")).thread_ts == on_desk.thread_ts
    await gateway.answer(await gateway.shown("Help me, please"), "With pleasure.")
    await heard(gateway, "@bob", "Alice Chen: With pleasure.")
    assert len({post.thread_ts for post in gateway.posts() if post.thread_ts}) == 5


def ask_everywhere(gateway: Gateway, thread: str) -> list[str]:
    slack = gateway.world.slack
    slack.post("dana", "#help", "It spreads", thread_ts=thread)
    slack.post("carol", "#help", "The lift is stuck")
    slack.post("bob", "@bob", "Help me, please")
    slack.mention("dana", "#random", "is there cake?")
    slack.post("dana", "#random", "Never mind the cake")
    return ["It spreads", "The lift is stuck", "Help me, please", "is there cake?"]


async def all_shown_once(gateway: Gateway, asked: list[str]) -> None:
    """A later question proves that nothing else came."""
    for each in asked:
        await gateway.shown(each)
    await asked_in_help(gateway, "That is all")
    shown = [post.text for post in gateway.posts() if post.bot and post.thread_ts]
    assert [sum(each in text for text in shown) for each in asked] == [1] * len(asked)
    assert not any("Never mind" in text for text in shown)


async def test_an_answer_never_lands_outside_a_deleted_thread(gateway: Gateway) -> None:
    slack = gateway.world.slack
    on_desk, ts = await asked_in_help(gateway)
    slack.faults.drop_events = True
    slack.delete("dana", "#help", ts)
    slack.faults.drop_events = False
    await gateway.answer(on_desk, "Take the stairs.")
    await gateway.shown("the thread they asked in was deleted")
    assert said(gateway, "#help") == []
    assert [row[3] for row in await rows(gateway, CONVERSATIONS)] == [True]


async def test_agents_are_told_when_the_channel_is_archived_and_others_are_answered(gateway: Gateway) -> None:
    slack = gateway.world.slack
    on_desk, _ = await asked_in_help(gateway)
    slack.post("dana", "@dana", "May I bring my dog?")
    direct = await gateway.shown("May I bring my dog?")
    slack.channel("#help").archived = True
    await gateway.answer(on_desk, "Take the stairs.")
    await gateway.shown("the Slack channel was archived")
    await gateway.answer(direct, "You may.")
    await heard(gateway, "@dana", "Alice Chen: You may.")


async def test_a_question_that_is_deleted_after_the_answer_is_deleted_on_the_desk(gateway: Gateway) -> None:
    slack = gateway.world.slack
    on_desk, ts = await asked_in_help(gateway)
    await gateway.answer(on_desk, "Take the stairs.")
    await heard(gateway, "#help", "Alice Chen: Take the stairs.", thread=ts)
    slack.delete("dana", "#help", ts)
    await slack.until(lambda: not any("on fire" in post.text and post.thread_ts for post in gateway.posts()))


async def test_x5_an_answer_of_unknown_fate_is_settled_by_its_echo_and_posted_once(gateway: Gateway) -> None:
    slack = gateway.world.slack
    on_desk, ts = await asked_in_help(gateway)
    slack.faults.on("chat.postMessage", Cut())
    answer = await gateway.answer(on_desk, "Take the stairs.")
    await gateway.marked(on_desk, answer, "white_check_mark")
    assert said(gateway, "#help", ts) == ["Alice Chen: Take the stairs."]
