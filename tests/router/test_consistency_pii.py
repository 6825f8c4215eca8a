"""W-PII (4.7) and what is the customer's own (4.1)."""

from dataclasses import replace

import pytest

from router.consistency.findings import Level
from router.consistency.pii import NOBODY, Own, Secret, secrets
from router.consistency.pipeline import check
from router.consistency.reply import Reply
from router.consistency.text import normalise
from tests.router.shipped_standards import CALENDAR, NOW, standards


def given_away(text: str, own: Own = NOBODY) -> list[tuple[Secret, str]]:
    found = secrets(normalise(text), text, standards().pii, own)
    return [(kind, text[slice(*span)]) for kind, span in found]


@pytest.mark.parametrize(
    ("text", "kind", "span"),
    [
        ("卡号4111 1111 1111 1111", Secret.CARD, "4111 1111 1111 1111"),
        ("卡号４１１１１１１１１１１１１１１１", Secret.CARD, "４１１１１１１１１１１１１１１１"),
        ("card 3782-822463-10005", Secret.CARD, "3782-822463-10005"),
        ("「6222021234567890128」", Secret.CARD, "6222021234567890128"),
        ("身份证11010519491231002X", Secret.NATIONAL_ID, "11010519491231002X"),
        ("您的密码是abc12345", Secret.PASSWORD, "密码是abc12345"),
        ("verification code: 482913", Secret.PASSWORD, "verification code: 482913"),
        ("他的电话是138 0013 8000", Secret.PHONE, "138 0013 8000"),
        ("call +44 20 7946 0958", Secret.PHONE, "+44 20 7946 0958"),
        ("her mail is Anna@Gmail.com.", Secret.EMAIL, "Anna@Gmail.com"),
        ("他住在上海市浦东新区世纪大道100号", Secret.ADDRESS, "他住在上海市浦东新区世纪大道100号"),
        ("Slack id U0123ABCDE", Secret.SLACK_ID, "U0123ABCDE"),
        ("see https://acme.slack.com/archives/C012", Secret.INTERNAL_URL, "https://acme.slack.com/archives/C012"),
        ("http://192.168.0.5/admin", Secret.INTERNAL_URL, "http://192.168.0.5/admin"),
    ],
)
def test_personal_data_secrets_and_internals_are_found(text: str, kind: Secret, span: str) -> None:
    assert given_away(text) == [(kind, span)]


@pytest.mark.parametrize(
    "text",
    [
        "卡号4111 1111 1111 1112",
        "订单20260310123456已发货",
        "快递单号:4111111111111111",
        "order number 4111111111111111",
        "身份证110105194912310021",
        "请勿告诉他人验证码",
        "Please reset your password here",
        "请拨打400-800-8888",
        "call 1-800-123-4567",
        "write to help@shop.example",
        "退货地址:广东省深圳市南山区科技路1号",
        "<@U0123ABCDE>",
        "3月15日 10:30:45",
        "USB-C 100W",
    ],
)
def test_what_only_looks_like_it_is_let_through(text: str) -> None:
    assert given_away(text) == []


ANNA = Own(
    phones=frozenset({"+86 13800138000"}),
    emails=frozenset({"anna@x.com"}),
    addresses=("上海市浦东新区世纪大道100号502室",),
)


@pytest.mark.parametrize("text", ["您的电话13800138000", "anna@x.com", "寄到上海市浦东新区世纪大道100号"])
def test_the_customers_own_data_may_be_repeated_only_to_a_verified_customer(text: str) -> None:
    assert given_away(text, ANNA) == []
    assert len(given_away(text, replace(ANNA, disclosable=False))) == 1
    assert len(given_away(text)) == 1


def test_pii_blocks_everywhere_and_the_finding_does_not_repeat_the_secret() -> None:
    (finding,) = check(Reply(text="卡号4111111111111111"), standards(), CALENDAR, NOW)

    assert (finding.rule, finding.level) == ("W-PII", Level.BLOCK)
    assert "4111" not in finding.message.en + finding.message.zh + finding.said
