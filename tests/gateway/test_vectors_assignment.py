"""The shipped assignment examples, and that a wrong one is noticed."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.vectors.assignment import FORMAT, evaluate

FILE = Path(__file__).parent.parent / "cases" / "vectors" / "assignment_examples.json"


def examples() -> dict[str, Any]:
    file: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return file


def test_every_shipped_example_has_the_expected_answer() -> None:
    file = examples()

    assert file["format"] == FORMAT
    assert len(file["examples"]) >= 18
    assert evaluate(file) == []


@pytest.mark.parametrize("number", range(len(examples()["examples"])))
def test_a_wrong_expectation_is_reported_with_its_id(number: int) -> None:
    file = examples()
    example = file["examples"][number]
    if isinstance(example["expect"], list):
        example["expect"].reverse()
    else:
        example["expect"]["rule"] = "chance"

    (difference,) = evaluate(file)

    assert difference.startswith(f"{example['id']}: expected ")


REPAIR = {"required_skills": ["repair"]}


def example(expect: object, conversation: dict[str, object], *agents: dict[str, object]) -> dict[str, Any]:
    usual = {"teams": ["cs"], "channels": ["webchat"], "langs": ["zh"], "capacity": 12, "load": 0, "presence": "active"}
    chat = {"id": "c1", "team": "cs", "channel": "webchat", "lang": "zh", "weight": 3, "topic": "logistics"}
    return {
        "id": "Y01",
        "conversation": chat | conversation,
        "agents": [usual | {"skills": {}} | agent for agent in agents],
        "history": [],
        "expect": expect,
    }


@pytest.mark.parametrize(
    ("expect", "conversation", "agent"),
    [
        (None, {"overflow_team": "tier2", "target_consumed": 0.49}, {"teams": ["tier2"]}),
        (None, {}, {"presence": "offline"}),
        (None, {}, {"presence": "dnd"}),
        (None, {}, {"on_shift": False}),
        (None, {"target_consumed": 1.0}, {"on_shift": False}),
        ("alice", {"target_consumed": 1.0}, {"on_shift": False, "on_call": True, "presence": "offline"}),
        ("alice", {"target_consumed": 0.75}, {"presence": "away"}),
        ("alice", {"target_consumed": 0.75, "lang": "fr", "lang_fallback": True}, {}),
        (None, {"target_consumed": 0.75, "lang": "fr"}, {}),
        (None, {"required_skills": ["repair"]}, {"skills": {"repair": {"level": 2, "certified_until": "2026-03-09"}}}),
        (
            "alice",
            {"required_skills": ["repair"]},
            {"skills": {"repair": {"level": 2, "certified_until": "2026-03-10"}}},
        ),
        (None, {}, {"deactivated": True}),
    ],
)
def test_the_words_of_the_format_reach_the_rules(
    expect: str | None, conversation: dict[str, object], agent: dict[str, object]
) -> None:
    rule = "queue" if expect is None else "only_candidate"

    case = example({"chosen": expect, "rule": rule}, conversation, {"id": "alice", **agent})

    assert evaluate({"examples": [case]}) == []


def test_an_example_that_cannot_be_read_is_a_difference_and_not_an_accident() -> None:
    (difference,) = evaluate({"examples": [example({"chosen": None, "rule": "queue"}, {"channel": "pigeon"})]})

    assert difference.startswith("Y01: cannot be read: ")
