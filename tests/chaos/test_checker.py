"""The checker finds each kind of violation in a history that contains it, and nothing in a clean one."""

from dataclasses import replace

import pytest

from tests.chaos.checker import Store, violations
from tests.chaos.history import (
    Acknowledged,
    Delivered,
    Entry,
    Forgotten,
    GivenUp,
    Marked,
    Opened,
    Shown,
    Written,
    found_in,
    text_of,
)

ASKED: list[Entry] = [
    Written("q000001", "tg-1"),
    Acknowledged("q000001"),
    Opened("#1", "tg-1"),
    Shown("q000001", "tg-1", "tg-1", "C1:1"),
]
ANSWERED: list[Entry] = [
    *ASKED,
    Written("r000002", "tg-1"),
    Acknowledged("r000002"),
    Delivered("r000002", "tg-1", "tg-1", "7"),
    Marked("r000002"),
]
NOTED: list[Entry] = [*ANSWERED, Written("n000003", "tg-1"), Acknowledged("n000003")]
STORE = Store(stored={"q000001": 1, "r000002": 1, "n000003": 1})


def rules(history: list[Entry], store: Store = STORE) -> set[str]:
    return {each.rule for each in violations(history, store)}


def without(kind: type[Entry], history: list[Entry] = NOTED) -> list[Entry]:
    return [each for each in history if not isinstance(each, kind)]


def renamed(owner: str) -> list[Entry]:
    """The same story with a customer of another channel."""
    return [
        replace(each, **{name: owner for name in ("owner", "place", "recipient") if hasattr(each, name)})  # type: ignore[arg-type]  # only fields it has
        for each in NOTED
    ]


@pytest.mark.parametrize("owner", ["tg-1", "smtp-1", "imap-1", "web-1"])
def test_a_clean_history_has_no_violation(owner: str) -> None:
    assert violations(renamed(owner), STORE) == []


def test_inv1_an_acknowledged_question_that_is_not_in_slack() -> None:
    assert "INV1" in rules(without(Shown))


def test_inv1_an_acknowledged_reply_that_reached_nobody() -> None:
    assert "INV1" in rules(without(Delivered, without(Marked)))


def test_inv1_an_acknowledged_message_that_is_not_in_the_database() -> None:
    assert "INV1" in rules(NOTED, Store(stored={"q000001": 1, "r000002": 1}))


def test_inv1_a_good_item_in_quarantine() -> None:
    assert "INV1" in rules(NOTED, replace(STORE, quarantined=1))


def test_s13_a_reply_that_slack_told_in_vain_is_found_in_its_thread() -> None:
    told: list[Entry] = [GivenUp(each.serial) if each == Acknowledged("r000002") else each for each in NOTED]
    assert rules(told) == set()
    assert rules(told, Store(stored={"q000001": 1, "n000003": 1})) == {"S13"}
    assert rules(without(Delivered, without(Marked, told))) == {"S13"}


def test_what_was_never_acknowledged_is_no_loss() -> None:
    assert rules([Written("q000009", "web-1")], Store()) == set()


def test_inv2_a_message_stored_twice() -> None:
    assert "INV2" in rules(NOTED, Store(stored={"q000001": 2, "r000002": 1, "n000003": 1}))


def test_inv3_a_reply_that_is_still_open_after_everything_healed() -> None:
    history = without(Marked)
    assert "INV3" in rules(history, replace(STORE, open={"r000002": "sending"}))


def test_inv3_a_reply_left_to_people_is_accounted_for() -> None:
    history = without(Delivered, without(Marked))
    store = replace(STORE, open={"r000002": "unknown"}, left=frozenset({"r000002"}))
    assert rules(history, store) == set()


def test_inv4_a_post_twice_in_slack() -> None:
    assert "INV4" in rules([*NOTED, Shown("q000001", "tg-1", "tg-1", "C1:2")])


def test_inv4_two_threads_of_one_conversation() -> None:
    assert "INV4" in rules([*NOTED, Opened("#1", "tg-1")])


def test_inv4_a_reply_twice_on_the_web() -> None:
    assert "INV4" in rules([*renamed("web-1"), Delivered("r000002", "web-1", "web-1", "8")])


def test_inv4_a_mail_under_two_message_ids() -> None:
    assert "INV4" in rules([*renamed("smtp-1"), Delivered("r000002", "smtp-1", "smtp-1", "8")])


def test_inv4_a_mail_repeated_with_other_bytes() -> None:
    assert "INV4" in rules([*renamed("smtp-1"), Delivered("r000002", "smtp-1", "smtp-1", "7", "other")])


def test_inv4_a_mail_repeated_byte_by_byte_is_one_mail() -> None:
    assert rules([*renamed("smtp-1"), Delivered("r000002", "smtp-1", "smtp-1", "7")]) == set()


def test_inv4_a_double_on_telegram_without_an_unknown_outcome() -> None:
    twice = [*NOTED, Delivered("r000002", "tg-1", "tg-1", "8")]
    assert "INV4" in rules(twice)
    assert rules(twice, replace(STORE, uncertain=1)) == set()


def test_inv5_questions_in_the_wrong_order() -> None:
    history: list[Entry] = [
        *(Written("q000001", "web-1"), Written("q000002", "web-1")),
        *(Shown("q000002", "web-1", "web-1", "C1:1"), Shown("q000001", "web-1", "web-1", "C1:2")),
    ]
    assert "INV5" in rules(history, Store())
    assert rules(history, Store(revived=frozenset({"q000001"}))) == set()


def test_inv5_replies_in_the_wrong_order() -> None:
    said: list[Entry] = [Written("r000001", "tg-1"), Acknowledged("r000001"), Written("r000002", "tg-1")]
    swapped: list[Entry] = [Delivered("r000002", "tg-1", "tg-1", "1"), Delivered("r000001", "tg-1", "tg-1", "2")]
    store = Store(stored={"r000001": 1, "r000002": 1})
    assert "INV5" in rules([*said, *swapped], store)
    both_at_once = [said[0], said[2], said[1], *swapped]
    assert rules(both_at_once, store) == set()


def test_inv7_a_question_in_the_thread_of_another_customer() -> None:
    assert "INV7" in rules([*without(Shown), Shown("q000001", "tg-1", "tg-2", "C1:1")])


def test_inv7_a_question_outside_of_every_thread() -> None:
    assert "INV7" in rules([*without(Shown), Shown("q000001", "tg-1", "", "C1:1")])


def test_inv7_a_reply_to_another_customer() -> None:
    assert "INV7" in rules([*without(Delivered), Delivered("r000002", "tg-1", "tg-2", "7")])


def test_inv8_a_note_that_reached_the_customer() -> None:
    assert "INV8" in rules([*NOTED, Delivered("n000003", "tg-1", "tg-1", "9")])


def test_a_check_mark_on_what_no_provider_took() -> None:
    assert "SENT" in rules(without(Delivered))


def test_a_check_mark_before_the_provider_took_it() -> None:
    assert "SENT" in rules([*ASKED, Written("r000002", "tg-1"), Marked("r000002"), ANSWERED[-2]], STORE)


def test_a_check_mark_on_what_the_store_calls_open() -> None:
    store = replace(STORE, open={"r000002": "unknown"}, left=frozenset({"r000002"}))
    assert "SENT" in rules(NOTED, store)


def test_w3_a_visitor_told_to_forget() -> None:
    assert "W3" in rules([*NOTED, Forgotten("web-1")])


def test_serials_are_found_in_what_providers_show() -> None:
    text = f"tg-1: {text_of('q000001', 'tg-1')}\n> {text_of('r000002', 'web-12')}"
    assert list(found_in(text)) == [("q000001", "tg-1"), ("r000002", "web-12")]
