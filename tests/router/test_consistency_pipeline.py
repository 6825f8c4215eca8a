"""The pipeline (4.0): every origin passes it, text and lock apart, fast enough; rules on trial."""

import time
from dataclasses import replace
from datetime import timedelta

from router.consistency.collision import LockedView
from router.consistency.findings import Level, Origin, Place, Rule, lead_is_told_after
from router.consistency.patterns import Pattern
from router.consistency.pipeline import check, check_locked, check_text
from router.consistency.reply import Reply, Standards
from router.consistency.trials import dry_run, is_on_trial, suggested_level
from router.consistency.wording import WordingRule, WordingRules
from router.model import ChannelType
from tests.router.shipped_standards import CALENDAR, NOW, grown, long_replies, standards


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


def test_the_lead_hears_of_a_held_reply_sooner_on_chat() -> None:
    assert lead_is_told_after(Place()) == timedelta(minutes=3)
    assert lead_is_told_after(Place(channel_type=ChannelType.EMAIL)) == timedelta(minutes=30)


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


def test_a_new_rule_is_on_trial_for_seven_days() -> None:
    assert is_on_trial(NOW, NOW + timedelta(days=6, hours=23))
    assert not is_on_trial(NOW, NOW + timedelta(days=7))


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
