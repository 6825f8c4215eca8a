"""The frames of the web chat, version 1: pure types, their validation and their bytes (docs/webchat-protocol.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

VERSION = 1

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_AT = 4_102_444_800_000  # the year 2100: a client's clock beyond it says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first frame of a socket. `token`: ours from an earlier hello; `identity`: the shop's JWT (W2)."""

    id: str
    token: str | None = None
    identity: str | None = None
    name: str = ""
    language: str | None = None
    consent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Send me what follows `seq` and everything from now on."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A visitor's message; `id` is the client's UUID and makes sending it again harmless (W4)."""

    id: str
    text: str
    files: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Sign out: every token of this visitor made so far stops working."""

    id: str


ClientFrame = Hello | Resume | Send | Reset


class Refused(Exception):
    """A frame or request that is answered with an error; `code` is stable, `text` is a sentence for developers.

    `retry_after` is in seconds. `frame` is the id of the refused frame, if it could be read.
    """

    def __init__(
        self, code: str, status: int, text: str, *, frame: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.status = status
        self.text = text
        self.frame = frame
        self.retry_after = retry_after


def parse(data: bytes) -> ClientFrame:
    """A client's frame; raises Refused with `webchat.frame` or `webchat.version`."""
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused("webchat.frame", 400, "The frame is not JSON in UTF-8.") from error
    if not isinstance(fields, dict):
        raise Refused("webchat.frame", 400, "The frame is not a JSON object.")
    frame = fields.get("id")
    if not isinstance(frame, str) or not 1 <= len(frame) <= 64:
        raise Refused("webchat.frame", 400, "The frame needs an id: a string of 1 to 64 characters.")
    if fields.get("v") != VERSION:
        raise Refused("webchat.version", 426, f"This server speaks version {VERSION}: reload the page.", frame=frame)
    match fields.get("type"):
        case "send":
            return _send(frame, fields)
        case "resume":
            return Resume(id=frame, seq=_number(frame, fields))
        case "hello":
            return _hello(frame, fields)
        case "reset":
            return Reset(id=frame)
    raise Refused("webchat.frame", 400, "The type must be hello, resume, send or reset.", frame=frame)


def _send(frame: str, fields: Mapping[str, object]) -> Send:
    if not _UUID.fullmatch(frame):
        raise Refused("webchat.frame", 400, "The id of a send frame must be a UUID in lower case.", frame=frame)
    text = fields.get("text", "")
    if not isinstance(text, str):
        raise Refused("webchat.frame", 400, "text must be a string.", frame=frame)
    files = fields.get("files")
    if files is None:
        files = ()
    elif not isinstance(files, list) or not all(isinstance(each, str) for each in files):
        raise Refused("webchat.frame", 400, "files must be a list of file tokens.", frame=frame)
    if not files and not text.strip():
        raise Refused("webchat.frame", 400, "A message needs text or a file.", frame=frame)
    at = fields.get("at")
    if at is None:
        return Send(id=frame, text=text, files=tuple(files))
    if type(at) is not int or not 0 <= at < _LATEST_AT:
        raise Refused("webchat.frame", 400, "at must be a Unix time in whole milliseconds.", frame=frame)
    return Send(id=frame, text=text, files=tuple(files), at=_EPOCH + timedelta(milliseconds=at))


def _hello(frame: str, fields: Mapping[str, object]) -> Hello:
    language = _label(frame, fields, "language", 35)
    return Hello(
        id=frame,
        token=_label(frame, fields, "token", 2048) or None,
        identity=_label(frame, fields, "identity", 8192) or None,
        name=shown_name(_label(frame, fields, "name", 80)),
        language=language if _LANGUAGE.fullmatch(language) else None,
        consent=shown_name(_label(frame, fields, "consent", 64)),
    )


def shown_name(name: str) -> str:
    """A name as it may be stored and shown: one line without control and bidi characters (E11)."""
    return "".join(each for each in " ".join(name.split()) if each.isprintable())


def _label(frame: str, fields: Mapping[str, object], key: str, limit: int) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise Refused("webchat.frame", 400, f"{key} must be a string of at most {limit} characters.", frame=frame)
    return value


def _number(frame: str, fields: Mapping[str, object]) -> int:
    seq = fields.get("seq")
    if type(seq) is not int or not 0 <= seq < 2**53:
        raise Refused("webchat.frame", 400, "seq must be a whole number, 0 to start from the beginning.", frame=frame)
    return seq


def ack(frame: str, seq: int | None, **more: object) -> bytes:
    """The answer to a frame that was done; for a send it means: stored (X1)."""
    return orjson.dumps({"v": VERSION, "type": "ack", "id": frame, "seq": seq, **more})


def reset(seq: int) -> bytes:
    """Forget what you hold: your cursor is not ours; what follows starts after `seq`."""
    return orjson.dumps({"v": VERSION, "type": "reset", "id": None, "seq": seq})


def error(refused: Refused) -> bytes:
    """The answer to a frame that was not done."""
    fields: dict[str, object] = {
        "v": VERSION,
        "type": "error",
        "id": refused.frame,
        "seq": None,
        "code": refused.code,
        "status": refused.status,
        "text": refused.text,
    }
    if refused.retry_after is not None:
        fields["retry_after"] = refused.retry_after
    return orjson.dumps(fields)
