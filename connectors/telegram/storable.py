"""Updates as a database can keep them: no text with NUL or half a surrogate pair, whatever came over the wire (T7)."""

import json
import re
from typing import Any

import orjson

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_NUL = b"\\u0000"
TOO_DEEP = b"nested too deeply to be kept"


def raw_and_clean(update: Any) -> tuple[bytes, Any]:
    """The update as bytes, and the update to be read: in its texts U+FFFD stands for what cannot be stored, one for
    one, so that the offsets of entities still fit."""
    try:
        raw = orjson.dumps(update)
    except TypeError:  # lone surrogates, integers over 64 bits, depths over 254
        try:
            return json.dumps(update).encode(), _clean(update)
        except RecursionError:
            return TOO_DEEP, update
    return raw, _clean(update) if _ESCAPED_NUL in raw else update


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case dict():
            return {_clean(key): _clean(each) for key, each in value.items()}
        case list():
            return [_clean(each) for each in value]
    return value
