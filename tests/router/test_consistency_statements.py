"""What a reply states (4.6) and how that is held against what was said before."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from router.consistency.findings import Level, Origin, Place
from router.consistency.ledger import bound, settle
from router.consistency.pipeline import check, check_locked, check_text
from router.consistency.reply import Reply
from router.consistency.statements import Slot, Told, choices, statements
from router.model import ChannelType, Statement
from tests.router.shipped_standards import CALENDAR, NOW, body, standards

HERE, ELSEWHERE, ANNA = uuid4(), uuid4(), uuid4()


def told(text: str) -> list[tuple[str, str]]:
    return sorted((each.slot.value, each.shown) for each in statements(body(text), standards().ledger))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我们会为您退款89.50元", [("refund_amount", "89.50 CNY"), ("refund_decision", "yes")]),
        ("给您退89块5", [("refund_amount", "89.50 CNY")]),
        ("退您二十块", [("refund_amount", "20.00 CNY")]),
        ("Refund of €1.299,00 is on its way", [("refund_amount", "1299.00 EUR")]),
        ("退款金额为120元,运费10元", [("refund_amount", "120.00 CNY"), ("shipping_fee", "10.00 CNY")]),
        ("We'll give you a $20 voucher", [("compensation", "20.00 USD")]),
        ("我们承担退货运费12元", [("shipping_fee", "12.00 CNY")]),
        ("我们一块处理退款", []),
        ("无法补偿10元", []),
        ("最多退款10元", []),
        ("如果退货,退款100元", []),
        ("满100元减20元", []),
    ],
)
def test_amounts_go_to_the_slot_of_the_nearest_word(text: str, expected: list[tuple[str, str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The price is $199.", [("price_quote", "199.00 USD")]),
        ("给您报价:199元", [("price_quote", "199.00 CNY")]),
        ("这款价格是199元", [("price_quote", "199.00 CNY")]),
        ("商品价格是199元", []),
        ("原价299元", []),
    ],
)
def test_only_an_explicit_quote_is_a_price_quote_decisions_27(text: str, expected: list[tuple[str, str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("可以退货退款", [("refund_decision", "yes"), ("return_decision", "yes")]),
        ("不能退款只能换货", [("exchange_decision", "yes"), ("refund_decision", "no")]),
        ("无法为您退款", [("refund_decision", "no")]),
        ("我们不会为您退款的", [("refund_decision", "no")]),
        ("We don't offer refunds on sale items.", [("refund_decision", "no")]),
        ("We won't be able to refund you.", [("refund_decision", "no")]),
        ("We can't refund you but can offer an exchange.", [("exchange_decision", "yes"), ("refund_decision", "no")]),
        ("This item is non-refundable.", [("refund_decision", "no")]),
        ("您的退货申请未通过审核", [("return_decision", "no")]),
        ("Your refund request has been declined.", [("refund_decision", "no")]),
        ("We're happy to repair it", [("repair_decision", "yes")]),
        ("按您的要求为您换货", [("exchange_decision", "yes"), ("option_chosen", "exchange")]),
        ("您可以申请退款", []),
        ("为您查询退款进度", []),
        ("Your return request is under review.", []),
        ("不是不可以换货", []),
        ("我们会核实是否可以退款", []),
        ("Whether we can refund depends on the check.", []),
        ("If it is faulty we will refund you.", []),
        ("您这边可以选择退货或换货", []),
        ("本店支持7天无理由退货", []),
        ("可以退款。不能退款。", []),
    ],
)
def test_decisions_follow_the_nearest_marker(text: str, expected: list[tuple[str, str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("快递单号773012345678901", [("tracking_no", "773012345678901")]),
        ("Tracking number: 1Z999AA10123456784", [("tracking_no", "1Z999AA10123456784")]),
        ("RB123456789CN", [("tracking_no", "RB123456789CN")]),
        ("订单号:20260310123456", []),
        ("您的包裹明天发货", [("ship_date", "2026-03-11")]),
        ("预计3月12日送达", [("delivery_date", "2026-03-12")]),
        ("退款3月15日到账", [("refund_date", "2026-03-15")]),
        ("We will ship it on Friday.", [("ship_date", "2026-03-13")]),
        ("马上发货", []),
        ("昨天已发货", []),
        ("请您明天寄出", []),
        ("退货地址:广东省深圳市南山区科技路1号", [("return_address", "广东省深圳市南山区科技路1号")]),
        ("Please send it back to 12 High Street, London.", [("return_address", "12 High Street, London")]),
        ("退货地址稍后会以短信形式发送", []),
        ("退货地址是什么?", []),
        ("您选择的是换货", [("option_chosen", "exchange")]),
        ("You have chosen a refund.", [("option_chosen", "refund")]),
    ],
)
def test_numbers_dates_addresses_and_options(text: str, expected: list[tuple[str, str]]) -> None:
    assert told(text) == expected


def test_customers_only_state_what_they_choose() -> None:
    found = choices(body("我选择换货"), standards().ledger)

    assert [(each.slot, each.value) for each in found] == [(Slot.OPTION_CHOSEN, "exchange")]
    assert [each.value for each in choices(body("I'd prefer a refund"), standards().ledger)] == ["refund"]


def test_each_statement_takes_the_order_named_before_it() -> None:
    found = statements(body("订单A20260310001退款50元,订单A20260310002退款60元"), standards().ledger)

    assert [(each.value, each.order) for each in found] == [("50.00", "A20260310001"), ("60.00", "A20260310002")]


def test_a_span_points_into_the_original() -> None:
    text = "這筆訂單　無法退款"
    (found,) = statements(body(text), standards().ledger)

    assert text[slice(*found.span)] == "無法退款"


AMOUNT = Told(slot=Slot.REFUND_AMOUNT, value="89.50", unit="CNY")


def test_unbound_statements_take_the_only_order_then_the_topic_then_nothing() -> None:
    assert bound([AMOUNT], ["A1"], "refund")[0].order == "A1"
    assert bound([AMOUNT], ["A1", "A2"], "refund")[0].order == "topic:refund"
    assert bound([AMOUNT], [], None)[0].order is None
    assert bound([replace(AMOUNT, order="A3")], ["A1"], None)[0].order == "A3"


def entry(slot: str, value: str, unit: str = "", *, order: str | None = None, conversation: UUID = HERE) -> Statement:
    return Statement(
        contact=ANNA,
        conversation=conversation,
        slot=slot,
        value=value,
        unit=unit,
        order=order,
        said_at=NOW - timedelta(days=1),
        channel="mail",
        agent="alice",
    )


def against(text: str, *ledger: Statement, origin: Origin = Origin.AGENT, **reply: Any) -> list[tuple[str, Level]]:
    written = Reply(text=text, conversation=HERE, told=ledger, place=Place(origin=origin))
    found = check(replace(written, **reply), standards(), CALENDAR, NOW)
    return [(each.rule, each.level) for each in found if each.rule.startswith("L-")]


@pytest.mark.parametrize(
    ("text", "earlier", "expected"),
    [
        ("退款98.50元", entry("refund_amount", "89.50", "CNY"), [("L-AMOUNT", Level.BLOCK)]),
        ("退款89.50元", entry("refund_amount", "89.50", "CNY"), []),
        ("refund $89.50", entry("refund_amount", "89.50", "CNY"), [("L-AMOUNT", Level.BLOCK)]),
        ("不能退款", entry("refund_decision", "yes"), [("L-NO", Level.BLOCK)]),
        ("可以退款", entry("refund_decision", "no"), [("L-YES", Level.WARN)]),
        ("3月15日发货", entry("ship_date", "2026-03-12"), [("L-SLIP", Level.WARN)]),
        ("很抱歉,3月15日发货", entry("ship_date", "2026-03-12"), [("L-EARLIER", Level.LOG)]),
        ("3月11日发货", entry("ship_date", "2026-03-12"), [("L-EARLIER", Level.LOG)]),
        ("单号:SF1234567890123", entry("tracking_no", "SF1234567890124"), [("L-TRACKING", Level.WARN)]),
        ("第二个包裹单号:SF1234567890123", entry("tracking_no", "SF1234567890124"), []),
        ("您选择的是退款", entry("option_chosen", "exchange"), [("L-OPTION", Level.BLOCK)]),
        ("退货地址:深圳市科技路2号", entry("return_address", "深圳市科技路1号"), [("L-ADDRESS", Level.WARN)]),
        ("退货地址:深圳市 科技路1号", entry("return_address", "深圳市科技路1号"), []),
    ],
)
def test_the_tolerance_table(text: str, earlier: Statement, expected: list[tuple[str, Level]]) -> None:
    assert against(text, earlier) == expected
    assert against(text, replace(earlier, state="superseded")) == []


def test_a_bot_is_held_to_more() -> None:
    slip = entry("ship_date", "2026-03-12")

    assert against("3月15日发货", slip, origin=Origin.BOT) == [("L-SLIP", Level.BLOCK)]


def test_the_same_order_counts_on_every_channel_and_another_order_never() -> None:
    mail = entry("refund_amount", "89.50", "CNY", order="A20260310001", conversation=ELSEWHERE)

    assert against("退款98.50元", mail, orders=["A20260310001"]) == [("L-AMOUNT", Level.BLOCK)]
    assert against("订单A20260310002退款98.50元", mail, orders=["A20260310001"]) == []
    assert against("退款98.50元", replace(mail, order=None)) == []


def test_a_refund_of_89_50_told_by_mail_holds_98_50_on_telegram_until_it_is_a_correction() -> None:
    mail = entry("refund_amount", "89.50", "CNY", order="A20260310001", conversation=ELSEWHERE)
    reply = Reply(
        text="您好,我们会为您退款98.50元",
        place=Place(channel_type=ChannelType.TELEGRAM, author="bob"),
        conversation=HERE,
        orders=["A20260310001"],
        told=[mail],
    )
    held = check_locked(check_text(reply, standards(), CALENDAR, NOW), reply, standards(), NOW)
    (contradiction,) = held.contradictions

    assert (contradiction.finding.level, contradiction.finding.earlier) == (Level.BLOCK, "89.50 CNY")
    assert contradiction.finding.message.en.startswith("The customer was told 89.50 CNY (alice, 2026-03-09, mail)")
    corrected = replace(reply, corrects="the coupon was forgotten")
    released = check_locked(check_text(corrected, standards(), CALENDAR, NOW), corrected, standards(), NOW)
    assert [each.level for each in released.findings if each.rule == "L-AMOUNT"] == [Level.LOG]
    ledger = settle(
        released.reading.told,
        [mail],
        contact=ANNA,
        conversation=HERE,
        said_at=NOW,
        channel="tg",
        agent="bob",
    )
    assert [each.value for each in ledger.superseded] == ["89.50"]
    assert ("refund_amount", "98.50") in {(each.slot, each.value) for each in ledger.added}


def test_what_is_said_again_takes_the_place_of_the_first_and_a_second_parcel_supersedes_nothing() -> None:
    first = entry("tracking_no", "SF1234567890124")
    same = Told(slot=Slot.TRACKING_NO, value="SF1234567890124")
    common: dict[str, Any] = {"contact": ANNA, "conversation": HERE, "said_at": NOW, "channel": "tg", "agent": "bob"}

    again = settle([same], [first], **common)
    assert ([each.value for each in again.added], len(again.superseded)) == (["SF1234567890124"], 1)
    second = settle([replace(same, value="SF1234567890125")], [first], **common)
    assert (len(second.added), second.superseded) == (1, ())
