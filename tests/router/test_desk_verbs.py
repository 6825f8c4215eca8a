"""What agents say about a conversation and its customer: class, tags, language, category, history, legs, links."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from router.desk_view import DeskView
from router.links import conversation_number
from router.lookup import History, Lookup, Past, Reach
from router.merging import restored
from router.model import Contact, Identity, Leg, Priority, Status
from router.model import IdentityKey as Key
from router.planning import customer_leg
from router.routing import decide
from router.suggestions import subject
from router.tagging import LONGEST, MOST, joined, tags_in
from router.targets import Policy
from tests.router.asking import (
    BOOK,
    BY_CHAT,
    CHAT,
    CONVERSATION,
    CUSTOMER,
    ID,
    NOW,
    THREAD,
    TOM,
    asked,
    notices,
    said_in_thread,
    told_alone,
    types,
)

MAIL = Leg(
    id=UUID(int=5),
    conversation=ID,
    channel="mail",
    address="tom@x.com",
    identity=Key("email", "tom@x.com"),
    last_in_at=NOW - timedelta(hours=1),
)
BY_MAIL = Identity(key=Key("email", "tom@x.com"), contact=CUSTOMER, verification=1)
CLAIMED = replace(BY_MAIL, verification=0)
ANNA = Contact(id=UUID(int=77), name="Anna")
BOTH = replace(CONVERSATION, legs=(THREAD, CHAT, MAIL))


@pytest.mark.parametrize("word", list(Priority))
def test_a_priority_is_the_class_it_is_served_in(word: Priority) -> None:
    found = asked(f"priority {word}", replace(CONVERSATION, priority=Priority.VIP))
    if word is Priority.VIP:
        assert found.matter is None
        assert "already" in notices(found)
        return
    assert found.matter is not None
    assert found.matter.priority is word
    assert found.events[0].payload == {"from": "vip", "to": word.value}
    assert types(found) == ["priority_changed", "note_added"]


def test_d26_another_class_is_judged_by_the_policy_of_that_class() -> None:
    urgent = Policy(id="urgent", version=3, when={"priority": frozenset({"urgent"})})
    found = asked("priority urgent", rules=replace(BOOK, policies=(urgent,)))
    assert types(found) == ["priority_changed", "policy_changed", "note_added"]
    assert found.events[1].payload == {"policy": "urgent", "policy_version": 3}


def test_what_is_no_priority_is_told_which_there_are() -> None:
    assert "normal, vip, complaint, urgent" in notices(asked("priority asap"))


def test_tags_are_normalised_words_that_are_added_and_taken_away() -> None:
    found = asked("tag #Lamp, FRAGILE\u200b lamp", replace(CONVERSATION, tags=("late",)))
    assert found.tags == ("late", "lamp", "fragile")
    assert found.events[0].payload == {"added": ["lamp", "fragile"]}
    gone = asked("untag LATE other", replace(CONVERSATION, tags=("late", "lamp")))
    assert gone.tags == ("lamp",)
    assert gone.events[0].payload == {"removed": ["late"]}
    assert asked("untag all", replace(CONVERSATION, tags=("late", "lamp"))).tags == ()


@pytest.mark.parametrize(
    ("line", "tags", "said"),
    [
        ("tag", (), "Say which"),
        ("tag late", ("late",), "already"),
        ("tag more", tuple(f"t{n}" for n in range(MOST)), "at most 20 tags"),
        ("tag " + "x" * (LONGEST + 1), (), "at most 40 characters"),
        ("untag lamp", ("late",), "Tags now: late"),
    ],
)
def test_tags_that_cannot_be_changed_so_change_nothing(line: str, tags: tuple[str, ...], said: str) -> None:
    found = asked(line, replace(CONVERSATION, tags=tags))
    assert found.tags is None
    assert types(found) == ["note_added"]
    assert said in notices(found)


def test_tags_of_two_conversations_are_as_many_as_one_may_have() -> None:
    assert joined(("a", "b"), ("b", "c")) == ("a", "b", "c")
    assert len(joined([f"a{n}" for n in range(15)], [f"b{n}" for n in range(15)])) == MOST
    assert tags_in("破损, 延迟、#VIP") == ("破损", "延迟", "vip")


@pytest.mark.parametrize(
    ("line", "code"), [("zh_tw", "zh-TW"), ("EN", "en"), ("zh-hant-hk", "zh-Hant-HK"), ("auto", None)]
)
def test_a_language_is_kept_as_its_tag(line: str, code: str | None) -> None:
    found = asked(f"language {line}", contact=replace(TOM, language="de"))
    assert found.spoken is not None
    assert (found.spoken.contact, found.spoken.language) == (CUSTOMER, code)
    assert found.events[0].payload == {"from": "de", "to": code}


@pytest.mark.parametrize("line", ["", "chinese", "e", "zh-"])
def test_what_is_no_language_code_changes_nothing(line: str) -> None:
    found = asked(f"language {line}")
    assert found.spoken is None
    assert "language zh-TW" in notices(found)


@pytest.mark.parametrize(
    ("line", "code"), [("vip", "vip"), ("Gold", "Gold"), ("none", None), ("None", None), ("key account", "key account")]
)
def test_a_tier_is_kept_as_it_is_said_and_by_whom(line: str, code: str | None) -> None:
    found = asked(f"tier {line}", contact=replace(TOM, tier="silver"))
    assert found.tiered is not None
    assert (found.tiered.contact, found.tiered.tier) == (CUSTOMER, code)
    assert types(found) == ["tier_changed", "note_added"]
    assert found.events[0].payload == {"from": "silver", "to": code}
    assert f"tier is {code or 'none'} now, said by Alice Chen" in notices(found)


@pytest.mark.parametrize(
    ("line", "said"), [("", "tier vip"), ("x" * 41, "at most 40"), ("a\nb", "in one line"), ("silver", "already")]
)
def test_what_is_no_tier_and_what_it_is_already_change_nothing(line: str, said: str) -> None:
    found = asked(f"tier {line}", contact=replace(TOM, tier="silver"))
    assert found.tiered is None
    assert types(found) == ["note_added"]
    assert said in notices(found)


def test_d26_another_tier_is_judged_by_the_policy_of_that_tier() -> None:
    vip = Policy(id="vip", version=3, when={"tier": frozenset({"vip"})})
    usual = Policy(id="usual", version=1)
    rules = replace(BOOK, policies=(vip, usual))
    assert asked("tier vip", rules=rules).events[1].payload == {"policy": "vip", "policy_version": 3}
    served = replace(CONVERSATION, policy="vip", policy_version=3)
    gone = asked("tier none", served, rules=rules, contact=replace(TOM, tier="vip"))
    assert gone.events[1].payload == {"policy": "usual", "policy_version": 1}


def test_a_matter_is_resolved_with_a_category_of_the_shop_or_without() -> None:
    rules = replace(BOOK, resolutions=("repaired", "lost"))
    assert asked("resolve Repaired", rules=rules).events[0].payload == {"to": "resolved", "category": "repaired"}
    assert asked("resolve", rules=rules).events[0].payload == {"to": "resolved"}
    refused = asked("resolve done", rules=rules)
    assert types(refused) == ["note_added"]
    assert "one of repaired, lost" in notices(refused)


def test_the_history_is_shown_to_the_one_who_asks_only() -> None:
    past = Past(
        number=7,
        channels=("mail", "tg"),
        opened_at=NOW - timedelta(days=3),
        last_at=NOW,
        status=Status.ON_HOLD,
        owner="bob",
        subject="A\nlamp",
    )
    older = replace(past, number=3, status=Status.RESOLVED, owner=None, merged_into=7, subject="")
    found = asked("history", lookup=Lookup(history=History(newest=(past, older), count=14)))
    said = notices(found)
    assert "14 conversations" in said
    assert "#7 (this one) · mail, tg · 2026-03-07 - 2026-03-10 · on hold · Bob Li · A lamp" in said
    assert "#3 · mail, tg · 2026-03-07 - 2026-03-10 · merged into #7" in said
    assert "and 12 older" in said
    assert told_alone(found) == {"U0ALICE"}


@pytest.mark.parametrize("said", ["mail", "2", "TOM@x.com", "tom@x.com (mailto:tom@x.com)"])
def test_answers_go_by_the_leg_an_agent_names(said: str) -> None:
    found = asked(f"via {said}", BOTH, identities=(BY_CHAT, BY_MAIL))
    assert found.choose is not None
    assert (found.choose.channel, found.choose.address) == ("mail", "tom@x.com")
    assert found.events[0].payload == {"channel": "mail", "from": "tg"}


def test_a_chosen_leg_is_the_current_one_until_the_customer_writes_again() -> None:
    chosen = replace(MAIL, chosen_at=NOW + timedelta(minutes=1))
    assert customer_leg(replace(CONVERSATION, legs=(THREAD, CHAT, chosen))) == chosen
    wrote = replace(CHAT, last_in_at=NOW + timedelta(minutes=2))
    assert customer_leg(replace(CONVERSATION, legs=(THREAD, wrote, chosen))) == wrote
    assert customer_leg(replace(CONVERSATION, legs=(THREAD, CHAT, replace(chosen, closed=True)))) == CHAT
    assert customer_leg(replace(CONVERSATION, legs=(THREAD, replace(chosen, last_in_at=None)))) is not None


def test_4_1_a_leg_that_nobody_has_proven_is_refused_where_the_current_one_is_proven() -> None:
    found = asked("via mail", BOTH, identities=(BY_CHAT, CLAIMED))
    assert found.choose is None
    assert "nobody has proven" in notices(found)
    both_claimed = (replace(BY_CHAT, verification=0), CLAIMED)
    assert asked("via mail", BOTH, identities=both_claimed).choose is not None


def test_a_leg_on_which_the_customer_blocked_us_is_refused() -> None:
    blocked = replace(CONVERSATION, legs=(THREAD, CHAT, replace(MAIL, closed=True)))
    found = asked("via mail", blocked, identities=(BY_CHAT, BY_MAIL))
    assert found.choose is None
    assert "cannot be reached" in notices(found)


def test_answers_may_go_where_the_customer_wrote_in_another_conversation_or_to_their_proven_mail() -> None:
    web = Reach(channel="web", address="v1", contact=CUSTOMER, identity=Key("account", "9"))
    known = (BY_CHAT, BY_MAIL, Identity(key=Key("account", "9"), contact=CUSTOMER, verification=2))
    lookup = Lookup(reach=(web,))
    assert "2. v1 on web" in notices(asked("via", lookup=lookup, identities=known))
    there = asked("via web", lookup=lookup, identities=known).choose
    assert there is not None
    assert (there.address, there.identity) == ("v1", Key("account", "9"))
    mail = asked("via mail", lookup=lookup, identities=known).choose
    assert mail is not None
    assert mail.address == "tom@x.com"


@pytest.mark.parametrize("said", ["fax", "9", "0", "anna@x.com"])
def test_a_way_that_is_not_the_customers_is_told_which_there_are(said: str) -> None:
    found = asked(f"via {said}", BOTH, identities=(BY_CHAT, BY_MAIL))
    assert found.choose is None
    assert "1. 42 on tg · answers go there" in notices(found)


def test_a_customer_is_linked_by_a_mail_address_a_telephone_or_a_telegram_id() -> None:
    anna = Lookup(other=ANNA)
    for said in ("anna@x.com same lamp", "+4722123456 same lamp", "13912345678 same lamp", "@4711 same lamp"):
        found = asked(f"link {said}", lookup=anna)
        assert found.link is not None
        assert (found.link.other, found.link.reason) == (ANNA.id, "same lamp")
        assert types(found) == ["contact_linked", "note_added"]


@pytest.mark.parametrize(
    ("said", "number"), [("12", 12), ("#12", 12), ("#13912345678", 13912345678), ("0212345", None)]
)
def test_a_long_number_without_the_sign_is_that_of_a_telephone(said: str, number: int | None) -> None:
    assert conversation_number(f"{said} same lamp") == number


@pytest.mark.parametrize("line", ["link #12 suggested", "not-same #12"])
def test_4_1_a_suggestion_whose_customers_are_linked_by_now_has_its_answer(line: str) -> None:
    both = frozenset({CUSTOMER, ANNA.id})
    found = asked(line, desk=DeskView(now=NOW, contacts=both, identities=(BY_CHAT,), linked=ANNA), pressed=True)
    assert found.link is None
    assert list(found.settles) == [subject(CONVERSATION, "#12")]


@pytest.mark.parametrize("line", ["link #12 suggested", "not-same #12"])
def test_4_1_a_suggestion_is_answered_in_a_thread_that_was_merged_since(line: str) -> None:
    snapshot, inbound = said_in_thread(line, pressed=True)
    absorbed = replace(CONVERSATION, id=UUID(int=99))
    desk = DeskView(now=NOW, contacts=frozenset({CUSTOMER}), identities=(BY_CHAT,), linked=ANNA)
    found = decide(replace(snapshot, absorbed=absorbed, desk=desk), inbound, BOOK)
    assert found.link is not None
    assert list(found.settles) == [subject(absorbed, "#12")]


def test_an_address_nobody_wrote_from_becomes_the_customers_and_proves_nothing() -> None:
    found = asked("link Anna@X.com she said so")
    assert found.link is not None
    assert (found.link.other, found.link.stranger) == (None, Key("email", "anna@x.com"))
    assert asked("link @4711").link is None
    assert "Nobody has written from @4711" in notices(asked("link @4711"))
    assert "link #12" in notices(asked("link Anna"))


def test_an_unmerge_takes_the_tags_of_the_other_away_and_knows_merges_from_before_there_were_tags() -> None:
    state: dict[str, object] = {
        "status": "open",
        "resolved_at": None,
        "owner": None,
        "topic": None,
        "orders": [],
        "priority": "normal",
        "last_word_ours": False,
    }
    joined_up = replace(CONVERSATION, tags=("a", "b"))
    tagged = {"before": {**state, "tags": ["a"]}, "after": {**state, "tags": ["a", "b"]}}
    assert restored(joined_up, tagged).tags == ("a",)
    assert restored(replace(joined_up, tags=("a", "b", "c")), tagged).tags == ("a", "b", "c")
    assert restored(joined_up, {"before": state, "after": state}).tags == ("a", "b")
