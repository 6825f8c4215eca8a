"""Identity (4.1): what merges by itself, what is suggested, and that a merge can be taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.identity import (
    CodeAnswer,
    Hint,
    Merges,
    OneTimeCode,
    Verdict,
    compare,
    email_value,
    hints_between,
    may_disclose,
    pair,
)
from router.model import Contact, Identity, IdentityKey

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def contact(*keys: tuple[str, str, int], name: str = "") -> Contact:
    known = uuid4()
    identities = tuple(
        Identity(key=IdentityKey(type_, value), contact=known, verification=level) for type_, value, level in keys
    )
    return Contact(id=known, name=name, identities=identities)


def test_a_key_verified_on_both_sides_merges() -> None:
    mail = contact(("email", "anna@x.com", 1))
    site = contact(("account", "u1", 2), ("email", "anna@x.com", 2))

    found = compare(mail, site)
    assert (found.verdict, found.key) == (Verdict.MERGE, IdentityKey("email", "anna@x.com"))


def test_a_claimed_address_merges_nothing() -> None:
    mail = contact(("email", "anna@x.com", 0))
    site = contact(("account", "u1", 2), ("email", "anna@x.com", 2))

    assert compare(mail, site, {Hint.TYPED_EMAIL}).verdict is Verdict.NOTHING


def test_two_site_accounts_are_never_merged_automatically() -> None:
    one = contact(("account", "u1", 2), ("email", "anna@x.com", 2))
    other = contact(("account", "u2", 2), ("email", "anna@x.com", 2))

    found = compare(one, other)
    assert (found.verdict, found.reason) == (Verdict.SUGGEST, "two site accounts")


@pytest.mark.parametrize(
    ("hints", "verdict"),
    [
        ({Hint.TYPED_EMAIL, Hint.NAME}, Verdict.SUGGEST),
        ({Hint.TYPED_EMAIL}, Verdict.NOTHING),
        ({Hint.ORDER, Hint.QUESTION}, Verdict.SUGGEST),
        ({Hint.NAME, Hint.QUESTION}, Verdict.NOTHING),
        ({Hint.TYPED_PHONE, Hint.ORDER}, Verdict.SUGGEST),
        ({Hint.COOKIE, Hint.NAME}, Verdict.SUGGEST),
        (set(), Verdict.NOTHING),
    ],
)
def test_fifty_points_make_a_suggestion(hints: set[Hint], verdict: Verdict) -> None:
    one, other = contact(("web", "s1", 0)), contact(("email", "anna@x.com", 1))

    assert compare(one, other, hints).verdict is verdict
    assert compare(one, other, hints, apart={pair(other.id, one.id)}).verdict is Verdict.NOTHING


def test_hints_are_read_from_what_was_typed() -> None:
    visitor = contact(("web", "s1", 0), name="ＡＮＮＡ")
    anna = contact(("email", "anna@x.com", 1), ("phone", "+8613800138000", 1), name="Anna")

    assert hints_between(visitor, anna) == (Hint.NAME,)
    assert hints_between(
        visitor,
        anna,
        typed_emails=["Anna@X.com"],
        typed_phones=["+8613800138000"],
        orders=["A1"],
        known_orders=["A1"],
        same_cookie=True,
        same_question=True,
    ) == tuple(Hint)
    assert hints_between(replace(visitor, name=""), replace(anna, name="")) == ()


def test_a_telegram_name_is_no_key() -> None:
    telegram = contact(("telegram", "42", 1), name="anna")

    assert compare(telegram, contact(("email", "anna@x.com", 1), name="Anna")).verdict is Verdict.NOTHING


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("Anna@X.COM", "anna@x.com"),
        ("a.n+tag@x.com", "a.n+tag@x.com"),
        ("anna@Bücher.example", "anna@xn--bcher-kva.example"),
    ],
)
def test_an_address_keeps_its_dots_and_tags(address: str, value: str) -> None:
    assert email_value(address) == value


PEOPLE = [UUID(int=index) for index in range(6)]
SINCE = {person: NOW + timedelta(days=index % 3) for index, person in enumerate(PEOPLE)}
PAIRS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=8)


def joined(pairs: list[tuple[UUID, UUID]]) -> Merges:
    merges = Merges()
    for one, other in pairs:
        merges = merges.merge(one, other, SINCE, "same key")
    return merges


@given(PAIRS, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_merge_then_unmerge_is_the_identity(pairs: list[tuple[UUID, UUID]], one: UUID, other: UUID) -> None:
    before = joined(pairs)
    after = before.merge(one, other, SINCE, "agent")

    assert after.root(one) == after.root(other)
    if after is not before:
        assert after.unmerge(after.log[-1].absorbed, "mistake").links == before.links


@given(PAIRS, st.randoms(use_true_random=False))
def test_who_is_one_customer_does_not_depend_on_the_order_of_merges(
    pairs: list[tuple[UUID, UUID]], random: Random
) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)

    one, other = joined(pairs), joined(shuffled)
    assert [one.root(each) for each in PEOPLE] == [other.root(each) for each in PEOPLE]


def test_the_older_contact_survives_and_the_log_tells_everything() -> None:
    merges = Merges().merge(PEOPLE[1], PEOPLE[0], SINCE, "same e-mail").unmerge(PEOPLE[1], "not the same")

    assert [(each.survivor, each.absorbed, each.undone) for each in merges.log] == [
        (PEOPLE[0], PEOPLE[1], False),
        (PEOPLE[0], PEOPLE[1], True),
    ]
    assert merges.unmerge(PEOPLE[1], "again") is merges


def test_unmerging_an_early_merge_keeps_the_later_ones() -> None:
    merges = joined([(PEOPLE[0], PEOPLE[1]), (PEOPLE[1], PEOPLE[2])]).unmerge(PEOPLE[1], "mistake")

    assert merges.root(PEOPLE[1]) == PEOPLE[1]
    assert merges.root(PEOPLE[2]) == PEOPLE[0]


def test_the_disclosure_gate() -> None:
    assert may_disclose(1, "A1", {"A1"})
    assert not may_disclose(0, "A1", {"A1"})
    assert not may_disclose(2, "A2", {"A1"})
    assert may_disclose(1, None, ())


def test_a_one_time_code_lasts_ten_minutes_and_five_tries() -> None:
    code = OneTimeCode(digest=b"digest", made_at=NOW)

    assert code.answer(b"digest", NOW + timedelta(minutes=10)) is CodeAnswer.RIGHT
    assert code.answer(b"other", NOW) is CodeAnswer.WRONG
    assert code.answer(b"digest", NOW + timedelta(minutes=10, seconds=1)) is CodeAnswer.EXPIRED
    assert replace(code, tries=5).answer(b"digest", NOW) is CodeAnswer.EXHAUSTED
