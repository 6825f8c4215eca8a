"""Rounds judged again under other policies (D30): what an event of the log does to closed rounds, and to no other."""

from collections.abc import Sequence
from typing import Any

import pytest

from router.events import EventType
from router.instants import to_text
from router.model import Round
from router.rounds import Fold
from router.targets import Metric, Policy, Target, TimeBase
from router.terms import Terms, UnknownPolicy
from tests.router.logs import CONVERSATION, Log, at, message


def policy(name: str, version: int, seconds: int) -> Policy:
    target = Target(seconds=seconds, clock=TimeBase.WALL)
    return Policy(id=name, version=version, targets={Metric.FIRST: target, Metric.NEXT: target})


ALL = (policy("chat", 1, 60), policy("chat", 2, 600), policy("vip", 1, 30), policy("vip", 2, 300))
TERMS = Terms(policies={(each.id, each.version): each for each in ALL})


def opened() -> Log:
    return Log().add(0, EventType.CONVERSATION_OPENED, policy="chat", policy_version=1)


def again(log: Log, minutes: float, begin: float = 0, end: float = 1440, **more: Any) -> Log:
    named = {"policy": "chat", "policy_version": 2, **more}
    return log.add(minutes, EventType.JUDGED_AGAIN, begin=to_text(at(begin)), end=to_text(at(end)), **named)


def judged(rounds: Sequence[Round]) -> list[tuple[str, int, int]]:
    return [(each.sla, each.policy_version, each.revision) for each in rounds]


def test_d30_a_closed_round_is_judged_by_the_other_policy_and_counts_its_judgements() -> None:
    log = opened().customer(0, "a").agent(5)

    assert judged(log.now(10, TERMS).rounds) == [("breached", 1, 1)]
    assert judged(again(log, 20).now(30, TERMS).rounds) == [("met", 2, 2)]
    assert judged(again(log, 40, policy_version=1).now(50, TERMS).rounds) == [("breached", 1, 3)]
    assert judged(again(log, 60, policy=None).now(70, TERMS).rounds) == [("none", 1, 4)]


def test_only_the_rounds_that_are_named_are_judged_again() -> None:
    log = opened().customer(0, "a").agent(5).customer(10, "b").agent(15)

    assert judged(again(log, 30, rounds=[message("b")]).now(40, TERMS).rounds) == [("breached", 1, 1), ("met", 2, 2)]


def test_d30_a_round_that_is_open_or_starts_later_is_not_touched() -> None:
    log = opened().customer(0, "a").agent(5).customer(10, "b")
    again(log, 20).agent(21).customer(30, "c").agent(35)

    assert judged(log.now(40, TERMS).rounds) == [("met", 2, 2), ("breached", 1, 1), ("breached", 1, 1)]


def test_only_rounds_that_start_in_the_span_and_on_the_channel_are_judged_again() -> None:
    log = opened().customer(0, "a").agent(5).customer(10, "b", channel="tg").agent(15).customer(20, "c").agent(25)

    assert judged(again(log, 30, 10, 20).now(40, TERMS).rounds) == [
        ("breached", 1, 1),
        ("met", 2, 2),
        ("breached", 1, 1),
    ]
    assert judged(again(log, 50, channel="web").now(60, TERMS).rounds) == [("met", 2, 2)] * 3


@pytest.mark.parametrize(
    ("changed", "breached", "reason"),
    [(20, 10, None), (8, 8, "policy_change"), (2, 5, None)],
    ids=["an earlier breach stands", "a deadline that is already past breaches at the change", "before any deadline"],
)
def test_d27_holds_between_the_policies_that_a_round_went_through(
    changed: float, breached: float, reason: str | None
) -> None:
    log = opened().customer(0, "a").policy(changed, "vip").agent(30)
    (found,) = again(log, 40, versions={"vip": 2}).now(50, TERMS).rounds

    assert (found.breached_at, found.breach_reason) == (at(breached), reason)
    assert (found.policy, found.policy_version) == ("vip", 2)


def test_versions_that_only_followed_an_edit_are_replaced_as_a_whole() -> None:
    log = opened().customer(0, "a").add(2, EventType.POLICY_CHANGED, policy="chat", policy_version=2).agent(5)

    assert judged(log.now(6, TERMS).rounds) == [("breached", 2, 1)]
    assert judged(again(log, 7).now(8, TERMS).rounds) == [("met", 2, 2)]


def test_a_reply_that_never_arrived_is_left_out_of_what_was_judged_again() -> None:
    log = opened().customer(0, "a").agent(5, "lost").agent(11, "kept")
    again(log, 20).failed(25, "lost")

    assert judged(log.now(30, TERMS).rounds) == [("breached", 2, 2)]


def test_a_log_in_two_parts_gives_what_the_whole_log_gives() -> None:
    log = opened().customer(0, "a").agent(5)
    fold = Fold(TERMS, CONVERSATION)
    fold.extend(log.events)
    before = judged(fold.at(at(10)).rounds)
    fold.extend(again(log, 20).events[-1:])

    assert before == [("breached", 1, 1)]
    assert fold.at(at(30)) == log.now(30, TERMS)


def test_a_policy_that_is_not_known_is_not_guessed() -> None:
    with pytest.raises(UnknownPolicy, match="chat version 7"):
        again(opened().customer(0, "a").agent(5), 20, policy_version=7).now(30, TERMS)
