"""The card in Slack: what it says, what customers cannot make it say, its buttons, and its refresh in place."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import NotSent, Rejected, Sent
from connectors.slack.card import content
from gateway.sandbox.slack.limits import fault_of, pings
from gateway.sandbox.slack.meter import TIERS
from router.model import (
    Card,
    CardButton,
    CardLeg,
    CardLine,
    ChannelType,
    DeliveryKind,
    InboundKind,
    Outgoing,
    Priority,
    Status,
)
from router.richtext import of_text
from tests.connectors.slackdesk import SlackDesk, delivery, slack_desk

AT = datetime(2026, 3, 10, 14, 32, tzinfo=UTC)
CARD = Card(
    number=17,
    contact="Wang Fang",
    verification=1,
    channel="tg",
    channel_type=ChannelType.TELEGRAM,
    address="4711",
    status=Status.OPEN,
    subject="Where is my order?",
    team="After-sales",
    owner="Bob Li",
    legs=(
        CardLeg(channel="tg", channel_type=ChannelType.TELEGRAM, address="4711", current=True),
        CardLeg(channel="mail", channel_type=ChannelType.EMAIL, address="fang@example.com", closed=True),
    ),
    topic="refund",
    orders=("A1001", "A1002"),
    priority=Priority.COMPLAINT,
    clock=CardLine(text="Answer due", at=AT, zone="Europe/London"),
    lease=CardLine(text="Bob Li", at=AT),
    told=(CardLine(text="refund amount: 89.50 CNY (Alice Chen, mail)", at=AT),),
    promises=(CardLine(text="ship (Bob Li)", at=AT),),
    buttons=(CardButton(line="accept", label="Accept", primary=True), CardButton(line="why", label="Why")),
    more=(CardButton(line="snooze 1h", label="Snooze 1 hour"), CardButton(line="spam", label="Spam")),
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[SlackDesk]:
    async with slack_desk(tmp_path, run=False) as opened:
        yield opened


def shown(card: Card) -> str:
    """The words of a card, each block on a line of its own; instants as their fallback."""
    return "\n".join(_words(block) for block in content(card)["blocks"] if block["type"] != "actions")


def _words(node: Any) -> str:
    if isinstance(node, list):
        return "".join(map(_words, node))
    if node.get("type") == "date":
        return str(node["fallback"])
    return str(node["text"]) if "text" in node else _words(node["elements"])


def test_a_card_says_everything_about_a_conversation() -> None:
    assert shown(CARD).split("\n") == [
        "#17 Wang Fang · Complaint",
        "Where is my order?",
        "tg (telegram) · 4711 · verified by the channelmail (email) · fang@example.com · cannot be reached",
        "Status: open · Team: After-sales · Owner: Bob Li",
        "Answer due 2026-03-10 14:32 Europe/London (2026-03-10 14:32 Europe/London)",
        "\N{WRITING HAND} Bob Li is answering since 2026-03-10 14:32 UTC",
        "Topic: refund · Orders: A1001, A1002",
        "Told so far: refund amount: 89.50 CNY (Alice Chen, mail), 2026-03-10 14:32 UTC",
        "Promised: ship (Bob Li), due 2026-03-10 14:32 UTC",
    ]


def test_the_tier_of_a_customer_is_said_where_there_is_one() -> None:
    assert "\nTier: gold · Topic: refund" in shown(replace(CARD, tier="gold"))


def test_an_offer_a_snooze_spam_and_a_merge_are_said() -> None:
    offered = replace(CARD, owner=None, offer=CardLine(text="Alice Chen", at=AT))
    assert "Offered to Alice Chen until 2026-03-10 14:32 UTC" in shown(offered)
    asleep = replace(CARD, status=Status.SNOOZED, snoozed=CardLine(text="Snoozed until", at=AT))
    assert "Status: snoozed" in shown(asleep)
    assert "Snoozed until 2026-03-10 14:32 UTC" in shown(asleep)
    assert "Status: spam, left out of all figures" in shown(replace(CARD, void=True))
    assert "Merged into #12" in shown(replace(CARD, merged_into=12))


def test_an_instant_is_shown_in_the_zone_of_who_reads_it() -> None:
    dates = [
        element
        for block in content(CARD)["blocks"]
        if block["type"] == "rich_text"
        for element in block["elements"][0]["elements"]
        if element["type"] == "date"
    ]
    assert {each["timestamp"] for each in dates} == {int(AT.timestamp())}
    assert [each["format"] for each in dates[:2]] == ["{date_short_pretty} at {time}", "{ago}"]


HOSTILE = (
    "Eve\nStatus: resolved · Owner: Bob Li",
    "Eve\u2028Owner: Bob",
    "Eve\r\n\r\nOwner: Bob",
    "Eve\u202eboB :renwO",
    "<!channel> <@U0ALICE> *Eve*",
    "Eve\x0bOwner: Bob",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_s23_a_customer_cannot_write_a_line_of_the_card(text: str) -> None:
    hostile = replace(
        CARD,
        contact=text,
        subject=text,
        orders=(text,),
        legs=(CardLeg(channel="mail", channel_type=ChannelType.EMAIL, address=text, current=True),),
        told=(CardLine(text=text, at=AT),),
    )
    said = content(hostile)
    assert fault_of(said["text"], said["blocks"]) is None
    assert pings(said["text"], said["blocks"], {}) == 0
    assert len(shown(hostile).split("\n")) == len(shown(CARD).split("\n"))
    lines = [line for line in shown(hostile).splitlines() if line.startswith("Status:")]
    assert lines == ["Status: open · Team: After-sales · Owner: Bob Li"]
    assert "\u202e" not in shown(hostile)


def test_s22_the_fullest_card_is_accepted() -> None:
    long = "长" * 5_000
    full = replace(
        CARD,
        contact=long,
        subject=long,
        owner=long,
        team=long,
        orders=(long,) * 50,
        legs=tuple(CardLeg(channel="mail", channel_type=ChannelType.EMAIL, address=long) for _ in range(40)),
        told=tuple(CardLine(text=long, at=AT) for _ in range(3)),
        promises=tuple(CardLine(text=long, at=AT) for _ in range(5)),
    )
    said = content(full)
    assert fault_of(said["text"], said["blocks"]) is None


def test_each_button_says_which_verb_it_stands_for() -> None:
    [block] = [each for each in content(CARD)["blocks"] if each["type"] == "actions"]
    assert [(each["action_id"], each.get("value")) for each in block["elements"]] == [
        ("ask.accept", "accept"),
        ("ask.why", "why"),
        ("ask.more", None),
    ]
    assert [each["value"] for each in block["elements"][2]["options"]] == ["snooze 1h", "spam"]
    assert not [each for each in content(replace(CARD, buttons=(), more=()))["blocks"] if each["type"] == "actions"]


async def test_a_refresh_changes_the_root_and_posts_nothing(desk: SlackDesk) -> None:
    thread = await desk.root(card=CARD)
    refreshed = replace(CARD, owner="Alice Chen", status=Status.PENDING)
    outcome = await desk.connector.deliver(
        delivery(kind=DeliveryKind.CARD, thread=thread, outgoing=Outgoing(card=refreshed))
    )
    [post] = desk.slack.messages("#support-1")
    assert outcome == Sent((thread,))
    assert "Owner: Alice Chen" in str(post.blocks)
    assert desk.slack.calls["chat.postMessage"] == 1
    assert desk.slack.calls["chat.update"] == 1


async def test_s29_the_card_of_a_deleted_root_becomes_a_new_root(desk: SlackDesk) -> None:
    thread = await desk.root(card=CARD)
    desk.slack.delete("alice", "#support-1", thread.partition(":")[2])
    outcome = await desk.connector.deliver(
        delivery(kind=DeliveryKind.CARD, thread=thread, outgoing=Outgoing(card=CARD))
    )
    [post] = desk.slack.messages("#support-1")
    assert outcome == Sent((f"{post.channel}:{post.ts}",), thread=f"{post.channel}:{post.ts}")


async def test_updates_have_a_rate_of_their_own(desk: SlackDesk) -> None:
    thread = await desk.root(card=CARD)
    desk.slack.meter.tiers["chat.update"] = 1
    refresh = delivery(kind=DeliveryKind.CARD, thread=thread, outgoing=Outgoing(card=CARD))
    assert isinstance(await desk.connector.deliver(refresh), Sent)
    limited = await desk.connector.deliver(refresh)
    assert isinstance(limited, NotSent)
    assert limited.limited
    assert isinstance(await desk.connector.deliver(delivery(thread=thread)), Sent)
    able = desk.connector.capabilities
    assert able.change_rate is not None
    assert able.change_burst + 60 * able.change_rate <= TIERS["chat.update"]


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_s16_a_press_arrives_once_in_either_mode(tmp_path: Path, mode: str) -> None:
    async with slack_desk(tmp_path, mode=mode) as desk:
        root = await desk.thread(card=CARD)
        desk.slack.press("alice", "#support-1", root, "ask.accept", times=2)
        desk.slack.press("bob", "#support-1", root, "ask.more", "snooze 1h")
        await desk.ports.until(2)
        await desk.slack.until(lambda: desk.slack.events.waiting == 0)
        assert [(each.kind, each.value) for each in desk.ports.inbound] == [
            (InboundKind.BUTTON, "ask.accept:accept"),
            (InboundKind.BUTTON, "ask.more:snooze 1h"),
        ]
        assert [each.thread.ref for each in desk.ports.inbound] == [f"C0SUPPORT1:{root}"] * 2
        assert [each.sender.internal for each in desk.ports.inbound] == [True, True]


async def test_a_button_that_is_not_there_cannot_be_pressed(desk: SlackDesk) -> None:
    root = (await desk.root(card=CARD)).partition(":")[2]
    for action, value in (("ask.resolve", None), ("ask.more", "snooze 9h")):
        with pytest.raises(LookupError, match="has no button"):
            desk.slack.press("alice", "#support-1", root, action, value)


async def test_s8_what_is_only_for_one_member_is_seen_by_nobody_else(desk: SlackDesk) -> None:
    thread = await desk.root(card=CARD)
    private = Outgoing(text=of_text("Not done."), only_for="U0GUEST")
    outcome = await desk.connector.deliver(delivery(kind=DeliveryKind.NOTICE, thread=thread, outgoing=private))
    assert isinstance(outcome, Sent)
    [whisper] = desk.slack.workspace.whispers
    assert (whisper.user, whisper.text, whisper.thread_ts) == ("U0GUEST", "Not done.", thread.partition(":")[2])
    assert len(desk.slack.messages("#support-1")) == 1


async def test_somebody_who_has_left_does_not_stop_the_desk(desk: SlackDesk) -> None:
    thread = await desk.root(card=CARD)
    private = Outgoing(text=of_text("Not done."), only_for="U0NOBODY")
    outcome = await desk.connector.deliver(delivery(kind=DeliveryKind.NOTICE, thread=thread, outgoing=private))
    assert isinstance(outcome, Rejected)
