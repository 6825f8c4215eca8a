"""The words by which texts are found: whole words, and of scripts without spaces every two neighbouring characters."""

import re
import unicodedata

LONGEST = 40
MOST = 400
"""Different words of one text that count; nobody looks for the rest of a mail that long."""

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")


def words_of(text: str) -> list[str]:
    """The different words of a text in their order; upper and lower case, and wide and narrow forms, are the same."""
    found: dict[str, None] = {}
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if len(found) >= MOST:
            break
        if not _IS_UNSPACED.match(run):
            found[run[:LONGEST]] = None
        elif len(run) == 1:
            found[run] = None
        else:
            found.update((run[place : place + 2], None) for place in range(len(run) - 1))
    return list(found)
