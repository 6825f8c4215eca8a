"""Reads the pieces standards are made of out of a YAML document; every mistake is collected with its file and line."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from gateway.document import Document, Keys
from router.consistency.findings import Level, Rule, Words
from router.consistency.patterns import BadPattern, Pattern, any_of, spans_of
from router.consistency.text import normalise

Choice = TypeVar("Choice", bound=StrEnum)

NOTHING = Pattern(r"[^\s\S]")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document with its place. Reading never raises: what is wrong is noted and replaced."""

    document: Document
    keys: Keys
    value: object

    def wrong(self, sentence: str) -> None:
        """Note a mistake at this place."""
        self.document.wrong(self.document.place(self.keys), self.keys, sentence)

    def mapping(self, required: Sequence[str] = (), optional: Sequence[str] = ()) -> "dict[str, Node]":
        """The keys of a mapping; missing and unknown ones are mistakes, the unknown with a suggestion."""
        if not isinstance(self.value, dict):
            self.wrong(f"must hold the keys {', '.join(required) or ', '.join(optional)}")
            return {}
        known = [*required, *optional]
        for key in self.value:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                self.child(key).wrong("unknown key" + (f"; did you mean {near[0]}?" if near else ""))
        for key in required:
            if key not in self.value:
                self.wrong(f"{key} is missing")
        return {key: self.child(key) for key in known if key in self.value}

    def entries(self) -> "dict[str, Node]":
        """A mapping whose keys are free."""
        if not isinstance(self.value, dict):
            self.wrong("must be keys and values")
            return {}
        return {str(key): self.child(key) for key in self.value}

    def items(self) -> "Iterator[Node]":
        if not isinstance(self.value, list):
            self.wrong("must be a list")
            return
        for index in range(len(self.value)):
            yield self.child(index)

    def child(self, key: str | int) -> "Node":
        assert isinstance(self.value, dict | list)
        return Node(self.document, (*self.keys, key), self.value[key])  # type: ignore[index]  # a key of its own kind

    def text(self) -> str:
        if isinstance(self.value, str | int | float) and not isinstance(self.value, bool):
            return str(self.value)
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        self.wrong("must be text")
        return ""

    def integer(self) -> int:
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        self.wrong("must be a whole number")
        return 0

    def texts(self) -> tuple[str, ...]:
        """A list of texts, or one alone."""
        if isinstance(self.value, list):
            return tuple(each.text() for each in self.items())
        return (self.text(),)

    def choice(self, kind: type[Choice]) -> Choice:
        value = self.text()
        if value not in {each.value for each in kind}:
            self.wrong(f"must be one of {', '.join(each.value for each in kind)}")
            return next(iter(kind))
        return kind(value)

    def duration(self) -> timedelta:
        """`10s 5m 2h 3d`."""
        value = self.text()
        if len(value) > 1 and value[:-1].isdigit() and value[-1] in _UNITS:
            return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
        self.wrong("must be a duration like 10s, 5m, 2h or 3d")
        return timedelta()

    def instant(self) -> datetime:
        """An ISO instant with its zone, or a date (its first moment in UTC)."""
        try:
            parsed = datetime.fromisoformat(self.text())
        except ValueError:
            self.wrong("must be an ISO date or an instant with its zone, in quotes")
            return datetime.combine(date.min, time(), UTC)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    def words(self) -> Words:
        parts = self.mapping(required=("zh", "en"))
        return Words(parts["zh"].text(), parts["en"].text()) if len(parts) == 2 else Words()

    def levels(self) -> Mapping[str, Level]:
        known = {"email", "telegram", "webchat", "slack", "phone", "bot", "template", "survey"}
        found: dict[str, Level] = {}
        for key, node in self.entries().items():
            if key not in known:
                node.wrong(f"must be one of {', '.join(sorted(known))}")
            found[key] = node.choice(Level)
        return found


RULE_KEYS = ("version", "level", "levels", "allow", "message", "suggestion", "since")


def rule(name: str, parts: Mapping[str, Node]) -> Rule:
    """A rule's own columns; the keys `RULE_KEYS`."""
    return Rule(
        id=name,
        version=parts["version"].integer() if "version" in parts else 1,
        level=parts["level"].choice(Level) if "level" in parts else Level.WARN,
        levels=parts["levels"].levels() if "levels" in parts else {},
        allow=frozenset(parts["allow"].texts()) if "allow" in parts else frozenset(),
        message=parts["message"].words() if "message" in parts else Words(),
        suggestion=parts["suggestion"].words() if "suggestion" in parts else Words(),
        since=parts["since"].instant() if "since" in parts else None,
    )


def compiled(node: Node) -> Pattern:
    """The pattern at a place; one that RE2 does not read is a mistake there."""
    try:
        return Pattern(node.text())
    except BadPattern as error:
        node.wrong(str(error))
        return NOTHING


def pattern(
    node: Node, *, exceptions: Pattern | None = None, groups: Sequence[str] = (), extra: Sequence[str] = ()
) -> Pattern:
    """One entry {match, yes, no}: it must match every `yes` and no `no`, exceptions taken into account."""
    parts = node.mapping(required=("match", "yes", "no"), optional=extra)
    if not {"match", "yes", "no"} <= parts.keys():
        return NOTHING
    found = compiled(parts["match"])
    missing = [name for name in groups if f"(?P<{name}>" not in found.compiled]
    if missing and found is not NOTHING:
        parts["match"].wrong(f"must have the group (?P<{missing[0]}>...)")
    for key, wanted in (("yes", True), ("no", False)):
        examples = parts[key].texts()
        if not examples:
            parts[key].wrong("give at least one example")
        for example in examples:
            if found is not NOTHING and _finds(found, example, exceptions) is not wanted:
                parts[key].wrong(f"{example!r} must {'' if wanted else 'not '}be found by {found.source!r}")
    return found


def _finds(found: Pattern, example: str, exceptions: Pattern | None) -> bool:
    normal = normalise(example)
    taken_back = spans_of(exceptions, normal)
    return any(not taken_back.overlap((hit.start, hit.end)) for hit in found.hits(normal))


def patterns(node: Node | None, *, groups: Sequence[str] = (), exceptions: Pattern | None = None) -> list[Pattern]:
    """All entries of a list; none without it."""
    if node is None:
        return []
    return [pattern(each, groups=groups, exceptions=exceptions) for each in node.items()]


def one_of(node: Node | None) -> Pattern:
    """A list of entries as one pattern."""
    return any_of(patterns(node))


def version_of(parts: Mapping[str, Node]) -> int:
    """The `version` of a section or entry, 1 without one."""
    return parts["version"].integer() if "version" in parts else 1
