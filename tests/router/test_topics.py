"""Topics, order numbers, complaints and urgency (4.2, 1.10)."""

import pytest

from router.topics import Topic, topic
from tests.router.shipped_standards import standards


def found(text: str, known: set[str] | None = None) -> Topic:
    return topic(text, standards().topics, known)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("我的包裹什么时候發貨", "logistics"),
        ("我要退货", "return"),
        ("什么时候退款到账", "refund"),
        ("衣服破了", "quality"),
        ("The zipper is broken", "quality"),
        ("怎么开发票", "transaction"),
        ("客服态度太差", "attitude"),
        ("I can't log in to the app", "tech"),
        ("这个多少钱", "presale_price"),
        ("有没有M码,什么材质", "presale_product"),
        ("想换货", "exchange"),
        ("怎么维修", "repair"),
        ("你好", "other"),
    ],
)
def test_the_category_is_that_of_most_keywords(text: str, category: str) -> None:
    assert found(text).category == category


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("订单A20260310001什么时候发货", ("A20260310001",)),
        ("order #us-20260301-77, please", ("US-20260301-77",)),
        ("订单号：２０２６０３１０１２３４５６", ("20260310123456",)),
        ("A20260310002 和 A20260310001", ("A20260310002", "A20260310001")),
        ("运单号:SF1234567890123", ()),
        ("电话13800138000", ()),
    ],
)
def test_order_numbers_are_found_in_order_of_place(text: str, orders: tuple[str, ...]) -> None:
    assert found(text).orders == orders


def test_the_topic_key_is_the_order_else_the_category_else_nothing() -> None:
    assert found("订单A20260310001要退货").key == "order:A20260310001"
    assert found("我要退货").key == "return"
    assert found("你好").key is None


def test_only_known_orders_count_when_they_are_known() -> None:
    assert found("订单A20260310001要退货", {"A20260310002"}).key == "return"
    assert found("订单A20260310001要退货", {"A20260310001"}).key == "order:A20260310001"


def test_complaints_and_urgent_matters_are_marked() -> None:
    assert found("我要投訴你们").complaint
    assert found("充电器起火了").urgent
    assert found("I will call my lawyer").urgent
    assert not found("什么时候发货").complaint
