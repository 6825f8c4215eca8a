"""What must hold for every log: how it was cut into batches and when it was read makes no difference."""

from datetime import timedelta
from itertools import pairwise
from random import Random
from time import perf_counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.model import Event
from router.rounds import Fold, timeline
from router.timeline import Outcome, Sla
from tests.router.logs import CONVERSATION, Log, at, generated

SEEDS = st.integers(0, 1 << 30)
END = at(100 * 24 * 60)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 30), max_size=6))
def test_rounds_do_not_depend_on_the_batches_the_log_came_in(seed: int, cuts: list[int]) -> None:
    events, terms = generated(seed, 30)
    whole = timeline(events, terms, CONVERSATION, END)
    fold = Fold(terms, CONVERSATION)
    for low, high in pairwise([0, *sorted(cuts), len(events)]):
        fold.extend(events[low:high])
        if high:
            fold.at(events[high - 1].at)  # reading in between must not matter
    assert fold.at(END) == whole


@settings(max_examples=150, deadline=None)
@given(SEEDS, SEEDS)
def test_rounds_do_not_depend_on_the_order_of_arrival(seed: int, order: int) -> None:
    """Another node's events may be committed late: they are older than what is folded already."""
    events, terms = generated(seed, 20)
    shuffled = list(events)
    Random(order).shuffle(shuffled)
    fold = Fold(terms, CONVERSATION)
    for event in shuffled:
        fold.extend([event])
    assert fold.at(END) == timeline(events, terms, CONVERSATION, END)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.integers(1, 25))
def test_a_fold_continued_from_a_prefix_equals_the_fold_of_the_whole(seed: int, cut: int) -> None:
    """Late mail and failed deliveries in the rest force a recompute inside; nobody sees it."""
    events, terms = generated(seed, 26)
    fold = Fold(terms, CONVERSATION)
    fold.extend(events[:cut])
    fold.extend(events[cut:])
    assert fold.at(END) == timeline(events, terms, CONVERSATION, END)


@settings(max_examples=100, deadline=None)
@given(SEEDS, SEEDS)
def test_merge_then_unmerge_is_the_identity(one: int, other: int) -> None:
    events, terms = generated(one)
    more, _ = generated(other)
    moved = [
        Event(conversation=UUID(int=2), seq=e.seq, type=e.type, at=e.at, actor=e.actor, payload=e.payload) for e in more
    ]
    alone = timeline(events, terms, CONVERSATION, END)
    fold = Fold(terms, CONVERSATION)
    fold.extend(events)
    fold.extend(moved)
    assert fold.at(END) == timeline([*moved, *events], terms, CONVERSATION, END)
    assert timeline(events, terms, CONVERSATION, END) == alone


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_every_round_is_consistent_in_itself(seed: int) -> None:
    events, terms = generated(seed, 30)
    found = timeline(events, terms, CONVERSATION, END)
    for each in found.rounds:
        assert each.end_at is not None
        assert timedelta(0) <= each.business <= each.wall
        assert (each.sla == Sla.BREACHED) == (each.breached_at is not None)
        assert each.breached_at is None or each.breached_at <= each.end_at
        if each.sla in {Sla.MET, Sla.CANCELLED, Sla.RUNNING}:
            assert each.deadline is not None
            assert each.end_at <= each.deadline
        if each.outcome == Outcome.ANSWERED:
            assert each.parts is not None
            parts = (each.parts.ingest, each.parts.assign, each.parts.agent, each.parts.delivery)
            assert min(parts) >= timedelta(0)
            assert sum(parts, timedelta()) == each.wall
            assert each.agent_time is not None
            assert timedelta(0) <= each.agent_time <= each.wall
    assert sum(each.outcome == Outcome.OPEN for each in found.rounds) <= 1
    assert [each.end_at for each in found.rounds] == sorted(each.end_at for each in found.rounds if each.end_at)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 29))
def test_what_comes_later_never_changes_a_closed_round(seed: int, cut: int) -> None:
    """Unless it says that something never happened (a failed delivery, a split, void)."""
    events, terms = generated(seed, 30)
    undoing = {"delivery_failed", "message_moved", "voided", "unvoided"}
    events = [event for event in events if event.type not in undoing]
    before = timeline(events[:cut], terms, CONVERSATION, events[min(cut, len(events)) - 1].at)
    after = timeline(events, terms, CONVERSATION, END)
    closed = [each for each in before.rounds if each.outcome != Outcome.OPEN]
    assert list(after.rounds[: len(closed)]) == closed


@pytest.mark.parametrize("answered", [2, 5])
def test_a_thousand_events_fold_in_no_time(answered: int) -> None:
    """The bound here is loose, for shared machines; `make bench` holds the real one (5 ms)."""
    log = Log()
    for number in range(1000):
        if number % answered:
            log.customer(number, f"m{number}", source=number)
        else:
            log.agent(number, composed=number - 0.1)
    took = []
    for _ in range(5):
        begin = perf_counter()
        log.now(1000)
        took.append(perf_counter() - begin)
    assert min(took) < 0.05
