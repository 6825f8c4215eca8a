"""Canned replies: looked for, filled from a closed list of fields, shown to the one who asks, sent like any reply."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.settings import shipped_calendars
from gateway.standards import load_standards, shipped
from router.calendar_definitions import to_calendar
from router.canned_replies import FIELDS, CannedReply, Replies, fields_of, filled, looked_for
from router.consistency.collision import Answer
from router.consistency.workdays import Workdays
from router.decision import Decision
from router.desk_view import DeskView
from router.model import Contact, Visibility
from router.reading_ahead import may_speak, read_words
from router.richtext import plain
from router.routing import decide
from router.rulebook import Rulebook, Voice
from tests.router.asking import (
    BOOK,
    BY_CHAT,
    CONVERSATION,
    CUSTOMER,
    NOW,
    TOM,
    asked,
    notices,
    said_in_thread,
    told_alone,
    types,
)

REPLIES = Replies(
    shop={"en": "Lamps & Co", "zh-CN": "灯具店"},
    items=(
        CannedReply(id="hello", title="Greeting", texts={"en": "Hello {customer}, I am {agent} of {shop}."}),
        CannedReply(
            id="delay",
            title="A delay in transport",
            topics=("logistics",),
            texts={"en": "Order {order} is late.", "zh-CN": "订单 {order} 延误了。"},
        ),
        CannedReply(id="refund", title="Money back", topics=("refund",), texts={"en": "Your order is refunded."}),
        CannedReply(id="refund-2", title="Refund refused", texts={"en": "Sorry."}),
    ),
)
RULES = replace(BOOK, replies=REPLIES)
LATE = replace(CONVERSATION, topic="logistics", orders=("A10017",))


def said(line: str, conversation: object = LATE, **more: object) -> Decision:
    return asked(line, conversation, rules=RULES, **more)  # type: ignore[arg-type]  # arguments of `asked` by name


def ids(found: list[CannedReply]) -> list[str]:
    return [each.id for each in found]


@pytest.mark.parametrize(
    ("words", "topic", "wanted"),
    [
        ("refund", None, ["refund", "refund-2"]),
        ("REFUND money", None, ["refund"]),
        ("order", None, ["delay", "refund"]),
        ("order", "refund", ["refund", "delay"]),
        ("延误", None, ["delay"]),
        ("refund lamp", None, []),
        ("", "logistics", ["delay", "hello", "refund", "refund-2"]),
    ],
)
def test_replies_are_found_by_every_word_best_first(words: str, topic: str | None, wanted: list[str]) -> None:
    assert ids(looked_for(REPLIES, words, topic)) == wanted


def test_of_equal_ones_those_in_the_customers_language_come_first() -> None:
    assert ids(looked_for(REPLIES, "", None, ["zh-CN"]))[0] == "delay"


def test_a_value_is_never_read_for_fields_itself() -> None:
    found = filled("{customer} of {shop}", {"customer": "{shop}", "shop": "X"})
    assert found.text == "{shop} of X"
    assert filled("{order}", {}).missing == ("order",)


def test_the_list_is_for_the_one_who_asks_with_a_button_for_each() -> None:
    found = said("replies refund")
    assert told_alone(found) == {"U0ALICE"}
    assert "Money back: Your order is refunded." in notices(found)
    [told] = found.deliveries
    assert [each.line for each in told.outgoing.buttons] == ["canned refund", "canned refund-2"]
    assert "No canned reply has 'lamp'" in notices(said("replies lamp"))


def test_the_preview_is_filled_and_its_button_sends_exactly_that() -> None:
    found = said("canned delay")
    assert told_alone(found) == {"U0ALICE"}
    assert "Order A10017 is late." in notices(found)
    [told] = found.deliveries
    send, other = told.outgoing.buttons
    assert (send.label, other.line) == ("Send", "canned delay:zh-CN")
    sent = said(send.line, pressed=True)
    assert sent.message is not None
    assert plain(sent.message.text) == "Order A10017 is late."
    assert sent.message.visibility is Visibility.PUBLIC
    assert sent.message.remote_id is None
    assert [(each.channel, each.address) for each in sent.deliveries if not each.desk] == [("tg", "42")]
    assert "Alice Chen answered with “A delay in transport”" in notices(sent)
    assert types(sent) == ["assigned", "reply_composed"]
    assert sent.events[-1].payload["canned"] == "delay"


def test_words_that_changed_since_they_were_looked_at_are_not_sent() -> None:
    [told] = said("canned delay").deliveries
    line = told.outgoing.buttons[0].line
    found = said(line, replace(LATE, orders=("B20018",)), pressed=True)
    assert not [each for each in found.deliveries if not each.desk]
    assert "reads otherwise by now" in notices(found)


@pytest.mark.parametrize(
    ("line", "conversation", "sentence"),
    [
        ("canned delay", CONVERSATION, "no order is known"),
        ("canned delay", replace(LATE, orders=("A1", "B2")), "several orders (A1, B2)"),
        ("canned dealy", LATE, "There is no canned reply 'dealy'"),
        ("canned", LATE, "Say which"),
        ("canned delay to=you", LATE, "'to=you' is neither a language"),
    ],
)
def test_what_cannot_be_filled_is_said_in_a_sentence(line: str, conversation: object, sentence: str) -> None:
    found = said(line, conversation)
    assert sentence in notices(found)
    assert sentence in notices(said(line.replace("canned", "send-canned", 1), conversation))
    assert not [each for each in found.deliveries if not each.desk]


def test_a_field_without_a_value_is_no_empty_hole_and_can_be_given() -> None:
    nobody = Contact(id=CUSTOMER)
    assert "the name of the customer is not known" in notices(said("canned hello", contact=nobody))
    assert "Hello Tom, I am Alice Chen of Lamps & Co." in notices(said("canned hello"))
    assert "Order B7 is late." in notices(said("canned delay order=B7", CONVERSATION))
    [told] = said("canned delay zh-CN order=B7", CONVERSATION).deliveries
    assert "订单 B7 延误了。" in plain(told.outgoing.text)
    assert told.outgoing.buttons[0].line.endswith(" order=B7")


def test_the_language_is_that_of_the_customer() -> None:
    assert "订单 A10017" in notices(said("canned delay", contact=replace(TOM, language="zh-CN")))


def test_what_the_customer_has_just_been_told_is_not_sent_twice() -> None:
    told = Answer(agent="alice", at=NOW - timedelta(seconds=5), text="Order A10017 is late.")
    desk = DeskView(
        now=NOW, contacts=frozenset({CUSTOMER}), identities=(BY_CHAT,), newest=told, newest_seq=4, asked_seq=3
    )
    again = said("send-canned delay", desk=desk)
    assert not [each for each in again.deliveries if not each.desk]
    asked_since = said("send-canned delay", desk=replace(desk, asked_seq=5))
    assert [each for each in asked_since.deliveries if not each.desk]


@pytest.fixture(scope="module")
def checking() -> Rulebook:
    """The shipped checks, and a reply that they hold."""
    calendar = Workdays(to_calendar("CN_STD", shipped_calendars()["CN_STD"]))
    voice = Voice(standards=load_standards(shipped()), calendar=calendar)
    rude = CannedReply(id="rude", title="Rude", texts={"en": "Only an idiot would ask that."})
    return replace(BOOK, voice=voice, replies=Replies(items=(rude,)))


def test_a_canned_reply_that_the_checks_hold_waits_like_any_other(checking: Rulebook) -> None:
    found = asked("send-canned rude", LATE, rules=checking, pressed=True)
    assert found.record is not None
    assert found.record.hold is not None
    assert not [each for each in found.deliveries if not each.desk]
    assert found.message is not None
    assert found.message.remote_id is None
    asking = next(each.outgoing for each in found.deliveries if each.outgoing.about)
    assert asking.about == "held:itself"


@pytest.mark.parametrize("pressed", [True, False])
def test_its_words_are_checked_before_the_lock_and_not_again(checking: Rulebook, *, pressed: bool) -> None:
    snapshot, inbound = said_in_thread("send-canned rude", LATE, pressed=pressed)
    assert may_speak(inbound)
    ahead = read_words(snapshot, inbound, checking)
    assert ahead is not None
    assert ahead.checked.findings
    assert snapshot.desk is not None
    believed = replace(ahead, checked=replace(ahead.checked, findings=()))
    found = decide(replace(snapshot, desk=replace(snapshot.desk, read=believed)), inbound, checking)
    assert [each for each in found.deliveries if not each.desk]
    assert not may_speak(said_in_thread("take", pressed=True)[1])


def test_the_shipped_replies_pass_the_shipped_checks_of_wording() -> None:
    replies = load_standards(shipped()).replies
    assert len(replies.items) >= 5
    assert all(set(fields_of(text)) <= set(FIELDS) for each in replies.items for text in each.texts.values())
