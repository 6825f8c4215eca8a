"""The stand-in is as strict as Slack: what it lets through, Slack would."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from gateway import clock
from gateway.sandbox.slack import SlackStandIn
from gateway.sandbox.slack.limits import fault_of


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    standin = SlackStandIn(clock.now)
    await standin.start()
    yield standin
    await standin.stop()


async def call(slack: SlackStandIn, method: str, token: str | None = None, **arguments: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token or slack.bot_token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(slack.api_url + method, json=arguments, headers=headers) as answer,
    ):
        body: dict[str, Any] = await answer.json()
        return body | ({"retry_after": answer.headers["Retry-After"]} if answer.status == 429 else {})


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("chat.postMessage", {"channel": "C0SUPPORT1", "text": "x", "client_msg_id": "1"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0SUPPORT1"}, "no_text"),
        ("chat.postMessage", {"channel": "C0SUPPORT1", "blocks": [{"type": "rich"}]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "C0SUPPORT1", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "C0SUPPORT1", "text": "x", "metadata": {"oid": 1}}, "invalid_metadata_format"),
        ("chat.update", {"channel": "C0SUPPORT1", "ts": "1.2", "text": "x"}, "message_not_found"),
        ("reactions.add", {"channel": "C0SUPPORT1", "timestamp": "1.2", "name": "\N{EYES}"}, "invalid_name"),
        ("conversations.replies", {"channel": "C0SUPPORT1", "ts": "1.2"}, "thread_not_found"),
        ("users.info", {"user": "U0NONE"}, "user_not_found"),
        ("files.completeUploadExternal", {"files": [{"id": "F1"}], "channel_id": "C0SUPPORT1"}, "file_not_found"),
        ("chat.shout", {}, "unknown_method"),
    ],
)
async def test_a_wrong_call_gets_slacks_own_code(
    slack: SlackStandIn, method: str, arguments: dict[str, Any], code: str
) -> None:
    answer = await call(slack, method, **arguments)
    assert (answer["ok"], answer["error"]) == (False, code)
    assert slack.truth == []


async def test_every_call_needs_its_own_token(slack: SlackStandIn) -> None:
    assert (await call(slack, "auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    assert (await call(slack, "apps.connections.open"))["error"] == "invalid_auth"
    assert (await call(slack, "apps.connections.open", token=slack.app_token))["ok"]


async def test_s22_blocks_have_a_size_and_texts_are_cut_off_silently(slack: SlackStandIn) -> None:
    long = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_990}}]
    assert (await call(slack, "chat.postMessage", channel="C0SUPPORT1", blocks=long * 4))["ok"]
    assert (await call(slack, "chat.postMessage", channel="C0SUPPORT1", blocks=long * 5))["error"] == (
        "msg_blocks_too_long"
    )
    assert (await call(slack, "chat.postMessage", channel="C0SUPPORT1", text="x" * 40_001))["ok"]
    assert slack.truncated == 1


async def test_s23_mentions_and_masked_links_are_counted(slack: SlackStandIn) -> None:
    text = "<!channel> <@U0ALICE> <https://evil.example|bank.example> &lt;!here&gt; @here"
    await call(slack, "chat.postMessage", channel="C0SUPPORT1", text=text, link_names=True)
    [post] = slack.messages("#support-1")
    assert (post.mentions, post.masked_links) == (3, 1)


async def test_s17_the_rate_is_a_channels_own(slack: SlackStandIn) -> None:
    slack.meter.posts = 1.0
    assert (await call(slack, "chat.postMessage", channel="C0SUPPORT1", text="a"))["ok"]
    refused = await call(slack, "chat.postMessage", channel="C0SUPPORT1", text="b")
    assert (refused["error"], refused["retry_after"]) == ("ratelimited", "1")
    assert (await call(slack, "chat.postMessage", channel="C0SUPPORT2", text="c"))["ok"]
    assert [post.text for post in slack.truth] == ["a", "c"]


async def test_a_form_says_the_same_as_json(slack: SlackStandIn) -> None:
    blocks = orjson.dumps([{"type": "divider"}]).decode()
    form = {"channel": "C0SUPPORT1", "text": "hello", "blocks": blocks}
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(slack.api_url + "chat.postMessage", data=form, headers=headers) as answer,
    ):
        assert (await answer.json())["ok"]
    assert list(slack.messages("#support-1")[0].blocks) == [{"type": "divider"}]


async def test_an_event_nobody_takes_is_tried_four_times_and_lost(slack: SlackStandIn) -> None:
    await slack.stop()
    quick = SlackStandIn(clock.now, time_scale=0.0001)
    await quick.start()
    quick.post("alice", "#support-1", "hello")
    await quick.until(lambda: len(quick.events.lost) == 1)
    assert (quick.events.lost[0].tries, quick.events.retried, quick.events.waiting) == (3, 3, 0)
    await quick.stop()


async def test_a_listener_hears_of_every_change(slack: SlackStandIn) -> None:
    heard: list[int] = []
    leave = slack.watch(lambda: heard.append(1))
    ts = slack.post("alice", "#support-1", "hello")
    slack.react("bob", "#support-1", ts, "eyes")
    leave()
    slack.delete("alice", "#support-1", ts)
    assert len(heard) == 2


@pytest.mark.parametrize(
    "element",
    [
        {"type": "button", "text": {"type": "plain_text", "text": "Take"}},
        {"type": "button", "action_id": "a", "text": {"type": "mrkdwn", "text": "Take"}},
        {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x" * 76}},
        {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}, "style": "green"},
        {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}, "value": "x" * 2_001},
        {"type": "static_select", "action_id": "a", "placeholder": {"type": "plain_text", "text": "x"}, "options": []},
        {"type": "slider", "action_id": "a"},
    ],
)
def test_a_malformed_action_is_refused(element: dict[str, Any]) -> None:
    assert fault_of("x", [{"type": "actions", "elements": [element]}]) == "invalid_blocks"


def test_an_action_id_may_be_used_once_only() -> None:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}}
    assert fault_of("x", [{"type": "actions", "elements": [button]}]) is None
    assert fault_of("x", [{"type": "actions", "elements": [button, button]}]) == "invalid_blocks"
