"""What commands read of the past, on both databases: beginnings and replies, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway import clock as wall
from gateway.standards import load_standards, shipped
from router.model import ChannelType
from router.past_replies import to_reply
from router.recognition import Recognition
from storage import beginnings, deadlines, past_replies
from storage.database import Database, to_micros
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, answered, answering_within, asked, replied, rules_of

RULES = rules_of(answering_within(60, 1))
START = wall.now() - timedelta(days=3)
SINCE = to_micros(START)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock(START)


@pytest.fixture
async def shop(database_url: str, clock: MovingClock) -> AsyncIterator[Database]:
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


async def test_beginnings_come_by_number_with_what_was_looked_at(shop: Database, clock: MovingClock) -> None:
    for minutes, who in enumerate(("old", "a", "b", "c")):
        clock.at(minutes - 1, START)
        await asked(shop, RULES, question(f"I am {who}", who=who, language="de", to="help@shop.example"))

    assert await shop.read(beginnings.count, SINCE) == 3
    first = await shop.read(beginnings.since, SINCE, 0, 2)
    rest = await shop.read(beginnings.since, SINCE, first[-1].number, 2)
    assert [(each.number, each.text) for each in (*first, *rest)] == [(2, "I am a"), (3, "I am b"), (4, "I am c")]
    assert first[0].traits == {
        "channel": "tg", "channel_type": "telegram", "priority": "normal", "language": "de",
        "to": "help@shop.example", "verification": 1,
    }  # fmt: skip


async def test_replies_come_with_what_stood_around_them(shop: Database, clock: MovingClock) -> None:
    conversation = await asked(shop, RULES, question("Where is it?", who="a", language="de"))
    await replied(shop, RULES, conversation, "On its way.")
    clock.at(1, START)
    await asked(shop, RULES, question("Since when?", who="a"))
    await replied(shop, RULES, conversation, "Since Monday.", "bob")

    assert await shop.read(past_replies.count, SINCE) == 2
    (first,) = await shop.read(past_replies.page, SINCE, past_replies.BEFORE_ALL, 1)
    (second,) = await shop.read(past_replies.page, SINCE, first.message, 1)
    assert (first.text, first.asked, first.agent, first.channel, first.language) == (
        "On its way.", ("Where is it?",), "alice", "tg", "de",
    )  # fmt: skip
    assert (second.text, second.asked, second.agent) == ("Since Monday.", ("Since when?", "Where is it?"), "bob")
    assert (first.first, first.own.disclosable, first.sent_at) == (True, True, START)
    assert await shop.read(past_replies.page, SINCE, second.message, 1) == []


async def test_a_past_reply_is_about_the_orders_of_its_conversation(shop: Database, clock: MovingClock) -> None:
    standards = load_standards(shipped())
    known = replace(RULES, recognition=Recognition(topics=standards.topics, thanks=standards.thanks))
    conversation = await asked(shop, known, question("Where is it?", subject="Order US-20260301-77"))
    await replied(shop, known, conversation, "On its way.")

    (past,) = await shop.read(past_replies.page, SINCE, past_replies.BEFORE_ALL, 1)
    assert to_reply(past, ChannelType.TELEGRAM, standards.topics).orders == ("US-20260301-77",)


async def test_deadlines_are_those_of_the_rounds(shop: Database, clock: MovingClock) -> None:
    conversation = await asked(shop, RULES, question())
    clock.at(5, START)
    await answered(shop, RULES, conversation)

    found = await shop.read(deadlines.of, conversation, RULES.terms)
    assert [(each.sla, each.breached_at) for each in found.rounds] == [("breached", START + timedelta(minutes=1))]
    assert (found.told, found.former) == (frozenset(), [])
