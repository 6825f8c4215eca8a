"""Slack's mrkdwn text -> RichText, for messages without rich_text blocks; every step takes linear time (S24)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.slack import emojis
from connectors.slack.inlines import linked, paragraphs
from router.richtext import Block, Break, Emoji, Inline, Mention, Pre, Quote, RichText, Span, Style

_DELIMITERS = {"*": Style.BOLD, "_": Style.ITALIC, "~": Style.STRIKE}
_SPECIAL = re.compile(r"[<`*_~:]")
_EMOJI = re.compile(r":([a-z0-9_+'-]{1,100}(?:::skin-tone-[2-6])?):")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class _Mark:
    """A delimiter that may turn out to be a style or just a character."""

    char: str
    opens: bool
    closes: bool


def unescape(text: str) -> str:
    """Slack escapes these three and nothing else."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def to_rich_text(text: str, names: Mapping[str, str]) -> RichText:
    """`names` are the display names of the people mentioned, by Slack user id."""
    blocks: list[Block] = []
    for number, part in enumerate(_fenced(text)):
        if number % 2:
            if content := part.strip("\n"):
                blocks.append(Pre(_flat(content, names)))
        else:
            blocks.extend(_outside(part, names))
    return RichText(tuple(blocks))


def _fenced(text: str) -> list[str]:
    """Text and preformatted parts in turn; a fence that is never closed is text."""
    parts = text.split(_FENCE)
    if len(parts) % 2 == 0:
        parts[-2:] = [_FENCE.join(parts[-2:])]
    return parts


def _outside(text: str, names: Mapping[str, str]) -> Iterator[Block]:
    """Paragraphs and quotes of a part without preformatted text."""
    group: list[str] = []
    quoted = rest_quoted = False
    for line in text.split("\n"):
        line = line.replace("&gt;", ">", 3) if line.startswith(("&gt;", ">")) else line
        if not rest_quoted and line.startswith(">>>"):
            yield from _group(group, quoted, names)
            group, quoted, rest_quoted, line = [], True, True, line[3:].removeprefix(" ")
        elif not rest_quoted and line.startswith(">") != quoted:
            yield from _group(group, quoted, names)
            group, quoted = [], not quoted
        group.append(line[1:].removeprefix(" ") if quoted and not rest_quoted else line)
    yield from _group(group, quoted, names)


def _group(lines: list[str], quoted: bool, names: Mapping[str, str]) -> Iterator[Block]:
    inlines: list[Inline] = []
    for number, line in enumerate(lines):
        if number:
            inlines.append(Break())
        inlines.extend(_styled(_tokens(line, names)))
    blocks = paragraphs(inlines)
    if quoted and blocks:
        yield Quote(blocks)
    else:
        yield from blocks


def _tokens(line: str, names: Mapping[str, str]) -> Iterator[Inline | _Mark]:
    """One line as spans, references, emoji and possible delimiters."""
    position, length = 0, len(line)
    last_angle, last_tick = line.rfind(">"), line.rfind("`")
    while position < length:
        found = _SPECIAL.search(line, position)
        start = found.start() if found else length
        if start > position:
            yield Span(unescape(line[position:start]))
        if not found:
            return
        position = start + 1
        char = found.group()
        if char == "<" and last_angle > start:
            end = line.index(">", start)
            yield _reference(line[start + 1 : end], names)
            position = end + 1
        elif char == "`" and last_tick > start + 1:
            end = line.index("`", start + 1)
            if end == start + 1:
                yield Span("`")
                continue
            yield Span(_flat(line[start + 1 : end], names), Style.CODE)
            position = end + 1
        elif char == ":" and (named := _EMOJI.match(line, start)) and _is_emoji(line, named):
            yield Emoji(emojis.to_char(named[1]), named[1])
            position = named.end()
        elif char in _DELIMITERS:
            before, after = line[start - 1 : start], line[position : position + 1]
            yield _Mark(
                char,
                opens=not _word(before) and bool(after) and not after.isspace(),
                closes=not _word(after) and bool(before) and not before.isspace(),
            )
        else:
            yield Span(char)


def _is_emoji(line: str, named: re.Match[str]) -> bool:
    """ "10:30:45" holds none; a name Slack does not ship (":shop_logo:") must stand alone."""
    before, after = _word(line[named.start() - 1 : named.start()]), _word(line[named.end() : named.end() + 1])
    return not (before and after) if emojis.is_known(named[1]) else not (before or after)


def _word(char: str) -> bool:
    return char.isalnum()


def _styled(tokens: Iterator[Inline | _Mark]) -> list[Inline]:
    """Pair the delimiters, innermost first, then give every span the styles that are on at its place."""
    items = list(tokens)
    switches: dict[int, Style] = {}
    open_marks: list[int] = []
    open_count = dict.fromkeys(_DELIMITERS, 0)
    for index, item in enumerate(items):
        if not isinstance(item, _Mark):
            continue
        if item.closes and open_count[item.char]:
            while True:
                opener = open_marks.pop()
                mark = items[opener]
                assert isinstance(mark, _Mark)
                open_count[mark.char] -= 1
                if mark.char == item.char:
                    break
            if index - opener > 1:
                switches[opener] = switches[index] = _DELIMITERS[item.char]
                continue
        if item.opens:
            open_marks.append(index)
            open_count[item.char] += 1
    style, inlines = Style.NONE, list[Inline]()
    for index, item in enumerate(items):
        if (switch := switches.get(index)) is not None:
            style ^= switch
        elif isinstance(item, _Mark):
            inlines.append(Span(item.char, style))
        elif isinstance(item, Span):
            inlines.append(Span(item.text, item.style | style, item.link))
        else:
            inlines.append(item)
    return inlines


def _reference(body: str, names: Mapping[str, str]) -> Inline:
    """What stands between angle brackets: a person, a channel, a group, a date or a link."""
    target, _, label = body.partition("|")
    label = unescape(label)
    match target[:1]:
        case "@":
            return Mention(names.get(target[1:], label.removeprefix("@") or "colleague"), target[1:])
        case "#":
            return Span(f"#{label.removeprefix('#') or 'channel'}")
        case "!":
            command, *more = target[1:].split("^")
            if command == "date":
                return linked(label, unescape(more[2]) if len(more) > 2 else None)
            if command == "subteam":
                return Span(f"@{label.removeprefix('@') or 'group'}")
            return Span(f"@{label.removeprefix('@') or command}")
    return linked(label, unescape(target))


def _flat(text: str, names: Mapping[str, str]) -> str:
    """Code and preformatted text: no styles, but references and escapes are still resolved."""
    parts: list[str] = []
    position, last_angle = 0, text.rfind(">")
    while (start := text.find("<", position)) != -1 and last_angle > start:
        end = text.index(">", start)
        parts.append(unescape(text[position:start]))
        match _reference(text[start + 1 : end], names):
            case Mention(name):
                parts.append(f"@{name}")
            case Span(label):
                parts.append(label)
        position = end + 1
    parts.append(unescape(text[position:]))
    return "".join(parts)
