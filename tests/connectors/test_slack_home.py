"""What one member alone is shown in Slack: answers to commands, and App Homes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.base import NotStored
from connectors.slack.sheets import HOME_BLOCKS, MESSAGE_BLOCKS, answer, view
from gateway import clock
from gateway.sandbox.slack import SlackStandIn
from gateway.sandbox.slack.faults import Limited, Refused
from gateway.sandbox.slack.homes import HOOK_USES
from gateway.sandbox.slack.limits import fault_of, masked_links, pings
from gateway.sandbox.slack.modals import ViewRefused
from router.model import CardButton, CardLine
from router.sheets import Choices, Entry, Footnote, Heading, Sheet, Words, sentence
from tests.connectors.slackdesk import SlackDesk, slack_desk

AT = CardLine(text="answer due", at=datetime(2026, 3, 2, tzinfo=UTC))
SOUP = "<!channel> <@U0BOB> <https://evil.example|bank.example> *b* `c`\n\u202eevil"


def test_s23_whatever_a_customer_wrote_is_text_in_every_part() -> None:
    parts = (
        Heading(SOUP),
        Words(text=SOUP, lead=SOUP),
        Entry(number=1, thread=None, title=SOUP, facts=SOUP, at=AT),
        Footnote(SOUP),
    )
    shown = answer(Sheet(SOUP, parts), "https://shop.slack.com/")
    assert fault_of(shown["text"], shown["blocks"]) is None
    assert pings(shown["text"], shown["blocks"], {}) == 0
    assert masked_links(shown["text"], shown["blocks"]) == 0


def test_s22_however_much_there_is_slack_takes_it() -> None:
    parts = tuple(
        part
        for number in range(90)
        for part in (
            Heading("h" * 999),
            Words(text="w" * 9999),
            Entry(number=number, thread=None, title="t" * 999, at=AT),
        )
    )
    assert len(answer(Sheet("s" * 9999, parts), "")["blocks"]) == MESSAGE_BLOCKS
    blocks = view(Sheet("s", parts), "")["blocks"]
    assert len(blocks) == HOME_BLOCKS
    assert all(fault_of("", [block]) is None for block in blocks)


def test_a_row_links_to_its_thread_and_an_answer_has_no_buttons() -> None:
    sheet = Sheet(
        "s", (Entry(number=7, thread="C1:1.2", title="Tom"), Choices((CardButton(line="status away", label="Away"),)))
    )
    [row] = answer(sheet, "https://shop.slack.com/")["blocks"]
    link = row["elements"][0]["elements"][0]["elements"][0]
    assert link == {"type": "link", "url": "https://shop.slack.com/archives/C1/p12", "text": "#7"}
    assert [each["type"] for each in view(sheet, "")["blocks"]] == ["rich_text", "actions"]


@pytest.fixture(params=["socket", "http"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SlackDesk]:
    async with slack_desk(tmp_path, mode=request.param) as opened:
        yield opened


async def ask(desk: SlackDesk, line: str) -> str:
    seen = len(desk.slack.workspace.whispers)
    desk.slack.command("alice", "#support-1", "/onevoice", line)
    await desk.slack.until(lambda: len(desk.slack.workspace.whispers) > seen)
    return desk.slack.workspace.whispers[-1].text


async def test_a_question_is_answered_in_the_acknowledgement_and_nothing_is_stored(desk: SlackDesk) -> None:
    desk.ports.sheets = {"me": sentence("You have nothing to do.")}
    assert await ask(desk, "me") == "You have nothing to do."
    assert desk.ports.arrivals == []


async def test_where_nothing_can_be_stored_the_person_is_told(desk: SlackDesk) -> None:
    desk.ports.sheets = NotStored("the store is away")
    assert (await ask(desk, "me")).startswith("Nothing was done")


async def test_a_home_is_published_once_more_when_slack_says_too_many(desk: SlackDesk) -> None:
    desk.ports.sheets = {"home": sentence("Welcome.")}
    desk.slack.faults.on("views.publish", Limited(1))
    desk.slack.homes.open(desk.slack.user("alice"))
    await desk.slack.until(lambda: desk.slack.home("alice") is not None)
    assert desk.slack.calls["views.publish"] == 2


async def test_a_home_that_cannot_be_made_or_is_refused_is_given_up_and_the_next_is_shown(desk: SlackDesk) -> None:
    desk.ports.sheets = RuntimeError("a bug of ours")
    desk.slack.homes.open(desk.slack.user("alice"))
    await desk.slack.until(lambda: desk.slack.events.waiting == 0)
    while not desk.ports.questions:
        await asyncio.sleep(0.01)
    desk.ports.sheets = {"home": sentence("Welcome.")}
    desk.slack.faults.on("views.publish", Refused("not_enabled"))
    desk.slack.homes.open(desk.slack.user("bob"))
    desk.slack.homes.open(desk.slack.user("carol"))
    await desk.slack.until(lambda: desk.slack.home("carol") is not None)
    assert (desk.slack.home("alice"), desk.slack.home("bob")) == (None, None)
    assert desk.slack.calls["views.publish"] == 2


async def test_what_slack_escapes_is_asked_as_it_was_typed(desk: SlackDesk) -> None:
    await ask(desk, "find pots & pans")
    assert [line for _, line in desk.ports.questions] == ["find pots & pans"]


async def test_the_messages_tab_shows_no_home(desk: SlackDesk) -> None:
    desk.ports.sheets = {"home": sentence("Welcome.")}
    desk.slack.homes.open(desk.slack.user("alice"), "messages")
    desk.slack.homes.open(desk.slack.user("bob"))
    await desk.slack.until(lambda: desk.slack.home("bob") is not None)
    assert desk.slack.home("alice") is None


async def test_s16_a_press_in_home_is_stored_once_and_refresh_is_not(desk: SlackDesk) -> None:
    buttons = (CardButton(line="status away", label="Away"), CardButton(line="refresh", label="Refresh"))
    desk.ports.sheets = {"home": Sheet("Home", (Choices(buttons),))}
    alice = desk.slack.user("alice")
    desk.slack.homes.open(alice)
    await desk.slack.until(lambda: desk.slack.home("alice") is not None)
    desk.slack.homes.press(alice, "ask.refresh")
    desk.slack.homes.press(alice, "ask.status_away", times=2)
    await desk.slack.until(lambda: desk.slack.events.waiting == 0)
    [arrival] = desk.ports.arrivals
    assert arrival.inbound is not None
    assert (arrival.inbound.value, arrival.inbound.thread.ref) == ("ask.outside:status away", None)
    with pytest.raises(LookupError):
        desk.slack.homes.press(alice, "ask.status_offline")


# The stand-in is as strict as Slack.


@pytest.fixture
async def slack() -> SlackStandIn:
    return SlackStandIn(clock.now)


@pytest.mark.parametrize(
    ("view_", "place"),
    [
        ({"type": "modal", "blocks": []}, "/view/type"),
        ({"type": "home", "blocks": [], "title": {}}, "/view/title"),
        ({"type": "home", "blocks": [{"type": "divider"}] * 101}, "/view/blocks"),
        ({"type": "home", "blocks": [{"type": "nonsense"}]}, "/view/blocks/0"),
        ("home", "/view/type"),
    ],
)
async def test_a_home_that_slack_would_not_take_is_refused(slack: SlackStandIn, view_: object, place: str) -> None:
    with pytest.raises(ViewRefused) as refused:
        slack.homes.publish("U0ALICE", view_)
    assert (refused.value.code, refused.value.place) == ("invalid_arguments", place)


async def test_a_hash_that_is_not_the_latest_is_a_conflict(slack: SlackStandIn) -> None:
    empty = {"type": "home", "blocks": []}
    first = slack.homes.publish("U0ALICE", empty)
    second = slack.homes.publish("U0ALICE", empty, first.hash)
    assert second.id == first.id
    with pytest.raises(ViewRefused, match="hash_conflict"):
        slack.homes.publish("U0ALICE", empty, first.hash)
    with pytest.raises(ViewRefused, match="user_not_found"):
        slack.homes.publish("U0NOBODY", empty)
    with pytest.raises(ViewRefused, match="view_too_large"):
        slack.homes.publish("U0ALICE", {**empty, "private_metadata": "x" * 250_000})


async def test_a_late_answer_goes_to_the_address_of_the_command_five_times(desk: SlackDesk) -> None:
    await ask(desk, "me")
    [hook] = desk.slack.homes.hooks
    assert [desk.slack.homes.respond(hook, {"text": "later"}) for _ in range(HOOK_USES + 1)] == [True] * HOOK_USES + [
        False
    ]
    assert [each.text for each in desk.slack.workspace.whispers][-HOOK_USES:] == ["later"] * HOOK_USES
