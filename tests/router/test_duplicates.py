"""The same question again (4.3): likeness, incidents, and answers to use again."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.duplicates import Report, containment, features, incident, jaccard, likeness
from tests.router.shipped_standards import NOW, standards


def of(text: str) -> frozenset[str]:
    return features(text, standards().topics.ignored)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("您好,请问我的订单", {"我的", "的订", "订单"}),
        ("什么时候发货吗", {"什么", "么时", "时候", "候发", "发货"}),
        ("The zipper of my jacket", {"zipper", "jacket"}),
        ("订单A20260310001 尺码42", {"订单", "a20260310001", "尺码", "42"}),
        ("发货,退款", {"发货", "退款"}),
        ("我的訂單", {"我的", "的订", "订单"}),
        ("你好", set()),
        ("hello, thank you!", set()),
        ("", set()),
    ],
)
def test_features_are_bigrams_and_words_without_greetings(text: str, expected: set[str]) -> None:
    assert of(text) == expected


@pytest.mark.parametrize(
    ("one", "other", "minutes", "duplicate"),
    [
        ("我的订单什么时候发货", "您好,请问我的訂單什麼時候發貨?謝謝", 72 * 60, True),
        ("我的订单什么时候发货", "您好,请问我的订单什么时候发货?谢谢", 72 * 60 + 1, False),
        ("什么时候发货", "什么时候发货", 30, True),
        ("什么时候发货", "什么时候发货", 31, False),
        ("什么时候发货", "什么时候退款", 1, False),
        ("你好", "你好", 1, False),
        ("退款", "退款", 1, False),
    ],
)
def test_likeness_depends_on_words_and_time(one: str, other: str, minutes: int, duplicate: bool) -> None:
    assert likeness(of(one), of(other), timedelta(minutes=minutes)).duplicate is duplicate


def test_the_same_order_and_topic_need_no_words_and_another_order_undoes_them() -> None:
    apart = timedelta(hours=71)

    assert likeness(of("Where is it"), of("Still waiting"), apart, same_order=True, same_topic=True).duplicate
    assert not likeness(of("Where is it"), of("Still waiting"), apart, same_order=True).duplicate
    same = of("我的订单什么时候可以发货")
    assert likeness(same, same, apart).duplicate
    assert not likeness(same, same, apart, other_order=True).duplicate


@given(st.frozensets(st.text("ab", min_size=1), max_size=6), st.frozensets(st.text("ab", min_size=1), max_size=6))
def test_measures_are_symmetric_and_between_nothing_and_all(one: frozenset[str], other: frozenset[str]) -> None:
    assert 0 <= jaccard(one, other) == jaccard(other, one) <= containment(one, other) <= 1


def report(contact: UUID, minutes: float, text: str = "网站打不开一直报错") -> Report:
    return Report(contact=contact, at=NOW + timedelta(minutes=minutes), features=of(text))


def test_five_customers_within_an_hour_make_an_incident() -> None:
    others = [uuid4() for _ in range(4)]
    new = report(uuid4(), 60)

    assert incident(new, [report(each, 0) for each in others]) == {*others, new.contact}
    assert incident(new, [report(each, 0) for each in others[:3]]) == frozenset()
    assert incident(new, [report(each, -0.1) for each in others]) == frozenset()
    assert incident(new, [report(others[0], index) for index in range(10)]) == frozenset()
    assert incident(new, [report(each, 0, "什么时候发货") for each in others]) == frozenset()
