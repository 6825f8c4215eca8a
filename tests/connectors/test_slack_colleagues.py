"""The side of a workspace where colleagues ask, against Slack's stand-in: stored once, before the acknowledgement."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.base import NotSent, NotStored, Rejected, Sent, Unknown
from connectors.slack.colleagues import ColleaguesConnector
from connectors.slack.connector import SlackConnector
from connectors.slack.settings import ColleaguesSettings
from gateway import clock
from gateway.sandbox.slack import SlackStandIn
from gateway.sandbox.slack.faults import Cut
from gateway.sandbox.slack.workspace import Post
from router.model import AuthorKind, Delivery, DeliveryKind, InboundKind, Outgoing
from router.richtext import of_text, plain
from tests.connectors.ports import MemoryPorts
from tests.connectors.slackdesk import delivery, settings


class Workspace:
    """The stand-in, the two connectors, and what arrived at each."""

    def __init__(self, folder: Path, **ways: Any) -> None:
        self.slack = SlackStandIn(clock.now, time_scale=0.002)
        self.desk_ports, self.ports = MemoryPorts(folder), MemoryPorts(folder)
        self._ways: dict[str, Any] = {"help_channels": ["#help"], "direct_messages": True, "mentions": True} | ways
        self.desk: SlackConnector
        self.help: ColleaguesConnector

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Both connectors run; again and again on the same stores."""
        self.desk = SlackConnector(settings(self.slack), self.desk_ports, clock.now)
        about = ColleaguesSettings(id="help", type="slack", workspace="desk", **self._ways)
        self.help = ColleaguesConnector(
            about, self.ports, clock.now, self.desk, lambda: ["#support-1"], look_every=0.05
        )
        running = [asyncio.create_task(each.run()) for each in (self.help, self.desk)]
        try:
            await self.slack.until(lambda: self.slack.events.sockets == 2)
            yield
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self.desk.close()

    def asked(self) -> list[str]:
        return [plain(each.text) for each in self.ports.inbound if each.kind is InboundKind.MESSAGE]

    async def told(self, *texts: str) -> None:
        """Wait for these, whatever else is asked."""
        while not set(texts) <= set(self.asked()):
            await self.ports.until(len(self.ports.arrivals) + 1)

    async def hears(self, *texts: str) -> None:
        await self.ports.until(len(texts))
        assert self.asked() == list(texts)


@asynccontextmanager
async def standing(folder: Path, **ways: Any) -> AsyncIterator[Workspace]:
    """Slack is there, and nobody of ours yet."""
    made = Workspace(folder, **ways)
    await made.slack.start()
    try:
        yield made
    finally:
        await made.slack.stop()


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with standing(tmp_path) as made, made.connected():
        yield made


def answer(address: str, text: str = "Take the stairs.", **changes: Any) -> Delivery:
    outgoing = Outgoing(text=of_text(text), author="Alice Chen", author_kind=AuthorKind.AGENT)
    return replace(delivery(), channel="help", address=address, outgoing=outgoing, **changes)


async def test_s4_a_mention_that_is_told_as_two_events_and_three_times_is_one_question(workspace: Workspace) -> None:
    workspace.slack.faults.duplicates = 2
    workspace.slack.mention("dana", "#random", "who has the key?")
    workspace.slack.faults.duplicates = 0
    workspace.slack.post("dana", "@dana", "never mind")
    await workspace.hears("who has the key?", "never mind")
    assert workspace.desk_ports.inbound == []


async def test_x1_a_question_is_acknowledged_after_it_is_stored(workspace: Workspace) -> None:
    workspace.ports.refuse = NotStored("the disk is on fire too")
    workspace.slack.post("dana", "#help", "fire")
    await workspace.slack.until(lambda: workspace.slack.events.retried > 0)
    assert (workspace.slack.events.acknowledged, workspace.slack.events.waiting) == (0, 1)
    workspace.ports.refuse = None
    await workspace.hears("fire")
    await workspace.slack.until(lambda: workspace.slack.events.waiting == 0)


async def test_the_desk_hears_its_own_and_only_its_own(workspace: Workspace) -> None:
    workspace.slack.post("dana", "#help", "a question")
    workspace.slack.post("alice", "#support-1", "a post at the desk")
    workspace.slack.mention("alice", "#support-1", "a call at the desk")
    await workspace.desk_ports.until(2)
    await workspace.hears("a question")
    assert {each.channel for each in workspace.desk_ports.inbound} == {"desk"}


async def test_an_answer_is_posted_in_its_place_with_the_name_of_the_agent(workspace: Workspace) -> None:
    slack = workspace.slack
    ts = slack.post("dana", "#help", "fire")
    direct = slack.channel("@dana").id
    in_thread = await workspace.help.deliver(answer(f"C0HELP:{ts}"))
    alone = await workspace.help.deliver(answer(direct))
    assert isinstance(in_thread, Sent)
    assert isinstance(alone, Sent)
    assert [(post.text, post.thread_ts) for post in slack.messages("#help") if post.bot] == [
        ("Alice Chen: Take the stairs.", ts)
    ]
    assert [(post.text, post.thread_ts) for post in slack.messages("@dana")] == [("Alice Chen: Take the stairs.", None)]
    await workspace.ports.until(3)
    echoes = [each.value for each in workspace.ports.inbound if each.kind is InboundKind.ECHO]
    assert len(echoes) == 2


async def test_s29_an_answer_into_a_deleted_thread_is_taken_back_and_closes_the_leg(workspace: Workspace) -> None:
    ts = workspace.slack.post("dana", "#help", "fire")
    workspace.slack.delete("dana", "#help", ts)
    outcome = await workspace.help.deliver(answer(f"C0HELP:{ts}"))
    assert outcome == Rejected("the thread they asked in was deleted", closes_leg=True)
    assert workspace.slack.messages("#help") == []


async def test_only_the_asker_is_unreachable_when_a_channel_is_gone(workspace: Workspace) -> None:
    workspace.slack.channel("#help").member = False
    for address in ("C0HELP:1700000000.000100", "C0NOWHERE:1700000000.000100"):
        outcome = await workspace.help.deliver(answer(address))
        assert isinstance(outcome, Rejected)
        assert outcome.closes_leg
    assert isinstance(await workspace.help.deliver(answer(workspace.slack.channel("@dana").id)), Sent)


async def test_nothing_for_agents_is_ever_sent_to_colleagues(workspace: Workspace) -> None:
    for kind in (DeliveryKind.ROOT, DeliveryKind.CARD, DeliveryKind.NOTICE):
        outcome = await workspace.help.deliver(answer("C0HELP:1700000000.000100", kind=kind))
        assert isinstance(outcome, Rejected)
    assert workspace.slack.truth == []


async def test_s20_an_answer_of_unknown_fate_is_looked_for_where_it_went(workspace: Workspace) -> None:
    ts = workspace.slack.post("dana", "#help", "fire")
    sent, lost = answer(f"C0HELP:{ts}"), answer(f"C0HELP:{ts}")
    workspace.slack.faults.on("chat.postMessage", Cut(), Cut(effect=False))
    assert isinstance(await workspace.help.deliver(sent), Unknown)
    assert isinstance(await workspace.help.deliver(lost), Unknown | NotSent)
    assert isinstance(await workspace.help.reconcile(sent), Sent)
    assert isinstance(await workspace.help.reconcile(lost), NotSent)


async def test_s13_after_a_restart_everything_is_read_on_from_where_slack_was_heard(tmp_path: Path) -> None:
    async with standing(tmp_path) as workspace:
        workspace.slack.faults.drop_events = True
        long_ago = f"{clock.now().timestamp() - 3600:.6f}"
        workspace.slack.workspace.add(
            Post(channel="C0HELP", ts=long_ago, user="U0DANA", text="nobody was there to ask")
        )
        workspace.slack.faults.drop_events = False
        async with workspace.connected():
            workspace.slack.post("dana", "#help", "live")
            await workspace.hears("live")
        workspace.slack.faults.drop_events = True
        answered = workspace.slack.post("onevoice", "@bob", "an answer of ours")
        workspace.slack.post("dana", "#help", "one")
        workspace.slack.post("bob", "@bob", "two")
        workspace.slack.post("bob", "@bob", "three", thread_ts=answered)
        workspace.slack.mention("dana", "#random", "four")
        workspace.slack.post("dana", "#random", "five", thread_ts=workspace.slack.post("carol", "#random", "lunch"))
        workspace.slack.faults.drop_events = False
        async with workspace.connected():
            await workspace.told("one", "two", "three", "four")
            workspace.slack.post("dana", "#help", "six")
            await workspace.told("six")
            assert sorted(workspace.asked()) == ["four", "live", "one", "six", "three", "two"]
            (below,) = [each for each in workspace.ports.inbound if plain(each.text) == "three"]
            assert (below.thread.opens, below.thread.remote_ids) == (False, (f"D0BOB:{answered}",))


async def test_a_help_channel_that_comes_later_is_found_with_what_was_asked_in_it(tmp_path: Path) -> None:
    async with standing(tmp_path, help_channels=["#it"]) as workspace, workspace.connected():
        assert await workspace.help.probe() == (
            'Slack channel "help": the app is not in #it. Create the channel and invite the app there with "/invite".'
        )
        workspace.slack.workspace.add_channel("it")
        workspace.slack.post("dana", "#it", "is anybody there?")
        await workspace.hears("is anybody there?")
        assert await workspace.help.probe() is None


async def test_the_probe_names_the_scopes_that_direct_messages_need(workspace: Workspace) -> None:
    workspace.slack.scopes = workspace.slack.scopes.replace(",im:read", "")
    assert await workspace.help.probe() == (
        'Slack channel "help": the app lacks the scopes im:read. Add them and install the app again.'
    )
