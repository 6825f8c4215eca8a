"""Bytes of a mail as text, whatever their label says; never raises (P2)."""

import codecs
import re

_ALIASES = {
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "windows-936": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "cp950",
    "x-x-big5": "cp950",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-2-0-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "windows-874": "cp874",
}
_NOT_A_CHARSET = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}
_TRASH = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufeff]")
_DOUBLE_BYTE = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
_COMMON_GB = re.compile(rb"[\xb0-\xd7\xa1-\xa3][\xa1-\xfe]")
_COMMON_BIG5 = re.compile(rb"[\xa4-\xc6\xa1][\x40-\x7e\xa1-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")


def to_text(content: bytes, label: str | None) -> str:
    """Decode by the declared charset, else UTF-8, else a guess, else Latin-1; control characters are dropped."""
    return _TRASH.sub("", _decoded(content, label)) if content else ""


def clean(text: str) -> str:
    """Text without NUL, control characters, lone surrogates and byte-order marks; tab and line ends stay."""
    return _TRASH.sub("", text)


def _decoded(content: bytes, label: str | None) -> str:
    if content.isascii() and not (label and _is_seven_bit(label)):
        return content.decode("ascii")
    codec = codec_of(label)
    for name in dict.fromkeys((codec, "utf-8")):
        if name:
            try:
                return content.decode(name)
            except ValueError:
                continue
    if codec and codec != "ascii":
        lossy = content.decode(codec, "replace")
        if lossy.count("\ufffd") * 20 <= len(lossy):
            return lossy
    return content.decode(_guess(content), "replace")


def _is_seven_bit(label: str) -> bool:
    """Charsets whose bytes are ASCII but mean something else."""
    lowered = label.lower()
    return "utf-7" in lowered or "2022" in lowered or "hz" in lowered or "utf-16" in lowered or "utf-32" in lowered


def codec_of(label: str | None) -> str | None:
    """The name of Python's codec for a charset label; None when there is none."""
    lowered = (label or "").strip(" \"'").lower()
    name = _ALIASES.get(lowered, lowered)
    if not name or name in _NOT_A_CHARSET or not name.isascii():
        return None
    try:
        found = codecs.lookup(name)
        b"a".decode(found.name)  # bytes-to-bytes codecs (zlib, base64) fail here
    except (LookupError, ValueError):
        return None
    return None if found.name in _NOT_A_CHARSET else found.name


def _guess(content: bytes) -> str:
    """GB 18030 or Big5 when nearly every high byte is half of a common character of theirs, else cp1252."""
    sample = content[:65_536]
    high = len(_HIGH.findall(sample))
    if len(_DOUBLE_BYTE.findall(sample)) * 2 < high:
        return "latin-1"
    gb, big5 = len(_COMMON_GB.findall(sample)), len(_COMMON_BIG5.findall(sample))
    if max(gb, big5) * 2 < high * 0.6:
        return "latin-1"
    return "gb18030" if gb >= big5 else "cp950"
