"""Forms in Slack: opened in time, inert, submitted once, and never lost in silence."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import NotStored
from connectors.slack.forms import SHORTCUTS
from connectors.slack.modal import modal, place_of, values_of
from gateway.sandbox.slack.faults import Late
from gateway.sandbox.slack.modals import TROUBLE
from gateway.sandbox.slack.views import fault_of_view
from router.forms import Field, Form, Kind, Option, Wish, asks_for_form
from router.model import Card, CardButton, ChannelType, IdentityKey, InboundKind, Sender, Status
from router.richtext import of_text
from tests.connectors.slackdesk import SlackDesk, slack_desk

PASS = Form(
    title="Pass it on",
    line="pass {reason}",
    submit="Pass",
    fields=[Field(name="reason", label="Reason", required=False, longest=50)],
)
EVERY = Form(
    title="A title that is far too long for Slack",
    line="snooze until {date} {time}",
    said=of_text("<!channel> *bold* <https://evil.example|bank> " + "word " * 3_000),
    fields=[
        Field(name="line", label="Line", initial="x" * 4_000),
        Field(name="text", label="Text", kind=Kind.TEXT, hint="Some words."),
        Field(
            name="one", label="One", kind=Kind.CHOICE, options=[Option("a", "A" * 200), Option("b", "B")], initial="b"
        ),
        Field(name="more", label="More", kind=Kind.CHOICES, options=[Option("a", "A"), Option("b", "B")], initial="a"),
        Field(
            name="many", label="Many", kind=Kind.CHOICE, options=[Option(f"o{n}", f"Option {n}") for n in range(300)]
        ),
        Field(name="date", label="Until", kind=Kind.DATE, initial="2026-12-01"),
        Field(name="time", label="At", kind=Kind.TIME, initial="09:00"),
    ],
    buttons=[CardButton(line="show 2 …", label="Next")],
)
ALICE = Sender(identity=IdentityKey("slack", "U0ALICE"))
WISH = Wish(sender=ALICE, line="snooze", thread="C1:1.2", target="C1:1.3")
CARD = Card(
    number=17,
    contact="Wang Fang",
    verification=1,
    channel="tg",
    channel_type=ChannelType.TELEGRAM,
    address="4711",
    status=Status.OPEN,
    buttons=(CardButton(line="pass …", label="Pass"), CardButton(line="pass", label="At once")),
    more=(CardButton(line="snooze …", label="Snooze until…"),),
)


@pytest.fixture(params=["socket", "http"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SlackDesk]:
    """Both ways in; triggers live long, for the machine may be slow."""
    async with slack_desk(tmp_path, mode=request.param) as opened:
        opened.slack.modals.trigger_life = 60.0
        opened.ports.forms = {"pass": PASS, "snooze": EVERY}
        yield opened


async def opened(desk: SlackDesk, thread: str, action: str = "ask.pass_form", value: str | None = None) -> None:
    desk.slack.press("alice", "#support-1", thread, action, value)
    await desk.slack.until(lambda: desk.slack.modal("alice") is not None)


async def closed(desk: SlackDesk) -> None:
    await desk.slack.until(lambda: desk.slack.modal("alice") is None)


async def errors(desk: SlackDesk) -> dict[str, str]:
    await desk.slack.until(lambda: bool(getattr(desk.slack.modal("alice"), "errors", None)))
    found = desk.slack.modal("alice")
    assert found is not None
    return found.errors


def test_s23_every_kind_of_field_is_something_slack_takes_and_nothing_in_it_is_markup() -> None:
    view = modal(EVERY, WISH)
    assert fault_of_view(view) is None
    assert view["title"]["text"] == "A title that is far too…"
    place = place_of(view)
    assert (place.line, place.asked, place.thread, place.target) == (EVERY.line, "snooze", "C1:1.2", "C1:1.3")
    texts = [block for block in view["blocks"] if block["type"] == "rich_text"]
    assert len(texts) > 1
    assert all(len(str(block)) < 3_500 for block in texts)
    assert "mrkdwn" not in str(view)


def test_every_shortcut_opens_a_form() -> None:
    assert [line for line in (each.line for each in SHORTCUTS.values()) if not asks_for_form(line)] == []


def test_what_was_filled_in_is_read_from_every_kind_of_field() -> None:
    values = {
        "line": {"line": {"type": "plain_text_input", "value": "words"}},
        "text": {"text": {"type": "plain_text_input", "value": None}},
        "one": {"one": {"type": "static_select", "selected_option": {"value": "b"}}},
        "more": {"more": {"type": "multi_static_select", "selected_options": [{"value": "a"}, {"value": "b"}]}},
        "many": {"many": {"type": "external_select", "selected_option": None}},
        "date": {"date": {"type": "datepicker", "selected_date": "2026-12-01"}},
        "time": {"time": {"type": "timepicker", "selected_time": "09:00"}},
    }
    assert values_of({"state": {"values": values}}) == {
        "line": "words",
        "text": "",
        "one": "b",
        "more": "a, b",
        "many": "",
        "date": "2026-12-01",
        "time": "09:00",
    }


async def test_s16_a_form_sent_twice_is_one_press_of_its_line(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    await opened(desk, thread)
    assert desk.ports.arrivals == []  # opening changes nothing
    [wish] = desk.ports.wishes
    assert (wish.line, wish.thread) == ("pass", f"C0SUPPORT1:{thread}")
    assert wish.sender.internal
    assert wish.sender.email == "alice@shop.example"
    desk.slack.modals.submit(desk.slack.user("alice"), {"reason": "in a call: <b>"}, times=2)
    await closed(desk)
    desk.slack.press("alice", "#support-1", thread, "ask.pass")
    await desk.ports.until(2)
    form, button = desk.ports.inbound
    assert (form.kind, form.value) == (InboundKind.BUTTON, "ask.form:pass in a call: <b>")
    assert form.thread.ref == f"C0SUPPORT1:{thread}"
    assert form.sender.identity.value == "U0ALICE"
    assert button.value == "ask.pass:pass"


async def test_s16_a_press_that_is_told_twice_opens_one_form_and_says_nothing(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    desk.slack.press("alice", "#support-1", thread, "ask.pass_form", times=2)
    async with asyncio.timeout(30):
        while desk.slack.calls["views.open"] < 2 or desk.slack.modal("alice") is None:
            await asyncio.sleep(0.01)
    desk.slack.modals.submit(desk.slack.user("alice"), {})
    await closed(desk)
    await desk.ports.until(1)
    assert [each.value for each in desk.ports.inbound] == ["ask.form:pass"]
    assert desk.slack.workspace.whispers == []


async def test_a_menu_and_a_message_shortcut_open_forms_too(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    await opened(desk, thread, "ask.more", "snooze …")
    desk.slack.modals.close(desk.slack.user("alice"))
    desk.ports.forms = {"actions": PASS}
    post = desk.slack.post("bob", "#support-1", "hello", thread_ts=thread)
    desk.slack.shortcut("alice", "#support-1", post, "onevoice_actions")
    await desk.slack.until(lambda: desk.slack.modal("alice") is not None)
    wish = desk.ports.wishes[-1]
    assert (wish.thread, wish.target) == (f"C0SUPPORT1:{thread}", f"C0SUPPORT1:{post}")


async def test_who_cannot_have_the_form_is_told_in_private(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    desk.ports.forms = {}
    desk.slack.press("alice", "#support-1", thread, "ask.pass_form")
    await desk.slack.until(lambda: bool(desk.slack.workspace.whispers))
    [whisper] = desk.slack.workspace.whispers
    assert (whisper.user, whisper.thread_ts, whisper.text) == (
        "U0ALICE",
        thread,
        "Not done: There is no form for 'pass'.",
    )


async def test_a_trigger_that_is_over_is_told_in_private(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    desk.slack.modals.trigger_life = 0.0
    desk.slack.press("alice", "#support-1", thread, "ask.pass_form")
    await desk.slack.until(lambda: bool(desk.slack.workspace.whispers))
    assert "press again" in desk.slack.workspace.whispers[0].text
    assert desk.slack.modal("alice") is None


async def test_a_slow_slack_does_not_hold_up_the_acknowledgement(tmp_path: Path) -> None:
    async with slack_desk(tmp_path) as desk:
        desk.ports.forms = {"pass": PASS}
        thread = await desk.thread(card=CARD)
        desk.slack.faults.on("views.open", Late(60.0))
        before = desk.slack.events.acknowledged
        desk.slack.press("alice", "#support-1", thread, "ask.pass_form")
        await desk.slack.until(lambda: desk.slack.events.acknowledged > before)
        assert desk.slack.workspace.whispers == []
        await desk.slack.until(lambda: bool(desk.slack.workspace.whispers))
        assert "too long" in desk.slack.workspace.whispers[0].text


async def test_what_cannot_be_read_from_the_store_is_told_in_private(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    desk.ports.forms = NotStored("away")
    desk.slack.press("alice", "#support-1", thread, "ask.pass_form")
    await desk.slack.until(lambda: bool(desk.slack.workspace.whispers))
    assert "cannot read its store" in desk.slack.workspace.whispers[0].text


async def test_a_form_that_cannot_be_stored_stays_open_with_a_sentence_and_can_be_sent_again(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    await opened(desk, thread)
    desk.ports.refuse = NotStored("away")
    desk.slack.modals.submit(desk.slack.user("alice"), {"reason": "first"})
    assert "Please send it again" in (await errors(desk))["reason"]
    desk.ports.refuse = None
    desk.slack.modals.submit(desk.slack.user("alice"), {"reason": "second"})
    await closed(desk)
    assert [each.value for each in desk.ports.inbound] == ["ask.form:pass second"]


async def test_a_changed_form_after_one_that_was_stored_without_an_answer_says_so(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    await opened(desk, thread)
    found = desk.slack.modal("alice")
    assert found is not None
    desk.slack.modals.submit(desk.slack.user("alice"), {"reason": "first"})
    await closed(desk)
    desk.slack.modals._stacks[found.user] = [found]  # the answer was lost
    desk.slack.modals.submit(desk.slack.user("alice"), {"reason": "second"})
    assert "Done already" in (await errors(desk))["reason"]
    assert [each.value for each in desk.ports.inbound] == ["ask.form:pass first"]


async def test_a_line_that_asks_for_a_form_gets_it_in_the_same_modal(desk: SlackDesk) -> None:
    chosen = Field(
        name="do",
        label="Do",
        kind=Kind.CHOICE,
        options=[Option("pass …", "Pass"), Option("take", "Take"), Option("x …", "X")],
    )
    desk.ports.forms = {"snooze": Form(title="Onevoice", line="{do}", fields=[chosen]), "pass": PASS}
    thread = await desk.thread(card=CARD)
    await opened(desk, thread, "ask.more", "snooze …")
    alice = desk.slack.user("alice")
    desk.slack.modals.submit(alice, {"do": "x …"})
    assert await errors(desk) == {"do": "There is no form for 'x'."}
    desk.slack.modals.submit(alice, {"do": "pass …"})
    await desk.slack.until(lambda: "reason" in str(getattr(desk.slack.modal("alice"), "view", "")))
    desk.slack.modals.submit(alice, {"reason": "lunch"})
    await closed(desk)
    assert [each.value for each in desk.ports.inbound] == ["ask.form:pass lunch"]


async def test_pages_turn_inside_the_modal(desk: SlackDesk) -> None:
    first = Form(title="1/2", line="", said=of_text("one"), buttons=[CardButton(line="show 2 …", label="Next")])
    desk.ports.forms = {"pass": first, "show 2": Form(title="2/2", line="", said=of_text("two"))}
    thread = await desk.thread(card=CARD)
    await opened(desk, thread)
    desk.slack.modals.press(desk.slack.user("alice"), "ask.show_2_form")
    await desk.slack.until(lambda: "two" in str(getattr(desk.slack.modal("alice"), "view", "")))
    assert desk.ports.wishes[-1].target == f"C0SUPPORT1:{thread}"
    assert desk.slack.calls["views.open"] == 1


async def test_more_than_a_hundred_options_are_looked_up_as_they_are_typed(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    await opened(desk, thread, "ask.more", "snooze …")
    alice, form = desk.slack.user("alice"), desk.slack.modal("alice")
    assert form is not None
    desk.slack.modals.search(alice, "many", "29")
    await desk.slack.until(lambda: bool(form.offered))
    assert [each["value"] for each in form.offered["many"]] == [
        "o29",
        "o129",
        "o229",
        *(f"o{n}" for n in range(290, 300)),
    ]
    form.offered.clear()
    desk.slack.modals.search(alice, "many", "")
    await desk.slack.until(lambda: bool(form.offered))
    assert len(form.offered["many"]) == 100


async def test_what_is_typed_finds_nothing_while_the_store_cannot_be_read(desk: SlackDesk) -> None:
    thread = await desk.thread(card=CARD)
    await opened(desk, thread, "ask.more", "snooze …")
    form = desk.slack.modal("alice")
    assert form is not None
    desk.ports.forms = NotStored("away")
    desk.slack.modals.search(desk.slack.user("alice"), "many", "29")
    await desk.slack.until(lambda: "many" in form.offered)
    assert form.offered["many"] == []
    assert desk.ports.arrivals == []


async def test_a_form_without_fields_says_in_its_place_that_it_was_not_stored(desk: SlackDesk) -> None:
    look = Form(title="Canned reply", line="send-canned hello", submit="Send", said=of_text("Hello."))
    desk.ports.forms = {"pass": look}
    thread = await desk.thread(card=CARD)
    await opened(desk, thread)
    desk.ports.refuse = NotStored("away")
    desk.slack.modals.submit(desk.slack.user("alice"), {})
    await desk.slack.until(lambda: "Please send it again" in str(getattr(desk.slack.modal("alice"), "view", "")))
    desk.ports.refuse = None
    desk.slack.modals.close(desk.slack.user("alice"))
    await opened(desk, thread)
    desk.slack.modals.submit(desk.slack.user("alice"), {}, times=2)
    await closed(desk)
    assert [each.value for each in desk.ports.inbound] == ["ask.form:send-canned hello"]


async def test_x15_more_forms_than_can_be_opened_in_time_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, mode="http") as desk:
        desk.ports.forms = {"pass": PASS}
        thread = await desk.thread(card=CARD)
        forms = desk.connector._forms
        forms._waiting = asyncio.Queue(1)  # nobody takes from it any more
        forms._waiting.put_nowait(None)  # type: ignore[arg-type]  # it only takes up the room
        desk.slack.press("alice", "#support-1", thread, "ask.pass_form")
        await desk.slack.until(lambda: 503 in desk.slack.events.answers)
        assert desk.ports.arrivals == []


async def test_a_form_nobody_answers_says_that_there_was_trouble(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, answer_within=0.5) as desk:
        desk.slack.modals.trigger_life = 60.0
        desk.ports.forms = {"pass": PASS}
        thread = await desk.thread(card=CARD)
        await opened(desk, thread)
        desk.slack.faults.silent = True
        desk.slack.modals.submit(desk.slack.user("alice"), {"reason": "x"})
        assert await errors(desk) == {"reason": TROUBLE}
        assert desk.slack.events.lost == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": {"type": "plain_text", "text": "x" * 25}}, "invalid_arguments"),
        ({"blocks": [{"type": "divider"}] * 101}, "invalid_arguments"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "invalid_arguments"),
        ({"blocks": [{"type": "carousel"}]}, "invalid_arguments"),
        ({"private_metadata": "x" * 3_001}, "invalid_arguments"),
        ({"submit": None}, "invalid_arguments"),
        ({"colour": "red"}, "invalid_arguments"),
        ({"type": "home"}, "invalid_arguments"),
    ],
)
async def test_the_stand_in_refuses_what_slack_refuses(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    async with slack_desk(tmp_path, run=False) as desk:
        user = desk.slack.user("alice").id
        good = modal(PASS, WISH)
        trigger = desk.slack.modals.trigger(user)
        view = {name: value for name, value in {**good, **change}.items() if value is not None}
        assert await refused(desk, "views.open", trigger_id=trigger, view=view) == code
        assert await refused(desk, "views.open", trigger_id="12", view=good) == "invalid_trigger_id"
        assert await refused(desk, "views.update", view_id="V1", view=good) == "not_found"
        assert await refused(desk, "views.open", trigger_id=trigger, view=good) is None
        assert await refused(desk, "views.open", trigger_id=trigger, view=good) == "exchanged_trigger_id"
        shown = desk.slack.modal("alice")
        assert shown is not None
        assert await refused(desk, "views.update", view_id=shown.id, hash="old", view=good) == "hash_conflict"
        desk.slack.modals.trigger_life = 0.0
        late = desk.slack.modals.trigger(user)
        await asyncio.sleep(0.001)
        assert await refused(desk, "views.open", trigger_id=late, view=good) == "expired_trigger_id"


async def refused(desk: SlackDesk, method: str, **arguments: object) -> str | None:
    """Slack's code for a call, None when it was taken."""
    async with desk.connector._api.session.post(
        f"{desk.slack.api_url}{method}", json=arguments, headers={"Authorization": f"Bearer {desk.slack.bot_token}"}
    ) as answer:
        body = await answer.json()
        return None if body["ok"] else str(body["error"])
