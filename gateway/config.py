"""From the configuration file to `Settings`, or to every mistake in it at once."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway import voices
from gateway.complaints import complaint
from gateway.crosschecks import contradictions
from gateway.document import Keys, Mistake, read
from gateway.settings import ChannelSettings, Settings, channel_model, is_of_colleagues

SHORTEST_HIDDEN = 4


class ConfigError(Exception):
    """The configuration cannot be used; `mistakes` are in the order of the file."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def load(path: Path, variables: Mapping[str, str]) -> Settings:
    """Read, fill in `${...}` from `variables`, validate; raises ConfigError with all mistakes."""
    document = read(path, variables)
    if document.value is None:
        raise ConfigError(document.mistakes)
    settings, findings = _validated(document.value)
    mistaken = voices.mistakes(document)
    for keys, sentence in contradictions(document.value):
        findings.setdefault(keys, []).append(sentence)
    mistakes = [*document.mistakes, *mistaken]
    unreadable = {mistake.keys for mistake in mistakes}
    for keys, sentences in findings.items():
        if not any(keys[:length] in unreadable for length in range(1, len(keys) + 1)):
            sentence = _hidden(", or ".join(dict.fromkeys(sentences)), document.filled)
            mistakes.append(Mistake(document.place(keys), keys, sentence))
    if mistakes or settings is None:
        main = str(path)
        raise ConfigError(sorted(mistakes, key=lambda each: (each.place.file != main, each.place, each.key)))
    return settings


def _hidden(sentence: str, filled: set[str]) -> str:
    """A sentence without what came from the environment or from files (Z1)."""
    for text in filled:
        if len(text) >= SHORTEST_HIDDEN:
            sentence = sentence.replace(text, "***")
    return sentence


def _validated(value: object) -> tuple[Settings | None, dict[Keys, list[str]]]:
    """The typed model, or its complaints by place; the members of a union complain one by one about one place."""
    try:
        return Settings.model_validate(value), {}
    except ValidationError as error:
        findings: dict[Keys, list[str]] = {}
        for each in error.errors(include_url=False):
            keys, sentence = _finding(each, value)
            findings.setdefault(keys, []).append(sentence)
        return None, findings


def _finding(error: ErrorDetails, value: object) -> tuple[Keys, str]:
    """Where pydantic found it in the file, and a sentence of ours about it."""
    keys = _keys(error["loc"], value, error["type"] == "missing")
    if error["type"] == "extra_forbidden":
        return keys, "unknown key" + _suggestion(str(keys[-1]), _siblings(keys, value))
    return keys, complaint(error)


def _keys(loc: tuple[str | int, ...], value: object, missing: bool) -> Keys:
    """The part of a pydantic location that is in the file: names of union members are left out."""
    keys: Keys = ()
    for index, key in enumerate(loc):
        if isinstance(value, str):  # it stands for a list of one
            continue
        try:
            value = value[key]  # type: ignore[index]  # the answer to that is below
        except (KeyError, IndexError, TypeError):
            if not (missing and index == len(loc) - 1):
                continue
        keys = (*keys, key)
    return keys


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; the keys here are {', '.join(known)}"


def _siblings(keys: Keys, value: object) -> list[str]:
    """The keys that may stand where an unknown one stands."""
    model: object = Settings
    is_name = False  # of an item the shop has named, as a skill is
    for key in keys[:-1]:
        value = value[key]  # type: ignore[index]  # a location that pydantic found in it
        if isinstance(key, str) and not is_name:
            annotation = _fields(model)[key].annotation
            model, is_name = _model(annotation), get_origin(annotation) is dict
        else:
            is_name = False
        if model is ChannelSettings and isinstance(value, dict):
            model = channel_model(value["type"], of_colleagues=is_of_colleagues(value))
    return [field.alias or name for name, field in _fields(model).items()]


def _fields(model: object) -> dict[str, FieldInfo]:
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _model(annotation: object) -> object:
    """The model inside an annotation: AgentSettings of `tuple[AgentSettings, ...]`."""
    if annotation is ChannelSettings or _fields(annotation):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model(inner))), None)
