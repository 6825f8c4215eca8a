"""The explanation of 3.4: the stored JSON and the sentence in Chinese and English."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given

from router.agent_state import AgentState, AgentStatus, Skill
from router.assignment import assign
from router.assignment_inputs import AssignmentSettings, Exclusion, Inputs, Mode, PastOwner
from router.assignment_text import MENTIONED, Language, text
from router.assignment_trace import Assignment
from tests.router.assignment_cases import NOW, agent, decide, mail, needs
from tests.router.test_assignment_properties import decisions

CHINA = timezone(timedelta(hours=8))


def example() -> Inputs:
    """The situation of `service.md` 3.4."""
    aftersale = {"teams": frozenset({"aftersale"})}
    return Inputs(
        now=datetime(2026, 3, 10, 2, 0, 4, tzinfo=UTC),
        needs=mail(
            conversation="c-1042",
            team="aftersale",
            team_name="after-sale",
            route="email-refund",
            target_consumed=Fraction(3, 100),
        ),
        agents=(
            agent("carol", load=5, last_assigned_at=datetime(2026, 3, 10, 1, 12, tzinfo=UTC), **aftersale),
            agent("bob", name="Bob", load=3, last_assigned_at=datetime(2026, 3, 10, 1, 40, tzinfo=UTC), **aftersale),
            agent("dave", name="Dave", ooo_until=datetime(2026, 3, 12, tzinfo=UTC), **aftersale),
            agent("alice", name="Alice", load=12, **aftersale),
        ),
        config_version=17,
    )


def test_the_trace_is_that_of_the_specification() -> None:
    trace = assign(example()).to_json()

    digest = trace.pop("inputs_sha256")
    assert trace == {
        "conversation": "c-1042",
        "at": "2026-03-10T02:00:04Z",
        "trigger": "new_round",
        "config_version": 17,
        "steps": ["no owner", "route rule 'email-refund' -> team aftersale", "level 0 (3 % of target used)"],
        "candidates": [
            {"agent": "alice", "excluded_by": "F10", "detail": "load 12+1 > 12"},
            {"agent": "dave", "excluded_by": "F4", "detail": "out of office until 2026-03-12"},
            {
                "agent": "bob",
                "rank": 1,
                "key": {"affinity": 2, "skill": 0, "load": "4/12", "last_assigned": "2026-03-10T01:40:00Z"},
            },
            {
                "agent": "carol",
                "rank": 2,
                "key": {"affinity": 2, "skill": 0, "load": "6/12", "last_assigned": "2026-03-10T01:12:00Z"},
            },
        ],
        "chosen": "bob",
        "decided_by": "load",
        "level": 0,
        "handover": "offer",
        "over_capacity": False,
        "page_lead": False,
    }
    assert len(digest) == 64


def test_the_english_sentence_is_that_of_the_specification() -> None:
    assert text(assign(example()), Language.EN) == (
        "Bob, because of the lowest load (4 of 12) among 2 available after-sale agents; "
        "Alice is full, Dave is out of office until 12 March."
    )


def test_the_chinese_sentence_says_the_same() -> None:
    inputs = example()
    inputs = replace(inputs, needs=replace(inputs.needs, team_name="售后"))

    assert text(assign(inputs), Language.ZH) == (
        "Bob：在 2 位可用的售后客服中负载最低（4/12）；Alice 已满，Dave 休假至 3 月 12 日。"
    )


def test_a_day_is_that_of_the_shop_and_not_of_utc() -> None:
    away = agent("dave", ooo_until=datetime(2026, 3, 11, 16, tzinfo=UTC))

    assert "12 March" in text(decide(needs(), away), Language.EN, CHINA)
    assert "3 月 12 日" in text(decide(needs(), away), Language.ZH, CHINA)


ALICE, BOB = agent("alice", name="Alice"), agent("bob", name="Bob")
PULL = AssignmentSettings(mode=Mode.PULL)
TECH = needs(preferred_skills=frozenset({"tech"}))


@pytest.mark.parametrize(
    ("decision", "english", "chinese"),
    [
        (decide(needs(owner="alice"), replace(ALICE, load=12)), "above capacity (15 of 12)", "超出容量 15/12"),
        (decide(needs(owner="alice"), ALICE), "owns it already", "负责人"),
        (decide(needs(assign_to="alice"), ALICE), "whom the route names", "路由规则"),
        (decide(needs(), ALICE), "the only available cs agent", "唯一可用"),
        (
            decide(needs(), ALICE, BOB, history=(PastOwner(agent="bob", at=NOW, topic="logistics"),)),
            "Bob, who was the last to help this customer with the same topic",
            "该客户的同类问题",
        ),
        (
            decide(needs(), ALICE, BOB, history=(PastOwner(agent="bob", at=NOW, topic="refund"),)),
            "the last to help this customer, among 2",
            "最近接待过该客户",
        ),
        (decide(TECH, ALICE, replace(BOB, skills={"tech": Skill(level=2)})), "(level 2)", "等级 2"),
        (decide(needs(), replace(ALICE, last_assigned_at=NOW), BOB), "has not been given anything yet", "尚未分配"),
        (
            decide(
                needs(), replace(ALICE, last_assigned_at=NOW), replace(BOB, last_assigned_at=NOW - timedelta(hours=1))
            ),
            "has waited longest",
            "时间最长",
        ),
        (decide(needs(), ALICE, BOB), "Alice, first by id", "编号最靠前"),
        (
            decide(needs(), ALICE, settings=AssignmentSettings(mode=Mode.PULL)),
            "1 cs agents may take it",
            "等待客服领取",
        ),
        (decide(needs(blocked="bot"), ALICE), "Nobody is assigned: bot", "不分配"),
        (decide(needs()), "No cs agent is available, it waits in the queue.", "进入排队。"),
        (decide(needs(target_consumed=Fraction(1))), "the lead is called", "已通知主管"),
        (
            decide(needs(target_consumed=Fraction(1)), replace(ALICE, status=AgentStatus.AWAY)),
            "away included",
            "含离开状态",
        ),
    ],
)
def test_every_rule_has_its_sentence(decision: Assignment, english: str, chinese: str) -> None:
    assert english in text(decision, Language.EN)
    assert chinese in text(decision, Language.ZH)


@pytest.mark.parametrize(
    ("one", "english", "chinese"),
    [
        (replace(ALICE, deactivated=True), "Alice is deactivated", "Alice 已停用"),
        (replace(ALICE, channels=frozenset()), "Alice may not use web", "Alice 无权使用渠道 web"),
        (replace(ALICE, shifts=()), "Alice is off shift", "Alice 不在班次内"),
        (replace(ALICE, status=AgentStatus.BREAK), "Alice is on a break", "Alice 休息中"),
        (replace(ALICE, do_not_disturb=True), "Alice is not to be disturbed", "Alice 请勿打扰"),
        (BOB, "Bob is kept away (conflict)", "Bob 需回避（conflict）"),
        (replace(ALICE, skills={}), "Alice lacks repair", "Alice 缺少技能 repair"),
        (replace(ALICE, languages=frozenset(), skills={"repair": Skill()}), "does not speak zh", "不会语言 zh"),
        (replace(ALICE, window_count=5, skills={"repair": Skill()}), "has just got 5 new ones", "刚分到 5 个新会话"),
    ],
)
def test_every_filter_has_its_words(one: AgentState, english: str, chinese: str) -> None:
    wanted = needs(required_skills=frozenset({"repair"}), excluded=(Exclusion(agent="bob", reason="conflict"),))

    assert english in text(decide(wanted, one), Language.EN)
    assert chinese in text(decide(wanted, one), Language.ZH)


def test_other_teams_are_not_mentioned_and_a_long_list_is_counted() -> None:
    full = [agent(f"a{number}", load=12) for number in range(MENTIONED + 3)]

    said = text(decide(needs(), *full, agent("zoe", teams=frozenset())), Language.EN)

    assert "zoe" not in said
    assert said.endswith("and 3 more are not available.")


@given(decisions)
def test_there_is_a_sentence_for_whatever_happens(inputs: Inputs) -> None:
    decision = assign(inputs)

    for language in Language:
        said = text(decision, language, CHINA)
        assert said.endswith((".", "。"))
        assert decision.chosen is None or said.startswith(decision.chosen.label)
