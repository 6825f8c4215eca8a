"""The language of a message by its scripts, and whether a reply speaks the customer's (`service.md` 4.8)."""

from collections.abc import Mapping
from enum import StrEnum

from router.consistency.findings import Finding, Place, Rule
from router.consistency.patterns import Pattern
from router.consistency.scripts import is_han, is_traditional
from router.consistency.text import Haystack


class Language(StrEnum):
    """`latin` is taken for English unless the customer's record says otherwise."""

    SIMPLIFIED = "zh-hans"
    TRADITIONAL = "zh-hant"
    LATIN = "latin"
    JAPANESE = "ja"
    KOREAN = "ko"
    RUSSIAN = "ru"
    UNKNOWN = "unknown"


_CODE = Pattern(
    r"(?i)https?://\S+|\bwww\.\S+|\S+@\S+\.\S+|#?\b[a-z-]*\d[a-z0-9_-]*|\b[a-z0-9-]+\.(?:com|cn|net|org|io|hk|tw)\b\S*"
    r"|<[@#!][^>\s]*>|:[a-z][a-z0-9_+-]+:",
    raw=True,
)
_WORD = Pattern(r"(?:\p{Latin}|')+", raw=True)
_FEWEST = 2
_TRADITIONAL_SHARE = 0.08


def language(text: str) -> Language:
    """By counts of characters (Han, kana, Hangul, Cyrillic) and of Latin words; links and codes are left out.

    Fewer than two signals are unknown. Chinese is traditional when simplification would change at least 8 % of its
    characters (and one).
    """
    plain = _without_codes(text)
    han = traditional = kana = hangul = cyrillic = 0
    for char in plain:
        code = ord(char)
        if code < 0x400:
            continue
        if is_han(char):
            han += 1
            traditional += is_traditional(char)
        elif 0x3041 <= code <= 0x30FA or 0xFF66 <= code <= 0xFF9D:
            kana += 1
        elif 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF or 0x3131 <= code <= 0x318E:
            hangul += 1
        elif 0x400 <= code <= 0x52F:
            cyrillic += 1
    words = sum(1 for _ in _WORD.hits(Haystack(plain)))
    if kana >= _FEWEST and kana * 5 >= han:
        return Language.JAPANESE
    counts = {
        Language.SIMPLIFIED: han,
        Language.KOREAN: hangul,
        Language.RUSSIAN: cyrillic,
        Language.LATIN: words,
    }
    # a product name in Latin letters does not flip a sentence: letters count one by one, words as one each
    winner = max(counts, key=lambda each: counts[each])
    if counts[winner] < _FEWEST:
        return Language.UNKNOWN
    if winner is Language.SIMPLIFIED and traditional >= max(1, _TRADITIONAL_SHARE * han):
        return Language.TRADITIONAL
    return winner


def _without_codes(text: str) -> str:
    hay = Haystack(text)
    out: list[str] = []
    at = 0
    for hit in _CODE.hits(hay):
        out += [text[at : hit.start], " "]
        at = hit.end
    return "".join([*out, text[at:]])


def of_tag(tag: str | None) -> Language:
    """The language of a tag of the customer's record ("zh-TW", "en", "de")."""
    if not tag:
        return Language.UNKNOWN
    lowered = tag.casefold().replace("_", "-")
    if lowered in {each.value for each in Language}:
        return Language(lowered)
    if lowered.startswith("zh"):
        traditional = any(part in ("tw", "hk", "mo", "hant") for part in lowered.split("-"))
        return Language.TRADITIONAL if traditional else Language.SIMPLIFIED
    known = {"ja": Language.JAPANESE, "ko": Language.KOREAN, "ru": Language.RUSSIAN}
    return known.get(lowered.split("-")[0], Language.LATIN)


_CHINESE = frozenset({Language.SIMPLIFIED, Language.TRADITIONAL})


def mismatch(
    text: str, customer: Language, setting: str | None, place: Place, checks: Mapping[str, Rule]
) -> list[Finding]:
    """LANG when the reply is in neither the customer's last known language nor the one of their record; LANG-SCRIPT
    when only the Chinese script differs."""
    spoken = language(text)
    wanted = {each for each in (customer, of_tag(setting)) if each is not Language.UNKNOWN}
    if spoken is Language.UNKNOWN or not wanted or spoken in wanted:
        return []
    name = "LANG-SCRIPT" if spoken in _CHINESE and wanted & _CHINESE else "LANG"
    expected = sorted(each.value for each in wanted)
    return [checks[name].finding(place, (0, len(text)), said=spoken.value, approved=" / ".join(expected))]
