"""The consistency examples, and the command that answers one document (decisions 29)."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.reply_checks import CHECKS, check_reply
from gateway.reply_shapes import WrongCheck
from gateway.vectors import report
from gateway.vectors.consistency import evaluate
from tests.router.shipped_standards import CALENDAR, NOW, standards

EXAMPLES = Path(__file__).parents[1] / "cases" / "vectors" / "consistency_examples.json"


def test_all_consistency_examples_pass() -> None:
    differences, passed, failed = report(EXAMPLES)

    assert differences == []
    assert (passed, failed) == (85, 0)


def file(**example: Any) -> dict[str, Any]:
    whole = json.loads(EXAMPLES.read_bytes())
    return {**whole, "examples": [{"id": "X1", **example}]}


def test_a_difference_is_one_line_with_what_was_expected_and_what_came() -> None:
    (line,) = evaluate(file(check="lang", text="您好吗", expect="ja"), standards())

    assert line == "X1: expected ja, got zh-hans: 您好吗"


def test_an_unknown_check_and_a_missing_key_are_differences() -> None:
    (line,) = evaluate(file(check="smell", text="x", expect=[]), standards())
    assert line.startswith("X1: cannot be read: check 'smell' is not known")
    (line,) = evaluate(file(check="promise", expect=[]), standards())
    assert line.startswith("X1: cannot be read")


def test_the_clock_zone_closing_time_and_facts_are_those_of_the_file() -> None:
    other = {
        **file(check="promise", text="今天下班前回复您", expect=[["contact", "2026-03-10T17:30:00+00:00"]]),
        "now": "2026-03-10T10:00:00+00:00",
        "tz": "Europe/London",
        "workdays": "Mon-Fri, business close 17:30",
    }
    assert evaluate(other, standards()) == []
    facts = {
        **file(check="fact", text="质保两年", expect=[["warranty.months", 24, True]]),
        "facts": {"warranty.months": 24},
    }
    assert evaluate(facts, standards()) == []


def test_an_instant_may_be_written_in_any_zone_and_findings_in_any_order() -> None:
    expected = [["contact", "2026-03-11T02:00:00+00:00"]]
    assert evaluate(file(check="promise", text="24小时内回复您", expect=expected), standards()) == []
    both = [["W-ABSOLUTE", "warn"], ["W-OFFLINE", "block"]]
    assert evaluate(file(check="wording", text="加我微信,全网最低价", expect=both), standards()) == []


def answer(**document: Any) -> Any:
    found = check_reply(document, standards(), CALENDAR, NOW)
    return found if document.get("check", "all") == "all" else found["result"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"check": "wording", "text": "卡号4111111111111111"}, [["W-PII", "block"]]),
        ({"check": "wording", "text": "PLEASE SEND THE NUMBER"}, [["W-SHOUT", "log"]]),
        ({"check": "wording", "text": "<@U012AB3CD> :smile:"}, [["W-MARKUP", "warn"]]),
        ({"check": "wording", "text": "已经退款", "stage": "resolve"}, [["W-CLOSE", "log"]]),
        ({"check": "required", "text": "ok", "stage": "closing"}, ["closing"]),
        ({"check": "format", "text": "a" * 501}, [["FMT-LENGTH", "warn"]]),
        ({"check": "language", "text": "Hello there", "question": "什么时候发货"}, [["LANG", "warn"]]),
        ({"check": "choice", "text": "我选择换货"}, [["option_chosen", "exchange", None]]),
        ({"check": "duplicate", "a": "发货", "b": "发货", "minutes": 1}, False),
        (
            {"check": "topic", "text": "订单A20260310001坏了"},
            {
                "orders": ["A20260310001"],
                "category": "quality",
                "key": "order:A20260310001",
                "complaint": False,
                "urgent": False,
            },
        ),
        (
            {
                "check": "ledger",
                "text": "退款98.50元",
                "context": {"statements": [{"slot": "refund_amount", "value": "89.50 CNY"}]},
            },
            [["L-AMOUNT", "block"]],
        ),
        (
            {
                "check": "collision",
                "text": "马上查",
                "author": "alice",
                "context": {
                    "newest": {"agent": "bob", "at": "2026-03-10T09:59:40+08:00", "text": "明天发货"},
                    "lease": {"agent": "bob", "until": "2026-03-10T10:05:00+08:00"},
                    "owner": "bob",
                    "role": "lead",
                },
            },
            [["COL-A", "warn"], ["COL-B", "warn"]],
        ),
    ],
)
def test_one_check_answers_in_the_shape_of_an_example(document: dict[str, Any], expected: Any) -> None:
    assert answer(**document) == expected


def test_all_answers_with_every_finding_its_rule_version_span_and_level() -> None:
    found = answer(
        text="全网最低价,退款98.50元",
        context={"statements": [{"slot": "refund_amount", "value": "89.50", "unit": "CNY"}]},
    )

    assert found["held"] is True
    assert [(each["rule"], each["version"], each["span"], each["level"]) for each in found["findings"]] == [
        ("L-AMOUNT", 1, [8, 14], "block"),
        ("W-ABSOLUTE", 1, [0, 3], "warn"),
    ]
    assert found["statements"] == [["refund_amount", "98.50 CNY", None]]
    json.dumps(found)


def test_every_check_of_the_list_refuses_nonsense_with_a_sentence() -> None:
    for name in CHECKS:
        with pytest.raises(WrongCheck):
            answer(check=name, facts=3, statements=[3], newest=3, a=None, minutes="x")
    with pytest.raises(WrongCheck, match="is not an ISO instant"):
        answer(check="promise", text="x", now="soon")


def test_check_reply_says_that_a_rule_is_on_trial() -> None:
    checks = standards().checks
    new = replace(standards(), checks={**checks, "W-SHOUT": replace(checks["W-SHOUT"], since=NOW)})
    document = {"text": "YOUR ORDER LEFT TODAY!!!"}
    told = check_reply(document, new, CALENDAR, NOW + timedelta(days=6))
    assert [(each["rule"], each["level"], each["after_trial"]) for each in told["findings"]] == [
        ("W-SHOUT", "shadow", "log")
    ]
    alone = {"check": "wording", **document}
    assert check_reply(alone, new, CALENDAR, NOW + timedelta(days=6))["result"] == [["W-SHOUT", "shadow"]]
    assert check_reply(alone, new, CALENDAR, NOW + timedelta(days=7))["result"] == [["W-SHOUT", "log"]]
