"""What leaves by mail is a letter: what an agent's words lack is put around them, and only there (4.9, 4.13)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.canned_replies import CannedReply, Replies
from router.decision import Decision, Outcome, Snapshot
from router.desk_view import DeskView, Held
from router.letters import letter
from router.lookup import Lookup
from router.model import (
    Contact,
    DeliveryState,
    InboundKind,
    Leg,
)
from router.model import IdentityKey as Key
from router.outage import from_page
from router.richtext import Paragraph, Quote, RichText, Span, Style, of_text, plain
from router.routing import decide
from router.rulebook import Rulebook, Voice
from router.told import Target, TargetDelivery
from tests.router.asking import BOOK, CONVERSATION, CUSTOMER, ID, NOW, THREAD, asked, said_in_thread
from tests.router.shipped_standards import CALENDAR, standards
from tests.router.test_corrections import REPLY as SAID
from tests.router.test_corrections import SENT

BY_MAIL = Leg(
    id=UUID(int=3),
    conversation=ID,
    channel="mail",
    address="tom@x.com",
    identity=Key("email", "tom@x.com"),
    last_in_at=NOW,
)
MAILED = replace(CONVERSATION, legs=(THREAD, BY_MAIL))
MESSAGES = standards().messages
RULES = replace(
    BOOK,
    messages=MESSAGES,
    voice=Voice(standards=standards(), calendar=CALENDAR),
    replies=Replies(
        shop={"en": "Lamps & Co"},
        items=(CannedReply(id="left", title="It left", texts={"en": "Order {order} has left the warehouse."}),),
    ),
)
VIEW = DeskView(now=NOW)
END = "\n\nKind regards,\n\nAlice Chen"


def sent(
    words: str | RichText,
    *,
    name: str = "Tom",
    language: str | None = None,
    question: str = "",
    channel: str = "mail",
    rules: Rulebook = RULES,
) -> RichText:
    """What leaves of Alice's words."""
    contact = Contact(id=CUSTOMER, name=name, language=language)
    snapshot = Snapshot(proof_contact=contact, desk=replace(VIEW, asked=(question,) if question else ()))
    text = of_text(words) if isinstance(words, str) else words
    return letter(snapshot, MAILED, channel, text, "Alice Chen", rules)


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ("It has left.", f"Hello Tom,\n\nIt has left.{END}"),
        ("Hi Tom, it has left.", f"Hi Tom, it has left.{END}"),
        ("It has left. Have a nice day!", "Hello Tom,\n\nIt has left. Have a nice day!\n\nAlice Chen"),
        ("Dear Tom,\nit has left.\n\nBest regards\nAlice Chen", None),
        ("Hello, it has left.\n\nKind regards\nAlice", None),
        ("It has left.\n\nYours, Alice Chen", "Hello Tom,\n\nIt has left.\n\nYours, Alice Chen"),
        ("I asked Alice Chen about it.", f"Hello Tom,\n\nI asked Alice Chen about it.{END}"),
        ("已经为您发货。", "Tom,您好:\n\n已经为您发货。\n\n如有其他问题,请随时回复本邮件。\n\n客服 Alice Chen"),
        ("您好,已经发货。祝您生活愉快!", "您好,已经发货。祝您生活愉快!\n\n客服 Alice Chen"),
        ("您好,已经发货,如有疑问请联系。\n此致\n客服 Alice Chen", None),
        ("已經為您發貨。", "Tom,您好:\n\n已經為您發貨。\n\n如有其他問題,請隨時回覆本郵件。\n\n客服 Alice Chen"),
        ("Ваш заказ отправлен сегодня.", None),
    ],
)
def test_a_mail_gets_what_it_lacks_in_the_language_of_its_words_and_nothing_twice(
    words: str, whole: str | None
) -> None:
    assert plain(sent(words)) == (whole or words)


def test_on_other_channels_and_without_checks_nothing_is_put_in() -> None:
    words = of_text("It has left.")
    assert sent(words, channel="tg") == sent(words, channel="web") == sent(words, channel="desk") == words
    assert sent(words, rules=replace(RULES, voice=None)) == words


@pytest.mark.parametrize(
    ("language", "words", "begins"),
    [
        ("fr", "Il est parti.", "Il est parti."),
        ("en-GB", "It has left.", "Hello Tom,"),
        ("zh-TW", "It has left.", "Hello Tom,"),
        ("zh-TW", "好的,今天出口。", "Tom,您好:"),
    ],
)
def test_latin_words_are_taken_for_the_language_of_the_record(language: str, words: str, begins: str) -> None:
    assert plain(sent(words, language=language)).startswith(begins)


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("", "Hello,"),
        ("Dr. Ann O'Neill", "Hello Dr. Ann O'Neill,"),
        ("王芳", "Hello 王芳,"),
        ("tom@x.com", "Hello,"),
        ("Win at evil.example", "Hello,"),
        ("http://evil", "Hello,"),
        ("Tom\nBuy now", "Hello,"),
        ("T" * 61, "Hello,"),
    ],
)
def test_a_customer_is_greeted_by_a_name_that_can_be_no_link(name: str, greeting: str) -> None:
    assert plain(sent("It has left.", name=name)).split("\n")[0] == greeting


def test_formatting_stays_and_a_customers_quoted_greeting_is_none_of_ours() -> None:
    quote = Quote(of_text("Hello, where is it? Kind regards").blocks)
    words = Paragraph((Span("It has "), Span("left", Style.BOLD), Span(".", link="https://shop.example/t")))
    whole = sent(RichText((quote, words)))
    greeting, *kept, closing, signature = whole.blocks
    assert kept == [quote, words]
    assert plain(RichText((greeting, closing, signature))) == f"Hello Tom,{END}"


def test_a_file_alone_gets_a_letter_in_the_language_of_the_question() -> None:
    assert plain(sent("", question="Where is my receipt?")) == f"Hello Tom,{END}"
    assert plain(sent("", question="请问发票在哪里?")).startswith("Tom,您好:")
    assert sent("") == RichText()


def test_a_shop_writes_its_own_words_and_leaves_out_what_it_does_not_want() -> None:
    own = replace(
        MESSAGES,
        mail_greeting={"en": ()},
        mail_closing={},
        mail_signature={"en": ("{agent} for {order}", "{agent}\n{shop} #{number}")},
    )
    rules = replace(RULES, messages=own)
    assert plain(sent("It has left.", rules=rules)) == "It has left.\n\nAlice Chen\nLamps & Co #7"


# Whichever way a reply is composed, it leaves as a letter, and the agent's words stay what they are.


def mailed(decision: Decision) -> str:
    [only] = [each for each in decision.deliveries if not each.desk]
    return plain(only.outgoing.text)


def test_a_reply_leaves_as_a_letter_and_is_kept_as_it_was_written() -> None:
    snapshot, inbound = said_in_thread("why", MAILED)
    said = replace(inbound, text=of_text("It has left."))
    decision = decide(snapshot, said, RULES)
    assert mailed(decision) == f"Hello Tom,\n\nIt has left.{END}"
    assert decision.message is not None
    assert plain(decision.message.text) == "It has left."
    page = from_page(snapshot, said, RULES)
    assert mailed(page) == f"Hello Tom,\n\nIt has left.{END}"


def test_canned_replies_and_corrections_leave_as_letters() -> None:
    canned = asked("send-canned left order=A1", MAILED, rules=RULES)
    assert mailed(canned) == f"Hello Tom,\n\nOrder A1 has left the warehouse.{END}"
    lookup = Lookup(edited=Target(message=REPLY, deliveries=()))
    corrected = asked("send-correction", MAILED, rules=RULES, lookup=lookup)
    assert mailed(corrected) == f"Hello Tom,\n\nCorrection:\n\nIt has left.{END}"


REPLY = replace(SAID, text=of_text("It has left."))
QUEUED = replace(SENT, state=DeliveryState.READY, remote_ids=())


def edited(text: str, *deliveries: TargetDelivery, held: bool = False) -> Decision:
    """Alice edits her reply."""
    target = Target(message=REPLY, deliveries=deliveries)
    hold = Held(id=UUID(int=9), target=target, agent="alice", findings=(), held_at=NOW - timedelta(minutes=1))
    snapshot, inbound = said_in_thread("why", MAILED)
    snapshot = replace(snapshot, target=target, desk=replace(VIEW, held=(hold,) if held else ()))
    edit = replace(inbound, kind=InboundKind.EDIT, target=REPLY.remote_id, text=of_text(text))
    return decide(snapshot, edit, RULES)


def test_an_edit_in_the_undo_time_changes_the_letter_by_the_words_alone() -> None:
    decision = edited("Hello Tom, it has left today.", QUEUED)
    assert decision.revision is not None
    assert plain(decision.revision.text) == "Hello Tom, it has left today."
    [change] = decision.rewrite.values()
    assert plain(change.text) == f"Hello Tom, it has left today.{END}"
    assert not edited("It has left.", QUEUED).rewrite


def test_a_held_reply_leaves_as_a_letter_once_it_is_released_or_changed() -> None:
    assert mailed(edited("It has left today.", held=True)) == f"Hello Tom,\n\nIt has left today.{END}"
    target = Target(message=REPLY)
    hold = Held(id=UUID(int=9), target=target, agent="alice", findings=(), held_at=NOW - timedelta(minutes=1))
    released = asked("send it is right", MAILED, rules=RULES, desk=replace(VIEW, held=(hold,)))
    assert mailed(released) == f"Hello Tom,\n\nIt has left.{END}"


def test_markup_that_a_mail_would_show_is_taken_out_before_a_reply_is_checked_and_kept() -> None:
    snapshot, inbound = said_in_thread("why", MAILED)
    decision = decide(snapshot, replace(inbound, text=of_text("It has left *today*.")), RULES)
    assert mailed(decision) == f"Hello Tom,\n\nIt has left today.{END}"
    assert decision.message is not None
    assert plain(decision.message.text) == "It has left today."
    assert edited("*It* has left.", QUEUED).outcome is Outcome.IGNORED
    [change] = edited("It has left *today*.", QUEUED).rewrite.values()
    assert plain(change.text) == f"Hello Tom,\n\nIt has left today.{END}"
