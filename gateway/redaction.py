"""Secrets taken out of texts, in every form they may have there (Z1)."""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

import orjson

HIDDEN = "***"
SHORTEST_ENCODED = 8


class Redactor:
    """Replaces known secrets by `***`. Cheap when there is none in a text: one search a form."""

    __slots__ = ("_escaped", "_forms")

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._escaped = [orjson.dumps(form)[1:-1] for form in self._forms]

    def finds(self, line: bytes) -> bool:
        """Whether a line of JSON holds a secret."""
        return any(form in line for form in self._escaped)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text

    def value(self, value: object) -> object:
        """A value of a log event without secrets; what is neither plain nor a container becomes its text."""
        match value:
            case str():
                return self.text(value)
            case None | bool() | int() | float():
                return value
            case dict():
                return {self.text(str(key)): self.value(inner) for key, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(inner) for inner in value]
            case _:
                return self.text(str(value))


def _forms(secret: str) -> set[str]:
    """The secret itself, in a URL, in a Python literal, in JSON, and inside base64 at each of its three alignments."""
    if not secret:
        return set()
    raw = secret.encode()
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    forms |= {repr(secret)[1:-1], repr(raw)[2:-1], json.dumps(secret)[1:-1], orjson.dumps(secret)[1:-1].decode()}
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + raw).decode()
        # The first characters also hold bits of what stands before, the last ones of what stands after.
        core = padded[(0, 2, 3)[shift] : len(padded) - (0, 3, 2)[(shift + len(raw)) % 3]]
        if len(core) >= SHORTEST_ENCODED:
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return forms
