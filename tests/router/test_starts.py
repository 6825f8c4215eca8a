"""Conversations that agents begin, and transcripts that they send: to whom, and to nobody else."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.decision import Decision
from router.lookup import Lookup, Reach, Said
from router.model import AuthorKind, Contact, DeliveryKind, Identity, Leg, Promise, Statement, Visibility
from router.model import IdentityKey as Key
from router.record import NewPromise, Record
from router.richtext import Mention, Paragraph, RichText, Span, of_text, plain
from router.routing import decide
from tests.router.asking import (
    BOOK,
    BY_CHAT,
    CHAT,
    CONVERSATION,
    CUSTOMER,
    ID,
    NOW,
    THREAD,
    asked,
    notices,
    said_in_thread,
    types,
)

BY_MAIL = Identity(key=Key("email", "tom@x.com"), contact=CUSTOMER, verification=1)
ANNA = Contact(id=UUID(int=77), name="Anna", language="de")


def to_customers(decision: Decision) -> list[tuple[str, str, str]]:
    return [(each.channel, each.address, plain(each.outgoing.text)) for each in decision.deliveries if not each.desk]


def test_an_agent_begins_a_conversation_by_mail_with_somebody_unknown() -> None:
    found = asked("start mail anna@X.com (mailto:anna@X.com) Subject: Your lamp\nIt is ready.")
    assert found.conversation is None
    assert found.opening is not None
    assert found.opening.contact is None
    assert found.opening.subject == "Your lamp"
    assert found.opening.to is not None
    assert (found.opening.to.address, found.opening.to.identity) == ("anna@x.com", Key("email", "anna@x.com"))
    assert to_customers(found) == [("mail", "anna@x.com", "It is ready.")]
    assert types(found) == ["conversation_opened", "assigned", "reply_composed"]
    assert found.message is not None
    assert found.message.visibility is Visibility.PUBLIC
    assert found.deliveries[0].kind is DeliveryKind.ROOT
    old = [each for each in found.deliveries if each.thread_of == ID]
    assert "has begun, in a thread of its own" in plain(old[0].outgoing.text)
    assert not [each for each in found.deliveries if each.kind is DeliveryKind.REACTION]


def test_it_belongs_to_the_contact_who_has_the_address() -> None:
    known = asked("start mail anna@x.com Hello", lookup=Lookup(other=ANNA)).opening
    assert known is not None
    assert known.contact == ANNA.id
    own = asked("start mail customer Hello", identities=(BY_CHAT, BY_MAIL)).opening
    assert own is not None
    assert own.contact == CUSTOMER
    assert own.to is not None
    assert own.to.address == "tom@x.com"


def test_on_other_channels_only_this_customer_is_written_to_where_they_wrote_before() -> None:
    assert to_customers(asked("start tg customer Hello again")) == [("tg", "42", "Hello again")]
    assert to_customers(asked("start tg 42 Hello again")) == [("tg", "42", "Hello again")]
    stranger = asked("start tg 4711 Hello")
    assert stranger.opening is None
    assert "only a customer who wrote before" in notices(stranger)
    assert asked("start web customer Hello").opening is None
    web = Lookup(reach=(Reach(channel="web", address="v1", contact=CUSTOMER, identity=Key("account", "9")),))
    assert to_customers(asked("start web customer Hello", lookup=web)) == [("web", "v1", "Hello")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("start", "start <channel> <address> <text>"),
        ("start mail anna@x.com", "start <channel> <address> <text>"),
        ("start fax anna@x.com Hello", "There is no channel 'fax'"),
        ("start desk C1 Hello", "There is no channel 'desk'"),
        ("start mail anna Hello", "Not sent"),
        ("start mail customer Hello", "no mail address"),
        ("start tg customer // careful, a fraud", "marked as a note"),
        ("start mail anna@x.com Subject: Your lamp\n\u2022 note: she is a fraud", "marked as a note"),
        ("start mail anna@x.com Subject: // a fraud\nHello", "marked as a note"),
        ("start tg customer Hey @onevoice why", "names @onevoice"),
    ],
)
def test_what_cannot_be_begun_is_told_and_nothing_leaves(line: str, said: str) -> None:
    found = asked(line)
    assert found.opening is None
    assert said in notices(found)
    assert to_customers(found) == []


def test_s9_a_note_stays_one_behind_a_verb_and_a_name_of_two_words() -> None:
    snapshot, post = said_in_thread("")
    start = (Mention("onevoice", "U0BOT"), Span(" start tg customer "), Mention("Bob Li", "U0BOB"))
    for words, left in ((", // a fraud", []), (" is on it", [("tg", "42", "@Bob Li is on it")])):
        text = RichText((Paragraph((*start, Span(words))),))
        assert to_customers(decide(snapshot, replace(post, text=text), BOOK)) == left


def test_t12_nobody_is_written_to_who_has_blocked_us() -> None:
    blocked = replace(CONVERSATION, legs=(THREAD, replace(CHAT, closed=True)))
    found = asked("start tg customer Hello", blocked)
    assert found.opening is None
    assert "cannot be reached" in notices(found)


MAIL = Leg(
    id=UUID(int=5),
    conversation=ID,
    channel="mail",
    address="tom@x.com",
    identity=Key("email", "tom@x.com"),
    last_in_at=NOW + timedelta(hours=1),
)
SAID = Lookup(
    said=(
        Said(at=NOW, author_kind=AuthorKind.CUSTOMER, author="Tom", channel="tg", text=of_text("Where is it?")),
        Said(
            at=NOW + timedelta(minutes=1),
            author_kind=AuthorKind.AGENT,
            author="Alice Chen",
            channel="tg",
            text=of_text("Here."),
            files=("label.pdf",),
        ),
    )
)


def test_a_transcript_goes_by_mail_in_one_message_to_the_proven_address() -> None:
    found = asked("transcript", lookup=SAID, identities=(BY_CHAT, BY_MAIL))
    [(channel, address, text)] = to_customers(found)
    assert (channel, address) == ("mail", "tom@x.com")
    assert text.index("2026-03-10 09:00 · Tom") < text.index("Where is it?") < text.index("Alice Chen")
    assert "label.pdf" in text
    assert found.events[0].payload == {"channel": "mail", "address": "tom@x.com", "messages": 2}
    assert found.events[0].actor == "agent:alice"
    assert found.message is not None
    assert (found.message.author_kind, found.message.automatic) == (AuthorKind.SYSTEM, True)


@pytest.mark.parametrize(
    ("line", "identities", "said"),
    [
        ("transcript", (BY_CHAT,), "no mail address of theirs is proven"),
        ("transcript", (BY_CHAT, replace(BY_MAIL, verification=0)), "no mail address of theirs is proven"),
        ("transcript to eve@x.com", (BY_CHAT, BY_MAIL), "eve@x.com is not proven to be this customer's"),
        ("transcript to Tom", (BY_CHAT, BY_MAIL), "is no mail address"),
    ],
)
def test_4_1_a_transcript_goes_to_no_address_that_is_not_proven(
    line: str, identities: tuple[Identity, ...], said: str
) -> None:
    conversation = replace(CONVERSATION, legs=(THREAD, CHAT, MAIL))
    found = asked(line, conversation, lookup=SAID, identities=identities)
    assert to_customers(found) == []
    assert said in notices(found)


def test_a_long_transcript_has_the_newest_messages() -> None:
    long = replace(SAID, said=(replace(SAID.said[0], text=of_text("x" * 150_000)), *SAID.said, SAID.said[1]))
    [(_, _, text)] = to_customers(
        asked("transcript", lookup=replace(long, said=(long.said[0], *long.said)), identities=(BY_MAIL,))
    )
    assert "The newest 4 of 5 messages" in text


def test_what_a_first_message_says_is_on_record_for_the_new_conversation() -> None:
    nowhere = UUID(int=0)
    said = Statement(contact=nowhere, conversation=nowhere, slot="refund_amount", value="5", said_at=NOW)
    promised = NewPromise(promise=Promise(conversation=nowhere, kind="reply", due_at=NOW, span=(0, 1)))
    record = Record(statements=(said,), promises=(promised,)).said_in(CONVERSATION)
    assert (record.statements[0].contact, record.statements[0].conversation) == (CUSTOMER, ID)
    assert record.promises[0].promise.conversation == ID


def test_a_conversation_that_was_held_by_one_mail_address_only_may_be_told_there() -> None:
    by_mail = replace(CONVERSATION, legs=(THREAD, MAIL))
    claimed = replace(BY_MAIL, verification=0)
    [(_, address, _)] = to_customers(asked("transcript", by_mail, lookup=SAID, identities=(claimed,)))
    assert address == "tom@x.com"
    assert to_customers(asked("transcript to eve@x.com", by_mail, lookup=SAID, identities=(claimed,))) == []
