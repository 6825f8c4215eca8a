"""Files of test vectors, judged by the rules of this installation. One module a format, each with `evaluate`."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

FORMATS: Mapping[str, tuple[str, str]] = {
    "gateway-sla-vectors/1": ("gateway.vectors.sla", "vectors"),
    "gateway-assignment-examples/1": ("gateway.vectors.assignment", "examples"),
    "gateway-consistency-examples/1": ("gateway.vectors.consistency", "examples"),
}
"""By `format`: the module that evaluates it, loaded when it is needed, and the key of the list of cases."""


class Evaluator(Protocol):
    """What a module of a format offers."""

    def evaluate(self, file: Mapping[str, Any]) -> list[str]:
        """One line for each case whose answer differs, in the order of the file."""


class WrongFile(Exception):
    """Not a file of vectors; the text is a sentence for people."""


def report(path: Path) -> tuple[list[str], int, int]:
    """One line for each case that differs, how many passed and how many failed. Raises WrongFile."""
    file = _read(path)
    name = file.get("format")
    if not isinstance(name, str) or name not in FORMATS:
        raise WrongFile(f"{path}: format {name!r} is not known; known are {', '.join(FORMATS)}")
    module, key = FORMATS[name]
    cases = file.get(key)
    if not isinstance(cases, list):
        raise WrongFile(f"{path}: there is no list of {key} in it")
    if not all(isinstance(case, Mapping) for case in cases):
        raise WrongFile(f"{path}: each of the {key} must be an object")
    try:
        lines = cast(Evaluator, importlib.import_module(module)).evaluate(file)
    except KeyError as error:
        raise WrongFile(f"{path}: the key {error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise WrongFile(f"{path} cannot be read: {error}") from error
    return lines, len(cases) - len(lines), len(lines)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        file = json.loads(path.read_bytes())
    except OSError as error:
        raise WrongFile(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WrongFile(f"{path} is not valid JSON: {error}") from error
    if not isinstance(file, Mapping):
        raise WrongFile(f"{path} holds no JSON object")
    return file
