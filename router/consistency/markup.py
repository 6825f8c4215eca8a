"""W-MARKUP: Slack markup that would reach a customer as raw characters, and the same text without it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from router.consistency.findings import Finding, Place, Rule
from router.consistency.patterns import Hit, Pattern
from router.consistency.text import Haystack
from router.model import ChannelType
from router.richtext import (
    Block,
    Emoji,
    Inline,
    ListBlock,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
    normalise,
    plain,
)

_MARKUP = Pattern(
    r"<(?P<mention>[@#!])[A-Za-z0-9^_-]+(?:\|(?P<name>[^>\n]*))?>"
    r"|<(?P<link>(?:https?|mailto|tel):[^>|\s]+)(?:\|(?P<label>[^>\n]*))?>"
    r"|(?P<emoji>:[a-z][a-z0-9_+'-]*:(?::skin-tone-\d:)?)"
    r"|(?:^|[\s(,.;:!?，。；：！？（])(?P<bold>\*[^\s*][^*\n]*\*|_[^\s_][^_\n]*_|~[^\s~][^~\n]*~|`[^`\n]+`)"
    r"|(?P<fence>```)|(?P<entity>&(?:amp|lt|gt);)",
    raw=True,
)
_KINDS = ("mention", "link", "emoji", "bold", "fence", "entity")
_NESTED = 3
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}


def markup(original: str, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    """One finding a piece, with the text to put in its place; a Slack channel shows its own markup."""
    if place.channel_type is ChannelType.SLACK:
        return []
    rule = checks["W-MARKUP"]
    return [
        rule.finding(place, (start, end), said=original[start:end], fix=fix) for start, end, fix in _pieces(original)
    ]


def repaired(text: RichText, place: Place, checks: Mapping[str, Rule]) -> RichText:
    """The same text without the pieces that have a fix, where they would hold it. Code says what it says, and what
    would be nothing then stays as it is."""
    if place.channel_type is ChannelType.SLACK or not checks["W-MARKUP"].level_at(place).holds:
        return text
    fixed = tuple(_without(block) for block in text.blocks)
    if fixed == text.blocks:
        return text
    left = normalise(RichText(fixed))
    return left if plain(left).strip() else text


def _without(block: Block) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(tuple(_cleaned(each) for each in children))
        case Quote(blocks):
            return Quote(tuple(_without(each) for each in blocks))
        case ListBlock(items):
            return replace(block, items=tuple(tuple(_without(each) for each in item) for item in items))
        case Pre():
            return block


def _cleaned(inline: Inline) -> Inline:
    match inline:
        case Span(text, style, None) if not style & Style.CODE:
            return replace(inline, text=_fixed(text))
        case Emoji(char) if char.startswith(":"):
            return Span("")
        case _:
            return inline


def _fixed(text: str) -> str:
    """With every fix; what is bold, italic and struck at once has marks in marks."""
    for _ in range(_NESTED):
        out: list[str] = []
        at = 0
        for start, end, fix in _pieces(text):
            if fix is not None:
                out += [text[at:start], fix]
                at = end
        if not out:
            break
        text = "".join([*out, text[at:]])
    return text


def _pieces(original: str) -> Iterator[tuple[int, int, str | None]]:
    """Where markup stands, in order, and what to put there; None where it may be no markup."""
    for hit in _MARKUP.hits(Haystack(original)):
        kind = next(each for each in _KINDS if each in hit.groups)
        start, end = hit.groups["bold"] if kind == "bold" else (hit.start, hit.end)
        before, after = original[max(0, start - 1) : start], original[end : end + 1]
        if kind == "bold" and after.isascii() and after.isalnum():
            continue  # ~10~20 and _a_b are no markup in Slack either
        if kind == "emoji" and (before.isalnum() or after.isalnum()):
            yield start, end, None  # "colour:red:large"
        else:
            yield start, end, _plain(original, hit, kind, original[start:end])


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
