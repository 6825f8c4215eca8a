"""The approved sentence in the place of the wrong one: clauses, ends, and what is never replaced."""

import pytest

from router.approved import insertable, with_approved
from router.consistency.findings import Finding, Level, Words

SEVEN = Words(zh="签收后7天内支持无理由退货。", en="You can return it within 7 days of receipt.")


def fact(text: str, wrong: str, level: Level = Level.BLOCK) -> Finding:
    start = text.index(wrong)
    return Finding(rule="FACT-return", version=1, level=level, span=(start, start + len(wrong)), suggestion=SEVEN)


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("You can return it within 30 days.", "30 days", "You can return it within 7 days of receipt."),
        (
            "Hello, you can return it within 30 days, and it costs 1,50 EUR.",
            "30 days",
            "Hello, you can return it within 7 days of receipt, and it costs 1,50 EUR.",
        ),
        (
            "See shop.example. Return it in 30 days! Bye.",
            "30 days",
            "See shop.example. You can return it within 7 days of receipt! Bye.",
        ),
        (
            "您好\uff0c签收后30天内可以退货。谢谢",
            "30天",
            "您好\uff0c签收后7天内支持无理由退货。谢谢",
        ),
    ],
)
def test_4_5_it_takes_the_place_of_the_clause(text: str, wrong: str, right: str) -> None:
    assert with_approved(text, [fact(text, wrong)]) == right


def test_4_7_what_is_missing_is_added_and_what_leads_stands_in_front() -> None:
    sorry = Finding(rule="W-EMPATHY", version=1, level=Level.WARN, suggestion=Words(en="We are sorry."))
    assert with_approved("It left today.", [sorry]) == "It left today. We are sorry."
    text = "Hello. It will come on Friday."
    later = Words(en="We are sorry for the delay: ")
    slip = Finding(rule="L-SLIP", version=1, level=Level.WARN, span=(20, 29), suggestion=later)
    assert with_approved(text, [slip]) == "Hello. We are sorry for the delay: It will come on Friday."


def test_4_3_the_official_answer_takes_the_place_of_the_whole() -> None:
    official = Finding(rule="ANSWER-INCIDENT", version=1, level=Level.WARN, approved="We are back at noon.")
    text = "Return it within 30 days."
    assert with_approved(text, [fact(text, "30 days"), official]) == "We are back at noon."


def test_4_6_a_contradiction_of_the_ledger_brings_nothing_to_insert() -> None:
    words = Words(en="A correction to what we told you: ")
    assert not insertable(Finding(rule="L-AMOUNT", version=1, level=Level.BLOCK, span=(0, 4), suggestion=words))
    assert not insertable(Finding(rule="COL-A", version=1, level=Level.WARN, earlier="It left today."))
    assert with_approved("98.50 CNY", []) == "98.50 CNY"


def test_of_two_findings_in_one_clause_one_sentence_stands_there() -> None:
    text = "Return it within 30 days or 5 weeks."
    assert with_approved(text, [fact(text, "30 days"), fact(text, "5 weeks")]) == SEVEN.en
