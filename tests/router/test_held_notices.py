"""Which buttons the notice of a held reply has, and what they name."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from router.consistency.collision import Answer
from router.consistency.findings import Finding, Level, Words
from router.desk_view import DeskView
from router.held_notices import asking
from router.model import Outgoing
from router.richtext import plain
from tests.router.test_ownership import BOOK, CONVERSATION, NOW

REF = "held:C1:2.5@1"
VIEW = DeskView(now=NOW, newest=Answer(agent="alice", at=datetime(2026, 3, 10, 8, 59, 40, tzinfo=UTC), text="It left."))


def notice(*findings: Finding) -> Outgoing:
    [planned] = asking(CONVERSATION, BOOK, VIEW, BOOK.agents["bob"], findings, REF)
    return planned.outgoing


def found(rule: str, level: Level = Level.WARN, suggestion: str = "") -> Finding:
    return Finding(rule=rule, version=1, level=level, message=Words(en="why"), suggestion=Words(en=suggestion))


@pytest.mark.parametrize(
    ("finding", "labels"),
    [
        (found("W-BLAME", suggestion="Let us see."), ["Insert approved sentence", "Edit", "Send anyway", "Discard"]),
        (found("LANG"), ["Edit", "Send anyway", "Discard"]),
        (found("W-PII", Level.BLOCK), ["Edit", "Release (lead)", "Discard"]),
        (found("L-AMOUNT", Level.BLOCK, "A correction: "), ["Edit", "Send as a correction", "Discard"]),
        (found("COL-OWNER"), ["Edit", "Send anyway", "Discard", "Take over"]),
    ],
)
def test_the_buttons_fit_the_findings(finding: Finding, labels: list[str]) -> None:
    assert [each.label for each in notice(finding).buttons] == labels


def test_they_name_the_reply_and_the_words_that_were_read() -> None:
    asks = notice(found("LANG"))
    assert asks.about == "held:C1:2.5"
    assert [each.line for each in asks.buttons] == [f"reword {REF} …", f"send {REF} …", f"discard {REF}"]


def test_4_4_the_first_answer_is_shown_with_its_author_and_time() -> None:
    collision = replace(found("COL-A"), earlier="It left this morning.")
    assert 'Alice Chen at 08:59:40 (UTC): "It left this morning."' in plain(notice(collision).text)
