"""The same question on another channel goes to the conversation in which it was asked (decisions 6 (4), 4.3)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.decision import Decision, Question, Snapshot
from router.model import Conversation, Identity, Leg
from router.model import IdentityKey as Key
from router.richtext import plain
from router.routing import decide
from tests.router.test_attaching import BOOK, CONTACT, NOW, conversation
from tests.storage.inbounds import question

ASKED = "When will the money for the blue jacket be on my account, please?"
AGAIN = "Hello, when will the money for the blue jacket be on my account?"


def by_mail(number: int, **changes: object) -> Conversation:
    return conversation(number, channel="mail", address="t@x.example", **changes)


def asked(of: Conversation, text: str, hours_ago: float = 0.4) -> Question:
    return Question(conversation=of.id, text=text, at=NOW - timedelta(hours=hours_ago))


def said(text: str, known: tuple[Conversation, ...], *earlier: Question) -> Decision:
    snapshot = Snapshot(
        identity=Identity(contact=CONTACT.id, key=Key("tg", "42"), verification=1),
        contact=CONTACT,
        open=known,
        now=NOW,
        asked=earlier,
    )
    return decide(snapshot, question(text), BOOK)


def chosen(decision: Decision) -> tuple[int | None, str]:
    return decision.conversation.number if decision.conversation else None, decision.reasons[0].rule


@pytest.mark.parametrize(("hours", "expected"), [(1, 2), (71.9, 2), (72.1, None)])
def test_the_same_words_within_72_hours_are_the_same_conversation(hours: float, expected: int | None) -> None:
    other = by_mail(2, topic="tech")
    decision = said(f"{AGAIN} I want my refund", (other,), asked(other, f"{ASKED} I want a refund", hours))
    assert chosen(decision) == (expected, "attach.duplicate" if expected else "attach.new")


def test_it_goes_where_it_is_most_alike_and_not_to_the_open_one_on_its_own_address() -> None:
    here, near, same = conversation(1), by_mail(2), by_mail(3)
    decision = said(AGAIN, (here, near, same), asked(near, ASKED + " The jacket came torn apart"), asked(same, ASKED))
    assert chosen(decision) == (3, "attach.duplicate")
    assert "similarity 1.00" in decision.reasons[0].text


def test_other_words_and_greetings_are_no_duplicate() -> None:
    other = by_mail(2, topic="return")
    assert chosen(said("When do I get my refund?", (other,), asked(other, ASKED))) == (None, "attach.new")
    assert chosen(said("Hello!", (conversation(1), other), asked(other, "Hello!"))) == (1, "attach.leg")


def test_another_order_is_another_matter_however_like_the_words() -> None:
    other = by_mail(2, orders=("US-20260301-78",))
    decision = said(f"{AGAIN} Order US-20260301-77", (other,), asked(other, f"{ASKED} Order US-20260301-78"))
    assert chosen(decision) == (None, "attach.new")


def test_c33_no_second_round_starts_for_it() -> None:
    other = by_mail(2, topic="tech")
    decision = said(AGAIN, (other,), asked(other, ASKED, 0.07))
    assert decision.opening is None
    assert [event.type for event in decision.events] == ["message_received"]


def test_4_3_what_was_answered_already_is_offered_to_be_used_again() -> None:
    desk = Leg(id=UUID(int=99), conversation=UUID(int=2), channel="desk", address="C1", desk=True, thread="C1:1.1")
    waiting = by_mail(2, topic="tech")
    waiting = replace(waiting, legs=(*waiting.legs, desk))
    other = replace(waiting, last_word_ours=True)
    asking = said(AGAIN, (other,), asked(other, ASKED)).deliveries[-1].outgoing
    assert "similarity" in plain(asking.text)
    assert [each.line for each in asking.buttons] == ["use-answer"]
    assert not any(each.outgoing.buttons for each in said(AGAIN, (waiting,), asked(waiting, ASKED)).deliveries)
