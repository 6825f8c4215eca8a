"""The response-time vectors: all of them pass, and a wrong figure never does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.vectors import WrongFile, report
from gateway.vectors.sla import compare, differences, figures

PATH = Path(__file__).parents[1] / "cases" / "vectors" / "sla_vectors.json"
FILE: dict[str, Any] = json.loads(PATH.read_bytes())
VECTORS: list[dict[str, Any]] = FILE["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['id']} {vector['title']}")
def test_vector(vector: dict[str, Any]) -> None:
    assert compare(vector, FILE) is None


def test_the_report_counts_124_passed_and_0_failed() -> None:
    assert report(PATH) == ([], 124, 0)


def wrong(value: Any) -> Any:
    """Another value of the same form."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case None:
            return 0
        case str() if value[:2] == "20":
            return value.replace("2026", "2025")
        case str():
            return value + "x"
        case list() if all(isinstance(each, dict) for each in value) and value:
            return [*value, value[-1]]
        case list():
            return [*value, "x"]
        case _:
            raise AssertionError(value)


def spoiled(expect: Any) -> Iterator[Any]:
    """The expectation with one leaf wrong, for each leaf."""
    if isinstance(expect, dict):
        for key, value in expect.items():
            for other in spoiled(value):
                yield {**expect, key: other}
    elif isinstance(expect, list) and expect and all(isinstance(each, dict) for each in expect):
        for index, value in enumerate(expect):
            for other in spoiled(value):
                yield [*expect[:index], other, *expect[index + 1 :]]
    else:
        yield wrong(expect)


def test_every_figure_of_every_vector_is_really_compared() -> None:
    for vector in VECTORS:
        found = figures(vector, FILE)
        for expect in spoiled(vector["expect"]):
            assert differences(expect, found), (vector["id"], expect)


def test_a_round_too_many_in_the_expectation_is_a_difference() -> None:
    vector = next(each for each in VECTORS if each["id"] == "C01")
    more = {**vector, "expect": {"rounds": [*vector["expect"]["rounds"], {"kind": "next"}]}}
    assert compare(more, FILE) == "C01: rounds: expected 2, got 1"


def test_a_difference_is_one_line_that_names_vector_figure_and_both_values(tmp_path: Path) -> None:
    vector = next(each for each in VECTORS if each["id"] == "B01")
    other = {**vector, "expect": {"deadline": "2026-03-10T15:00:00+08:00"}}
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps({**FILE, "vectors": [vector, other]}))
    lines, passed, failed = report(path)
    assert (passed, failed) == (1, 1)
    assert lines == ["B01: deadline: expected '2026-03-10T15:00:00+08:00', got 2026-03-10T06:00:00Z"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "horoscope"}, "kind 'horoscope' is not known"),
        ({"calendar": "MOON"}, "MOON is not among the calendars"),
        ({"policy": "P_LOST"}, "P_LOST is not among the policies"),
        ({"events": [{"type": "dance", "t": "2026-03-10T10:00:00Z"}]}, "event type 'dance' is not known"),
        ({"now": "soon"}, "soon"),
        ({"expect": {"moon_phase": 1}}, "moon_phase: expected 1, there is none"),
    ],
)
def test_a_vector_that_cannot_be_read_fails_alone_and_says_why(change: dict[str, Any], sentence: str) -> None:
    vector = {**next(each for each in VECTORS if each["id"] == "C01"), **change}
    line = compare(vector, FILE)
    assert line is not None
    assert line.startswith("C01: ")
    assert sentence in line


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("[]", "holds no JSON object"),
        ('{"format": "x"}', "format 'x' is not known"),
        ('{"format": "gateway-sla-vectors/1"}', "there is no list of vectors"),
    ],
)
def test_a_file_that_holds_no_vectors_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(WrongFile, match=sentence):
        report(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match="cannot be read"):
        report(tmp_path / "none.json")
