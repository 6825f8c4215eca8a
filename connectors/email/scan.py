"""A look at the raw bytes before any parser sees them: what would cost minutes is refused in milliseconds (P1).

Everything here is linear. It is stricter than the parser where exactness would need one.
"""

import re

PART_LIMIT = 1000
DEPTH_LIMIT = 30
HEADER_LIMIT = 1000
HEADER_BYTES_LIMIT = 256 * 1024
VALUE_LIMIT = 16 * 1024

_MARK = re.compile(rb"[\r\n]--")
_BOUNDARY_WORD = re.compile(rb"boundary[\s*0-9]*=", re.I)
_BOUNDARY = re.compile(rb'boundary[ \t]*=\s*(?:"([^"\\\r\n]{1,200})"|([^\s;"\\]{1,200}))', re.I)
_MESSAGE = re.compile(rb"(?:^|[\r\n])content-type[ \t]*:\s*message/", re.I)
_STEP = re.compile(rb"(?:^|[\r\n])(?:--([^\r\n]{1,210})|content-type[ \t]*:\s*message/)", re.I)
_HEADER = re.compile(rb"(?:^|[\r\n])[!-9;-~]{1,200}[ \t]*:")
_PART_VALUE = re.compile(rb"content-[a-z-]{1,40}[ \t]*:[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.I)
_STRUCTURED = re.compile(
    rb"(?:^|[\r\n])((?:from|to|cc|bcc|sender|reply-to|message-id|in-reply-to|references|date|received|return-path"
    rb"|authentication-results|list-[a-z-]{1,20})[ \t]*:[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*)",
    re.I,
)


class Unparseable(Exception):
    """This mail is not parsed: it goes to quarantine with this sentence, its raw bytes kept."""


def check(raw: bytes) -> None:
    """Raise Unparseable for a mail over a limit."""
    end = _end_of_headers(raw)
    if end > HEADER_BYTES_LIMIT:
        raise Unparseable(f"its headers are larger than {HEADER_BYTES_LIMIT // 1024} kB")
    head = raw[:end]
    if head.count(b"\n") + head.count(b"\r") > HEADER_LIMIT and len(_HEADER.findall(head)) > HEADER_LIMIT:
        raise Unparseable(f"it has more than {HEADER_LIMIT} headers")
    if len(head) > VALUE_LIMIT:
        for match in _STRUCTURED.finditer(head):
            _check_value(match[1])
    lowered = raw.lower()
    if len(raw) > VALUE_LIMIT:
        _check_part_values(raw, lowered)
    _check_parts(raw, lowered)


def _end_of_headers(raw: bytes) -> int:
    ends = [at for mark in (b"\r\n\r\n", b"\n\n", b"\r\r") if (at := raw.find(mark, 0, HEADER_BYTES_LIMIT + 4)) >= 0]
    return min(ends, default=len(raw))


def _check_value(field: bytes) -> None:
    if len(field) > VALUE_LIMIT:
        name = field[:40].partition(b":")[0].strip().decode("ascii", "replace")
        raise Unparseable(f"its header {name} is longer than {VALUE_LIMIT // 1024} kB")


def _check_part_values(raw: bytes, lowered: bytes) -> None:
    """The same for the headers of parts, wherever they are: the parser's reader of parameters is quadratic."""
    at = lowered.find(b"content-")
    while at >= 0:
        if (at == 0 or raw[at - 1] in b"\r\n") and (match := _PART_VALUE.match(raw, at)):
            _check_value(match[0])
        at = lowered.find(b"content-", at + 8)


def _check_parts(raw: bytes, lowered: bytes) -> None:
    if raw.count(b"--") <= PART_LIMIT and lowered.count(b"boundary") + lowered.count(b"message/") <= DEPTH_LIMIT:
        return  # nearly every mail
    marks = len(_MARK.findall(raw))
    words = len(_BOUNDARY_WORD.findall(raw))
    messages = len(_MESSAGE.findall(raw))
    if marks <= PART_LIMIT and words + messages <= DEPTH_LIMIT:
        return
    declared = {(quoted or bare).rstrip() for quoted, bare in _BOUNDARY.findall(raw)}
    exact = len(_BOUNDARY.findall(raw)) == words  # else one is written in a way we do not follow
    if not exact and words + messages > DEPTH_LIMIT:
        raise Unparseable(f"its parts may be nested more than {DEPTH_LIMIT} deep")
    stack: list[bytes | None] = []
    parts = 0
    for step in _STEP.finditer(raw):
        line = step[1]
        if line is None:
            stack.append(None)  # a message inside
        else:
            line = line.rstrip()
            boundary = line if line in declared else line[:-2] if line.endswith(b"--") else line
            if exact and boundary not in declared:
                continue
            parts += 1
            if boundary in stack:
                del stack[stack.index(boundary) + 1 :]
            elif boundary in declared:
                stack.append(boundary)
        if parts > PART_LIMIT:
            raise Unparseable(f"it has more than {PART_LIMIT} parts")
        if len(stack) > DEPTH_LIMIT:
            raise Unparseable(f"its parts are nested more than {DEPTH_LIMIT} deep")
