"""The decision order 0-9, the filters, the levels and the rank of `service.md` 3.3, one case each."""

from datetime import timedelta
from fractions import Fraction

import pytest

from router.agent_state import AgentState, AgentStatus, Shift, Skill
from router.assignment_filters import allowed_level
from router.assignment_inputs import AssignmentSettings, Exclusion, Inputs, Mode, Needs, PastOwner, Strategy
from router.assignment_retry import retry_at
from router.assignment_trace import Handover
from router.model import ChannelType
from tests.router.assignment_cases import NOW, agent, decide, filters, mail, needs, outcome

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LATER = Shift(start_at=NOW + 5 * MINUTE, end_at=NOW + 300 * MINUTE)


@pytest.mark.parametrize("why", ["resolved", "void", "bot", "hold_assignment"])
def test_step_0_a_conversation_that_needs_nobody_gets_nobody_and_keeps_its_owner(why: str) -> None:
    decision = decide(needs(blocked=why, owner="alice"), agent("alice"), agent("bob"))

    assert outcome(decision) == (None, "not_eligible")
    assert why in decision.steps[0]
    assert decision.handover is Handover.NONE


@pytest.mark.parametrize(
    "owner",
    [
        agent("alice", load=12),
        agent("alice", status=AgentStatus.AWAY),
        agent("alice", status=AgentStatus.BREAK, do_not_disturb=True),
        agent("alice", channels=frozenset(), languages=frozenset(), teams=frozenset()),
        agent("alice", window_count=99),
    ],
)
def test_step_1_the_owner_keeps_it_whatever_a_new_one_would_need(owner: AgentState) -> None:
    decision = decide(needs(owner="alice"), owner, agent("bob"))

    assert outcome(decision) == ("alice", "keep_owner")
    assert decision.handover is Handover.KEEP


def test_step_1_work_that_comes_back_above_capacity_is_flagged() -> None:
    assert decide(needs(owner="alice"), agent("alice", load=10)).over_capacity
    assert not decide(needs(owner="alice"), agent("alice", load=9)).over_capacity


@pytest.mark.parametrize(
    ("owner", "word"),
    [
        (agent("alice", deactivated=True), "deactivated"),
        (agent("alice", ooo_until=NOW + DAY), "out of office"),
        (agent("alice", shifts=()), "off shift"),
        (agent("alice", status=AgentStatus.OFFLINE), "offline"),
        (agent("zoe"), "unknown agent"),
    ],
)
def test_step_1_an_owner_who_is_gone_is_noted_and_somebody_else_found(owner: AgentState, word: str) -> None:
    decision = decide(needs(owner="alice", team="cs"), owner, agent("bob", last_assigned_at=None))

    assert decision.chosen is not None
    assert decision.chosen.id == "bob"
    assert decision.steps[0] == f"owner alice not kept: {word}"


def test_step_1_an_excluded_owner_loses_it() -> None:
    complaint = Exclusion(agent="alice", reason="complaint about alice")

    decision = decide(needs(owner="alice", excluded=(complaint,)), agent("alice"), agent("bob"))

    assert outcome(decision) == ("bob", "only_candidate")
    assert "complaint about alice" in decision.steps[0]


def test_step_2_a_route_that_names_an_agent_wins_before_any_ranking_and_any_team() -> None:
    decision = decide(needs(assign_to="zoe", route="vip"), agent("alice"), agent("zoe", teams=frozenset(), load=9))

    assert outcome(decision) == ("zoe", "direct_route")
    assert decision.handover is Handover.OFFER


@pytest.mark.parametrize(
    "named",
    [
        agent("zoe", status=AgentStatus.AWAY),
        agent("zoe", window_count=5),
        agent("zoe", shifts=(), on_call=True),
    ],
)
def test_step_2_the_named_agent_is_judged_at_level_4_from_the_start(named: AgentState) -> None:
    assert outcome(decide(needs(assign_to="zoe"), agent("alice"), named)) == ("zoe", "direct_route")


@pytest.mark.parametrize(
    ("named", "failed"),
    [
        (agent("zoe", deactivated=True), "F2"),
        (agent("zoe", channels=frozenset({"mail"})), "F3"),
        (agent("zoe", ooo_until=NOW + DAY), "F4"),
        (agent("zoe", shifts=()), "F5"),
        (agent("zoe", status=AgentStatus.OFFLINE), "F6"),
        (agent("zoe", status=AgentStatus.OFFLINE, on_call=True), "F6"),
        (agent("zoe", languages=frozenset({"en"})), "F9"),
        (agent("zoe", load=10), "F10"),
    ],
)
def test_step_2_a_named_agent_who_fails_leaves_it_to_the_team(named: AgentState, failed: str) -> None:
    decision = decide(needs(assign_to="zoe"), agent("alice", load=6), named)

    assert outcome(decision)[0] == "alice"
    assert any(failed in step for step in decision.steps)


REPAIR = needs(required_skills=frozenset({"repair"}), excluded=(Exclusion(agent="bob", reason="conflict"),))
ABLE = {"repair": Skill(level=1)}


@pytest.mark.parametrize(
    ("failed", "changes"),
    [
        ("F1", {"teams": frozenset({"other"})}),
        ("F2", {"deactivated": True}),
        ("F3", {"channels": frozenset({"mail"})}),
        ("F4", {"ooo_until": NOW + DAY}),
        ("F5", {"shifts": (LATER,)}),
        ("F6", {"status": AgentStatus.OFFLINE}),
        ("F7", {}),
        ("F8", {"skills": {}}),
        ("F9", {"languages": frozenset({"en"})}),
        ("F10", {"load": 10}),
        ("F11", {"window_count": 5}),
    ],
)
def test_step_4_the_first_failing_filter_is_recorded(failed: str, changes: dict[str, object]) -> None:
    later: dict[str, dict[str, object]] = {
        "F1": {"deactivated": True},
        "F2": {"channels": frozenset()},
        "F3": {"ooo_until": NOW + DAY},
        "F4": {"shifts": ()},
        "F5": {"status": AgentStatus.OFFLINE},
        "F6": {"skills": {}},
        "F7": {"skills": {}},
        "F8": {"languages": frozenset()},
        "F9": {"load": 12},
        "F10": {"window_count": 5},
        "F11": {},
    }
    id_ = "bob" if failed == "F7" else "alice"

    decision = decide(REPAIR, agent(id_, **{"skills": ABLE, **later[failed], **changes}))

    assert filters(decision) == {id_: failed}
    assert outcome(decision) == (None, "queue")


@pytest.mark.parametrize("status", [AgentStatus.AWAY, AgentStatus.BREAK])
def test_f6_away_and_break_count_only_where_the_customer_waits_in_real_time(status: AgentStatus) -> None:
    telegram = needs(channel="tg", channel_type=ChannelType.TELEGRAM)

    assert filters(decide(needs(), agent("alice", status=status))) == {"alice": "F6"}
    assert filters(decide(telegram, agent("alice", status=status))) == {"alice": "F6"}
    assert outcome(decide(mail(), agent("alice", status=status))) == ("alice", "only_candidate")


def test_f6_do_not_disturb_is_like_a_break_and_offline_counts_for_mail_too() -> None:
    assert filters(decide(needs(), agent("alice", do_not_disturb=True))) == {"alice": "F6"}
    assert outcome(decide(mail(), agent("alice", do_not_disturb=True)))[0] == "alice"
    assert filters(decide(mail(), agent("alice", status=AgentStatus.OFFLINE))) == {"alice": "F6"}


def test_f5_an_agent_is_available_from_the_start_of_the_shift_and_not_before() -> None:
    starting = Shift(start_at=NOW, end_at=NOW + MINUTE)
    ending = Shift(start_at=NOW - MINUTE, end_at=NOW)

    assert outcome(decide(needs(), agent("alice", shifts=(ending, starting))))[0] == "alice"
    assert filters(decide(needs(), agent("alice", shifts=(ending, LATER)))) == {"alice": "F5"}


def test_f4_a_planned_absence_counts_from_its_start_to_its_end() -> None:
    assert outcome(decide(needs(), agent("alice", ooo_from=NOW + MINUTE, ooo_until=NOW + DAY)))[0] == "alice"
    assert filters(decide(needs(), agent("alice", ooo_from=NOW, ooo_until=NOW + DAY))) == {"alice": "F4"}
    assert outcome(decide(needs(), agent("alice", ooo_until=NOW)))[0] == "alice"


def test_f7_a_declined_offer_keeps_away_for_its_time_only() -> None:
    def after(minutes: int) -> Needs:
        return needs(excluded=(Exclusion(agent="alice", reason="passed", until=NOW + minutes * MINUTE),))

    assert filters(decide(after(1), agent("alice"))) == {"alice": "F7"}
    assert outcome(decide(after(0), agent("alice")))[0] == "alice"


def test_f8_an_expired_certificate_removes_the_skill_from_filter_and_rank() -> None:
    valid = agent("bob", skills={"repair": Skill(level=1, certified_until=NOW + MINUTE)}, load=6)
    expired = agent("alice", skills={"repair": Skill(level=3, certified_until=NOW)})

    required = decide(needs(required_skills=frozenset({"repair"})), valid, expired)
    preferred = decide(needs(preferred_skills=frozenset({"repair"})), valid, expired)

    assert outcome(required) == ("bob", "only_candidate")
    assert "expired" in required.excluded[0].detail
    assert outcome(preferred) == ("bob", "skill")


def test_f8_every_required_skill_is_needed_and_an_agent_is_excluded_once() -> None:
    both = needs(required_skills=frozenset({"repair", "refund"}))

    assert filters(decide(both, agent("alice", skills=ABLE))) == {"alice": "F8"}
    assert len(decide(both, agent("alice")).excluded) == 1


def test_f9_speaks_the_language_in_every_script_or_only_the_one_named() -> None:
    taiwan = needs(language="zh-TW")

    assert outcome(decide(taiwan, agent("alice", languages=frozenset({"zh"}))))[0] == "alice"
    assert outcome(decide(taiwan, agent("alice", languages=frozenset({"zh-TW"}))))[0] == "alice"
    assert filters(decide(taiwan, agent("alice", languages=frozenset({"zh-CN"})))) == {"alice": "F9"}
    assert outcome(decide(needs(language=None), agent("alice", languages=frozenset())))[0] == "alice"


def test_f10_full_is_beyond_the_capacity_by_the_agents_own_weights() -> None:
    assert outcome(decide(needs(), agent("alice", load=9)))[0] == "alice"
    assert filters(decide(needs(), agent("alice", load=10))) == {"alice": "F10"}
    assert outcome(decide(needs(), agent("alice", load=10, weights={"webchat": 2})))[0] == "alice"
    assert filters(decide(needs(complaint=True), agent("alice", load=8))) == {"alice": "F10"}
    assert filters(decide(mail(), agent("alice", capacity=0, weights={"email": 0}))) == {"alice": "F10"}


def test_f11_the_agents_own_limit_goes_before_the_shops() -> None:
    assert filters(decide(mail(), agent("alice", window_count=2, window_limit=2))) == {"alice": "F11"}
    assert outcome(decide(mail(), agent("alice", window_count=6, window_limit=7)))[0] == "alice"


@pytest.mark.parametrize(
    ("consumed", "level"),
    [("0", 0), ("24/100", 0), ("1/4", 1), ("49/100", 1), ("1/2", 2), ("3/4", 3), ("99/100", 3), ("1", 4), ("7", 4)],
)
def test_step_5_each_quarter_of_the_target_allows_a_level(consumed: str, level: int) -> None:
    assert allowed_level(Fraction(consumed)) == level


@pytest.mark.parametrize(
    ("level", "changes", "wanted"),
    [
        (1, {"window_count": 5}, {}),
        (2, {"teams": frozenset({"tier2"})}, {"overflow_team": "tier2"}),
        (3, {"status": AgentStatus.AWAY}, {}),
        (3, {"languages": frozenset({"en"})}, {"language_fallback": True}),
        (4, {"shifts": (), "on_call": True}, {}),
        (4, {"shifts": (), "on_call": True, "status": AgentStatus.OFFLINE}, {}),
    ],
)
def test_step_5_a_relaxed_filter_counts_until_its_level_is_reached(
    level: int, changes: dict[str, object], wanted: dict[str, object]
) -> None:
    share = Fraction(level, 4)
    early = decide(needs(target_consumed=share - Fraction(1, 100), **wanted), agent("alice", **changes))
    late = decide(needs(target_consumed=share, **wanted), agent("alice", **changes))

    assert outcome(early) == (None, "queue")
    assert outcome(late) == ("alice", "only_candidate")
    assert late.level == level


@pytest.mark.parametrize(
    ("failed", "changes"),
    [
        ("F1", {"teams": frozenset()}),
        ("F2", {"deactivated": True}),
        ("F3", {"channels": frozenset({"mail"})}),
        ("F4", {"ooo_until": NOW + DAY}),
        ("F5", {"shifts": ()}),
        ("F6", {"status": AgentStatus.OFFLINE}),
        ("F6", {"status": AgentStatus.BREAK}),
        ("F6", {"do_not_disturb": True}),
        ("F8", {"skills": {}}),
        ("F9", {"languages": frozenset({"en"})}),
        ("F10", {"load": 10}),
    ],
)
def test_step_5_what_no_level_relaxes_stays_and_the_lead_is_paged(failed: str, changes: dict[str, object]) -> None:
    wanted = needs(target_consumed=Fraction(2), overflow_team="tier2", required_skills=frozenset({"repair"}))

    decision = decide(wanted, agent("alice", **{"skills": ABLE, **changes}))

    assert filters(decision) == {"alice": failed}
    assert decision.page_lead


def test_step_5_a_strict_match_wins_over_a_better_ranked_relaxed_one() -> None:
    decision = decide(
        needs(target_consumed=Fraction(1), overflow_team="tier2"),
        agent("alice", load=9),
        agent("zoe", teams=frozenset({"tier2"})),
    )

    assert outcome(decision) == ("alice", "only_candidate")
    assert decision.level == 0
    assert not decision.page_lead


def past(who: str, topic: str | None, days: float) -> PastOwner:
    return PastOwner(agent=who, topic=topic, at=NOW - days * DAY)


def test_rank_a_the_last_owner_of_the_topic_goes_before_the_last_owner_of_the_customer() -> None:
    history = (past("alice", "refund", 1), past("bob", "logistics", 20))

    decision = decide(needs(), agent("alice"), agent("bob"), agent("carol"), history=history)

    assert outcome(decision) == ("bob", "affinity")
    assert [one[4] for one in decision.ranked] == ["bob", "alice", "carol"]


def test_rank_a_only_the_last_owner_has_affinity() -> None:
    history = (past("alice", "logistics", 9), past("bob", "logistics", 2))

    decision = decide(needs(), agent("alice"), agent("bob", load=6), history=history)

    assert [(one[4], one[0]) for one in decision.ranked] == [("bob", 0), ("alice", 2)]


def test_rank_a_thirty_days_are_within_and_a_moment_more_is_not() -> None:
    assert decide(needs(), agent("a"), agent("b"), history=(past("b", "logistics", 30),)).decided_by == "affinity"
    late = PastOwner(agent="b", topic="logistics", at=NOW - 30 * DAY - timedelta(microseconds=1))
    assert outcome(decide(needs(), agent("a"), agent("b"), history=(late,))) == ("a", "agent_id")


def test_rank_a_no_topic_is_not_the_same_topic() -> None:
    decision = decide(needs(topic=None), agent("a"), agent("b"), history=(past("b", None, 1),))

    assert [(one[4], one[0]) for one in decision.ranked] == [("b", 1), ("a", 2)]


def test_rank_a_ninety_per_cent_is_still_allowed_and_compared_exactly() -> None:
    history = (past("alice", "logistics", 1),)

    at_ninety = decide(needs(), agent("alice", load=6, capacity=10), agent("bob"), history=history)
    above = decide(needs(), agent("alice", load=16, capacity=21), agent("bob"), history=history)

    assert outcome(at_ninety) == ("alice", "affinity")
    assert outcome(above) == ("bob", "load")


def test_rank_b_skill_levels_are_added() -> None:
    wanted = needs(preferred_skills=frozenset({"tech", "refund"}))
    one = agent("alice", skills={"tech": Skill(level=3)})
    two = agent("bob", skills={"tech": Skill(level=2), "refund": Skill(level=2)}, load=6)

    assert outcome(decide(wanted, one, two)) == ("bob", "skill")


def test_rank_c_fractions_are_exact_where_floats_are_equal() -> None:
    huge = 3 * 10**17
    slightly_more = agent("alice", load=huge + 1 - 3, capacity=3 * huge)
    slightly_less = agent("bob", load=huge - 3, capacity=3 * huge)

    assert outcome(decide(needs(), slightly_more, slightly_less)) == ("bob", "load")


def test_rank_d_never_assigned_goes_first_then_the_oldest() -> None:
    never, old, new = (
        agent("z"),
        agent("y", last_assigned_at=NOW - DAY),
        agent("x", last_assigned_at=NOW - MINUTE),
    )

    decision = decide(needs(), new, old, never)

    assert outcome(decision) == ("z", "last_assigned")
    assert [one[4] for one in decision.ranked] == ["z", "y", "x"]


def test_rank_e_the_smaller_id_ends_every_tie() -> None:
    assert outcome(decide(needs(), agent("bob"), agent("alice"))) == ("alice", "agent_id")


def test_round_robin_leaves_the_load_out_of_rank_and_trace() -> None:
    settings = AssignmentSettings(strategy=Strategy.ROUND_ROBIN)

    decision = decide(needs(), agent("alice", load=9), agent("bob", last_assigned_at=NOW), settings=settings)

    assert outcome(decision) == ("alice", "last_assigned")
    assert "load" not in decision.to_json()["candidates"][0]["key"]


@pytest.mark.parametrize(
    ("mode", "handover"), [(Mode.OFFER, Handover.OFFER), (Mode.ASSIGN, Handover.ASSIGN), (Mode.PULL, Handover.NONE)]
)
def test_step_8_the_mode_says_how_it_is_handed_over(mode: Mode, handover: Handover) -> None:
    decision = decide(needs(), agent("alice"), settings=AssignmentSettings(mode=mode))

    assert decision.handover is handover
    assert (decision.chosen is None) == (mode is Mode.PULL)


def test_step_8_with_pull_those_who_may_take_it_are_ranked_and_an_owner_still_keeps_it() -> None:
    pull = AssignmentSettings(mode=Mode.PULL)

    waiting = decide(needs(), agent("alice", load=6), agent("bob"), settings=pull)
    owned = decide(needs(owner="alice"), agent("alice"), agent("bob"), settings=pull)

    assert outcome(waiting) == (None, "pull")
    assert [one[4] for one in waiting.ranked] == ["bob", "alice"]
    assert outcome(owned) == ("alice", "keep_owner")


def test_the_drip_spreads_a_morning_backlog_over_those_who_come_later() -> None:
    """Start of shift: of eight waiting mails the only agent there gets five in the window, not all."""
    alice, got = agent("alice", capacity=100), 0
    for number in range(8):
        decision = decide(mail(conversation=f"c{number}"), alice)
        if decision.chosen is not None:
            alice, got = decision.chosen.taken(1, NOW), got + 1

    assert got == 5
    assert filters(decide(mail(), alice)) == {"alice": "F11"}


def test_two_agents_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="'alice' is listed twice"):
        Inputs(now=NOW, needs=needs(), agents=(agent("alice"), agent("alice", load=3)))


@pytest.mark.parametrize(
    ("wanted", "one", "minutes"),
    [
        (needs(), agent("alice", load=12), None),
        (needs(), agent("alice", ooo_until=NOW + 9 * MINUTE), 9),
        (needs(), agent("alice", ooo_until=NOW), None),
        (needs(), agent("alice", shifts=(LATER,)), 5),
        (needs(), agent("alice", window_count=5), 10),
        (needs(excluded=(Exclusion(agent="alice", reason="passed", until=NOW + 30 * MINUTE),)), agent("alice"), 30),
        (needs(excluded=(Exclusion(agent="alice", reason="conflict"),)), agent("alice"), None),
    ],
)
def test_a_waiting_conversation_is_looked_at_again_when_time_may_have_helped(
    wanted: Needs, one: AgentState, minutes: int | None
) -> None:
    inputs = Inputs(now=NOW, needs=wanted, agents=(one, agent("bob", deactivated=True)))

    assert retry_at(inputs) == (None if minutes is None else NOW + minutes * MINUTE)
