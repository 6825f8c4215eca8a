"""`onevoice report response` on a real store: the rounds of a day in groups of one's choice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import load
from gateway.voices import recognition_of
from storage.database import Database
from storage.schema import migrate
from tests.gateway.looking_back import DAY, SHOP, YESTERDAY, in_force, on, onevoice
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, answered, asked

HELLO, REFUND, PARCEL = "Hello?", "I want a refund", "Where is my parcel?"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop that was asked four things yesterday, and answered one of two questions about parcels."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP % (tmp_path / "onevoice.db"))
    migrate(f"sqlite:///{tmp_path / 'onevoice.db'}")
    clock = MovingClock(YESTERDAY)

    async def a_day(database: Database) -> None:
        rules = replace(await in_force(database, path), recognition=recognition_of(load(path, {})))
        for who, text in enumerate((HELLO, REFUND, PARCEL, PARCEL)):
            conversation = await asked(database, rules, question(text, who=str(who)))
        clock.at(0.5, YESTERDAY)
        await answered(database, rules, conversation)

    on(path, a_day, clock)
    return path


def report(shop: Path, *words: object) -> str:
    found = onevoice("report", "response", "--config", shop, "--from", DAY, "--to", DAY, *words)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_the_groups_of_a_report_are_the_topics_of_the_conversations(shop: Path) -> None:
    told = json.loads(report(shop, "--by", "topic", "--format", "json"))
    assert told["by"] == "topic"
    assert [(each["group"], each["n"], each["waiting"]) for each in told["groups"]] == [
        ("logistics", 1, 1), ("no topic", 0, 1), ("refund", 0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("form", "cells"), [("csv", ","), ("table", None)])
def test_topics_are_told_in_every_form(shop: Path, form: str, cells: str | None) -> None:
    lines = [line.split(cells) for line in report(shop, "--by", "topic", "--format", form).splitlines()]
    assert [line[0] for line in lines] == ["group", "logistics", "no topic" if cells else "no", "refund"]
    assert lines[1][1:3] == ["1", "1"]
