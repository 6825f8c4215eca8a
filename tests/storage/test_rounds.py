"""Rounds as rows: what moves the one that runs, which alarm breaches it, and how they are read, on both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.standards import load_standards, shipped
from router.calendar_definitions import to_calendar
from router.instants import to_text
from router.model import Parts, Round
from router.recognition import Recognition
from router.regrouping import Merge
from router.reports import summarise
from router.rulebook import Rulebook
from router.targets import Metric, Policy, Target
from storage import alarms, merging, timers
from storage.changes import Breach
from storage.database import Database, Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.rounds import between, waiting
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.storage.inbounds import question
from tests.storage.past import TEN, MovingClock, answered, answering_within, asked, happened, rules_of

DAY = timedelta(days=1)
RULES = rules_of(answering_within(100, 1))
STANDARDS = load_standards(shipped())
KNOWN = replace(RULES, recognition=Recognition(topics=STANDARDS.topics, thanks=STANDARDS.thanks))

SINCE = Statement("SELECT waiting_since FROM conversations")
BREACHES = Statement("SELECT due_at FROM timers WHERE kind = 'alarm' AND ref LIKE '%breach%' AND fired_at IS NULL")
ROUNDS = Statement("SELECT kind, sla, breached_at FROM rounds ORDER BY number")
WRITES = Statement("SELECT id FROM timers WHERE kind = 'alarm' ORDER BY id")


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def shop(database_url: str, clock: MovingClock) -> AsyncIterator[Database]:
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


async def rows(shop: Database, statement: Statement) -> list[tuple[object, ...]]:
    return await shop.read(lambda tx: tx.all(statement, {}))


async def the_round(shop: Database) -> Round:
    (found,) = await shop.read(between, TEN - DAY, TEN + DAY, RULES.terms)
    return found


async def test_d1_a_message_that_came_late_but_was_sent_earlier_begins_the_round(
    shop: Database, clock: MovingClock
) -> None:
    await asked(shop, RULES, question("Hello?", channel="mail", sent_at=TEN))
    clock.at(0.25)
    earlier = TEN - timedelta(seconds=300)
    await asked(shop, RULES, question("This was delayed", channel="mail", sent_at=earlier))

    due = earlier + timedelta(seconds=100)
    found = await the_round(shop)
    assert (found.start_at, found.deadline, found.sla, found.breached_at) == (earlier, due, "breached", due)
    assert await rows(shop, SINCE) == [(to_micros(earlier),)]
    assert [of_micros(row[0]) for row in await rows(shop, BREACHES)] == [due]  # type: ignore[arg-type]  # an instant


@pytest.mark.parametrize("sent_at", [None, TEN, TEN + timedelta(seconds=5)])
async def test_a_message_more_of_who_waits_already_writes_no_round(
    shop: Database, clock: MovingClock, sent_at: object
) -> None:
    await asked(shop, RULES, question("Hello?", sent_at=TEN))
    before = await rows(shop, WRITES)
    clock.at(0.25)
    await asked(shop, RULES, question("Anybody there?", sent_at=sent_at))

    assert await rows(shop, WRITES) == before
    assert (await the_round(shop)).start_at == TEN


async def ring(shop: Database, rules: Rulebook) -> list[Breach]:
    """Every alarm whose time has come; the breaches they count."""

    def due(tx: Transaction) -> list[Breach]:
        fired = [each for each in timers.fire(tx, 50) if each.kind == alarms.KIND]
        return [breach for each in fired for breach in alarms.ring(tx, each.ref, rules).breaches]

    return await shop.transact(due)


def promising(**targets: int) -> Rulebook:
    """Targets in seconds by metric."""
    return rules_of(Policy(id="chat", targets={Metric(name): Target(seconds=each) for name, each in targets.items()}))


async def stored(shop: Database) -> list[tuple[object, ...]]:
    """Kind, judgement and date of the breach of each round."""
    return await rows(shop, ROUNDS)


async def test_d17_a_receipt_that_is_missed_breaches_no_round_and_the_first_answer_keeps_its_own_date(
    shop: Database, clock: MovingClock
) -> None:
    rules = promising(ack=5, first=100)
    await asked(shop, rules, question())
    clock.at(0.1)
    assert await ring(shop, rules) == [Breach("tg", "ack", "chat")]
    assert await stored(shop) == [("first", "running", None)]
    found = await shop.read(between, TEN - DAY, TEN + DAY, rules.terms)
    assert summarise(found).judged == 0

    clock.at(2)
    assert await ring(shop, rules) == [Breach("tg", "first", "chat")]
    assert await stored(shop) == [("first", "breached", to_micros(TEN + timedelta(seconds=100)))]


@pytest.mark.parametrize("metric", ["resolution", "update"])
async def test_d27_a_breach_of_the_whole_matter_leaves_the_running_round_alone(
    shop: Database, clock: MovingClock, metric: str
) -> None:
    rules = promising(first=100, next=100, **{metric: 1000})
    conversation = await asked(shop, rules, question())
    clock.at(0)
    await answered(shop, rules, conversation)
    clock.at(16.6)
    await asked(shop, rules, question("And one more thing"))
    clock.at(16.7)
    assert await ring(shop, rules) == [Breach("tg", metric, "chat")]
    assert await stored(shop) == [("first", "met", None), ("next", "running", None)]


async def test_d25_a_breach_while_nobody_waits_is_counted_on_the_channel_the_matter_began_on(
    shop: Database, clock: MovingClock
) -> None:
    rules = promising(first=100, resolution=1000)
    conversation = await asked(shop, rules, question(channel="web"))
    clock.at(1)
    await answered(shop, rules, conversation)
    clock.at(17)
    assert await ring(shop, rules) == [Breach("web", "resolution", "chat")]


async def test_the_parts_of_an_answered_round_are_read_as_they_were_written(shop: Database, clock: MovingClock) -> None:
    conversation = await asked(shop, RULES, question(sent_at=TEN - timedelta(seconds=2.5)))
    clock.at(0.2)
    await happened(shop, RULES, conversation, "assigned", agent="alice")
    clock.at(1)
    composed = to_text(TEN + timedelta(seconds=57, microseconds=7))
    reply = new_id().hex
    await happened(shop, RULES, conversation, "message_sent", "agent:alice", message=reply, composed_at=composed)
    assert (await the_round(shop)).parts == Parts(
        ingest=timedelta(seconds=2.5),
        assign=timedelta(seconds=12),
        agent=timedelta(seconds=45, microseconds=7),
        delivery=timedelta(seconds=3, microseconds=-7),
    )


async def test_a_round_without_an_answer_has_no_parts(shop: Database, clock: MovingClock) -> None:
    conversation = await asked(shop, RULES, question())
    clock.at(1)
    assert (await the_round(shop)).parts is None
    await happened(shop, RULES, conversation, "status_changed", to="resolved")
    found = await the_round(shop)
    assert (found.outcome, found.parts) == ("closed_no_reply", None)


async def test_who_waits_is_told_on_the_calendar_of_each_policy(shop: Database, clock: MovingClock) -> None:
    hours = to_calendar("shut_until_noon", {"tz": "UTC", "weekly": {"tue": [["12:00", "18:00"]]}})
    chat = answering_within(60, 1, channel="tg")
    mail = replace(answering_within(7200, 1, "mail", channel="mail"), calendar=hours)
    rules = rules_of(chat, mail)
    for minute, channel, who in ((0, "mail", "a"), (60, "mail", "b"), (90, "tg", "c"), (119, "web", "d")):
        clock.at(minute)
        await asked(shop, rules, question(channel=channel, who=who))
    clock.at(130)
    found = sorted(await shop.read(waiting, rules.terms), key=lambda each: each.channel)
    minutes = [(each.wall / timedelta(minutes=1), each.business / timedelta(minutes=1)) for each in found]
    assert [(each.channel, each.kind, each.count, each.overdue) for each in found] == [
        ("mail", "first", 2, 1), ("tg", "first", 1, 1), ("web", "first", 1, 0),
    ]  # fmt: skip
    assert minutes == [(130, 10), (40, 40), (11, 11)]


async def test_d25_a_round_is_about_the_topic_of_the_conversation_that_it_is_in_now(
    shop: Database, clock: MovingClock
) -> None:
    parcel = await asked(shop, KNOWN, question("Where is my parcel?", who="a"))
    refund = await asked(shop, KNOWN, question("I want a refund", who="b"))
    await asked(shop, KNOWN, question("Hello?", who="c"))
    assert await topics(shop) == {"logistics", "refund", None}

    def merge(tx: Transaction) -> None:
        merging.carry_out(tx, Snapshots(tx, ()), Merge(absorbed=refund, survivor=parcel, actor="agent:alice"), KNOWN)

    await shop.transact(merge)
    assert await topics(shop) == {"logistics", None}


async def topics(shop: Database) -> set[str | None]:
    return {each.topic for each in await shop.read(between, TEN - DAY, TEN + DAY, KNOWN.terms)}
