"""Forms: the line they compose, what they offer in a conversation, and when there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.asked import Asked
from router.canned_replies import CannedReply, Replies
from router.cutting import BEGINNING, LONGEST_SHOWN, SHOW_ALL, shown
from router.decision import Snapshot
from router.desk import VERBS
from router.desk_view import DeskView
from router.form_parts import Around, Other
from router.forms import CHOICES, Field, Form, Option, asks_for_form, composed, matching
from router.model import CardButton, Contact, Conversation, IdentityKey, Inbound, InboundKind, Sender, Status
from router.ownership import OpenOffer, Standing
from router.regrouping import Movable
from router.richtext import of_text, plain
from router.rulebook import Team
from router.verb_forms import FORMS, form_of
from router.verbs import Verb, spoken, verb_of
from tests.router.test_statuses import NOW, OFFER, OPEN
from tests.router.test_statuses import RULES as PLAIN

RULES = replace(
    PLAIN,
    teams={"sales": Team(id="sales", name="Sales")},
    replies=Replies(
        shop={"en": "our shop"},
        items=(
            CannedReply(id="hello", title="Greeting", texts={"en": "Hello from {shop}.", "zh-CN": "您好"}),
            CannedReply(id="sorry", title="Sorry", texts={"en": "We are sorry about {order}."}),
        ),
    ),
)


def opened(
    line: str, conversation: Conversation = OPEN, around: Around | None = None, **snapshot: object
) -> Form | str:
    """The form of a line for Alice."""
    inbound = Inbound(
        kind=InboundKind.BUTTON,
        channel="desk",
        address="C1",
        sender=Sender(identity=IdentityKey("slack", "U0ALICE"), internal=True),
        remote_id="",
    )
    made = Snapshot(proof=conversation, now=NOW, desk=DeskView(now=NOW), standing=Standing())
    name, _, rest = line.partition(" ")
    asked = Asked(
        snapshot=replace(made, **snapshot),  # type: ignore[arg-type]  # the fields of a snapshot
        conversation=conversation,
        inbound=inbound,
        agent=RULES.agents["alice"],
        verb=Verb(name, rest),
        rules=RULES,
    )
    return form_of(asked, around or Around())


def form(line: str, conversation: Conversation = OPEN, around: Around | None = None, **snapshot: object) -> Form:
    found = opened(line, conversation, around, **snapshot)
    assert isinstance(found, Form), found
    return found


def field(found: Form, name: str) -> Field:
    return next(each for each in found.fields if each.name == name)


def values(options: Sequence[Option]) -> list[str]:
    return [each.value for each in options]


def message(text: str, minutes: int = 0) -> Movable:
    return Movable(
        id=UUID(int=20 + minutes),
        origin=OPEN.id,
        channel="tg",
        leg=OPEN.legs[1],
        author_name="Tom",
        verification=1,
        remote_id=None,
        text=of_text(text),
        attachments=(),
        received_at=NOW + timedelta(minutes=minutes),
    )


@pytest.mark.parametrize(
    ("template", "filled_in", "line"),
    [
        ("pass {reason}", {"reason": "  in a call "}, "pass in a call"),
        ("pass {reason}", {}, "pass"),
        ("snooze until {date} {time}", {"date": "2026-12-01", "time": "09:00"}, "snooze until 2026-12-01 09:00"),
        ("merge {into} {reason}", {"into": "#12", "reason": ""}, "merge #12"),
        (
            "start {channel} {to} {text}",
            {"channel": "m", "to": "a@x.com", "text": "Hi,\n\nyou"},
            "start m a@x.com Hi,\n\nyou",
        ),
        ("pass {reason}", {"reason": "{other} {reason}", "other": "no"}, "pass {other} {reason}"),
        ("canned {reply} …", {"reply": "hello"}, "canned hello …"),
    ],
)
def test_a_line_is_composed_of_what_was_filled_in(template: str, filled_in: Mapping[str, str], line: str) -> None:
    assert composed(template, filled_in) == line


def test_whatever_is_filled_in_the_verb_stays_that_of_the_form() -> None:
    for text in ("take", "@onevoice take", "…", "spam\n@onevoice spam", "\u200bspam", "ask.more:take"):
        verb = verb_of(spoken(composed("pass {reason}", {"reason": text})))
        assert verb is not None
        assert (verb.name, verb.rest) == ("pass", text)


def test_what_is_typed_is_looked_for_in_labels_values_and_words() -> None:
    options = [
        Option("bob", "Bob Li", "sales"),
        Option("alice", "Alice Chen", "support"),
        Option("ola", "Ola, friend of Alice"),
        *(Option(f"x{number}", f"Somebody {number}") for number in range(200)),
    ]
    assert values(matching(options, "ALICE")) == ["alice", "ola"]
    assert values(matching(options, "li bob")) == ["bob"]
    assert values(matching(options, "support")) == ["alice"]
    assert len(matching(options, "")) == CHOICES
    assert matching(options, "nobody at all") == []


def test_every_form_is_of_a_verb_that_is_there() -> None:
    assert FORMS.keys() - VERBS.keys() == {"actions", "show"}


def test_a_conversation_is_passed_on_by_those_who_have_it_or_are_offered_it() -> None:
    assert opened("pass") == "It is neither yours nor offered to you."
    assert form("pass", replace(OPEN, owner="alice")).line == "pass {reason}"
    offer = OpenOffer(id=OFFER, agent="alice", until=NOW)
    assert form("pass", replace(OPEN, owner=None), standing=Standing(offer=offer)).line == "pass {reason}"


def test_people_and_teams_are_offered_by_name_and_said_by_id() -> None:
    whom = field(form("assign"), "whom")
    assert [(each.value, each.label) for each in whom.options] == [
        ("alice", "Alice"),
        ("bob", "Bob (has it now)"),
        ("sales", "Team Sales"),
    ]


def test_a_snooze_begins_with_tomorrow_morning_and_can_be_said() -> None:
    found = form("snooze")
    first = {each.name: each.initial for each in found.fields}
    assert composed(found.line, first) == "snooze until 2026-03-11 09:00"


def test_d25_the_customers_other_conversations_are_offered_to_merge_with() -> None:
    assert "no other conversation" in str(opened("merge"))
    other = Other(number=12, status=Status.ON_HOLD, opened_at=NOW, subject="s" * 100)
    into = field(form("merge", around=Around(others=[other])), "into")
    assert (into.initial, values(into.options)) == ("#12", ["#12"])
    assert into.options[0].label.startswith("#12 (on hold, 2026-03-10) sss")
    assert len(into.options[0].label) <= 75
    assert "merged already" in str(opened("merge", absorbed=OPEN, around=Around(others=[other])))


def test_at_least_one_message_stays_where_it_was() -> None:
    assert "one must stay" in str(opened("split", movable=(message("one"),)))
    count = field(form("split", movable=(message("one"), message("two\nlines", 1), message("three", 2))), "count")
    assert [(each.value, each.label) for each in count.options] == [
        ("1", "The last 1, from: three"),
        ("2", "The last 2, from: two lines"),
    ]


def test_tags_are_added_as_long_as_there_is_room_and_taken_away_by_choice() -> None:
    tagged = replace(OPEN, tags=("late", "vip"))
    assert "Now: late, vip." in field(form("tag", tagged), "tags").hint
    assert values(field(form("untag", tagged), "tags").options) == ["late", "vip"]
    assert opened("untag") == "It has no tags."
    assert "at most 20" in str(opened("tag", replace(OPEN, tags=tuple(f"t{n}" for n in range(20)))))


def test_the_tier_a_customer_has_is_where_its_form_begins() -> None:
    assert field(form("tier"), "tier").initial == "none"
    gold = Contact(id=OPEN.contact, tier="gold")
    found = form("tier", proof_contact=gold)
    assert composed(found.line, {"tier": field(found, "tier").initial}) == "tier gold"


def test_a_canned_reply_is_looked_at_before_it_is_sent() -> None:
    found = form("replies")
    assert values(field(found, "reply").options) == ["hello", "sorry"]
    line = composed(found.line, {"reply": "hello"})
    assert asks_for_form(line)
    look = form("canned hello:en")
    assert "Hello from our shop." in plain(look.said)
    assert look.line.startswith("send-canned hello:en:")
    assert not look.fields
    assert [each.line for each in look.buttons] == ["canned hello:zh-CN …"]
    assert "order" in str(opened("canned sorry"))
    assert "no canned reply" in str(opened("canned nothing"))


def test_a_form_of_a_held_reply_needs_one() -> None:
    for verb in ("send", "correct", "discard", "reword"):
        assert isinstance(opened(verb), str)


def test_only_a_lead_sets_an_answer_and_only_in_an_incident() -> None:
    assert opened("answer") == "This conversation belongs to no open incident."


def test_a_long_text_is_turned_page_by_page_and_nothing_of_it_is_lost() -> None:
    lines = [f"line {number} " + "x" * 60 for number in range(400)]
    around = Around(text=of_text("\n".join(lines)))
    first = form("show", around=around)
    count = int(first.title.partition("/")[2])
    pages = [form(f"show {number}", around=around) for number in range(1, count + 1)]
    whole = "\n".join(plain(each.said) for each in pages)
    assert [line for line in lines if line not in whole] == []
    assert [[each.line for each in page.buttons] for page in (pages[0], pages[1], pages[-1])] == [
        ["show 2 …"],
        ["show 1 …", "show 3 …"],
        [f"show {count - 1} …"],
    ]
    assert form("show 999999", around=around).title == first.title
    assert form("show x", around=around).said == first.said
    assert form("show", around=Around(text=of_text("short"))).title == "Whole message"
    assert isinstance(opened("show"), str)


def test_far_below_the_card_its_lines_are_offered_and_the_whole_message() -> None:
    offered = [CardButton(line="take", label="Take"), CardButton(line="pass …", label="Pass")]
    assert values(field(form("actions", around=Around(offered=offered)), "do").options) == ["take", "pass …"]
    both = Around(offered=offered, text=of_text("words"))
    assert values(field(form("actions", around=both), "do").options) == ["take", "pass …", "show …"]
    assert isinstance(opened("actions"), str)


def test_s22_what_fits_is_shown_as_it_is_and_what_is_longer_is_cut_with_a_button() -> None:
    fits = of_text("x" * LONGEST_SHOWN)
    assert shown(fits) == (fits, ())
    for length in (LONGEST_SHOWN + 1, 200_000):
        text, buttons = shown(of_text("word " * (length // 5 + 1)))
        assert buttons == (SHOW_ALL,)
        assert "The message goes on" in plain(text)
        assert len(plain(text)) < BEGINNING + 100
