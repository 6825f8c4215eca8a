"""The outage page: who is asked, what the mail holds, and that what is written there is a reply like any other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decision import Snapshot
from router.intent import REPLY, words_of
from router.model import Conversation, DeliveryKind, Inbound, InboundKind, Leg, Sender, Thread, Visibility
from router.model import IdentityKey as Key
from router.outage import PAGE, answerer, asked, mail
from router.richtext import of_text, plain
from router.routing import decide
from router.rulebook import Agent, ReplyMode, Rulebook, Team
from router.verbs import verb_of
from tests.storage.inbounds import RULES

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ID = UUID(int=1)
DESK = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
CHAT = Leg(id=UUID(int=3), conversation=ID, channel="tg", address="42", last_in_at=NOW)
ROUTE = RULES.routes[-1]
CONVERSATION = Conversation(id=ID, number=7, contact=UUID(int=4), legs=(DESK, CHAT), opened_at=NOW, route=ROUTE.id)
OWNER = Agent(id="owner", name="Olga", email="olga@shop.example", slack="U0OLGA")
LEAD = Agent(id="lead", name="Lena", email="lena@shop.example")
LAST = Agent(id="last", name="Lars", email="lars@shop.example")


def rules(*agents: Agent, mode: ReplyMode = ReplyMode.REPLY) -> Rulebook:
    return replace(
        RULES,
        agents={agent.id: agent for agent in agents},
        teams={"sales": Team(id="sales", name="Sales", lead="lead")},
        routes=(*RULES.routes[:-1], replace(ROUTE, reply_mode=mode, hold=timedelta(minutes=5))),
    )


@pytest.mark.parametrize(
    ("agents", "expected"),
    [
        ((OWNER, LEAD, LAST), "owner"),
        ((replace(OWNER, email=""), LEAD, LAST), "lead"),
        ((LEAD, LAST), "lead"),
        ((replace(LEAD, email=""), LAST), "last"),
        ((replace(LEAD, email=""), replace(LAST, email="")), None),
    ],
)
def test_the_owner_is_asked_else_the_lead_else_the_one_of_the_configuration(
    agents: tuple[Agent, ...], expected: str | None
) -> None:
    found = answerer(replace(CONVERSATION, owner="owner", team="sales"), rules(*agents), "last")
    assert (found.id if found is not None else None) == expected


def test_the_mail_makes_no_link_of_a_name_and_is_no_part_of_the_conversation() -> None:
    name = "https://evil.example/login www.evil.example a@evil.example " + "x" * 200
    decision = mail(CONVERSATION, OWNER, customer=name, said_on="tg", via="mail", link="https://d/answer/T", until=NOW)
    (planned,) = decision.deliveries
    text = plain(planned.outgoing.text)
    assert (planned.channel, planned.address, planned.desk) == ("mail", "olga@shop.example", False)
    assert (decision.message, planned.of_message, planned.outgoing.in_reply_to) == (None, False, None)
    assert not any(mark in text for mark in ("https://evil", "www.", "@evil"))
    assert len(text) < 400
    assert "https://d/answer/T" in text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_what_is_written_on_the_page_is_a_reply_and_keeps_its_words(text: str) -> None:
    verb = verb_of(asked(text))
    assert verb is not None
    assert verb.name == REPLY
    if plain(of_text(text)).strip():
        assert plain(words_of(asked(text))).strip() == plain(of_text(text)).strip()


@pytest.mark.parametrize("mode", list(ReplyMode))
@pytest.mark.parametrize(("text", "leaves"), [("It left today", True), ("note: he is angry", False)])
def test_s9_an_answer_leaves_at_once_in_any_mode_and_a_note_in_none(
    mode: ReplyMode, text: str, *, leaves: bool
) -> None:
    inbound = Inbound(
        kind=InboundKind.MESSAGE,
        channel="desk",
        address="C1",
        sender=Sender(identity=Key("slack", "U0OLGA"), name="Olga", internal=True),
        remote_id="answer:1:0",
        thread=Thread(conversation=ID, ref="C1:1.1"),
        text=asked(text),
        value=PAGE,
        sent_at=NOW,
    )
    decision = decide(Snapshot(proof=CONVERSATION, now=NOW), inbound, rules(OWNER, mode=mode))
    assert decision.message is not None
    assert decision.message.remote_id is None  # there is no post that could be marked
    assert decision.message.visibility is (Visibility.PUBLIC if leaves else Visibility.NOTE)
    to_customer = [each for each in decision.deliveries if not each.desk]
    assert [(each.channel, each.hold) for each in to_customer] == ([("tg", timedelta(0))] if leaves else [])
    assert DeliveryKind.REACTION not in {each.kind for each in decision.deliveries}
    told = [plain(each.outgoing.text) for each in decision.deliveries if each.desk]
    assert len(told) == 1
    assert text in told[0]
    assert [event.actor for event in decision.events if event.type == "outage_answer"] == ["agent:owner"]
