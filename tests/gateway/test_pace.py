"""Slots in a rate: addresses take turns, bursts are paid for, and cards leave what is said alone (S17, S30)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.pace import SLACK, Pace, Rates
from router.model import Capabilities, Delivery, DeliveryKind, DeliveryState, Outgoing
from storage.outbox import Head

SECOND = 1_000_000
NOW = datetime(2026, 3, 10, tzinfo=UTC)


def head(
    number: int, address: str = "C1", *, reserved: bool = False, kind: DeliveryKind = DeliveryKind.MESSAGE
) -> Head:
    return Head(
        lane=f"lane {number}",
        fence=1,
        reserved=reserved,
        state=DeliveryState.READY,
        seq=1,
        retries=0,
        lookups=0,
        unfetched=False,
        not_before=0,
        body="{}",
        delivery=Delivery(
            id=UUID(int=number),
            channel="desk",
            kind=kind,
            conversation=UUID(int=number),
            number=number,
            message=None,
            part=1,
            parts=1,
            address=address,
            thread=None,
            outgoing=Outgoing(),
            attempt=1,
            created_at=NOW,
        ),
    )


def slots(pace: Pace, count: int, now: int = 0, address: str = "C1") -> list[int]:
    """When each of so many may go."""
    chosen, waits = pace.plan([head(number, address) for number in range(count)], now)
    return [now] * len(chosen) + [each.due_at or 0 for each in waits]


def test_one_a_second_and_address() -> None:
    pace = Pace(per_address=1.0)
    assert slots(pace, 3) == [0, SECOND, 2 * SECOND]
    assert slots(pace, 1, address="C2") == [0]


def test_a_burst_is_paid_for_afterwards() -> None:
    pace = Pace(per_account=1.0, burst=3)
    assert slots(pace, 5) == [0, 0, 0, SECOND, 2 * SECOND]
    assert slots(pace, 1, 10 * SECOND) == [10 * SECOND]
    assert slots(pace, 3, 10 * SECOND) == [10 * SECOND, 10 * SECOND, 11 * SECOND]


def test_without_a_burst_the_account_has_one_slot_after_the_other() -> None:
    assert slots(Pace(per_account=2.0), 3) == [0, SECOND // 2, SECOND]


def test_a_pause_holds_exactly_as_long_as_the_provider_wants_it() -> None:
    pace = Pace(per_address=1.0)
    pace.pause("C1", 0, timedelta(seconds=7))
    assert slots(pace, 1) == [7 * SECOND]
    assert slots(pace, 1, address="C2") == [0]


def test_a_place_that_was_reserved_is_kept() -> None:
    pace = Pace(per_account=1.0)
    assert slots(pace, 2) == [0, SECOND]
    chosen, _ = pace.plan([head(2, reserved=True)], SECOND)
    assert len(chosen) == 1


def test_s17_whoever_waits_for_a_slot_goes_later_where_the_one_before_left_late() -> None:
    pace = Pace(per_address=1.0)
    assert slots(pace, 3) == [0, SECOND, 2 * SECOND]
    pace.leaves("C1", 300_000)
    heads = [head(number, reserved=True) for number in (1, 2)]
    chosen, waits = pace.plan(heads, SECOND)
    assert chosen == []
    assert [each.due_at for each in waits] == [1_300_000 + SLACK, 2_300_000 + SLACK]
    chosen, waits = pace.plan(heads, 1_300_000 + SLACK)
    assert (chosen, [each.due_at for each in waits]) == ([heads[0]], [2_300_000 + SLACK])


def test_s17_marks_and_edits_do_not_take_the_slots_of_what_is_said() -> None:
    rates = Rates(Capabilities(rate_per_address=1.0, change_rate=1.0, change_burst=1))
    kinds = (DeliveryKind.MESSAGE, DeliveryKind.REACTION, DeliveryKind.EDIT)
    chosen, _ = rates.plan([head(number, kind=kind) for number, kind in enumerate(kinds)], 0)
    assert len(chosen) == 3
    one_for_all = Rates(Capabilities(rate_per_address=1.0))
    chosen, _ = one_for_all.plan([head(number, kind=kind) for number, kind in enumerate(kinds)], 0)
    assert len(chosen) == 1


def test_s30_cards_and_what_is_said_do_not_wait_for_one_another() -> None:
    rates = Rates(Capabilities(rate_per_address=1.0, change_rate=1.0, change_burst=2))
    cards = [head(number, kind=DeliveryKind.CARD) for number in range(3)]
    chosen, waits = rates.plan([*cards, head(7), head(8)], 0)
    assert [each.lane for each in chosen] == ["lane 7", "lane 0", "lane 1"]
    assert [(each.lane, each.due_at) for each in waits] == [("lane 8", SECOND), ("lane 2", SECOND)]


def test_x13_a_limit_on_cards_pauses_no_message_and_the_other_way_round() -> None:
    able = Capabilities(change_rate=100.0)
    rates = Rates(able)
    card, said = head(1, kind=DeliveryKind.CARD), head(2)
    rates.pause(card.delivery, 0, timedelta(seconds=30), account_wide=False)
    assert rates.plan([card, said], 0)[0] == [said]
    rates = Rates(able)
    rates.pause(said.delivery, 0, timedelta(seconds=30), account_wide=True)
    assert rates.plan([card, said], 0)[0] == [card]


def test_a_clock_that_is_set_back_makes_nobody_wait_for_it() -> None:
    pace = Pace(per_address=1.0, per_account=1.0)
    hour = 3_600 * SECOND
    assert slots(pace, 2, hour) == [hour, hour + SECOND]
    pace.pause("C1", hour, timedelta(seconds=30))
    assert slots(pace, 2, 0) == [0, SECOND]
