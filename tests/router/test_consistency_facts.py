"""The fact sheet (4.5): what is said about policy, in which scope, and what is skipped."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.consistency.facts import Compare, FactPattern, FactRule, FactSheet, FactType, agrees, mentions, ties
from router.consistency.findings import Level, Origin, Place, Rule
from router.consistency.patterns import Pattern
from router.consistency.pipeline import check
from router.consistency.reply import Reply
from router.model import ChannelType, Fact
from tests.router.shipped_standards import CALENDAR, NOW, body, standards


def said(text: str) -> list[tuple[str, object, bool]]:
    return [(each.rule.key, each.said, each.agrees) for each in mentions(body(text), standards().facts, NOW, {})]


RETURN, EXCHANGE = "return.no_reason.days", "exchange.quality.days"
WARRANTY, FREE, REFUND = "warranty.months", "shipping.free_threshold.cny", "refund.arrival.max_business_days"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("七日無理由退貨", [(RETURN, 7, True)]),
        ("7天无理由退换货", [(RETURN, 7, True)]),
        ("退货期限是15天", [(RETURN, 15, False)]),
        ("一周内可以退货", [(RETURN, 7, True)]),
        ("You can return it within 30 days", [(RETURN, 30, False)]),
        ("We offer a 30-day return policy", [(RETURN, 30, False)]),
        ("质量问题15天内可以换货", [(EXCHANGE, 15, True)]),
        ("质量问题30天内包换", [(EXCHANGE, 30, False)]),
        ("一年半质保", [(WARRANTY, 18, False)]),
        ("质保半年", [(WARRANTY, 6, False)]),
        ("a two-year warranty", [(WARRANTY, 24, False)]),
        ("整机保修一年,主要部件保修三年", [(WARRANTY, 12, True), (WARRANTY, 36, False)]),
        ("满九十九元包邮", [(FREE, 99, True)]),
        ("free shipping over ¥99", [(FREE, 99, True)]),
        ("退款3-5个工作日到账", [(REFUND, 5, True)]),
        ("Your refund will take 10-15 business days", [(REFUND, 15, False)]),
        (
            "本店支持７天无理由退货,质保１２个月,满９９元包邮",
            [(RETURN, 7, True), (WARRANTY, 12, True), (FREE, 99, True)],
        ),
    ],
)
def test_a_fact_is_read_in_its_own_unit(text: str, expected: list[tuple[str, object, bool]]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "请问质保是两年吗",
        "Is it a 2 year warranty?",
        "7天无理由退货,对吗?",
        "去年是15天无理由退货",
        "Until last year it was 15 days of returns",
        "不是15天无理由",
        "没有两年质保",
        "客户说“15天无理由退货”",
        "> 满59元包邮\n您好",
        "支持30天价保",
        "质量问题15天内可以退货",
        "优惠券有效期为30天",
    ],
)
def test_questions_past_policy_denials_and_quotations_are_skipped(text: str) -> None:
    assert said(text) == []


def test_a_wrong_statement_is_not_hidden_by_a_question_in_the_same_sentence() -> None:
    assert said("我们支持15天无理由退货,请问您要退哪一件?") == [(RETURN, 15, False)]


def fact(value: str, **changes: Any) -> Fact:
    return replace(Fact(key=WARRANTY, type="int_months", value=value), **changes)


def sheet(*values: Fact) -> FactSheet:
    shipped = standards().facts
    return FactSheet.of(shipped.rules, values, shipped.skip)


def test_the_most_specific_scope_wins_and_the_order_date_decides() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    facts = sheet(
        fact("6", valid_to=start),
        fact("12", valid_from=start),
        fact("24", valid_from=start, scope={"category": "phone"}),
    )

    def value(at: datetime, **scope: str) -> str | None:
        found = facts.in_force(WARRANTY, at, scope)
        return found.value if found else None

    assert value(start - timedelta(days=1)) == "6"
    assert value(start) == "12"
    assert value(start, category="phone", region="EU") == "24"
    assert value(start, category="shoes") == "12"
    assert facts.in_force("unknown", start, {}) is None


def test_two_values_that_could_both_hold_are_a_tie() -> None:
    end = datetime(2026, 1, 1, tzinfo=UTC)

    assert ties([fact("12"), fact("24")])
    assert ties([fact("12", scope={"sku": "A"}), fact("24", scope={"region": "EU"})])
    assert not ties([fact("12"), fact("24", scope={"sku": "A"})])
    assert not ties([fact("12", scope={"sku": "A"}), fact("24", scope={"sku": "B"})])
    assert not ties([fact("12", valid_to=end), fact("24", valid_from=end)])


def test_values_compare_by_type() -> None:
    assert agrees(Compare.MAX, 5, 7)
    assert not agrees(Compare.MAX, 8, 7)
    assert agrees(Compare.MIN, 8, 7)
    assert not agrees(Compare.EQUAL, 5, 7)
    assert not agrees(Compare.MAX, "true", "false")


def test_a_fact_may_state_a_fixed_value() -> None:
    rule = FactRule(
        key="payment.cod",
        type=FactType.BOOL,
        rule=Rule(id="FACT-payment.cod", level=Level.BLOCK),
        patterns=(FactPattern(Pattern("支持货到付款"), "true"),),
    )
    facts = FactSheet.of([rule], [Fact(key="payment.cod", type="bool", value="false")], Pattern("以前"))
    (found,) = mentions(body("我们支持货到付款"), facts, NOW, {})

    assert (found.said, found.approved, found.agrees) == ("true", "false", False)


def levels(text: str, place: Place) -> list[tuple[str, Level]]:
    found = check(Reply(text=text, place=place), standards(), CALENDAR, NOW)
    return [(each.rule, each.level) for each in found if each.rule.startswith(("FACT", "PROMISE"))]


def test_legal_windows_block_and_other_facts_warn_except_from_a_bot() -> None:
    bot = Place(origin=Origin.BOT)

    assert levels("质保两年", Place(channel_type=ChannelType.EMAIL)) == [(f"FACT-{WARRANTY}", Level.BLOCK)]
    assert levels("退款15个工作日到账", Place()) == [(f"FACT-{REFUND}", Level.WARN)]
    assert levels("退款15个工作日到账", bot) == [(f"FACT-{REFUND}", Level.BLOCK)]


def test_a_finding_shows_said_approved_source_and_the_sentence_to_insert() -> None:
    (found,) = check(Reply(text="亲，這款質保兩年"), standards(), CALENDAR, NOW)

    assert (found.said, found.approved) == ("24", "12")
    assert found.message.zh == "说的是 24 个月,规定质保 12 个月。"
    assert found.suggestion.zh == "质保期为12个月。"
    assert "亲，這款質保兩年"[slice(*found.span)] == "質保兩年"


def test_a_promise_shorter_than_the_fact_allows_is_warned_of() -> None:
    assert levels("退款今天到账", Place()) == [("PROMISE-EARLY", Level.WARN)]
    assert levels("退款会在3个工作日内到账", Place()) == []
