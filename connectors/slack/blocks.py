"""Slack's rich_text blocks -> RichText: what an agent sees is what the customer gets (S24)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.slack import emojis, mrkdwn
from connectors.slack.inlines import linked, paragraphs
from router.richtext import Block, Break, Emoji, Inline, ListBlock, Mention, Pre, Quote, RichText, Span, Style, plain

Payload = Mapping[str, Any]

_STYLES = {"bold": Style.BOLD, "italic": Style.ITALIC, "strike": Style.STRIKE, "code": Style.CODE}


def to_rich_text(blocks: Sequence[Payload], names: Mapping[str, str]) -> RichText:
    """The text of a message's blocks; kinds without text (images, dividers, buttons) give their alternative text
    or nothing. `names` are the display names of the people mentioned, by Slack user id."""
    tree: list[Block] = []
    for block in blocks:
        match block.get("type"):
            case "rich_text":
                tree.extend(_rich_text(block["elements"], names))
            case "section" | "header":
                texts = [block["text"]] if block.get("text") else []
                for text in (*texts, *block.get("fields", ())):
                    tree.extend(_text_object(text, names))
            case "context":
                for element in block["elements"]:
                    tree.extend(_text_object(element, names))
            case "image":
                tree.extend(paragraphs([Span(f"[image: {block.get('alt_text') or block.get('image_url', '')}]")]))
    return RichText(tuple(tree))


def _text_object(text: Payload, names: Mapping[str, str]) -> Iterable[Block]:
    match text.get("type"):
        case "mrkdwn":
            return mrkdwn.to_rich_text(text["text"], names).blocks
        case "plain_text":
            return paragraphs(_lines(text["text"], Style.NONE))
    return ()


def _rich_text(elements: Sequence[Payload], names: Mapping[str, str]) -> Iterator[Block]:
    rows: list[Payload] = []
    for element in elements:
        kind = element["type"]
        if kind == "rich_text_list":
            rows.append(element)
            continue
        yield from _lists(rows, names)
        rows = []
        inside = element["elements"]
        if kind == "rich_text_preformatted":
            if text := "".join(_flat(each, names) for each in inside).strip("\n"):
                yield Pre(text)
        elif kind == "rich_text_quote":
            if quoted := paragraphs(_inlines(inside, names)):
                yield Quote(quoted)
        else:
            yield from paragraphs(_inlines(inside, names))
    yield from _lists(rows, names)


def _lists(rows: Sequence[Payload], names: Mapping[str, str]) -> Iterator[Block]:
    """Slack's lists are flat with an indent: a deeper list belongs to the last item before it, and the outer list
    goes on after it."""
    index = 0
    while index < len(rows):
        block, index = _list(rows, index, names)
        if block.items:
            yield block


def _list(rows: Sequence[Payload], index: int, names: Mapping[str, str]) -> tuple[ListBlock, int]:
    first = rows[index]
    style, indent = first.get("style"), first.get("indent", 0)
    items: list[tuple[Block, ...]] = []
    nested = True  # the first row opens the list; later ones only continue it behind a nested one
    while index < len(rows):
        row = rows[index]
        depth = row.get("indent", 0)
        if depth > indent and items:
            inner, index = _list(rows, index, names)
            items[-1] += (inner,)
            nested = True
        elif depth == indent and row.get("style") == style and nested:
            items.extend(paragraphs(_inlines(section["elements"], names)) for section in row["elements"])
            nested = False
            index += 1
        else:
            break
    return ListBlock(tuple(item for item in items if item), ordered=style == "ordered"), index


def _inlines(elements: Sequence[Payload], names: Mapping[str, str]) -> Iterator[Inline]:
    for element in elements:
        yield from _inline(element, names)


def _inline(element: Payload, names: Mapping[str, str]) -> Iterator[Inline]:
    style = Style.NONE
    for name, flag in _STYLES.items():
        if (element.get("style") or {}).get(name):
            style |= flag
    match element["type"]:
        case "text":
            yield from _lines(element["text"], style)
        case "link":
            yield linked(element.get("text", ""), element["url"], style)
        case "emoji":
            yield _emoji(element)
        case "user":
            yield Mention(names.get(element["user_id"], "colleague"), element["user_id"])
        case "usergroup":
            yield Span("@group", style)
        case "channel":
            yield Span("#channel", style)
        case "broadcast":
            yield Span(f"@{element['range']}", style)
        case "date":
            yield linked(element.get("fallback", ""), element.get("url"), style)
        case "color":
            yield Span(element["value"], style)
        case unknown:
            yield Span(element.get("text") or element.get("fallback") or f"[{unknown}]", style)


def _lines(text: str, style: Style) -> Iterator[Inline]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Break()
        if line:
            yield Span(line, style)


def _emoji(element: Payload) -> Emoji:
    name: str = element["name"]
    if (tone := element.get("skin_tone")) and "::" not in name:
        name = f"{name}::skin-tone-{tone}"
    if code := element.get("unicode"):
        return Emoji(emojis.of_unicode(code), name)
    return Emoji(emojis.to_char(name), name)


def _flat(element: Payload, names: Mapping[str, str]) -> str:
    if element["type"] == "text":
        text: str = element["text"]
        return text
    return plain(RichText(paragraphs(_inline(element, names))))
