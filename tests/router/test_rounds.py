"""The decisions of `service.md` 2.2 that the vectors do not settle, one log each."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.calendar_definitions import to_calendar
from router.calendars import ALWAYS
from router.events import EventType
from router.model import Status
from router.rounds import timeline
from router.targets import Metric, Policy, Target
from router.terms import Responder, Terms, UnknownPolicy
from router.timeline import FirstResponse, Outcome, Sla
from tests.router.logs import CONVERSATION, FAST, TERMS, Log, at, message, with_calendar

BOT = Terms(policies=TERMS.policies, unjudged=FAST, bot_in_front=True)


def seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def test_d11_a_reply_that_was_composed_before_the_question_leaves_it_waiting() -> None:
    found = Log().customer(0, "m1").agent(1, composed=-1).now(5)
    assert [each.outcome for each in found.rounds] == [Outcome.OPEN]
    assert found.rounds[0].kind == "next"
    assert found.cycles[0].first_response is FirstResponse.NOT_APPLICABLE


def test_d12_overlapping_rounds_close_in_the_order_of_their_replies() -> None:
    log = Log().customer(0, "m1").customer(1, "m2").agent(2, composed=0.5).customer(2.5, "m3").agent(3, composed=2)
    log.agent(9, composed=8)
    assert [(each.start_at, each.end_at) for each in log.now(10).rounds] == [
        (at(0), at(2)),
        (at(1), at(3)),
        (at(2.5), at(9)),
    ]


def test_d17_an_open_round_exactly_at_its_deadline_still_runs() -> None:
    log = Log().customer(0, "m1")
    assert log.now(3).rounds[0].sla == Sla.RUNNING
    late = log.now(3 + 1e-6).rounds[0]
    assert (late.sla, late.breached_at) == (Sla.BREACHED, at(3))


def test_d22_closing_exactly_at_the_deadline_is_no_breach() -> None:
    assert Log().customer(0, "m1").status(3, "resolved").now(9).rounds[0].sla == Sla.CANCELLED
    assert Log().customer(0, "m1").status(3.01, "resolved").now(9).rounds[0].sla == Sla.BREACHED


def test_d22_resolved_with_an_answer_on_its_way_is_answered_once_it_has_left() -> None:
    log = Log().customer(0, "m1").status(1.1, "resolved", leaving=1)
    assert [each.outcome for each in log.now(1.2).rounds] == [Outcome.OPEN]
    found = log.agent(1.3, composed=1).now(9)
    assert [(each.outcome, each.end_at) for each in found.rounds] == [(Outcome.ANSWERED, at(1.3))]
    assert found.cycles[0].resolution.state is Status.RESOLVED


def test_d22_what_came_after_the_answer_on_its_way_is_closed_without_one() -> None:
    log = Log().customer(0, "m1").customer(1.05, "m2").status(1.1, "resolved", leaving=1).agent(1.3, composed=1)
    assert [(each.start_at, each.outcome) for each in log.now(9).rounds] == [
        (at(1.05), Outcome.CLOSED_NO_REPLY),
        (at(0), Outcome.ANSWERED),
    ]


def test_d22_an_answer_that_never_leaves_lets_the_customer_wait_since_the_question() -> None:
    log = Log().customer(0, "m1").status(1.1, "resolved", leaving=1).failed(1.3, "reply").status(1.3, "open")
    (found,) = log.now(9).rounds
    assert (found.start_at, found.outcome, found.sla) == (at(0), Outcome.OPEN, Sla.BREACHED)


def test_d22_an_answer_that_comes_back_after_resolving_lets_the_customer_wait_since_the_question() -> None:
    log = Log().customer(0, "m1").agent(1, name="reply").customer(1.5, "m2").status(2, "resolved").failed(6, "reply")
    assert [(each.start_at, each.outcome) for each in log.now(9).rounds] == [
        (at(1.5), Outcome.CLOSED_NO_REPLY),
        (at(0), Outcome.OPEN),
    ]
    answered = log.agent(10, name="again").now(11)
    assert (answered.rounds[-1].start_at, answered.rounds[-1].outcome) == (at(0), Outcome.ANSWERED)


def test_d22_who_resolves_knowing_that_the_answer_came_back_closes_without_one() -> None:
    log = Log().customer(0, "m1").agent(1, name="reply").failed(6, "reply").status(7, "resolved")
    assert [each.outcome for each in log.now(9).rounds] == [Outcome.CLOSED_NO_REPLY]


def test_d22_an_edit_that_came_after_the_answer_on_its_way_is_closed_without_one() -> None:
    log = Log().customer(0, "m1").edit(1.05, "m1").status(1.1, "resolved", leaving=1).agent(1.3, composed=1)
    assert [(each.start_at, each.outcome) for each in log.now(9).rounds] == [
        (at(1.05), Outcome.CLOSED_NO_REPLY),
        (at(0), Outcome.ANSWERED),
    ]


def test_d2_a_reply_that_is_sent_again_after_it_failed_answers_when_it_has_left() -> None:
    log = Log().customer(0, "m1").failed(1, "reply").agent(2, name="reply", composed=0.5)
    assert [(each.outcome, each.end_at) for each in log.now(9).rounds] == [(Outcome.ANSWERED, at(2))]
    assert [each.outcome for each in log.failed(3, "reply").now(9).rounds] == [Outcome.OPEN]


def test_d19_pending_with_the_answer_on_its_way_is_no_illegitimate_pause() -> None:
    log = Log().customer(0, "m1").status(1.1, "pending", leaving=1).agent(1.2, composed=1)
    assert log.now(5).cycles[0].illegitimate_pauses == 0


def test_d19_only_pending_with_a_waiting_customer_is_an_illegitimate_pause() -> None:
    log = Log().customer(0, "m1").status(1, "on_hold").status(2, "pending").status(2.5, "pending").agent(3)
    log.status(4, "pending")
    assert log.now(5).cycles[0].illegitimate_pauses == 1


@pytest.mark.parametrize(("minutes", "cycles"), [(72 * 60, 1), (72 * 60 + 0.01, 2)])
def test_d23_exactly_72_hours_still_reopens(minutes: float, cycles: int) -> None:
    log = Log().customer(-5, "m1").agent(-4).status(0, "resolved").customer(minutes, "m2")
    found = log.now(minutes + 1)
    assert len(found.cycles) == cycles
    assert found.rounds[-1].kind == ("next" if cycles == 1 else "first")


def test_d23_the_reopen_window_can_differ_by_channel() -> None:
    terms = Terms(unjudged=FAST, reopen_windows={"tg": timedelta(hours=1)})
    log = Log().customer(0, "m1").agent(1).status(2, "resolved").customer(90, "m2", channel="tg")
    assert len(log.now(91, terms).cycles) == 2
    assert len(log.now(91).cycles) == 1


def test_d23_a_first_response_that_was_never_given_is_owed_after_reopening() -> None:
    log = Log().customer(0, "m1").status(1, "resolved").customer(10, "m2").agent(12)
    found = log.now(20)
    assert [(each.kind, each.outcome) for each in found.rounds] == [("first", "closed_no_reply"), ("first", "answered")]
    assert found.cycles[0].first_response is FirstResponse.ANSWERED
    assert found.cycles[0].first is not None
    assert found.cycles[0].first.wall == timedelta(minutes=2)


def test_d23_an_agent_who_writes_after_the_window_begins_a_cycle_without_first_response() -> None:
    log = Log().customer(0, "m1").agent(1).status(2, "resolved").agent(6000).customer(6001, "m2").agent(6002)
    found = log.now(6003)
    assert [cycle.first_response for cycle in found.cycles] == [FirstResponse.ANSWERED, FirstResponse.NOT_APPLICABLE]
    assert (found.rounds[-1].cycle, found.rounds[-1].kind) == (2, "next")
    assert found.cycles[1].resolution.state is Status.OPEN


def test_d23_mail_that_reached_the_provider_inside_the_window_reopens_although_we_fetched_it_later() -> None:
    log = Log().customer(-5, "m1").agent(-4).status(0, "resolved").customer(73 * 60, "m2", source=71 * 60)
    assert len(log.now(74 * 60).cycles) == 1


def test_d7_after_a_human_resolved_it_the_next_cycle_starts_with_the_bot() -> None:
    log = Log().customer(0, "m1").add(1, EventType.HANDED_OFF).agent(2).status(3, "resolved").customer(5000, "m2")
    found = log.now(5001, BOT)
    assert len(found.rounds) == 1
    assert found.cycles[1].first_response is FirstResponse.BOT_ONLY


def test_d7_a_second_hand_off_starts_nothing() -> None:
    log = Log().customer(0, "m1").add(1, EventType.HANDED_OFF).agent(2).add(3, EventType.HANDED_OFF)
    assert len(log.now(9, BOT).rounds) == 1


def test_d7_messages_after_the_hand_off_join_the_human_round() -> None:
    log = (
        Log()
        .customer(0, "m1")
        .bot(0.1)
        .add(1, EventType.HANDED_OFF)
        .customer(1.5, "m2", channel="tg")
        .bot(1.6)
        .agent(3)
    )
    only = log.now(9, BOT).rounds[0]
    assert (only.start_at, only.wall, only.channels) == (at(1), timedelta(minutes=2), ("web", "tg"))


def test_d7_what_a_human_could_not_see_when_taking_over_waits_from_the_take_over() -> None:
    log = Log().customer(0, "m1").bot(0.1).customer(2, "m2").agent(2.5, composed=1.5).agent(4)
    found = log.now(9, BOT)
    assert [(each.start_at, each.end_at, each.kind) for each in found.rounds] == [(at(2.5), at(4), "next")]
    assert found.cycles[0].first_response is FirstResponse.TAKEOVER


def test_d7_the_log_may_say_that_a_bot_is_in_front() -> None:
    log = Log().add(0, EventType.CONVERSATION_OPENED, handler="bot", policy="slow", team="cs").customer(0, "m1")
    log.add(1, EventType.HANDED_OFF)
    only = log.now(2).rounds[0]
    assert (only.start_at, only.policy, only.team) == (at(1), "slow", "cs")


def test_d4_a_bots_holding_phrase_is_no_answer_of_substance() -> None:
    found = Log().customer(0, "m1").bot(0.1, holding=True).bot(0.5).now(1, BOT)
    assert seconds(found.cycles[0].any_response) == 30


def test_d4_the_substantive_answer_counts_from_the_hand_off_like_the_first_response() -> None:
    log = Log().customer(0, "m1").add(2, EventType.HANDED_OFF).agent(3, holding=True).agent(6)
    cycle = log.now(9, BOT).cycles[0]
    assert (seconds(cycle.human_from_first), seconds(cycle.substantive)) == (180, 240)


def test_d3_a_survey_by_the_system_is_neither_receipt_nor_answer() -> None:
    log = Log().customer(0, "m1").add(1, EventType.MESSAGE_SENT, "system:survey", message=message("s"))
    cycle = log.now(2).cycles[0]
    assert (cycle.ack.took, cycle.any_response) == (None, None)


def test_d5_a_flipped_thank_you_waits_since_its_own_time() -> None:
    log = Log().customer(0, "m1").agent(1).customer(2, "m2", needs_reply=False).status(3, "resolved")
    log.add(10, EventType.NEED_CHANGED, message=message("m2"), needs_reply=True)
    found = log.now(12)
    assert (found.waiting is not None, found.rounds[-1].start_at) == (True, at(2))
    assert found.cycles[0].resolution.state is Status.OPEN


def test_d5_a_message_that_needs_no_reply_after_all_ends_the_wait_without_a_round() -> None:
    log = Log().customer(0, "m1").add(1, EventType.NEED_CHANGED, message=message("m1"), needs_reply=False)
    assert len(log.now(9).rounds) == 0


def test_d9_an_edit_that_came_after_composing_is_not_answered_by_that_reply() -> None:
    log = Log().customer(0, "m1").edit(1, "m1").agent(2, composed=0.5).agent(4)
    assert [(each.start_at, each.end_at) for each in log.now(9).rounds] == [(at(0), at(2)), (at(1), at(4))]


def test_d9_an_edit_before_the_answer_changes_nothing() -> None:
    assert len(Log().customer(0, "m1").edit(1, "m1").agent(2).now(9).rounds) == 1


def test_d9_an_edit_of_an_autoresponder_stays_one() -> None:
    assert len(Log().customer(0, "m1", kind="auto").edit(1, "m1").now(9).rounds) == 0


def test_d13_the_same_id_on_another_channel_is_another_message() -> None:
    log = Log().customer(0, "m1").agent(1)
    log.add(2, EventType.MESSAGE_RECEIVED, "customer", message=message("other"), channel="tg", key="m1")
    assert len(log.now(3).rounds) == 2


def test_d14_a_late_mail_makes_the_round_older_and_never_touches_a_closed_one() -> None:
    before = Log().customer(0, "m1").agent(1).customer(5, "m2")
    closed = before.now(6).rounds[0]
    after = before.customer(7, "late", source=-10).now(8)
    assert after.rounds[0] == closed
    assert (after.rounds[1].start_at, after.rounds[1].breached_at) == (at(-10), at(-7))


def test_d24_unvoid_recomputes_everything() -> None:
    log = Log().customer(0, "m1").agent(1)
    figures = log.now(9)
    log.add(2, EventType.VOIDED)
    assert (log.now(9).voided, len(log.now(9).rounds), log.now(9).cycles) == (True, 0, ())
    assert log.add(3, EventType.UNVOIDED).now(9) == figures


def test_d25_merging_is_the_union_of_the_logs_and_unmerging_gives_both_back() -> None:
    one = Log().customer(0, "m1").agent(4)
    other = Log(UUID(int=2)).customer(1, "n1", channel="tg").customer(5, "n2", channel="tg")
    alone = one.now(9), other.now(9)
    union = timeline([*one.events, *other.events], TERMS, CONVERSATION, at(9))
    assert [(each.start_at, each.channels) for each in union.rounds] == [(at(0), ("web", "tg")), (at(5), ("tg",))]
    assert (one.now(9), other.now(9)) == alone


def test_d25_a_cycle_belongs_to_the_channel_of_the_message_that_opened_it() -> None:
    by_customer = Log().customer(0, "m1", channel="mail").agent(1, channel="mail").customer(2, "m2", channel="tg")
    assert [each.channel for each in by_customer.now(3).cycles] == ["mail"]
    by_agent = Log().agent(0, channel="mail").customer(1, "m1", channel="tg")
    assert [each.channel for each in by_agent.now(3).cycles] == ["mail"]
    assert [each.channel for each in Log().agent(0).now(3).cycles] == [""]


def test_d25_a_message_that_a_split_took_away_was_never_here() -> None:
    log = Log().customer(0, "m1").customer(1, "m2").add(2, EventType.MESSAGE_MOVED, message=message("m1")).agent(3)
    assert [each.start_at for each in log.now(9).rounds] == [at(1)]


def test_d27_at_most_one_breach_and_the_first_one_stands() -> None:
    log = Log().customer(0, "m1").policy(3.5, "slow").policy(4, "urgent").agent(5)
    only = log.now(9).rounds[0]
    assert (only.breached_at, only.breach_reason, only.policy) == (at(3), None, "urgent")


def test_d27_a_policy_that_came_before_the_message_is_no_change() -> None:
    only = Log().policy(-1, "urgent").customer(0, "m1").agent(5).now(9).rounds[0]
    assert (only.breached_at, only.breach_reason) == (at(2), None)


def test_d27_a_policy_for_a_conversation_without_one_is_judged_from_the_start_of_the_round() -> None:
    terms = Terms(policies=TERMS.policies, unjudged=Policy())
    only = Log().customer(0, "m1").policy(5, "fast").now(6, terms).rounds[0]
    assert (only.deadline, only.breached_at, only.breach_reason) == (at(3), at(5), "policy_change")


def test_d27_a_breach_stands_when_the_policy_that_made_it_is_gone() -> None:
    terms = Terms(policies={**TERMS.policies, ("none", 1): Policy(id="none")}, unjudged=FAST)
    only = Log().customer(0, "m1").policy(5, "none").agent(6).now(9, terms).rounds[0]
    assert (only.sla, only.breached_at, only.deadline) == (Sla.BREACHED, at(3), None)


def test_d30_a_policy_change_does_not_reach_a_closed_round() -> None:
    log = Log().customer(0, "m1").agent(2.5)
    closed = log.now(3).rounds[0]
    assert log.policy(4, "urgent").now(9).rounds[0] == closed


def test_d8_the_owner_at_the_breach_is_the_one_assigned_at_that_instant() -> None:
    log = Log().owner(-1, "alice").customer(0, "m1").owner(3, "bob").agent(5, who="carol")
    only = log.now(9).rounds[0]
    assert (only.owner, only.breach_agent, only.author) == ("alice", "bob", "carol")


def test_2_3_10_ownership_that_passes_through_others_starts_again() -> None:
    log = Log().owner(-1, "alice").customer(0, "m1").owner(1, "bob").owner(2, "alice").owner(2.5, "alice", "logistics")
    assert seconds(log.agent(6).now(9).rounds[0].agent_time) == 240


def test_d30_an_owner_of_the_same_instant_but_later_in_the_log_changes_nothing_closed() -> None:
    log = Log().customer(0, "m1").agent(5)
    closed = log.now(6).rounds[0]
    assert seconds(closed.agent_time) == 300
    assert log.owner(5, "alice").now(6).rounds[0] == closed


def test_2_3_9_parts_add_up_with_a_late_mail_an_owner_and_a_held_reply() -> None:
    only = Log().customer(2, "m1", source=0).owner(3, "alice").agent(9, composed=5).now(10).rounds[0]
    assert only.parts is not None
    parts = [only.parts.ingest, only.parts.assign, only.parts.agent, only.parts.delivery]
    assert [part.total_seconds() / 60 for part in parts] == [2, 1, 2, 4]
    assert sum(parts, timedelta()) == only.wall


def test_2_3_11_ownership_stops_while_resolved() -> None:
    log = Log().owner(0, "alice").customer(0, "m1").agent(1).status(10, "resolved").customer(30, "m2")
    log.owner(40, None, "logistics")
    found = log.now(60)
    assert {team: seconds(length) for team, length in found.owned_by_team(ALWAYS).items()} == {
        "cs": 1200,
        "logistics": 1200,
    }
    assert {agent: seconds(length) for agent, length in found.owned_by_agent(ALWAYS).items()} == {"alice": 1200}


def test_2_3_8_a_resolution_exactly_on_target_is_no_breach_and_a_microsecond_more_is() -> None:
    log = Log().customer(0, "m1").agent(1).status(60, "resolved")
    assert log.now(90).cycles[0].resolution.breached_at is None
    reopened = log.customer(80, "m2").now(81).cycles[0].resolution
    assert (reopened.breached_at, reopened.reopens, seconds(reopened.first)) == (at(80), 1, 3600)


def test_2_3_8_a_stricter_resolution_target_breaches_at_the_change() -> None:
    strict = Policy(id="strict", targets={Metric.RESOLUTION: Target(seconds=600)})
    terms = Terms(policies={("strict", 1): strict}, unjudged=FAST)
    clock = Log().customer(0, "m1").agent(1).policy(30, "strict").now(40, terms).cycles[0].resolution
    assert (clock.breached_at, clock.breach_reason) == (at(30), "policy_change")


def test_2_3_8_the_running_clock_says_when_it_will_breach() -> None:
    log = Log().customer(0, "m1").agent(1).status(10, "pending").customer(100, "m2")
    clock = log.now(110).cycles[0].resolution
    assert (seconds(clock.total), clock.due_at) == (1200, at(150))
    assert log.status(120, "pending").now(130).cycles[0].resolution.due_at is None


def test_2_3_8_a_resolution_in_business_days_is_due_at_closing_time() -> None:
    terms = with_calendar(ALWAYS, Target(seconds=60), Target(business_days=1))
    log = Log().customer(0, "m1").agent(1)
    due = at(14 * 60 + 24 * 60)
    assert log.now(60, terms).cycles[0].resolution.due_at == due
    assert log.now(60 * 60, terms).cycles[0].resolution.breached_at == due


def test_2_3_12_every_gap_over_the_target_is_a_breach() -> None:
    policy = Policy(id="case", targets={Metric.UPDATE: Target(seconds=600)})
    found = Log().customer(0, "m1").agent(5).agent(20).now(45, Terms(unjudged=policy)).cycles[0].updates
    assert found is not None
    assert (found.breaches, found.due_at, seconds(found.longest)) == ((at(15), at(30)), at(30), 1500)


def test_rt3_the_receipt_is_late_unless_somebody_answered_before_it_was_due() -> None:
    policy = Policy(id="ack", targets={Metric.ACK: Target(seconds=60)})
    terms = Terms(unjudged=policy)
    assert Log().customer(0, "m1").now(2, terms).cycles[0].ack.breached_at == at(1)
    assert Log().customer(0, "m1").ack(0.5).now(2, terms).cycles[0].ack.breached_at is None
    assert Log().customer(0, "m1").agent(0.9).now(2, terms).cycles[0].ack.breached_at is None
    suppressed = Log().customer(0, "m1").add(0, EventType.RECEIPT_SUPPRESSED).now(2, terms).cycles[0].ack
    assert (suppressed.applies, suppressed.breached_at) == (False, None)


def test_d36_rounds_answered_by_anybody_end_with_the_bots_answer() -> None:
    terms = Terms(unjudged=FAST, bot_in_front=True, responder=Responder.ANY)
    found = Log().customer(0, "m1").bot(0.1, holding=True).bot(1).customer(2, "m2").agent(4).now(5, terms)
    assert [(each.author, each.wall) for each in found.rounds] == [
        ("bot:faq", timedelta(minutes=1)),
        ("alice", timedelta(minutes=2)),
    ]


def test_b15_a_calendar_that_never_opens_is_said_and_judges_nobody() -> None:
    never = to_calendar("NEVER", {"tz": "UTC", "weekly": {}})
    terms = with_calendar(never, Target(seconds=60), Target(seconds=60))
    only = Log().customer(0, "m1").agent(9).now(10, terms).rounds[0]
    assert (only.sla, only.problem, only.business) == (Sla.NONE, "no_open_time", timedelta(0))


def test_a_log_that_names_an_unknown_policy_version_is_refused() -> None:
    with pytest.raises(UnknownPolicy, match="restore the revision"):
        Log().customer(0, "m1").policy(1, "lost").now(2)


@pytest.mark.parametrize("window", [0, 1])
def test_d23_a_matter_with_an_answer_on_its_way_is_not_over(window: int) -> None:
    log = Log().customer(0, "m1").status(1.1, "resolved", leaving=1).agent(9, composed=1)
    found = log.now(99, replace(TERMS, reopen_window=timedelta(minutes=window)))
    assert [(each.cycle, each.kind, each.outcome) for each in found.rounds] == [(1, "first", Outcome.ANSWERED)]
    assert [each.resolution.state for each in found.cycles] == [Status.RESOLVED]
