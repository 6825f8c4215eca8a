"""The wording standard (4.7): phrases, required elements, shouting, and the enforcement matrix (4.13)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router.consistency.findings import Finding, Level, Origin, Place, Rule, Words, in_order, is_held, needs_lead
from router.consistency.pipeline import check
from router.consistency.reply import Reply
from router.consistency.text import normalise, without_quotes
from router.consistency.wording import Stage, missing, phrases
from router.model import ChannelType
from tests.router.shipped_standards import CALENDAR, NOW, standards


def found(text: str, **place: Any) -> list[str]:
    normal = without_quotes(normalise(text))
    return [each.rule for each in in_order(phrases(normal, text, standards().wording, Place(**place)))]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("你这个人有病吧", ["W-INSULT"]),
        ("滾出去", ["W-INSULT"]),
        ("再差评就曝光你", ["W-THREAT"]),
        ("You'll regret this.", ["W-THREAT"]),
        ("线下转账便宜", ["W-OFFLINE"]),
        ("you can pay me directly", ["W-OFFLINE"]),
        ("这个我不太清楚", ["W-BRUSHOFF"]),
        ("您自己看说明书", ["W-BRUSHOFF"]),
        ("That's not my department.", ["W-BRUSHOFF"]),
        ("It's your fault.", ["W-BLAME"]),
        ("说了几遍了", ["W-IMPATIENT"]),
        ("保证能退", ["W-ABSOLUTE"]),
        ("100 % guarantee", ["W-ABSOLUTE"]),
        ("我们全责,承担一切损失", ["W-ADMIT"]),
        ("This is entirely our fault", ["W-ADMIT"]),
    ],
)
def test_a_forbidden_phrase_is_found(text: str, rules: list[str]) -> None:
    assert found(text) == rules


@pytest.mark.parametrize(
    "text",
    [
        "滚筒洗衣机的滚轮",
        "屏幕向上滚动",
        "傻瓜相机",
        "100%纯棉",
        "羊毛含量100%",
        "This shirt is 100% cotton",
        "更新进度100%",
        "不知道您是否收到",
        "我不知道。我帮您查一下",
        "I don't know yet. I'll ask the warehouse.",
        "这不是您的错",
        "如果是您操作不当造成的损坏不在保修范围",
        "我们不能保证能退",
        "别着急,我帮您看看",
        "客户说“你们是白痴”",
        "> shut up\n您好",
        "绝对值",
        "非常抱歉给您带来不便",
    ],
)
def test_a_harmless_use_is_let_through(text: str) -> None:
    assert found(text) == []


def test_a_finding_points_at_the_phrase_and_offers_another() -> None:
    text = "親，這款絕對正品"
    (finding,) = phrases(normalise(text), text, standards().wording, Place())

    assert text[slice(*finding.span)] == "絕對"
    assert finding.said == "絕對"
    assert finding.suggestion.zh


def test_the_matrix_judges_bots_and_templates_otherwise() -> None:
    assert found("我不知道", origin=Origin.TEMPLATE) == []
    assert found("我不知道", origin=Origin.TEMPLATE, approving=True) == ["W-BRUSHOFF"]
    assert found("闭嘴", origin=Origin.TEMPLATE) == ["W-INSULT"]


def test_levels_of_a_rule_by_place() -> None:
    rule = Rule(
        id="X", level=Level.WARN, levels={"bot": Level.BLOCK, "email": Level.LOG}, allow=frozenset({"alice", "t1"})
    )

    assert rule.level_at(Place()) is Level.WARN
    assert rule.level_at(Place(channel_type=ChannelType.EMAIL)) is Level.LOG
    assert rule.level_at(Place(channel_type=ChannelType.EMAIL, origin=Origin.BOT)) is Level.BLOCK
    assert rule.level_at(Place(author="alice")) is Level.OFF
    assert rule.level_at(Place(template="t1", origin=Origin.TEMPLATE)) is Level.OFF
    assert replace(rule, level=Level.SHADOW).level_at(Place(origin=Origin.BOT)) is Level.SHADOW


def test_findings_come_block_first_then_by_place_and_once() -> None:
    log = Finding(rule="A", version=1, level=Level.LOG, span=(0, 1))
    warn = Finding(rule="B", version=1, level=Level.WARN, span=(5, 6))
    block = Finding(rule="C", version=1, level=Level.BLOCK, span=(9, 10))
    shadow = Finding(rule="D", version=1, level=Level.SHADOW)
    off = Finding(rule="E", version=1, level=Level.OFF)

    assert in_order([shadow, log, warn, off, block, warn]) == [block, warn, log, shadow]
    assert is_held([log, warn])
    assert not is_held([log, shadow])
    assert needs_lead([block])
    assert not needs_lead([warn])
    assert Words("甲{said}", "A {said}").filled({"said": 1}) == Words("甲1", "A 1")


@pytest.mark.parametrize(
    ("stage", "text", "absent"),
    [
        (Stage.FIRST, "我看一下订单", ["greeting"]),
        (Stage.FIRST, "亲，我看一下", []),
        (Stage.FIRST, "a" * 41 + "您好", ["greeting"]),
        (Stage.FIRST_COMPLAINT, "Hello Anna, I am sorry to hear that.", []),
        (Stage.FIRST_COMPLAINT, "请提供订单号", ["greeting", "empathy"]),
        (Stage.LATER_COMPLAINT, "Please send a photo.", ["empathy"]),
        (Stage.LATER_COMPLAINT, "I am sorry to hear that.", []),
        (Stage.RESOLVE, "已经退款", ["closing"]),
        (Stage.RESOLVE, "已经退款,祝您生活愉快", []),
        (Stage.NONE, "ok", []),
    ],
)
def test_required_elements_by_stage(stage: Stage, text: str, absent: list[str]) -> None:
    assert missing(normalise(text), stage, standards().required) == absent


def rules_of(text: str, **reply: Any) -> list[tuple[str, Level]]:
    written = replace(Reply(text=text), **reply)
    return [(each.rule, each.level) for each in check(written, standards(), CALENDAR, NOW)]


def test_whoever_takes_over_a_chat_need_not_greet_for_two_minutes() -> None:
    assert rules_of("我看一下", stage=Stage.FIRST) == [("W-GREET", Level.LOG)]
    assert rules_of("我看一下", stage=Stage.FIRST, handed_off_at=NOW - timedelta(minutes=2)) == []
    assert rules_of("我看一下", stage=Stage.FIRST, handed_off_at=NOW - timedelta(minutes=3)) == [("W-GREET", Level.LOG)]


def test_a_closing_is_wanted_and_open_promises_are_warned_of_when_resolving() -> None:
    assert rules_of("已经退款", stage=Stage.RESOLVE) == [("W-CLOSE", Level.LOG)]
    assert rules_of("祝您生活愉快", stage=Stage.RESOLVE, open_promises=1) == [("PROMISE-OPEN", Level.WARN)]


@pytest.mark.parametrize(
    ("text", "shouts"),
    [
        ("PLEASE SEND US THE NUMBER", True),
        ("退款已经处理！！！", True),
        ("Really! Yes! Now!", True),
        ("OK", False),
        ("Thank you! See you!", False),
        ("Order US-20260301-77 via SF1234567890123", False),
        ("Please use the HDMI port", False),
    ],
)
def test_shouting_is_mostly_capitals_or_three_marks(text: str, shouts: bool) -> None:
    assert ("W-SHOUT" in [rule for rule, _ in rules_of(text)]) is shouts
