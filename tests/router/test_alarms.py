"""Which timers follow from a conversation: once each, at the right second (D17, D29)."""

from datetime import timedelta

from router.alarms import Alarm, alarms
from router.targets import Metric, Policy, Target
from router.terms import Terms
from tests.router.logs import TERMS, Log, at


def told(found: tuple[Alarm, ...]) -> list[tuple[str, str, float]]:
    return [(each.metric.value, each.level, (each.due_at - at(0)).total_seconds()) for each in found]


def test_d29_a_three_minute_target_alarms_at_90_135_162_and_180_seconds() -> None:
    found = alarms(Log().customer(0, "m1").now(0.1))
    assert told(found)[:4] == [
        ("first", "50", 90),
        ("first", "75", 135),
        ("first", "90", 162),
        ("first", "breach", 180),
    ]
    assert told(found)[4:] == [("resolution", "breach", 3600)]


def test_d17_after_a_late_start_the_breach_keeps_its_own_date() -> None:
    assert told(alarms(Log().customer(0, "m1").now(30)))[0] == ("first", "breach", 180)


def test_an_answer_takes_the_alarms_of_its_round_away() -> None:
    assert told(alarms(Log().customer(0, "m1").agent(1).now(2))) == [("resolution", "breach", 3600)]


def test_d27_a_change_of_policy_moves_the_alarms_and_keeps_their_names() -> None:
    log = Log().customer(0, "m1")
    before, after = alarms(log.now(0.5)), alarms(log.policy(1, "slow").now(1))
    assert told(after)[:2] == [("first", "50", 300), ("first", "75", 450)]
    assert {(each.metric, each.level, each.since) for each in after} <= {
        (each.metric, each.level, each.since) for each in before
    }


def test_receipts_and_updates_have_their_alarms() -> None:
    targets = {Metric.ACK: Target(seconds=5), Metric.UPDATE: Target(seconds=600)}
    terms = Terms(unjudged=Policy(targets=targets))
    assert told(alarms(Log().customer(0, "m1").now(0, terms))) == [("ack", "breach", 5), ("update", "breach", 600)]
    later = alarms(Log().customer(0, "m1").ack(0).agent(4).now(5, terms))
    assert [(each.level, each.since, each.due_at - each.since) for each in later] == [
        ("breach", at(4), timedelta(minutes=10))
    ]


def test_a_resolved_or_void_conversation_alarms_nobody() -> None:
    log = Log().customer(0, "m1").agent(1).status(2, "resolved")
    assert alarms(log.now(3)) == ()
    assert alarms(log.add(4, "voided").now(5, TERMS)) == ()
    assert alarms(Log().now(5)) == ()
