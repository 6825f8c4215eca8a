"""Tokens of the mail channel: nobody else makes one, and none survives a changed bit (H1, L6)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email.threading import (
    Keys,
    bounced_id,
    message_token,
    opened,
    prove,
    reply_token,
    token_of,
    with_token,
)

OLD, NEW, OTHER = b"old key, 16 bytes and more", b"new key, 16 bytes and more", b"other key, 16 bytes and more"
KEYS = Keys((NEW, OLD))
CUSTOMER = "li.wei@customer.example"
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PURPOSES = st.sampled_from(["reply", "message"])


def token(purpose: str, conversation: UUID, participant: str = CUSTOMER, keys: Keys = KEYS) -> str:
    if purpose == "reply":
        return reply_token(keys, conversation, participant)
    return message_token(keys, conversation, participant, UUID(int=1))


@given(PURPOSES, st.uuids(), st.emails())
def test_h1_a_token_names_conversation_and_participant(purpose: str, conversation: UUID, participant: str) -> None:
    made = token(purpose, conversation, participant)

    proof = opened(KEYS, made.upper(), participant.upper())

    assert proof is not None
    assert (proof.conversation, proof.participant) == (conversation, True)
    assert len(f"help+{made}") <= 64
    assert set(made) <= set(ALPHABET)


@given(PURPOSES, st.uuids(), st.data())
def test_h1_a_changed_character_proves_nothing(purpose: str, conversation: UUID, data: st.DataObject) -> None:
    made = token(purpose, conversation)
    at = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.sampled_from([letter for letter in ALPHABET if letter != made[at]]))

    assert opened(KEYS, made[:at] + other + made[at + 1 :], CUSTOMER) is None


@pytest.mark.parametrize("purpose", ["reply", "message"])
def test_h1_no_bit_of_the_last_character_is_free(purpose: str) -> None:
    made = token(purpose, UUID(int=7))

    assert [letter for letter in ALPHABET if opened(KEYS, made[:-1] + letter, CUSTOMER)] == [made[-1]]


@given(PURPOSES, st.uuids(), st.emails())
def test_e2_in_other_hands_it_names_no_participant(purpose: str, conversation: UUID, stranger: str) -> None:
    proof = opened(KEYS, token(purpose, conversation), stranger)

    assert proof is not None
    assert not proof.participant


@given(st.text(max_size=80))
def test_any_text_is_judged_quietly(text: str) -> None:
    assert opened(KEYS, text, CUSTOMER) is None
    assert bounced_id(KEYS, [text, f"help+{text}@shop.example"]) is None


def test_h1_keys_rotate() -> None:
    made = token("reply", UUID(int=7), keys=Keys((OLD,)))

    assert opened(KEYS, made, CUSTOMER) is not None
    assert opened(Keys((NEW,)), made, CUSTOMER) is None
    assert opened(Keys((OTHER,)), made, CUSTOMER) is None


def test_a_key_must_be_long_enough() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Keys((b"short",))


def test_a_reply_token_is_no_message_token() -> None:
    made = token("reply", UUID(int=7))

    assert bounced_id(KEYS, [f"help+{made}@shop.example"]) is None
    assert bounced_id(KEYS, [f"help+{token('message', UUID(int=7))}@Shop.example"]) is not None


def test_every_delivery_has_its_own_message_id() -> None:
    tokens = {message_token(KEYS, UUID(int=7), CUSTOMER, UUID(int=number)) for number in range(1000)}

    assert len(tokens) == 1000


@pytest.mark.parametrize(
    ("address", "fits"),
    [("help@shop.example", True), ("customerservice@shop.example", True), ("customer-service@shop.example", False)],
)
def test_h1_the_local_part_stays_within_64_octets(address: str, fits: bool) -> None:
    made = with_token(address, reply_token(KEYS, UUID(int=7), CUSTOMER))

    assert (made is not None) is fits
    if made:
        assert len(made.rpartition("@")[0]) <= 64
        assert opened(KEYS, token_of(made), CUSTOMER) is not None


def test_h2_an_envelope_token_wins_over_message_ids() -> None:
    first, second = UUID(int=1), UUID(int=2)
    recipients = [f"help+{token('reply', first)}@shop.example"]
    ids = (f"{token('message', second)}@shop.example",)

    assert prove(KEYS, recipients, ids, CUSTOMER).conversation == first
    assert prove(KEYS, [], ids, CUSTOMER).conversation == second
    assert prove(KEYS, [], ids, CUSTOMER).remote_ids == ids


def test_h2_of_several_message_ids_the_newest_counts() -> None:
    ids = tuple(f"{token('message', UUID(int=number))}@shop.example" for number in (1, 2))

    assert prove(KEYS, [], ids, CUSTOMER).conversation == UUID(int=2)
