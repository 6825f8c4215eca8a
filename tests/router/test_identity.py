"""Identity (4.1): what merges by itself, and what is suggested."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from router.identity import (
    Hint,
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


def test_the_disclosure_gate() -> None:
    assert may_disclose(1, "A1", {"A1"})
    assert not may_disclose(0, "A1", {"A1"})
    assert not may_disclose(2, "A2", {"A1"})
    assert may_disclose(1, None, ())
