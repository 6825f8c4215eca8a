"""W-MARKUP: Slack markup that would reach a customer as raw characters, and the same text without it."""

from collections.abc import Mapping

from router.consistency.findings import Finding, Place, Rule
from router.consistency.patterns import Hit, Pattern
from router.consistency.text import Haystack
from router.model import ChannelType

_MARKUP = Pattern(
    r"<(?P<mention>[@#!])[A-Za-z0-9^_-]+(?:\|(?P<name>[^>\n]*))?>"
    r"|<(?P<link>(?:https?|mailto|tel):[^>|\s]+)(?:\|(?P<label>[^>\n]*))?>"
    r"|(?P<emoji>:[a-z][a-z0-9_+'-]*:(?::skin-tone-\d:)?)"
    r"|(?:^|[\s(,.;:!?，。；：！？（])(?P<bold>\*[^\s*][^*\n]*\*|_[^\s_][^_\n]*_|~[^\s~][^~\n]*~|`[^`\n]+`)"
    r"|(?P<fence>```)|(?P<entity>&(?:amp|lt|gt);)",
    raw=True,
)
_KINDS = ("mention", "link", "emoji", "bold", "fence", "entity")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}


def markup(original: str, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    """One finding a piece, with the text to put in its place; a Slack channel shows its own markup."""
    if place.channel_type is ChannelType.SLACK:
        return []
    rule = checks["W-MARKUP"]
    found: list[Finding] = []
    for hit in _MARKUP.hits(Haystack(original)):
        kind = next(each for each in _KINDS if each in hit.groups)
        start, end = hit.groups["bold"] if kind == "bold" else (hit.start, hit.end)
        following = original[end : end + 1]
        if kind == "bold" and following.isascii() and following.isalnum():
            continue  # ~10~20 and _a_b are no markup in Slack either
        said = original[start:end]
        found.append(rule.finding(place, (start, end), said=said, fix=_plain(original, hit, kind, said)))
    return found


def _plain(original: str, hit: Hit, kind: str, said: str) -> str:
    def group(name: str) -> str:
        span = hit.groups.get(name)
        return original[span[0] : span[1]] if span else ""

    match kind:
        case "mention":
            return group("name")
        case "link":
            label, link = group("label"), group("link")
            link = link.removeprefix("mailto:").removeprefix("tel:")
            return f"{label} ({link})" if label and label != link else link
        case "entity":
            return _ENTITIES[said]
        case "bold":
            return said[1:-1]
        case _:
            return ""


def repaired(original: str, findings: list[Finding]) -> str:
    """The text with every finding's `fix` applied."""
    out: list[str] = []
    at = 0
    for finding in sorted((each for each in findings if each.fix is not None), key=lambda each: each.span):
        start, end = finding.span
        if start < at or finding.fix is None:
            continue
        out += [original[at:start], finding.fix]
        at = end
    return "".join([*out, original[at:]])
