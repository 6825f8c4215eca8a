"""Which of Slack's events are questions of colleagues, and what becomes of them (S4-S8). Nothing of a desk is one."""

from typing import Any

import pytest

from connectors.base import Arrival
from connectors.slack.parse import Home, Person, Setting
from connectors.slack.questions import Ways, to_questions
from router.model import Inbound, InboundKind
from router.richtext import plain

HOME = Home(team="T1", user="U0BOT", bot="B0BOT")
SETTING = Setting(channel="help", home=HOME)
PEOPLE = {
    "U1": Person(id="U1", name="Dana", internal=True, email="dana@shop.example"),
    "U2": Person(id="U2", name="Gus", internal=False),
}
WAYS = Ways(help={"CHELP": "#help"}, direct=True, mentions=True, desks=frozenset({"CDESK"}))
ROOT, LATER = "1700000000.000100", "1700000100.000200"


def event(channel: str, text: str = "hello", **changes: Any) -> dict[str, Any]:
    return {"type": "message", "channel": channel, "user": "U1", "text": text, "ts": LATER, "team": "T1", **changes}


def below(channel: str, text: str = "hello", parent: str = "U9", **changes: Any) -> dict[str, Any]:
    return event(channel, text, thread_ts=ROOT, parent_user_id=parent, **changes)


def asked(told: dict[str, Any], ways: Ways = WAYS) -> list[Arrival] | None:
    return to_questions({"type": "event_callback", "event": told}, SETTING, PEOPLE, ways)


def question(told: dict[str, Any]) -> Inbound:
    """The last thing an event says to us."""
    found = asked(told)
    assert found
    inbound = found[-1].inbound
    assert inbound is not None
    return inbound


@pytest.mark.parametrize(
    ("told", "address", "remote_ids", "opens"),
    [
        (event("CHELP"), f"CHELP:{LATER}", (), True),
        (below("CHELP"), f"CHELP:{ROOT}", (f"CHELP:{ROOT}",), True),
        (event("DX"), "DX", (), True),
        (event("GX", channel_type="im"), "GX", (), True),
        (below("DX", parent="U1"), "DX", (f"DX:{ROOT}",), True),
        (below("DX", parent="U0BOT"), "DX", (f"DX:{ROOT}",), False),
        (event("CELSE", "<@U0BOT> hello"), f"CELSE:{LATER}", (), True),
        (event("CELSE", "hello <@U0BOT|onevoice>"), f"CELSE:{LATER}", (), True),
        (event("CELSE", "hello", type="app_mention"), f"CELSE:{LATER}", (), True),
        (below("CELSE", "<@U0BOT> hello"), f"CELSE:{ROOT}", (f"CELSE:{ROOT}",), True),
        (below("CELSE"), f"CELSE:{ROOT}", (f"CELSE:{ROOT}",), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_question_has_the_address_its_answer_goes_to(
    told: dict[str, Any], address: str, remote_ids: tuple[str, ...], opens: bool
) -> None:
    found = asked(told)
    assert found is not None
    (arrival,) = found
    inbound = arrival.inbound
    assert inbound is not None
    assert arrival.key == f"{told['channel']}:{LATER}"
    assert (inbound.channel, inbound.address, inbound.kind) == ("help", address, InboundKind.MESSAGE)
    assert (inbound.thread.remote_ids, inbound.thread.opens, inbound.thread.apart) == (remote_ids, opens, True)
    assert inbound.thread.ref is None
    assert (inbound.sender.internal, inbound.sender.verification, inbound.sender.email) == (False, 1, None)
    assert plain(inbound.text).removeprefix("hello @onevoice") in ("hello", "")


@pytest.mark.parametrize(
    "told",
    [
        event("CDESK"),
        event("CDESK", "<@U0BOT> hello"),
        below("CDESK", "<@U0BOT> why", parent="U0BOT"),
        below("CDESK", "a reply", parent="U0BOT"),
        below("CONCEADESK", "<@U0BOT> why", parent="U0BOT"),
        below("CHELP", "a reply below a card of ours", parent="U0BOT"),
        {"type": "reaction_added", "user": "U1", "item": {"type": "message", "channel": "CHELP", "ts": ROOT}},
        {"type": "app_home_opened", "user": "U1", "channel": "DX"},
    ],
)
def test_s8_what_is_said_on_a_desk_is_never_a_question(told: dict[str, Any]) -> None:
    assert asked(told) is None


@pytest.mark.parametrize(
    "body",
    [
        {"type": "block_actions", "channel": {"id": "CHELP"}, "user": {"id": "U1"}},
        {"command": "/onevoice", "channel_id": "DX", "user_id": "U1"},
        {"event": None},
        {"event": "x"},
        {"event": {"type": "message"}},
        {"event": {"type": "message", "channel": "CHELP", "message": "x"}},
    ],
)
def test_what_is_no_post_is_left_to_the_desk(body: dict[str, Any]) -> None:
    assert to_questions(body, SETTING, PEOPLE, WAYS) is None


def test_what_colleagues_say_to_one_another_is_not_even_kept() -> None:
    assert asked(event("CELSE", "lunch?")) == []
    assert asked(event("DX", user="USLACKBOT")) == []
    assert asked(event("CHELP", bot_id="B9")) == []
    assert asked(event("CHELP", subtype="channel_join")) == []


def test_only_the_ways_that_are_configured_are_open() -> None:
    closed = Ways(help={}, direct=False, mentions=False)
    assert [asked(each, closed) for each in (event("CHELP"), event("DX"), event("CELSE", "<@U0BOT> x"))] == [None] * 3


def test_guests_strangers_and_who_cannot_be_looked_up_ask_without_being_verified() -> None:
    guest = question(event("CHELP", user="U2")).sender
    assert (guest.name, guest.verification) == ("Gus", 0)
    for stranger in (event("CHELP", user_team="T9"), event("CHELP", user="U3")):
        assert question(stranger).sender.verification == 0


def test_the_call_at_the_beginning_is_no_part_of_the_question() -> None:
    written = ("<@U0BOT> who has the key?", "<@U0BOT>: who?", "ask <@U0BOT> who?", "<@U0BOT>")
    assert [plain(question(event("CELSE", each)).text) for each in written] == [
        "who has the key?",
        "who?",
        "ask @onevoice who?",
        "@onevoice",
    ]


def test_x5_our_own_post_is_the_echo_of_the_channel_it_was_made_for() -> None:
    def mark(channel: str) -> dict[str, Any]:
        payload = {"oid": "ab" * 16, "part": 1, "sha": "x", "channel": channel, "thread": ROOT}
        ours = below("CHELP", user="U0BOT", bot_id="B0BOT")
        return {**ours, "metadata": {"event_type": "gw.out", "event_payload": payload}}

    echo = question(mark("help"))
    assert (echo.kind, echo.channel, echo.value) == (InboundKind.ECHO, "help", "ab" * 16)
    assert asked(mark("desk")) is None
    assert asked(event("DX", user="U0BOT")) is None


def test_s5_a_change_is_an_edit_of_the_question_and_a_tombstone_its_deletion() -> None:
    before = event("CHELP", "helo", ts=ROOT)
    changed = {"type": "message", "subtype": "message_changed", "channel": "CHELP", "ts": LATER, "event_ts": LATER}
    edited = {**before, "text": "hello", "edited": {"user": "U1", "ts": LATER}}
    for message, kind in (
        (edited, InboundKind.EDIT),
        ({"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": ROOT}, InboundKind.DELETE),
    ):
        inbound = question({**changed, "message": message, "previous_message": before})
        assert (inbound.kind, inbound.address, inbound.target) == (kind, f"CHELP:{ROOT}", f"CHELP:{ROOT}")
