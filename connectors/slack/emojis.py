"""Slack's emoji names and their Unicode forms, from the table beside this module."""

from functools import cache
from importlib.resources import files

_TONES = {"2": "\U0001f3fb", "3": "\U0001f3fc", "4": "\U0001f3fd", "5": "\U0001f3fe", "6": "\U0001f3ff"}
_VARIATION = "\ufe0f"


@cache
def _table() -> tuple[dict[str, tuple[str, bool]], dict[str, str]]:
    """Short name -> (characters, takes a skin tone), and characters -> short name."""
    by_name: dict[str, tuple[str, bool]] = {}
    by_char: dict[str, str] = {}
    for line in files(__package__).joinpath("emoji.txt").read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        code, *names = line.split(" ")
        char = _characters(code.rstrip("+"))
        for name in names:
            by_name[name] = (char, code.endswith("+"))
        by_char[char] = names[0]
        by_char.setdefault(char.replace(_VARIATION, ""), names[0])
    return by_name, by_char


def _characters(code: str) -> str:
    return "".join(chr(int(point, 16)) for point in code.split("-"))


def is_known(name: str) -> bool:
    """Whether Slack ships it, so that it is not a workspace's own."""
    return name.partition("::")[0] in _table()[0]


def to_char(name: str) -> str:
    """The Unicode form of a short name, skin tone included ("wave::skin-tone-2"); ":name:" for what Unicode lacks."""
    base, _, tone = name.partition("::skin-tone-")
    known = _table()[0].get(base)
    if known is None:
        return f":{name}:"
    char, toned = known
    if not toned or tone not in _TONES:
        return char
    return char[0] + _TONES[tone] + char[1:].removeprefix(_VARIATION)


def of_unicode(code: str) -> str:
    """The characters of Slack's own notation ("1f44b-1f3fb"); raises ValueError for anything else."""
    return _characters(code)


def to_name(char: str) -> str | None:
    """The short name of an emoji, skin tone included; None when Slack has none. ":name:" gives back the name."""
    if len(char) > 2 and char[0] == char[-1] == ":":
        return char[1:-1]
    by_name, by_char = _table()
    if known := by_char.get(char):
        return known
    for number, tone in _TONES.items():
        if tone in char:
            bare = char.replace(tone, "", 1)
            name = by_char.get(bare) or by_char.get(bare[:1] + _VARIATION + bare[1:])
            return f"{name}::skin-tone-{number}" if name and by_name[name][1] else None
    return None
