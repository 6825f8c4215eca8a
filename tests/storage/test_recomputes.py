"""D30: an edited policy changes no closed round; judging again does, once, and keeps what stood before."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from router.rulebook import Rulebook
from storage import recomputes
from storage.audit import write
from storage.database import Database, to_micros
from storage.ids import new_id
from storage.recomputes import FIRST, Place, Span, Step, superseded
from storage.rounds import between, of_conversation, void
from tests.storage.inbounds import question
from tests.storage.past import TEN, MovingClock, answered, answering_within, asked, happened, rules_of

STRICT, LOOSE = answering_within(60, 1), answering_within(600, 2)
BEFORE, AFTER = rules_of(STRICT), rules_of(LOOSE, earlier=(STRICT,))
DAY = 86_400_000_000
TODAY = Span(begin=to_micros(TEN) // DAY * DAY, end=to_micros(TEN) // DAY * DAY + DAY)

Row = tuple[str, int, int]


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def shop(database_url: str, clock: MovingClock) -> AsyncIterator[Database]:
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


async def judged(shop: Database, conversation: UUID, rules: Rulebook = AFTER) -> list[Row]:
    found = await shop.read(of_conversation, conversation, rules.terms)
    return [(each.sla, each.policy_version, each.revision) for each in found]


async def late_answer(shop: Database, clock: MovingClock, start: float = 0, channel: str = "tg") -> UUID:
    """Answered after five minutes, where one was promised."""
    clock.at(start)
    conversation = await asked(shop, BEFORE, question(channel=channel, who=f"{channel}{start}"))
    clock.at(start + 5)
    await answered(shop, BEFORE, conversation)
    return conversation


async def again(
    shop: Database, rules: Rulebook = AFTER, span: Span = TODAY, *, dry: bool = False, limit: int = 100
) -> tuple[int, ...]:
    """Rounds looked at, changed, with another verdict; in as many steps as it takes."""
    entry = None if dry else new_id()
    if entry is not None:
        await shop.transact(write, entry, "os:test", "recompute", "", {})
    run = shop.read if dry else shop.transact
    place: Place | None = FIRST
    steps: list[Step] = []
    while place is not None:
        steps.append(await run(recomputes.step, span, place, rules, entry, limit))
        place = steps[-1].place
    return tuple(sum(getattr(each, name) for each in steps) for name in ("rounds", "changed", "verdicts"))


async def test_d30_an_edit_alone_changes_nothing_and_judging_again_changes_it_once(
    shop: Database, clock: MovingClock
) -> None:
    conversation = await late_answer(shop, clock)
    clock.at(60)
    await happened(shop, AFTER, conversation, "policy_changed", policy="chat", policy_version=2)
    assert await judged(shop, conversation) == [("breached", 1, 1)]

    assert await again(shop) == (1, 1, 1)
    assert await judged(shop, conversation) == [("met", 2, 2)]
    (former,) = await shop.read(superseded, conversation)
    assert (former.sla, former.policy_version, former.revision) == ("breached", 1, 1)

    assert await again(shop) == (1, 0, 0)
    assert await judged(shop, conversation) == [("met", 2, 2)]
    assert len(await shop.read(superseded, conversation)) == 1


async def test_a_report_reads_only_what_is_in_force(shop: Database, clock: MovingClock) -> None:
    await late_answer(shop, clock)
    clock.at(60)
    await again(shop)
    clock.at(120)

    found = await shop.read(between, TEN, clock.now, AFTER.terms)
    assert [each.sla for each in found] == ["met"]


async def test_a_later_event_does_not_undo_it(shop: Database, clock: MovingClock) -> None:
    conversation = await late_answer(shop, clock)
    clock.at(60)
    await again(shop)
    clock.at(70)
    await happened(shop, AFTER, conversation, "voided")
    assert await judged(shop, conversation) == []
    await happened(shop, AFTER, conversation, "unvoided")

    assert await judged(shop, conversation) == [("met", 2, 2)]


async def test_open_rounds_are_left_to_their_own_rules(shop: Database, clock: MovingClock) -> None:
    clock.at(0)
    conversation = await asked(shop, BEFORE, question())
    clock.at(60)

    assert await again(shop) == (0, 0, 0)
    assert [each[1:] for each in await judged(shop, conversation)] == [(1, 1)]


async def test_only_the_span_and_the_channel_are_judged_again(shop: Database, clock: MovingClock) -> None:
    mine, other, tomorrow = (
        await late_answer(shop, clock),
        await late_answer(shop, clock, 1, "mail"),
        await late_answer(shop, clock, 1440),
    )
    clock.at(3000)

    assert await again(shop, span=Span(begin=TODAY.begin, end=TODAY.end, channel="tg")) == (1, 1, 1)
    assert [await judged(shop, each) for each in (mine, other, tomorrow)] == [
        [("met", 2, 2)], [("breached", 1, 1)], [("breached", 1, 1)],
    ]  # fmt: skip


async def test_a_dry_run_counts_and_writes_nothing(shop: Database, clock: MovingClock) -> None:
    conversation = await late_answer(shop, clock)
    clock.at(60)

    assert await again(shop, dry=True) == (1, 1, 1)
    assert await judged(shop, conversation) == [("breached", 1, 1)]
    assert await shop.read(superseded, conversation) == []


async def test_another_policy_that_matches_now_judges(shop: Database, clock: MovingClock) -> None:
    conversation = await late_answer(shop, clock)
    clock.at(60)
    rules = rules_of(answering_within(900, 1, "tg", channel="tg"), LOOSE, earlier=(STRICT,))
    await again(shop, rules)

    (found,) = await shop.read(of_conversation, conversation, rules.terms)
    assert (found.sla, found.policy, found.policy_version) == ("met", "tg", 1)


async def test_a_conversation_longer_than_a_step_is_counted_once(shop: Database, clock: MovingClock) -> None:
    conversation = await late_answer(shop, clock)
    for minutes in (20, 40, 60, 80):
        clock.at(minutes)
        await asked(shop, BEFORE, question(who="tg0"))
        clock.at(minutes + 2)
        await answered(shop, BEFORE, conversation)
    clock.at(600)

    assert await again(shop, dry=True, limit=2) == (5, 5, 5)
    assert await again(shop, limit=2) == (5, 5, 5)
    assert await again(shop, limit=2) == (5, 0, 0)
    assert await judged(shop, conversation) == [("met", 2, 2)] * 5


async def test_rounds_that_join_by_a_merge_keep_their_own_judgement(shop: Database, clock: MovingClock) -> None:
    mine, other = await late_answer(shop, clock), await late_answer(shop, clock, 20, "mail")
    clock.at(60)
    assert await again(shop, span=Span(begin=TODAY.begin, end=TODAY.end, channel="tg")) == (1, 1, 1)
    clock.at(70)
    await happened(shop, AFTER, mine, "conversation_absorbed", conversation=other.hex, merge="m")

    assert sorted(await judged(shop, mine)) == [("breached", 1, 1), ("met", 2, 2)]
    await shop.transact(void, other)
    assert await again(shop) == (2, 1, 1)
    assert sorted(await judged(shop, mine)) == [("met", 2, 2), ("met", 2, 3)]
