"""Traditional and simplified Chinese, character by character, from OpenCC's own table.

Only the character table is used: every entry is one character long, so offsets survive, and both a rule and the
text it looks at go through the same table.
"""

import zlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def _table() -> tuple[dict[str, str], str]:
    spec = find_spec("opencc")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package opencc-python-reimplemented is missing; install it to read Chinese text")
    raw = (Path(spec.origin).parent / "dictionary" / "TSCharacters.txt").read_bytes()
    table: dict[str, str] = {}
    for line in raw.decode().splitlines():
        traditional, _, simplified = line.partition("\t")
        first = simplified.split(" ")[0]
        if len(traditional) == 1 == len(first) and first != traditional:
            table[traditional] = first
    return table, f"opencc-ts-{zlib.crc32(raw):08x}"


def simplified(char: str) -> str:
    """The simplified form of one character, itself when it has none."""
    return _table()[0].get(char, char)


def traditional_count(text: str) -> int:
    """How many characters of a text simplification would change."""
    return sum(map(_table()[0].__contains__, text))


def table_version() -> str:
    """Names the table that was used, to be stored with decisions (decisions 41)."""
    return _table()[1]


def is_han(char: str) -> bool:
    code = ord(char)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3134F
        or code == 0x3007
    )
