"""Time expressions and promises (4.10), told in Shanghai on Tuesday 10 March 2026 at ten."""

from datetime import date, datetime, timedelta

import pytest

from router.consistency.promises import Deed, PromiseKind, is_slip, keeps, promises, reminders, state_after
from router.model import ChannelType
from tests.router.shipped_standards import NOW, SHANGHAI, body, standards


def moments(text: str, now: datetime = NOW) -> list[str]:
    return [f"{each.due:%m-%d %H:%M:%S}" for _, near in body(text, now=now).moments() for each in near]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("24小时内", "03-11 10:00:00"),
        ("二十四小时内", "03-11 10:00:00"),
        ("半小时内", "03-10 10:30:00"),
        ("一个半小时", "03-10 11:30:00"),
        ("24-48 hours", "03-12 10:00:00"),
        ("half an hour", "03-10 10:30:00"),
        ("in an hour", "03-10 11:00:00"),
        ("1-3个工作日内", "03-13 18:00:00"),
        ("within one business day", "03-11 18:00:00"),
        ("三五天", "03-15 23:59:59"),
        ("in a couple of days", "03-12 23:59:59"),
        ("一周内", "03-17 23:59:59"),
        ("两个月内", "05-10 23:59:59"),
        ("今天", "03-10 18:00:00"),
        ("今晚8点", "03-10 20:00:00"),
        ("今天下班前", "03-10 18:00:00"),
        ("明天中午", "03-11 13:00:00"),
        ("明天上午10点半", "03-11 10:30:00"),
        ("明早", "03-11 12:00:00"),
        ("大后天晚上", "03-13 22:00:00"),
        ("周五前", "03-13 09:00:00"),
        ("before Friday", "03-13 09:00:00"),
        ("by Friday", "03-13 18:00:00"),
        ("下周三", "03-18 18:00:00"),
        ("next Friday", "03-20 18:00:00"),
        ("周二", "03-10 18:00:00"),
        ("周一", "03-16 18:00:00"),
        ("本周内", "03-15 23:59:59"),
        ("3月15日", "03-15 18:00:00"),
        ("三月十五日", "03-15 18:00:00"),
        ("3月12日下午3点前", "03-12 15:00:00"),
        ("3月15日-17日", "03-17 18:00:00"),
        ("15号前", "03-15 09:00:00"),
        ("2026-03-20", "03-20 18:00:00"),
        ("March 15, 2026", "03-15 18:00:00"),
        ("the 15th", "03-15 18:00:00"),
        ("by 5 pm tomorrow", "03-11 17:00:00"),
        ("tomorrow at 3:30pm", "03-11 15:30:00"),
        ("5 p.m. on Friday", "03-13 17:00:00"),
        ("3点前", "03-10 15:00:00"),
        ("by noon", "03-10 13:00:00"),
        ("end of day tomorrow", "03-11 18:00:00"),
        ("the day after tomorrow", "03-12 18:00:00"),
        ("月底前", "03-31 23:59:59"),
    ],
)
def test_a_time_expression_means_this_instant(text: str, due: str) -> None:
    assert moments(text) == [due]


@pytest.mark.parametrize("text", ["昨天", "3天前", "two days ago", "快一点", "3月1日", "2026年2月30日", "目前", "第一"])
def test_the_past_and_what_only_looks_like_a_time_is_none(text: str) -> None:
    assert moments(text) == []


def test_a_date_without_a_year_is_the_next_one_across_new_year() -> None:
    assert moments("1月5日", datetime(2026, 12, 28, 10, tzinfo=SHANGHAI)) == ["01-05 18:00:00"]


def test_today_said_in_the_evening_still_means_today() -> None:
    assert moments("今天", datetime(2026, 3, 10, 20, tzinfo=SHANGHAI)) == ["03-10 23:59:59"]


def made(text: str, channel_type: ChannelType = ChannelType.WEBCHAT) -> list[tuple[str, str]]:
    found = promises(body(text, channel_type), standards().promises)
    return [(each.kind.value, f"{each.due_at:%m-%d %H:%M}") for each in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("好的,我马上帮您查一下", [("contact", "03-10 10:03")]),
        ("尽快为您安排发货", [("ship", "03-10 10:03")]),
        ("24小时内,我们会给您回复", [("contact", "03-11 10:00")]),
        ("已为您安排明天发货", [("ship", "03-11 18:00")]),
        ("两小时内回复,明天发货", [("contact", "03-10 12:00"), ("ship", "03-11 18:00")]),
        ("一个月内给您维修好", [("repair", "04-10 23:59")]),
        ("We'll exchange it by next Monday.", [("exchange", "03-16 18:00")]),
        ("不会超过24小时给您回复", [("contact", "03-11 10:00")]),
        ("I'm checking this now and will reply in 10 minutes.", [("contact", "03-10 10:10")]),
        ("We will call you by March 15, 2026.", [("contact", "03-15 18:00")]),
        ("请稍等", [("holding", "03-10 10:03")]),
        ("One moment please.", [("holding", "03-10 10:03")]),
        ("请稍等,我马上为您核实", [("contact", "03-10 10:03")]),
    ],
)
def test_a_promise_is_found_with_its_kind_and_due_time(text: str, expected: list[tuple[str, str]]) -> None:
    assert made(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "请您在24小时内提供照片",
        "请于3日内寄回商品",
        "您可以在7天内申请退货",
        "Please reply within 3 days.",
        "若24小时内未收到请联系我们",
        "如果您今天下单,明天就能发货",
        "If we can't fix it, we will refund you within 5 days.",
        "我们不能保证24小时内到账",
        "We can't promise a reply within 24 hours.",
        "退款已于昨天到账",
        "Your refund was issued 3 days ago.",
        "明天能收到吗?",
        "我们会在收到退货后3个工作日内退款",
        "Our policy is to reply within 24 hours.",
        "正常情况下48小时内发货",
        "客户说「24小时内回复」",
        "发票会随货寄出",
    ],
)
def test_this_is_no_promise(text: str) -> None:
    assert made(text) == []


def test_soon_is_longer_by_mail_and_telegram() -> None:
    assert made("马上为您处理", ChannelType.TELEGRAM) == [("contact", "03-10 10:10")]
    assert made("马上为您处理", ChannelType.EMAIL) == [("contact", "03-10 14:00")]


def test_the_span_of_a_promise_covers_time_and_verb_in_the_original() -> None:
    text = "您好，我們將於三天內補發。謝謝"
    (found,) = promises(body(text), standards().promises)

    assert text[slice(*found.span)] == "三天內補發"


def test_reminders_come_at_half_four_fifths_and_when_due() -> None:
    due = NOW + timedelta(hours=10)

    assert reminders(NOW, due) == (NOW + timedelta(hours=5), NOW + timedelta(hours=8), due)


def test_a_promise_is_kept_by_its_own_kind_of_deed_or_by_done() -> None:
    assert keeps(Deed.MESSAGE, PromiseKind.CONTACT)
    assert keeps(Deed.TRACKING, PromiseKind.SHIP)
    assert not keeps(Deed.MESSAGE, PromiseKind.REFUND)
    assert all(keeps(Deed.DONE, kind) for kind in PromiseKind)
    assert state_after(NOW, None, NOW + timedelta(seconds=1)) == "late"
    assert state_after(NOW, NOW, NOW) == "kept"
    assert state_after(NOW, NOW + timedelta(seconds=1), NOW) == "broken"
    assert is_slip(NOW, NOW + timedelta(days=1))


def test_a_closed_day_has_no_opening_and_falls_back_to_office_hours() -> None:
    assert body("").calendar.opening(date(2026, 3, 14)) is None
    assert moments("周六前") == ["03-14 09:00:00"]
