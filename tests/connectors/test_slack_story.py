"""The plain road: a question reaches the desk, an answer comes back, in Socket Mode and over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.base import Sent
from router.model import InboundKind
from router.richtext import plain
from tests.connectors.slackdesk import SlackDesk, delivery, slack_desk


@pytest.fixture(params=["socket", "http"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SlackDesk]:
    async with slack_desk(tmp_path, mode=request.param) as opened:
        yield opened


async def test_a_question_reaches_its_thread_and_the_answer_comes_back(desk: SlackDesk) -> None:
    root = await desk.thread()
    sent = await desk.connector.deliver(delivery(thread=f"C0SUPPORT1:{root}"))
    assert isinstance(sent, Sent)

    desk.slack.post("alice", "#support-1", "On its way :truck: see https://shop.example/t/1", thread_ts=root)
    await desk.ports.until(2)

    [echo] = [each for each in desk.ports.inbound if each.kind is InboundKind.ECHO]
    [answer] = [each for each in desk.ports.inbound if each.kind is InboundKind.MESSAGE]
    assert (echo.remote_id,) == sent.remote_ids
    assert [post.text for post in desk.slack.thread("#support-1", root)][1] == "Wang Fang: Where is my order?"
    assert plain(answer.text) == "On its way \N{DELIVERY TRUCK} see https://shop.example/t/1"
    assert answer.thread.ref == f"C0SUPPORT1:{root}"
    assert answer.sender.name == "Alice Chen"
    assert answer.sender.internal
    assert answer.sender.email == "alice@shop.example"
    await desk.slack.until(lambda: desk.slack.events.waiting == 0)
