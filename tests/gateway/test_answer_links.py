"""Links to the outage page: what they say cannot be changed, and says nothing to anybody else's key."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answer_links import AnswerLinks

WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONVERSATION = UUID(int=7)
LINKS = AnswerLinks(b"a secret of the tests", "https://desk.shop.example")


def token_of(link: str) -> str:
    return link.removeprefix("https://desk.shop.example/answer/")


def test_a_link_says_what_it_was_made_of() -> None:
    link = LINKS.read(token_of(LINKS.make(CONVERSATION, "alice", WHEN, b"12345678")))
    assert link is not None
    assert (link.conversation, link.agent, link.expires) == (CONVERSATION, "alice", WHEN)


def test_each_link_is_one_of_its_own() -> None:
    first, second = (token_of(LINKS.make(CONVERSATION, "alice", WHEN, nonce)) for nonce in (b"12345678", b"12345679"))
    ids = {link.id for link in (LINKS.read(first), LINKS.read(second)) if link is not None}
    assert len(ids) == 2
    assert not any(each in first for each in ids)


def test_the_link_of_another_installation_is_none() -> None:
    other = AnswerLinks(b"another secret", "https://desk.shop.example")
    assert LINKS.read(token_of(other.make(CONVERSATION, "alice", WHEN, b"12345678"))) is None


@given(st.data())
def test_no_changed_character_is_accepted(data: st.DataObject) -> None:
    token = token_of(LINKS.make(CONVERSATION, "alice", WHEN, b"12345678"))
    place = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    changed = token[:place] + char + token[place + 1 :]
    good = LINKS.read(token)
    read = LINKS.read(changed)
    assert read is None or changed == token or (read == good and place == len(token) - 1)  # unused bits at the end


@given(st.text(max_size=250))
def test_any_text_is_read_without_trouble(text: str) -> None:
    assert LINKS.read(text) is None


def test_a_nonce_has_its_length() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        LINKS.make(CONVERSATION, "alice", WHEN, b"1")
