"""What our own mail server found out about the sender: Authentication-Results, read strictly (M14, RFC 8601).

Only the topmost field of a configured authserv-id counts: that server puts its own on top, and whatever stands
below was in the mail before and may have been written by anybody.
"""

import re
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r"[A-Za-z0-9_.@+-]+")
_SPACE = " \t"


class Malformed(Exception):
    """Outside the grammar of RFC 8601: nothing may be concluded from it."""


def dmarc_passes(fields: Sequence[tuple[str, str]], trusted: Iterable[str], domain: str) -> bool:
    """True when a trusted server says dmarc=pass for exactly this From domain.

    `fields`: the mail's raw header fields, top first, unfolded. A field that names a trusted server and cannot be
    read decides against the sender.
    """
    ours = {each.lower() for each in trusted}
    if not ours or not domain:
        return False
    for name, value in fields:
        if name.lower() != "authentication-results":
            continue
        try:
            results = read(value)
        except Malformed:
            if any(each in value.lower() for each in ours):
                return False
            continue
        if results[0] in ours:
            verdicts = [(result, properties) for method, result, properties in results[1] if method == "dmarc"]
            return len(verdicts) == 1 and (
                verdicts[0][0] == "pass"
                and verdicts[0][1].get("header.from", "").rpartition("@")[2].lower() == domain.lower()
            )
    return False


Results = tuple[str, list[tuple[str, str, dict[str, str]]]]


def read(value: str) -> Results:
    """authserv-id and (method, result, properties) of one field; raises Malformed outside the grammar.

    Comments may nest and are skipped without recursion; quoted strings are values and never structure.
    """
    words = list(_words(value))
    clauses: list[list[str]] = [[]]
    for kind, text in words:
        if kind == ";":
            clauses.append([])
        else:
            clauses[-1].append(text if kind == "word" else kind + text)
    head, *rest = clauses
    if not head or len(head) > 2 or head[0] == "=":
        raise Malformed
    found: list[tuple[str, str, dict[str, str]]] = []
    for clause in rest:
        if not clause or clause == ["none"]:
            continue
        if len(clause) < 3 or clause[1] != "=":
            raise Malformed
        method, result = clause[0].partition("/")[0].lower(), clause[2].lower()
        properties: dict[str, str] = {}
        pairs = clause[3:]
        if len(pairs) % 3:
            raise Malformed
        for name, equals, text in zip(pairs[::3], pairs[1::3], pairs[2::3], strict=True):
            if equals != "=" or name.lower() in properties:
                raise Malformed
            properties[name.lower()] = text.removeprefix('"')
        found.append((method, result, properties))
    return head[0].removeprefix('"').lower(), found


def _words(value: str) -> Iterable[tuple[str, str]]:
    """Tokens, quoted strings, "=", ";" and "/" in order; comments and white space left out."""
    at, depth = 0, 0
    while at < len(value):
        char = value[at]
        if depth:
            if char == "\\":
                at += 1
            depth += (char == "(") - (char == ")")
            at += 1
        elif char == "(":
            depth = 1
            at += 1
        elif char in _SPACE:
            at += 1
        elif char in "=;":
            yield (";" if char == ";" else "word", char)
            at += 1
        elif char == '"':
            text, at = _quoted(value, at + 1)
            yield '"', text
        elif token := _TOKEN.match(value, at):
            at = token.end()
            text = token[0]
            if value[at : at + 1] == "/":  # method/version
                version = _TOKEN.match(value, at + 1)
                if version is None:
                    raise Malformed
                text, at = f"{text}/{version[0]}", version.end()
            yield "word", text
        else:
            raise Malformed
    if depth:
        raise Malformed


def _quoted(value: str, at: int) -> tuple[str, int]:
    text: list[str] = []
    while at < len(value):
        char = value[at]
        if char == '"':
            return "".join(text), at + 1
        if char == "\\":
            at += 1
            char = value[at : at + 1]
        text.append(char)
        at += 1
    raise Malformed
