"""What agents ask about owners, and what answering means: the decision each leads to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from router.agent_state import AgentState, AgentStatus
from router.decision import Decision, Snapshot
from router.model import Conversation, Inbound, InboundKind, Leg, Sender, Status, Thread, Visibility
from router.model import IdentityKey as Key
from router.ownership import OfferState, OpenOffer, OwnerChange, Ownership, Standing, StatusChange
from router.release import Release, missed
from router.richtext import Mention, Paragraph, RichText, Span, of_text, plain
from router.routing import decide
from router.rulebook import Agent, Team
from tests.storage.inbounds import RULES

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
BOOK = replace(
    RULES,
    agents={
        "alice": Agent(id="alice", name="Alice Chen", slack="U0ALICE", languages=("en",)),
        "bob": Agent(id="bob", name="Bob Li", slack="U0BOB", languages=("zh-CN", "en")),
        "carol": Agent(id="carol", name="Carol Wu", email="carol@shop.example"),
    },
    teams={"sales": Team(id="sales", name="Sales")},
)
ID = UUID(int=1)
OFFER = OpenOffer(id=UUID(int=9), agent="alice", until=NOW + timedelta(minutes=5))
THREAD = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
CHAT = Leg(id=UUID(int=3), conversation=ID, channel="tg", address="42", last_in_at=NOW)
CONVERSATION = Conversation(
    id=ID, number=7, contact=UUID(int=4), team="sales", route="default", legs=(THREAD, CHAT), opened_at=NOW
)


def post(text: RichText, user: str) -> Inbound:
    return Inbound(
        kind=InboundKind.MESSAGE,
        channel="desk",
        address="C1",
        sender=Sender(identity=Key("slack", user), internal=True),
        remote_id="C1:2",
        thread=Thread(ref="C1:1.1"),
        text=text,
    )


def said(
    text: str, user: str = "U0ALICE", *, owner: str | None = None, offer: OpenOffer | None = None, **standing: object
) -> Decision:
    """What follows from "@onevoice <text>", or from a plain post when it begins with "=": the answer itself."""
    words = of_text(text[1:]) if text.startswith("=") else _verb(Span(f" {text}"))
    return _decided(words, user, owner, Standing(offer=offer, **standing))  # type: ignore[arg-type]  # fields by name


def _verb(*children: Span | Mention) -> RichText:
    return RichText((Paragraph((Mention("onevoice", "U0BOT"), *children)),))


def _decided(words: RichText, user: str, owner: str | None, standing: Standing) -> Decision:
    conversation = replace(CONVERSATION, owner=owner)
    return decide(Snapshot(proof=conversation, standing=standing), post(words, user), BOOK)


def notices(decision: Decision) -> str:
    return " ".join(plain(each.outgoing.text) for each in decision.deliveries if each.desk)


def changed(decision: Decision) -> Ownership:
    assert decision.ownership is not None
    return decision.ownership


def types(decision: Decision) -> list[str]:
    return [event.type for event in decision.events]


@pytest.mark.parametrize("text", ["accept", "take", "=Of course", "assign @alice"])
def test_the_one_it_is_offered_to_has_it_then(text: str) -> None:
    found = said(text, offer=OFFER)
    change = changed(found)
    assert change.owner == OwnerChange(agent="alice")
    assert change.offer_end is not None
    assert (change.offer_end.offer, change.offer_end.state) == (OFFER, OfferState.ACCEPTED)
    assert types(found)[:2] == ["offer_accepted", "assigned"]
    assert found.events[1].payload == {"agent": "alice", "team": "sales"}


@pytest.mark.parametrize("text", ["take", "=Of course", "assign bob"])
def test_somebody_else_may_take_what_is_offered_and_the_offer_is_withdrawn(text: str) -> None:
    change = changed(said(text, "U0BOB", offer=OFFER))
    assert change.owner == OwnerChange(agent="bob")
    assert change.offer_end is not None
    assert change.offer_end.state is OfferState.WITHDRAWN


def test_accepting_what_is_offered_to_somebody_else_changes_nothing() -> None:
    found = said("accept", "U0BOB", offer=OFFER)
    assert found.ownership is None
    assert "It is offered to Alice Chen" in notices(found)


def test_accepting_what_nobody_has_is_taking_it() -> None:
    assert changed(said("accept", "U0BOB")).owner == OwnerChange(agent="bob")


def test_an_answer_in_somebody_elses_conversation_leaves_the_owner() -> None:
    assert said("=Of course", "U0BOB", owner="alice").ownership is None


def test_a_note_takes_nothing() -> None:
    assert said("=// he is angry").ownership is None


@pytest.mark.parametrize("text", ["accept", "take"])
def test_what_is_ones_own_stays_so(text: str) -> None:
    found = said(text, owner="alice")
    assert found.ownership is None
    assert "yours already" in notices(found)


def test_passing_an_offer_ends_it_with_the_reason() -> None:
    found = said("pass I go  to lunch", offer=OFFER)
    change = changed(found)
    assert change.owner is None
    assert change.offer_end is not None
    assert (change.offer_end.state, change.offer_end.reason) == (OfferState.PASSED, "I go  to lunch")
    assert types(found) == ["offer_passed", "note_added"]


def test_passing_what_one_has_gives_it_back_and_keeps_oneself_away() -> None:
    found = said("pass", owner="alice")
    change = changed(found)
    assert change.owner == OwnerChange(agent=None)
    assert change.offer_end is not None
    assert (change.offer_end.offer, change.offer_end.agent) == (None, "alice")
    assert types(found) == ["owner_released", "assigned", "note_added"]
    assert found.events[1].payload == {"agent": None, "team": "sales"}


def test_passing_what_is_not_ones_own_is_not_possible() -> None:
    assert said("pass", "U0BOB", owner="alice", offer=OFFER).ownership is None


@pytest.mark.parametrize("name", ["carol", "@carol", "Carol Wu", "@Carol Wu", "CAROL"])
def test_a_person_is_found_by_id_and_name(name: str) -> None:
    found = said(f"assign {name}", owner="alice")
    assert changed(found).owner == OwnerChange(agent="carol")


def test_a_person_is_found_by_the_mention_and_pinged() -> None:
    words = _verb(Span(" assign "), Mention("colleague", "U0BOB"))
    found = _decided(words, "U0ALICE", None, Standing())
    assert changed(found).owner == OwnerChange(agent="bob")
    (notice,) = [each for each in found.deliveries if each.desk]
    assert notice.outgoing.text == RichText((Paragraph((Mention("Bob Li", "U0BOB"), Span(" has it now."))),))


@pytest.mark.parametrize("name", ["sales", "Sales"])
def test_a_team_gets_it_into_its_queue(name: str) -> None:
    found = said(f"assign {name}", owner="alice")
    assert changed(found).owner == OwnerChange(agent=None, team="sales")
    assert found.events[0].payload == {"agent": None, "team": "sales"}


@pytest.mark.parametrize("name", ["", " zoe", " @zoe"])
def test_nobody_known_changes_nothing(name: str) -> None:
    found = said(f"assign{name}")
    assert found.ownership is None
    assert "Say @onevoice assign and one of: alice, bob, carol, sales." in notices(found)
    assert ("I know no agent or team" in notices(found)) is bool(name)


@pytest.mark.parametrize("word", ["available", "Away", "offline", "break"])
def test_a_status_is_ones_own(word: str) -> None:
    found = said(f"status {word}")
    assert changed(found).status == StatusChange(agent="alice", status=AgentStatus(word.lower()))


def test_an_unknown_status_is_answered_with_the_known_ones() -> None:
    found = said("status lunch")
    assert found.ownership is None
    assert "available, away, offline, break" in notices(found)


def test_resolving_frees_the_owner() -> None:
    found = said("resolve", owner="alice", offer=None)
    assert [event.payload for event in found.events if event.type == "status_changed"] == [{"to": Status.RESOLVED}]


def test_why_speaks_the_agents_first_language() -> None:
    words = {"en": "Alice Chen, the only available agent.", "zh": "Alice Chen：唯一可用的客服。"}
    for user, expected in (("U0ALICE", words["en"]), ("U0BOB", words["zh"])):
        found = said("why", user, offer=OFFER, routed=("it is new", "route default"), assigned=words)
        text = notices(found)
        assert expected in text
        assert "it is new; route default" in text
        assert "Offered to Alice Chen until 09:05:00 (UTC)" in text
        assert found.ownership is None


def test_why_before_anything_was_decided() -> None:
    assert "Nobody has it yet." in notices(said("why"))


@pytest.mark.parametrize("verb", ["accept", "pass", "take", "assign sales", "status away", "why", "resolve", "dance"])
def test_s9_nothing_asked_of_onevoice_reaches_the_customer(verb: str) -> None:
    found = said(verb, offer=OFFER)
    assert [each for each in found.deliveries if not each.desk] == []
    assert found.message is not None
    assert found.message.visibility is Visibility.NOTE


def test_what_a_customer_writes_after_the_owner_went_offline_is_missed() -> None:
    gone = AgentState(id="alice", status=AgentStatus.OFFLINE, status_at=NOW)
    assert missed(gone, NOW, NOW) is Release.OFFLINE
    assert missed(gone, NOW - timedelta(seconds=1), NOW) is None
    assert missed(replace(gone, status=AgentStatus.AWAY), NOW, NOW) is None
    assert missed(AgentState(id="alice", shifts=()), NOW, NOW) is Release.OFF_SHIFT
