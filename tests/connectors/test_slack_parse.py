"""Slack's payloads and texts, read as recorded: tables in tests/cases/slack, and what no payload may do."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Arrival
from connectors.slack import blocks, mrkdwn
from connectors.slack.parse import Home, Person, Setting, people_in, to_arrival
from router.model import InboundKind
from router.notes import is_note
from router.richtext import of_json, plain, to_json

CASES = Path(__file__).parents[1] / "cases" / "slack"
EVENTS = json.loads((CASES / "events.json").read_text("utf-8"))
TEXTS = json.loads((CASES / "texts.json").read_text("utf-8"))

NAMES = {"U0ALICE": "Alice Chen", "U0BOB": "Bob Li"}
PEOPLE = {
    "U0ALICE": Person(id="U0ALICE", name="Alice Chen", internal=True, email="alice@shop.example"),
    "U0GUEST": Person(id="U0GUEST", name="Gus Guest", internal=False, email="gus@partner.example"),
    "U0BOTTY": Person(id="U0BOTTY", name="botty", internal=False, bot=True),
}
SETTING = Setting(
    channel="desk",
    home=Home(team="T0SHOP", user="U0ONEVOICE", bot="B0ONEVOICE"),
    allowed_bots=frozenset({"B0GOOD"}),
)


def summary(arrival: Arrival | None) -> dict[str, Any] | None:
    """An arrival in the form of the table."""
    if arrival is None:
        return None
    if arrival.inbound is None:
        assert arrival.problem
        return {"problem": arrival.problem.split(":")[0]}
    inbound = arrival.inbound
    shown = {
        "key": arrival.key,
        "kind": inbound.kind.value,
        "address": inbound.address,
        "remote_id": inbound.remote_id,
        "sender": inbound.sender.identity.value,
        "internal": inbound.sender.internal,
        "order": inbound.order,
        "text": plain(inbound.text),
    }
    more = {
        "name": inbound.sender.name,
        "thread": inbound.thread.ref,
        "target": inbound.target,
        "value": inbound.value,
        "files": [[file.name, file.remote] for file in inbound.attachments],
    }
    return shown | {key: value for key, value in more.items() if value}


@pytest.mark.parametrize("case", EVENTS, ids=[case["name"] for case in EVENTS])
def test_a_payload_means_what_the_table_says(case: dict[str, Any]) -> None:
    assert summary(to_arrival(case["body"], SETTING, PEOPLE)) == case["arrival"]


@pytest.mark.parametrize("case", TEXTS, ids=[case["name"] for case in TEXTS])
def test_s24_a_text_reads_as_the_table_says(case: dict[str, Any]) -> None:
    if "mrkdwn" in case:
        tree = mrkdwn.to_rich_text(case["mrkdwn"], NAMES)
    else:
        tree = blocks.to_rich_text(case["blocks"], NAMES)
    assert tree == of_json(case["tree"])
    assert to_json(tree) == case["tree"]
    assert plain(tree) == case["plain"]


def test_s4_message_and_app_mention_of_one_ts_have_one_key() -> None:
    keys = {case["arrival"]["key"] for case in EVENTS if case["name"].endswith("(S4)") and case["arrival"] is not None}
    assert len(keys) == 1


def test_the_times_come_from_slacks_ts() -> None:
    arrival = to_arrival(EVENTS[0]["body"], SETTING, PEOPLE)
    assert arrival is not None
    assert arrival.inbound is not None
    assert arrival.inbound.sent_at is not None
    assert arrival.inbound.sent_at.isoformat() == "2023-11-14T22:13:20.000100+00:00"


def test_the_people_of_a_message_are_its_author_and_whom_it_names() -> None:
    body = {"event": {"type": "message", "user": "U1", "text": "<@U2> <@W3|x> <@U2> &lt;@U4&gt; <@B5>"}}
    assert people_in(body) == ["U1", "U2", "W3"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "C1", "1.2", "message", "rich_text", "<@U1"]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "event", "channel", "ts", "user", "text", "blocks", "elements", "files", "message"]
            ),
            inside,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(case=st.sampled_from(EVENTS), path=st.lists(st.integers(0, 9), max_size=6), spoiled=JSON)
def test_x2_no_payload_makes_the_parser_raise(case: dict[str, Any], path: list[int], spoiled: Any) -> None:
    body = json.loads(json.dumps(case["body"]))
    node: Any = body
    for step in path:
        if not isinstance(node, dict | list) or not node:
            break
        key = list(node)[step % len(node)] if isinstance(node, dict) else step % len(node)
        if isinstance(node[key], dict | list) and node[key] and step % 2:
            node = node[key]
        else:
            node[key] = spoiled
            break
    people_in(body)
    arrival = to_arrival(body, SETTING, PEOPLE)
    assert arrival is None or (arrival.inbound is None) != (arrival.problem is None)


def test_x2_a_payload_nested_beyond_reason_is_kept() -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [deep]
    arrival = to_arrival({"event": {"type": "message", "channel": deep, "user": "U1", "ts": 1}}, SETTING, {})
    assert arrival is not None
    assert arrival.problem


@pytest.mark.parametrize(
    "soup",
    [
        *("*" * 20_000, "*_~" * 7_000, "*a _b ~c " * 2_000, "*a* " * 5_000),
        *("<" * 20_000, "<@U1" * 5_000, "<a|b> " * 3_000, "&gt;\n" * 4_000, "&amp;" * 4_000),
        *("`" * 19_999, "``` ` " * 3_300, ":" * 20_000, ":a" * 10_000),
    ],
    ids=lambda soup: soup[:9],
)
def test_a_hostile_text_is_read_in_linear_time(soup: str) -> None:
    started = time.process_time()
    mrkdwn.to_rich_text(soup, {})
    assert time.process_time() - started < 1.0


def test_s9_the_prefix_of_a_note_survives_whatever_hides_in_it() -> None:
    for typed in ("// no", "\u200b// no", " // no", "note: no", "Note: no", ":lock: no"):
        body = {"event": {**EVENTS[0]["body"]["event"], "text": typed}}
        arrival = to_arrival(body, SETTING, PEOPLE)
        assert arrival is not None
        assert arrival.inbound is not None
        assert arrival.inbound.kind is InboundKind.MESSAGE
        assert plain(arrival.inbound.text) == typed.replace(":lock:", "\N{LOCK}")


@pytest.mark.parametrize(
    ("called", "wire"),
    [
        ({"type": "user", "user_id": "U0BOB"}, "<@U0BOB>"),
        ({"type": "broadcast", "range": "here"}, "<!here>"),
        ({"type": "usergroup", "usergroup_id": "S1"}, "<!subteam^S1|@leads>"),
        ({"type": "channel", "channel_id": "C2"}, "<#C2|lost-parcels>"),
        ({"type": "emoji", "name": "shop_logo"}, ":shop_logo:"),
    ],
)
@pytest.mark.parametrize("said", [" // no", ", note: no", ": :lock: no", "\u200bnote: no"])
def test_s9_a_note_stays_one_behind_whoever_is_called(called: dict[str, str], wire: str, said: str) -> None:
    section = {"type": "rich_text_section", "elements": [called, {"type": "text", "text": said}]}
    assert is_note(mrkdwn.to_rich_text(wire + said, NAMES))
    assert is_note(blocks.to_rich_text([{"type": "rich_text", "elements": [section]}], NAMES))
    assert not is_note(mrkdwn.to_rich_text(f"{wire} see{said}", NAMES))
