"""Names of attachments, made harmless (P9). They are metadata only: files are stored by their hash."""

import re
import unicodedata

_BAD = re.compile('[\x00-\x1f\x7f<>:"|?*\\\\/\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.I)
LIMIT = 120


def to_file_name(raw: str, extension: str = "") -> str:
    """A name without path, control and bidi characters or reserved words, <= 120 characters, extension kept.

    An empty name becomes "attachment" with the given extension (".pdf").
    """
    name = unicodedata.normalize("NFC", raw).replace("\\", "/").rpartition("/")[2]
    name = _BAD.sub("", name).strip(" .")
    if not name:
        return f"attachment{extension}"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    if len(name) > LIMIT:
        stem, dot, last = name.rpartition(".")
        name = f"{stem[: LIMIT - 1 - len(last)]}.{last}" if dot and 0 < len(last) <= 16 else name[:LIMIT]
    return name
