"""What agents say about an incident in its threads, and what is held while it is open (4.3)."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from router.decision import Decision, IncidentChange, Snapshot
from router.desk_view import DeskView
from router.incidents import SHOWN, announced, joined
from router.model import Incident
from router.ownership import Standing
from router.richtext import Mention, Paragraph, RichText, Span, of_text, plain
from router.routing import decide
from router.rulebook import Agent, Role
from tests.router.test_ownership import BOOK, CONVERSATION, NOW, notices, post, types
from tests.storage.test_holds import VOICE

LEADS = replace(
    BOOK,
    agents={**BOOK.agents, "lena": Agent(id="lena", name="Lena", slack="U0LENA", role=Role.LEAD)},
    voice=VOICE,
)
INCIDENT = Incident(
    id=UUID(int=7),
    number=3,
    question="The website shows an error when I pay",
    since=datetime(2026, 3, 10, 2, 2, tzinfo=UTC),
    opened_at=NOW,
    customers=5,
    conversations=6,
)
OFFICIAL = "The payment page is being mended and works again at noon."
ANSWERED = replace(INCIDENT, answer=OFFICIAL, set_by="agent:lena")


def said(words: RichText, user: str, incident: Incident | None) -> Decision:
    snapshot = Snapshot(proof=CONVERSATION, standing=Standing(), desk=DeskView(now=NOW, incident=incident))
    return decide(snapshot, post(words, user), LEADS)


def asked(text: str, user: str = "U0LENA", incident: Incident | None = INCIDENT) -> Decision:
    return said(RichText((Paragraph((Mention("onevoice", "U0BOT"), Span(f" {text}"))),)), user, incident)


def test_a_lead_sets_the_official_answer() -> None:
    decision = asked(f"answer {OFFICIAL}")
    assert decision.incident == IncidentChange(incident=INCIDENT.id, actor="agent:lena", answer=OFFICIAL)
    assert types(decision) == ["incident_answered", "note_added"]
    assert "official answer of incident #3" in notices(decision)
    assert "5 other threads will hear of it" in notices(decision)
    assert all(each.desk for each in decision.deliveries)


def test_a_lead_closes_it() -> None:
    decision = asked("incident close")
    assert decision.incident == IncidentChange(incident=INCIDENT.id, actor="agent:lena")
    assert types(decision) == ["incident_closed", "note_added"]


@pytest.mark.parametrize(
    ("text", "user", "incident", "told"),
    [
        (f"answer {OFFICIAL}", "U0ALICE", INCIDENT, "Only a lead can set"),
        ("incident close", "U0ALICE", INCIDENT, "Only a lead can close"),
        ("answer", "U0LENA", INCIDENT, "Say what they are to be told"),
        ("answer // half of them are frauds", "U0LENA", INCIDENT, "marked as a note"),
        (f"answer {OFFICIAL}", "U0LENA", None, "belongs to no open incident"),
        ("incident", "U0ALICE", None, "belongs to no open incident"),
        ("incident open", "U0LENA", INCIDENT, "I know `incident` and `incident close`"),
        ("incident", "U0ALICE", INCIDENT, "5 customers ask this since 10:02 (Asia/Shanghai): incident #3."),
        ("incident", "U0ALICE", ANSWERED, OFFICIAL),
    ],
)
def test_what_changes_nothing_is_answered_in_the_thread(
    text: str, user: str, incident: Incident | None, told: str
) -> None:
    decision = asked(text, user, incident)
    assert decision.incident is None
    assert told in notices(decision)


def test_an_answer_that_differs_from_the_official_one_is_held_and_the_same_leaves() -> None:
    differs = said(of_text("Hello, please try another browser."), "U0ALICE", ANSWERED)
    assert "reply_held" in types(differs)
    assert "ANSWER-INCIDENT" in notices(differs)
    assert "reply_composed" in types(said(of_text(f"Hello! {OFFICIAL}"), "U0ALICE", ANSWERED))
    assert "reply_composed" in types(said(of_text("Hello, please try another browser."), "U0ALICE", INCIDENT))
    assert "reply_composed" in types(said(of_text("Hello, please try another browser."), "U0ALICE", None))


def test_who_joins_is_told_the_question_and_the_answer() -> None:
    decision = joined(CONVERSATION, INCIDENT, LEADS)
    (event,) = decision.events
    assert (event.type, event.payload["incident"], event.payload["customers"]) == ("incident_joined", 3, 5)
    assert "“The website shows an error when I pay”" in notices(decision)
    assert "@onevoice answer <text>" in notices(decision)
    later = notices(joined(CONVERSATION, ANSWERED, LEADS))
    assert OFFICIAL in later
    assert "by lena" in later
    assert "(UTC)" in notices(joined(CONVERSATION, INCIDENT, replace(LEADS, voice=None)))
    long = replace(INCIDENT, question="words " * 200)
    assert len(notices(joined(CONVERSATION, long, LEADS))) < SHOWN + 200


def test_the_other_threads_hear_the_answer_word_for_word() -> None:
    decision = announced(CONVERSATION, ANSWERED)
    (told,) = decision.deliveries
    assert plain(told.outgoing.text).endswith(OFFICIAL)
    assert types(decision) == ["incident_answered"]
