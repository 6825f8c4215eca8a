"""The commands that judge texts and vectors, and those that link contacts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli

CASES = Path(__file__).parents[1] / "cases" / "vectors"


def onevoice(*words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, words, input=text)


@pytest.mark.parametrize(
    ("file", "count"), [("sla_vectors", 124), ("assignment_examples", 18), ("consistency_examples", 85)]
)
def test_every_vector_passes(file: str, count: int) -> None:
    result = onevoice("vectors", str(CASES / f"{file}.json"))
    assert (result.exit_code, result.stdout) == (0, f"{count} passed, 0 failed\n")


def test_a_vector_that_differs_is_a_line_and_exit_code_1(tmp_path: Path) -> None:
    file = json.loads((CASES / "consistency_examples.json").read_bytes())
    file["examples"] = [{**file["examples"][0], "expect": [["refund", "2026-03-11T10:00:00+08:00"]]}]
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps(file))
    result = onevoice("vectors", str(path))
    assert result.exit_code == 1
    assert result.stdout.startswith("P01: expected")
    assert result.stdout.endswith("0 passed, 1 failed\n")
    assert json.loads(onevoice("vectors", "--json", str(path)).stdout)["failed"] == 1


def test_a_file_of_something_else_is_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "vectors.json"
    path.write_text("{}")
    result = onevoice("vectors", str(path))
    assert result.exit_code == 2
    assert "format None is not known" in result.stderr


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ('{"format": "gateway-consistency-examples/1", "examples": [{"id": 1}]}', "the key now is missing"),
        ('{"format": "gateway-consistency-examples/1", "now": "x", "examples": []}', "cannot be read: Invalid"),
        ('{"format": "gateway-assignment-examples/1", "examples": [5]}', "each of the examples must be an object"),
    ],
)
def test_a_file_whose_cases_have_another_shape_is_exit_code_2(tmp_path: Path, file: str, sentence: str) -> None:
    path = tmp_path / "vectors.json"
    path.write_text(file)
    result = onevoice("vectors", str(path))
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_check_reply_reads_standard_input_and_tells_every_finding() -> None:
    result = onevoice(
        "check-reply", text='{"check": "all", "channel": "webchat", "text": "That is not my department."}'
    )
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["held"] is True
    (finding,) = found["findings"]
    assert (finding["rule"], finding["level"], finding["span"]) == ("W-BRUSHOFF", "warn", [8, 25])


def test_check_reply_answers_one_check_in_the_shape_of_an_example(tmp_path: Path) -> None:
    path = tmp_path / "reply.json"
    document = {"check": "statement", "channel": "email", "text": "We refund ¥89.50 for order 2024030912345."}
    path.write_text(json.dumps(document))
    found = json.loads(onevoice("check-reply", str(path)).stdout)
    assert found["check"] == "statement"
    assert found["result"][0][:2] == ["refund_amount", "89.50 CNY"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not valid JSON"),
        ("[]", "must hold an object"),
        ('{"check": "horoscope", "text": "x"}', "is not known"),
        ('{"context": []}', "context: must hold keys and values"),
        ("{}", "the key text is missing"),
        ('{"text": null}', "text: must be text"),
        ('{"text": 5}', "text: must be text"),
        ('{"check": "duplicate", "b": "x"}', "the key a is missing"),
        ('{"text": "x", "channel": "phone"}', "channel: 'phone' is not known; known are slack, telegram, "),
        ('{"text": "x", "stage": "end"}', "stage: 'end' is not known; known are first, "),
        ('{"text": "x", "origin": "me"}', "origin: 'me' is not known; known are agent, "),
        ('{"text": "x", "context": {"orders": 5}}', "orders: must be a list"),
        ('{"text": "x", "context": {"files": [5]}}', "files[0]: must hold keys and values"),
        ('{"text": "x", "statements": [{"slot": "refund_amount"}]}', "statements[0].value: is missing"),
        ('{"text": "x", "lease": {"agent": "bob"}}', "lease.until: is missing"),
    ],
)
def test_check_reply_says_what_it_cannot_read(text: str, sentence: str) -> None:
    result = onevoice("check-reply", text=text)
    assert result.exit_code == 2
    assert sentence in result.stderr
