"""The language of a message by its scripts, and whether a reply speaks the customer's (`service.md` 4.8)."""

import re
from collections.abc import Mapping
from enum import StrEnum

from router.consistency.findings import Finding, Place, Rule
from router.consistency.patterns import Pattern
from router.consistency.scripts import traditional_count
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
    r"(?i)https?://\S+|\bwww\.\S+|<[@#!][^>\s]{0,80}>|:[a-z][a-z0-9_+-]{0,40}:"
    r"|[a-z0-9_.+-]{1,64}@[a-z0-9_.-]{1,255}|[a-z_-]{0,40}[0-9][a-z0-9_-]*",
    raw=True,
)
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]['A-Za-z\u00c0-\u024f]*")
_HAN = re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3007\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u30fa\uff66-\uff9d]")
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]")
_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_FEWEST = 2
_TRADITIONAL_SHARE = 0.08


def language(text: str) -> Language:
    """By counts of characters (Han, kana, Hangul, Cyrillic) and of Latin words; links and codes are left out.

    Fewer than two signals are unknown. Chinese is traditional when simplification would change at least 8 % of its
    characters (and one).
    """
    plain = _without_codes(text)
    han = len(_HAN.findall(plain))
    traditional = traditional_count(plain) if han else 0
    kana = len(_KANA.findall(plain))
    hangul = len(_HANGUL.findall(plain))
    cyrillic = len(_CYRILLIC.findall(plain))
    words = len(_WORD.findall(plain))
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
    out: list[str] = []
    at = 0
    for hit in _CODE.hits(Haystack(text)):
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
