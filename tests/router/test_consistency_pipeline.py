"""The pipeline (4.0): every origin passes it, text and lock apart, fast enough; rules on trial."""

import time
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.consistency.collision import LockedView
from router.consistency.findings import Level, Origin, Place, Rule
from router.consistency.patterns import Pattern
from router.consistency.pipeline import check, check_locked, check_text
from router.consistency.reply import Reply, Standards
from router.consistency.trials import dry_run, suggested_level
from router.consistency.wording import WordingRule, WordingRules
from router.model import Statement
from tests.router.shipped_standards import CALENDAR, NOW, grown, long_replies, standards

ANN = UUID(int=1)


def test_every_origin_passes_the_same_pipeline() -> None:
    for origin in Origin:
        found = check(Reply(text="加我微信", place=Place(origin=origin)), standards(), CALENDAR, NOW)
        assert [(each.rule, each.level) for each in found] == [("W-OFFLINE", Level.BLOCK)]


def test_all_findings_come_at_once_block_first() -> None:
    found = check(Reply(text="我不知道,加我微信!!!"), standards(), CALENDAR, NOW)

    assert [each.rule for each in found] == ["W-OFFLINE", "W-BRUSHOFF", "W-SHOUT"]


def test_the_text_checks_need_no_lock_and_the_lock_adds_its_own() -> None:
    reply = Reply(text="我不知道", place=Place(author="alice"), view=LockedView(owner="bob"))
    before = check_text(reply, standards(), CALENDAR, NOW)
    after = check_locked(before, reply, standards(), NOW)

    assert [each.rule for each in before.findings] == ["W-BRUSHOFF"]
    assert {each.rule for each in after.findings} == {"W-BRUSHOFF", "COL-OWNER"}
    assert check(reply, standards(), CALENDAR, NOW) == list(after.findings)


def test_an_answer_that_differs_from_the_official_one_of_an_incident_warns() -> None:
    official = "网站正在维护,预计今天下午恢复"

    def found(text: str, **answers: str) -> list[tuple[str, Level]]:
        return [(e.rule, e.level) for e in check(Reply(text=text, **answers), standards(), CALENDAR, NOW)]  # type: ignore[arg-type]  # texts only

    assert found("您好,网站正在维护,预计今天下午恢复", official_answer=official) == []
    assert found("请换一个浏览器试试", official_answer=official) == [("ANSWER-INCIDENT", Level.WARN)]
    assert found("请换一个浏览器试试", approved_answer=official) == [("ANSWER-REUSE", Level.LOG)]


def test_an_empty_reply_and_a_huge_one_are_read() -> None:
    assert check(Reply(text=""), standards(), CALENDAR, NOW) == []
    assert check(Reply(text="好" * 100_000), standards(), CALENDAR, NOW)


def test_a_500_character_reply_against_300_rules_200_facts_and_100_entries_takes_5_ms() -> None:
    large = grown()
    for reply in long_replies():
        best = min(_milliseconds(reply, large) for _ in range(60))
        assert best <= 5


def _milliseconds(reply: Reply, judged_by: Standards) -> float:
    began = time.thread_time()
    check(reply, judged_by, CALENDAR, NOW)
    return (time.thread_time() - began) * 1000


def test_a_rule_that_is_mostly_overridden_is_suggested_to_be_milder() -> None:
    rule = Rule(id="X", level=Level.BLOCK)

    assert suggested_level(rule, 20, 9) is Level.WARN
    assert suggested_level(rule, 20, 8) is None
    assert suggested_level(rule, 19, 19) is None
    assert suggested_level(replace(rule, level=Level.WARN), 100, 41) is Level.LOG
    assert suggested_level(replace(rule, level=Level.LOG), 100, 100) is None


def new_rule(level: Level = Level.WARN) -> Standards:
    rule = Rule(id="W-NEW", level=level, levels={"bot": Level.BLOCK}, since=NOW)
    new = WordingRule(rule=rule, patterns=(Pattern("缺货"),))
    return replace(standards(), wording=WordingRules.of([*standards().wording.rules, new]))


@pytest.mark.parametrize(
    ("later", "origin", "level", "after_trial"),
    [
        (timedelta(), Origin.AGENT, Level.SHADOW, Level.WARN),
        (timedelta(days=6, hours=23), Origin.AGENT, Level.SHADOW, Level.WARN),
        (timedelta(days=6, hours=23), Origin.BOT, Level.SHADOW, Level.BLOCK),
        (timedelta(days=7), Origin.AGENT, Level.WARN, None),
        (timedelta(days=7), Origin.BOT, Level.BLOCK, None),
    ],
)
def test_a_new_rule_counts_as_shadow_for_seven_days(
    later: timedelta, origin: Origin, level: Level, after_trial: Level | None
) -> None:
    reply = Reply(text="这款缺货,加我微信", place=Place(origin=origin))
    found = {each.rule: each for each in check(reply, new_rule(), CALENDAR, NOW + later)}
    assert (found["W-NEW"].level, found["W-NEW"].after_trial) == (level, after_trial)
    assert found["W-OFFLINE"].level is Level.BLOCK


def test_a_rule_in_shadow_is_not_on_trial_and_stays_there() -> None:
    (found,) = check(Reply(text="这款缺货"), new_rule(Level.SHADOW), CALENDAR, NOW)
    assert (found.level, found.after_trial) == (Level.SHADOW, None)


@pytest.mark.parametrize(("later", "levels"), [(6, [Level.SHADOW]), (7, [Level.WARN])])
def test_checks_under_the_lock_have_a_trial_too(later: int, levels: list[Level]) -> None:
    checks = standards().checks
    new = replace(standards(), checks={**checks, "COL-OWNER": replace(checks["COL-OWNER"], since=NOW)})
    reply = Reply(text="您好", place=Place(author="alice"), view=LockedView(owner="bob"))
    found = check(reply, new, CALENDAR, NOW + timedelta(days=later))
    assert [each.level for each in found if each.rule == "COL-OWNER"] == levels


def test_a_contradiction_of_a_new_rule_is_no_reason_to_hold() -> None:
    checks = standards().checks
    new = replace(standards(), checks={**checks, "L-AMOUNT": replace(checks["L-AMOUNT"], since=NOW)})
    told = Statement(
        contact=ANN, conversation=ANN, slot="refund_amount", value="89.50", unit="CNY", said_at=NOW - timedelta(days=1)
    )
    reply = Reply(text="我们会退款98.50元给您", conversation=ANN, told=(told,))
    for judged_by, level in ((standards(), Level.BLOCK), (new, Level.SHADOW)):
        checked = check_locked(check_text(reply, judged_by, CALENDAR, NOW), reply, judged_by, NOW)
        assert [each.finding.level for each in checked.contradictions] == [level]


def test_a_dry_run_judges_as_if_no_rule_were_on_trial() -> None:
    (found,) = dry_run([(Reply(text="这款缺货"), NOW - timedelta(days=20))], standards(), new_rule(), CALENDAR)
    assert found.newly_held
    assert dry_run([(Reply(text="这款缺货"), NOW)], new_rule(), new_rule(), CALENDAR) == []


def test_a_dry_run_lists_what_a_new_rule_would_have_held() -> None:
    old = standards()
    rule = WordingRule(rule=Rule(id="W-NEW", level=Level.WARN), patterns=(Pattern("缺货"),))
    new = replace(old, wording=WordingRules.of([*old.wording.rules, rule]))
    past = [(Reply(text="这款缺货"), NOW), (Reply(text="这款有货"), NOW), (Reply(text="缺货,加我微信"), NOW)]

    found = dry_run(past, old, new, CALENDAR)

    assert [(each.reply.text, each.newly_held) for each in found] == [("这款缺货", True), ("缺货,加我微信", False)]


def test_a_rule_in_shadow_is_recorded_and_holds_nothing() -> None:
    rule = WordingRule(rule=Rule(id="W-NEW", level=Level.SHADOW), patterns=(Pattern("缺货"),))
    judged_by = replace(standards(), wording=WordingRules.of([rule]))

    (found,) = check(Reply(text="这款缺货"), judged_by, CALENDAR, NOW)

    assert (found.rule, found.level, found.level.holds) == ("W-NEW", Level.SHADOW, False)
