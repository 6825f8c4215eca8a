"""Colleagues ask in Slack: a help channel, direct messages and mentions are a customer channel like any other."""

from gateway.sandbox.slack.workspace import Post
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, settled

CONVERSATIONS = Statement(
    """
    SELECT c.number, l.channel, l.address, l.closed FROM conversations c JOIN legs l ON l.conversation = c.id
    WHERE NOT l.desk ORDER BY c.number, l.address
    """
)
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
