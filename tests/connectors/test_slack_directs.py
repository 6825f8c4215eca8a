"""Deliveries beside every thread: to members by id or e-mail, with links, and digests that change in place."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.base import NotSent, Rejected, Sent, Unknown
from gateway.sandbox.slack.faults import Cut, Refused
from router.directs import THREAD
from router.model import Delivery, DeliveryKind, Outgoing
from router.richtext import Mention, Paragraph, RichText, Span, of_text
from tests.connectors.slackdesk import SlackDesk, delivery, slack_desk

LINKED = RichText((Paragraph((Span("#17", link=THREAD), Span(" waits"))),))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[SlackDesk]:
    """It runs, for links need the login."""
    async with slack_desk(tmp_path) as opened:
        yield opened


def direct(address: str, text: RichText | None = None, target: str | None = None, **changes: object) -> Delivery:
    outgoing = Outgoing(text=of_text("You are late") if text is None else text, automatic=True, target=target)
    made = delivery(kind=DeliveryKind.DIRECT, message=None, address=address, outgoing=outgoing)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


async def sent(desk: SlackDesk, delivered: Delivery) -> str:
    outcome = await desk.connector.deliver(delivered)
    assert isinstance(outcome, Sent), outcome
    return outcome.remote_ids[0]


@pytest.mark.parametrize("address", ["U0BOB", "bob@shop.example"])
async def test_a_member_is_told_alone_by_id_or_e_mail(desk: SlackDesk, address: str) -> None:
    ref = await sent(desk, direct(address))
    [post] = desk.slack.messages("@bob")
    assert ref == f"{post.channel}:{post.ts}"
    assert post.channel.startswith("D")
    await sent(desk, direct(address))
    assert desk.slack.calls["conversations.open"] == 1
    assert desk.slack.calls["users.lookupByEmail"] == (1 if "@" in address else 0)


@pytest.mark.parametrize("address", ["U0NOBODY", "nobody@shop.example", "U0ONEVOICE", "C0NOWHERE"])
async def test_s28_who_cannot_be_told_is_refused_for_good_and_the_account_stays_up(
    desk: SlackDesk, address: str
) -> None:
    outcome = await desk.connector.deliver(direct(address))
    assert isinstance(outcome, Rejected)
    assert address in outcome.reason


@pytest.mark.parametrize("code", ["missing_scope", "messages_tab_disabled", "user_disabled"])
async def test_s28_what_slack_does_not_allow_for_direct_messages_concerns_them_alone(
    desk: SlackDesk, code: str
) -> None:
    desk.slack.faults.on("chat.postMessage", Refused(code))
    assert isinstance(await desk.connector.deliver(direct("U0BOB")), Rejected)


async def test_a_link_leads_to_the_thread_of_the_conversation(desk: SlackDesk) -> None:
    await sent(desk, direct("U0BOB", LINKED, thread="C0SUPPORT1:1700000000.000100"))
    [post] = desk.slack.messages("@bob")
    [element, _] = post.blocks[1]["elements"][0]["elements"]
    assert element["url"] == f"{desk.slack.url}/archives/C0SUPPORT1/p1700000000000100"


async def test_a_message_waits_a_minute_for_the_thread_it_links_to_and_goes_without_it_then(desk: SlackDesk) -> None:
    early = direct("U0BOB", LINKED)
    assert await desk.connector.deliver(early) == NotSent(
        "the desk thread is not open yet", retry_after=timedelta(seconds=1), limited=True
    )
    assert desk.slack.calls["chat.postMessage"] == 0
    await sent(desk, replace(early, created_at=datetime.now(UTC) - timedelta(seconds=61)))
    [post] = desk.slack.messages("@bob")
    assert "#17 waits" in post.text


async def test_s20_a_direct_message_whose_answer_was_lost_is_found_and_not_sent_again(desk: SlackDesk) -> None:
    lost = direct("U0BOB")
    desk.slack.faults.on("chat.postMessage", Cut())
    assert isinstance(await desk.connector.deliver(lost), Unknown)
    [post] = desk.slack.messages("@bob")
    assert await desk.connector.reconcile(lost) == Sent((f"{post.channel}:{post.ts}",))
    assert isinstance(await desk.connector.reconcile(direct("U0BOB")), NotSent)


async def test_a_digest_is_changed_while_it_is_the_newest_and_posted_anew_after_that(desk: SlackDesk) -> None:
    first = await sent(desk, direct("#support-2", of_text("One waits")))
    assert await sent(desk, direct("#support-2", of_text("Two wait"), target=first)) == first
    assert [post.text for post in desk.slack.messages("#support-2")] == ["Two wait"]
    desk.slack.post("bob", "#support-2", "I look")
    second = await sent(desk, direct("#support-2", of_text("Three wait"), target=first))
    assert second != first
    assert [post.text for post in desk.slack.messages("#support-2")] == ["Two wait", "I look", "Three wait"]


async def test_a_digest_that_somebody_deleted_is_posted_anew(desk: SlackDesk) -> None:
    first = await sent(desk, direct("#support-2", of_text("One waits")))
    desk.slack.delete("alice", "#support-2", first.partition(":")[2])
    assert await sent(desk, direct("#support-2", of_text("Two wait"), target=first)) != first


async def test_an_agent_known_by_e_mail_is_mentioned_in_a_thread(desk: SlackDesk) -> None:
    thread = await desk.root()
    text = RichText((Paragraph((Mention("Bob Li", "bob@shop.example"), Mention("Zoe", "zoe@shop.example"))),))
    await sent(desk, delivery(kind=DeliveryKind.NOTICE, thread=thread, outgoing=Outgoing(text=text)))
    shown = desk.slack.messages("#support-1")[-1].blocks[1]["elements"][0]["elements"]
    assert shown == [{"type": "user", "user_id": "U0BOB"}, {"type": "text", "text": "@Zoe"}]
