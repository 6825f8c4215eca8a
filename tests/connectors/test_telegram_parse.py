"""Every kind of update as recorded in tests/cases/telegram, and the entities' edges (T2-T7, T14, T19, T21, T22, X9)."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from telegram import Update

from connectors.telegram.entities import to_rich_text
from connectors.telegram.parse import ALLOWED, next_offset, to_arrival
from router.richtext import Paragraph, Quote, Span, plain, to_json

FOLDER = Path(__file__).parent.parent / "cases" / "telegram"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def named(*keys: str) -> list[str]:
    """The cases whose expectation has one of these keys."""
    return [name for name, case in CASES.items() if any(key in case["expect"] for key in keys)]


@pytest.mark.parametrize("name", named("kind"))
def test_an_update_becomes_what_the_case_expects(name: str) -> None:
    case = CASES[name]
    expect = case["expect"]
    arrival = to_arrival(case["update"], "tg")
    assert arrival is not None
    assert arrival.problem is None
    inbound = arrival.inbound
    assert inbound is not None
    body = next(body for key, body in case["update"].items() if key != "update_id")

    assert inbound.kind == expect["kind"]
    assert plain(inbound.text) == expect["text"]
    assert [f"{a.name} {a.content_type} {a.remote} {a.size}" for a in inbound.attachments] == expect["attachments"]
    assert inbound.target == expect.get("target")
    assert inbound.value == expect.get("value", "")
    assert inbound.automatic == expect.get("automatic", False)
    assert list(inbound.thread.remote_ids) == expect.get("replies", [])
    assert (inbound.channel, inbound.address) == ("tg", "5001")
    assert inbound.sender.identity.value == "5001"
    assert inbound.sender.verification == 1
    assert json.loads(arrival.raw) == case["update"]
    if "tree" in expect:
        assert to_json(inbound.text) == expect["tree"]
    if "key" in expect:
        assert arrival.key == expect["key"]
        assert inbound.remote_id == expect["remote_id"]
        assert inbound.sender.name == expect["sender"]
        assert inbound.language == "zh-hans"
        assert inbound.order == 42
        assert inbound.sent_at == datetime.fromtimestamp(body["date"], UTC)


@pytest.mark.parametrize(
    "name", [name for name in named("kind") if CASES[name]["expect"]["kind"] in {"message", "edit"}]
)
def test_x9_no_message_is_empty(name: str) -> None:
    arrival = to_arrival(CASES[name]["update"], "tg")

    assert arrival is not None
    assert arrival.inbound is not None
    assert plain(arrival.inbound.text).strip()


@pytest.mark.parametrize("name", named("ignored"))
def test_t22_what_is_not_a_customer_in_a_private_chat_does_not_arrive(name: str) -> None:
    assert to_arrival(CASES[name]["update"], "tg") is None


@pytest.mark.parametrize("name", named("problem"))
def test_t7_what_makes_no_sense_arrives_as_a_problem(name: str) -> None:
    arrival = to_arrival(CASES[name]["update"], "tg")

    assert arrival is not None
    assert arrival.inbound is None
    assert arrival.problem is not None
    assert arrival.key == f"u:{CASES[name]['update']['update_id']}"


@pytest.mark.parametrize("junk", [None, 7, "update", [], {}, {"update_id": "x"}, {"update_id": 1, "message": None}])
def test_t7_anything_at_all_has_a_key_and_a_reason(junk: Any) -> None:
    arrival = to_arrival(junk, "tg")

    assert arrival is not None
    assert arrival.key
    assert arrival.problem


def test_t7_lone_surrogates_do_not_cost_the_batch() -> None:
    update = json.loads('{"update_id": 1, "telepathy": "\\ud83d"}')

    arrival = to_arrival(update, "tg")

    assert arrival is not None
    assert json.loads(arrival.raw) == update


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["expect"].get("ptb", True)])
def test_the_recorded_updates_have_the_shapes_of_the_bot_api(name: str) -> None:
    if "problem" in CASES[name]["expect"]:
        return
    update = Update.de_json(CASES[name]["update"], None)
    kinds = [kind for kind in ALLOWED if kind in CASES[name]["update"]]

    assert [kind for kind in kinds if getattr(update, kind) is None] == []


def test_every_entity_offset_agrees_with_the_library() -> None:
    message = Update.de_json(CASES["text_entities"]["update"], None).message
    assert message is not None

    assert set(message.parse_entities(["bold", "text_link"]).values()) == {"bold", "link"}


def test_t2_a_redelivered_message_has_the_same_key_and_an_edit_another_one() -> None:
    first = {**CASES["text"]["update"], "update_id": 1}
    again = {**CASES["text"]["update"], "update_id": 2}
    edits = [
        {"update_id": 3, "edited_message": {**first["message"], "edit_date": 1763760030, "text": text}}
        for text in ("one", "two", "two")
    ]

    keys = [arrival.key for update in (first, again, *edits) if (arrival := to_arrival(update, "tg"))]

    assert keys[0] == keys[1]
    assert keys[3] == keys[4]
    assert len(set(keys)) == 3, "two edits in one second are two versions"


def test_the_offset_follows_the_largest_id_of_a_batch() -> None:
    assert next_offset([{"update_id": 5}, {"update_id": 9}, {"update_id": 7}, "junk"]) == 10
    assert next_offset(["junk"]) is None


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 99), (-3, 5), (50, 2), (2, 0), (1, 1)],
)
def test_entities_that_lie_outside_or_inside_a_symbol_lose_no_text(offset: int, length: int) -> None:
    text = to_rich_text("😀ab", [{"type": "bold", "offset": offset, "length": length}])

    assert plain(text) == "😀ab"


def test_a_pre_inside_a_quote_stays_inside() -> None:
    entities = [{"type": "blockquote", "offset": 0, "length": 7}, {"type": "pre", "offset": 4, "length": 3}]

    text = to_rich_text("see\nabc\nend", entities)

    [quote, _] = text.blocks
    assert isinstance(quote, Quote)
    assert len(quote.blocks) == 2


@pytest.mark.parametrize("said", [["a"], {"a": "b"}, 5, True], ids=str)
def test_t7_a_text_that_is_none_is_a_problem_and_no_text(said: object) -> None:
    """A list as text was stored, and nobody could read the delivery that held it."""
    person = {"id": 5, "is_bot": False, "first_name": "Li"}
    message = {"message_id": 1, "from": person, "chat": {"id": 5, "type": "private"}, "date": 1, "text": said}

    arrival = to_arrival({"update_id": 1, "message": message}, "tg")

    assert arrival is not None
    assert arrival.problem is not None
    assert arrival.inbound is None


def test_t7_texts_hold_nothing_that_a_database_refuses_and_entities_keep_their_places() -> None:
    person = {"id": 5, "is_bot": False, "first_name": "L\0i\ud83d"}
    entities = [{"type": "bold", "offset": 2, "length": 4}]
    message = {"message_id": 1, "from": person, "chat": {"id": 5, "type": "private"}, "date": 1}

    arrival = to_arrival({"update_id": 1, "message": {**message, "text": "\0\ud800bold", "entities": entities}}, "tg")

    assert arrival is not None
    assert arrival.inbound is not None
    assert arrival.inbound.sender.name == "L\ufffdi\ufffd"
    assert arrival.inbound.text is not None
    (paragraph,) = arrival.inbound.text.blocks
    assert isinstance(paragraph, Paragraph)
    assert [span.text for span in paragraph.children if isinstance(span, Span)] == ["\ufffd\ufffd", "bold"]


def test_x15_entities_without_end_take_no_time() -> None:
    started = time.process_time()
    to_rich_text("e" * 20_000, [{"type": "bold", "offset": n, "length": 1} for n in range(20_000)])
    assert time.process_time() - started < 0.5
