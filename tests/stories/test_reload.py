"""What a configuration that changes under open conversations must not do: send what was a note, or what nobody of ours
says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from gateway.config import load
from tests.stories.gateway import Gateway, running
from tests.stories.test_card import filled
from tests.stories.test_one_voice import ask, asked, heard

HELD = "Held: the reply by Bob Li has not been sent"


async def reloaded(gateway: Gateway, change: Callable[[dict[str, Any]], None]) -> None:
    config = yaml.safe_load(gateway.config_path.read_text())
    change(config)
    gateway.config_path.write_text(yaml.safe_dump(config))
    before = gateway.app.rulebook
    await gateway.app.reload(lambda: load(gateway.config_path, gateway.variables))
    assert gateway.app.rulebook is not before


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
