"""What a configuration that changes under open conversations must not do: send what was a note, or what nobody of ours
says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from structlog.testing import capture_logs

from gateway.config import load
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows, running, settled
from tests.stories.test_card import filled
from tests.stories.test_one_voice import ask, asked, heard

OPEN = Statement("SELECT channel, state FROM outbox WHERE channel = 'tg' AND state IN ('ready', 'sending', 'unknown')")
DESK = Statement("SELECT 1 FROM outbox WHERE channel = 'desk' AND kind = 'message' AND state = 'ready'")
QUARANTINED = Statement("SELECT error FROM inbox WHERE state = 'quarantined'")
HELD = "Held: the reply by Bob Li has not been sent"


async def reloaded(gateway: Gateway, change: Callable[[dict[str, Any]], None]) -> None:
    config = yaml.safe_load(gateway.config_path.read_text())
    change(config)
    gateway.config_path.write_text(yaml.safe_dump(config))
    before = gateway.app.rulebook
    await gateway.app.reload(lambda: load(gateway.config_path, gateway.variables))
    assert gateway.app.rulebook is not before


def held_for_an_hour(config: dict[str, Any]) -> None:
    for route in config["routes"]:
        route["hold"] = "1h"


def without_telegram(config: dict[str, Any]) -> None:
    config["channels"] = [each for each in config["channels"] if each["id"] != "tg"]


def with_another_desk(config: dict[str, Any]) -> None:
    for channel in config["channels"]:
        channel["id"] = "office" if channel["id"] == "desk" else channel["id"]
        if "workspace" in channel:
            channel["workspace"] = "office"
    for route in config["routes"]:
        route["desk"]["channel"] = "office"


def unchanged(config: dict[str, Any]) -> None:
    """The configuration as it was."""


async def waits_for_the_old_desk(gateway: Gateway) -> bool:
    return len(await rows(gateway, DESK)) == 1


async def is_queued(gateway: Gateway) -> bool:
    return ("tg", "ready") in await rows(gateway, OPEN)


def without_bob(config: dict[str, Any]) -> None:
    config["agents"] = [each for each in config["agents"] if each["id"] != "bob"]
    for team in config["teams"]:
        team["lead"] = "alice"


async def test_inv8_notes_stay_notes_when_their_route_is_renamed(database_url: str, tmp_path: Path) -> None:
    def notes(config: dict[str, Any]) -> None:
        for route in config["routes"]:
            route["reply_mode"] = "note"

    def renamed(config: dict[str, Any]) -> None:
        for route in config["routes"]:
            route["id"] = f"{route['id']}-2"
            route["reply_mode"] = "reply"

    async with running(database_url, tmp_path, notes) as gateway:
        post = await asked(gateway, "I want a refund of my lamp")
        await reloaded(gateway, renamed)
        note = await gateway.answer(post, "Hello all, careful please, he is a known fraud")
        await gateway.marked(post, note, "memo")
        await gateway.shown("is not in the configuration any more")
        ask(gateway, post, "reply Hello Tom, I look into it.")
        await heard(gateway, "Hello Tom, I look into it.")
        assert gateway.world.telegram.heard("tom") == ["Hello Tom, I look into it."]


async def test_s8_an_edit_by_somebody_who_is_no_agent_any_more_does_not_leave(gateway: Gateway) -> None:
    post = await asked(gateway)
    ts = await gateway.answer(post, "Hello Tom, it left today.", user="bob")
    await gateway.marked(post, ts, "white_check_mark")
    await reloaded(gateway, without_bob)
    gateway.world.slack.edit("bob", post.channel, ts, "Hello Tom, you are an idiot.")
    await gateway.shown("not a listed agent any more")
    assert gateway.world.telegram.heard("tom") == ["Hello Tom, it left today."]


async def test_a_held_reply_of_a_former_agent_is_sent_by_the_lead(gateway: Gateway) -> None:
    post = await asked(gateway)
    await gateway.answer(post, "That is not my department.", user="bob")
    await gateway.shown(HELD)
    await reloaded(gateway, without_bob)
    ask(gateway, post, "send he meant the other shop")
    await heard(gateway, "That is not my department.")


async def test_a_held_reply_of_a_former_agent_is_changed_by_the_lead(gateway: Gateway) -> None:
    post = await asked(gateway)
    slack = gateway.world.slack
    await gateway.answer(post, "That is not my department.", user="bob")
    notice = await gateway.shown(HELD)
    await reloaded(gateway, without_bob)
    buttons = [each for block in notice.blocks if block["type"] == "actions" for each in block["elements"]]
    edit = next(each for each in buttons if each["text"]["text"] == "Edit")
    slack.press("alice", notice.channel, notice.ts, edit["action_id"])
    await slack.until(lambda: slack.modal("alice") is not None)
    modal = slack.modal("alice")
    assert modal is not None
    field = next(each for each in modal.view["blocks"] if each["type"] == "input")
    await filled(gateway, "alice", **{field["block_id"]: "Hello Tom, I look into it at once."})
    await heard(gateway, "Hello Tom, I look into it at once.")


async def test_who_answers_on_a_channel_that_is_not_configured_any_more_is_told_so(gateway: Gateway) -> None:
    post = await asked(gateway)
    reply = await gateway.answer(post, "Hello Tom, it left today.")
    await heard(gateway, "Hello Tom, it left today.")
    await gateway.halt()
    gateway.change = held_for_an_hour
    await gateway.boot()
    await gateway.answer(post, "Hello Tom, the number of the parcel is 4711.")
    await settled(lambda: is_queued(gateway))
    await gateway.answer(post, "That is not my department.", user="bob")
    await gateway.shown(HELD)
    await gateway.halt()
    gateway.change = without_telegram
    with capture_logs() as logged:
        await gateway.boot()
    (told,) = (each for each in logged if each["event"] == "channel.left_behind")
    assert (told["channel"], told["deliveries"], told["log_level"]) == ("tg", 1, "warning")
    assert "add it again under this id" in told["reason"]

    unsent = await gateway.answer(post, "Hello Tom, is it there?")
    await gateway.shown("Not sent: the channel tg is no longer configured.")
    await gateway.marked(post, unsent, "no_entry_sign")
    gateway.world.slack.edit("alice", post.channel, reply, "Hello Tom, it left yesterday.")
    await gateway.shown("The edit cannot be shown where the message was sent")
    ask(gateway, post, "send he meant the other shop")
    await gateway.shown("It cannot be sent: the channel tg is no longer configured.")
    assert await rows(gateway, OPEN) == [("tg", "ready")]


async def test_what_customers_say_in_threads_of_a_desk_that_is_not_configured_any_more_is_kept_for_it(
    gateway: Gateway,
) -> None:
    post = await asked(gateway)
    await gateway.halt()
    gateway.change = with_another_desk
    await gateway.boot()
    gateway.world.telegram.say("tom", "I mean the parcel of Monday.")
    await settled(lambda: waits_for_the_old_desk(gateway))
    assert await rows(gateway, QUARANTINED) == []
    await gateway.halt()
    gateway.change = unchanged
    await gateway.boot()
    assert (await gateway.shown("I mean the parcel of Monday.")).thread_ts == post.thread_ts


def with_old_holidays(config: dict[str, Any]) -> None:
    config["calendars"] = {"OVER": {"tz": "UTC", "weekly": {}, "coverage_end": "2020-12-31"}}
    config |= {"digests": {"calendar": "OVER"}, "promise_calendar": "OVER"}


async def test_d40_calendars_whose_holidays_are_over_are_logged_at_the_start_and_at_a_reload(gateway: Gateway) -> None:
    with capture_logs() as logged:
        await reloaded(gateway, with_old_holidays)
        await gateway.halt()
        gateway.change = with_old_holidays
        await gateway.boot()
    told = [each for each in logged if each["event"] == "calendar.coverage"]
    assert [(each["calendar"], each["log_level"]) for each in told] == [("OVER", "warning")] * 2
    assert "weekly hours apply" in told[0]["reason"]
