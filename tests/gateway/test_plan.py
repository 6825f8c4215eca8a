"""`onevoice plan --replay`: every stored conversation that would begin otherwise is listed, and nothing is written."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from gateway import clock as wall
from router.model import ChannelType
from storage.database import Database
from storage.schema import migrate
from tests.gateway.looking_back import SHOP, in_force, on, onevoice
from tests.storage.inbounds import question
from tests.storage.past import MovingClock, asked

WIDE = SHOP.replace(
    '  - {id: tg, type: telegram, token: "7:AA"}\n',
    """\
  - {id: tg, type: telegram, token: "7:AA"}
  - id: mail
    type: email
    address: help@shop.example
    smtp_listen: {listen: "127.0.0.1:0"}
    smtp: {host: 127.0.0.1}
""",
)
ROUTE = '  - {id: default, desk: {channel: desk, slack: "#support"}}\n'
START = wall.now().replace(microsecond=0) - timedelta(days=3)


def at(minutes: float) -> str:
    return f"{START + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop with three conversations three days ago and one of forty days ago."""
    path = tmp_path / "shop.yaml"
    path.write_text(WIDE % (tmp_path / "onevoice.db"))
    migrate(f"sqlite:///{tmp_path / 'onevoice.db'}")
    clock = MovingClock()

    async def past(database: Database) -> None:
        rules = await in_force(database, path)
        clock.at(0, START - timedelta(days=37))
        await asked(database, rules, question("Old and slow?", who="old"))
        for minutes, inbound in enumerate(
            (
                question("Where is my parcel?", language="de"),
                question("Is it broken?", who="43"),
                question("A bill, please.", channel="mail", who="eva@example.org", to="billing@shop.example"),
            )
        ):
            clock.at(minutes, START)
            await asked(database, rules, inbound)

    on(path, past, clock)
    return path


def changed(shop: Path, before: str, after: str) -> Path:
    """Another file beside the one in force."""
    path = shop.parent / "next.yaml"
    assert before in shop.read_text()
    path.write_text(shop.read_text().replace(before, after))
    return path


def test_the_file_in_force_makes_no_difference(shop: Path) -> None:
    result = onevoice("plan", "--replay", "--config", shop)

    assert (result.exit_code, result.stdout) == (
        0,
        "0 of 3 conversations of the last 30 days would begin otherwise\n",
    )
    assert result.stderr == "3 of 3 conversations\n"


@pytest.mark.parametrize(
    ("when", "line"),
    [
        ("language: [de]", f"#2 {at(0)} route default -> new: route new: language is de"),
        ("keyword: [broken]", f"#3 {at(1)} route default -> new: route new: it says 'broken'"),
        ("to: [billing@shop.example]", f"#4 {at(2)} route default -> new: route new: to is billing@shop.example"),
    ],
    ids=["language", "keyword", "address"],
)
def test_a_new_route_takes_what_its_conditions_name(shop: Path, when: str, line: str) -> None:
    new = ROUTE.replace("id: default", f"id: new, when: {{{when}}}")
    result = onevoice("plan", "--config", changed(shop, ROUTE, new + ROUTE), "--replay")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [line, "1 of 3 conversations of the last 30 days would begin otherwise"]


def test_days_reach_further_back(shop: Path) -> None:
    new = ROUTE.replace("id: default", "id: new, when: {keyword: [slow]}")
    path = changed(shop, ROUTE, new + ROUTE)

    assert onevoice("plan", "--config", path, "--replay").exit_code == 0
    assert "1 of 4 conversations" in onevoice("plan", "--config", path, "--replay", "60d").stdout


def test_policies_that_match_otherwise_or_were_edited_are_told_apart(shop: Path) -> None:
    more = "policies:\n  - {id: tg, when: {channel: [tg]}, calendar: ALWAYS, first: {seconds: 60}}\n"
    path = changed(shop, "policies:\n", more)
    path.write_text(path.read_text().replace("- {id: chat, calendar: ALWAYS, first: {seconds: 60}}",
                                             "- {id: chat, calendar: ALWAYS, first: {seconds: 90}}"))  # fmt: skip
    result = onevoice("plan", "--config", path, "--replay", "--json")

    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["days"], found["conversations"]) == (30, 3)
    assert [(each["conversation"], each["route"], each["policy"]) for each in found["differences"]] == [
        (2, None, {"from": "chat 1", "to": "tg edited"}),
        (3, None, {"from": "chat 1", "to": "tg edited"}),
        (4, None, {"from": "chat 1", "to": "chat edited"}),
    ]


def test_what_was_not_stored_is_said_where_it_matters(shop: Path) -> None:
    engine = create_engine(f"sqlite:///{shop.parent}/onevoice.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET payload = json_remove(payload, '$.traits')"))
    engine.dispose()
    new = ROUTE.replace("id: default", "id: new, when: {to: [billing@shop.example]}")
    other = ROUTE.replace("id: default", "id: other")
    result = onevoice("plan", "--config", changed(shop, ROUTE, new + other), "--replay")

    assert result.stdout.splitlines()[0] == (
        f"#2 {at(0)} route default -> other: route other: it takes everything (to is not known)"
    )


def test_the_envelope_of_an_old_mail_says_whom_it_came_in_for(shop: Path) -> None:
    engine = create_engine(f"sqlite:///{shop.parent}/onevoice.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET payload = json_remove(payload, '$.traits')"))
        meta = json.dumps({"mail_from": "eva@example.org", "rcpts": "billing@shop.example"})
        connection.execute(text("UPDATE inbox SET meta = :meta WHERE channel = 'mail'"), {"meta": meta})
    engine.dispose()
    new = ROUTE.replace("id: default", "id: new, when: {to: [billing@shop.example]}")
    result = onevoice("plan", "--config", changed(shop, ROUTE, new + ROUTE), "--replay")

    assert result.stdout.splitlines()[0] == f"#4 {at(2)} route default -> new: route new: to is billing@shop.example"


def test_language_and_kind_of_channel_stand_in_for_traits_of_old_conversations(shop: Path) -> None:
    engine = create_engine(f"sqlite:///{shop.parent}/onevoice.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET payload = json_remove(payload, '$.traits')"))
    engine.dispose()
    kind = ChannelType.EMAIL.value
    more = f"policies:\n  - {{id: post, when: {{channel_type: [{kind}]}}, calendar: ALWAYS, first: {{seconds: 60}}}}\n"
    result = onevoice("plan", "--config", changed(shop, "policies:\n", more), "--replay")

    assert result.stdout.splitlines()[0] == f"#4 {at(2)} policy chat 1 -> post edited"


def test_nothing_is_written(shop: Path) -> None:
    new = ROUTE.replace("id: default", "id: new, when: {language: [de]}")
    store = shop.parent / "onevoice.db"
    before = store.read_bytes()
    onevoice("plan", "--config", changed(shop, ROUTE, new + ROUTE), "--replay")

    assert store.read_bytes() == before


def test_plan_asks_for_what_it_is_to_do(shop: Path) -> None:
    result = onevoice("plan", "--config", shop)
    assert result.exit_code == 2
    assert "give --replay" in result.stderr
    assert "soon is no number of days; write it like 30d" in onevoice(
        "plan", "--config", shop, "--replay", "soon"
    ).stderr  # fmt: skip
