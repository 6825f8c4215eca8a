"""What Slack accepts in a message, and what in it would ping or mislead somebody (S22, S23)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

Payload = Mapping[str, Any]

TEXT_LIMIT = 40_000
BLOCKS = 50
BLOCKS_LIMIT = 13_200
SECTION_LIMIT = 3_000
MARKDOWN_LIMIT = 12_000
ACTIONS = 25
OPTIONS = 100
LABEL_LIMIT = 75
PLACEHOLDER_LIMIT = 150
VALUE_LIMIT = 2_000
OPTION_VALUE_LIMIT = 150
ID_LIMIT = 255

_INLINES = {
    "text": {"text"},
    "link": {"url"},
    "emoji": {"name"},
    "user": {"user_id"},
    "usergroup": {"usergroup_id"},
    "channel": {"channel_id"},
    "broadcast": {"range"},
    "date": {"timestamp", "format"},
    "color": {"value"},
}
_BLOCKS = {"rich_text", "section", "context", "divider", "header", "image", "actions", "markdown"}
_RICH = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
_STYLES = {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}
_PING = re.compile(r"<(?:@[UW]|!channel|!here|!everyone|!subteam\^)")
_MASKED = re.compile(r"<((?:https?|mailto)[^|>\s]*)\|([^>]*)>")
_NAMED = re.compile(r"(?<![\w&])@(channel|here|everyone)\b")


def fault_of(text: str, blocks: Sequence[Payload]) -> str | None:
    """Slack's error code for a message, None when it takes it."""
    if not text and not blocks:
        return "no_text"
    if len(blocks) > BLOCKS or not all(isinstance(block, dict) and _is_good(block) for block in blocks):
        return "invalid_blocks"
    if len(set(ids := _ids(blocks))) != len(ids):
        return "invalid_blocks"
    if blocks and len(orjson.dumps(blocks).decode()) > BLOCKS_LIMIT:
        return "msg_blocks_too_long"
    if sum(len(block.get("text", "")) for block in blocks if block["type"] == "markdown") > MARKDOWN_LIMIT:
        return "msg_too_long"
    return None


def _is_good(block: Payload) -> bool:
    match block.get("type"):
        case "rich_text":
            elements = block.get("elements")
            return isinstance(elements, list) and all(_is_rich(element) for element in elements)
        case "section":
            texts = [*([block["text"]] if "text" in block else []), *block.get("fields", ())]
            return bool(texts) and all(_is_text(text, SECTION_LIMIT) for text in texts)
        case "context":
            elements = block.get("elements")
            return (
                isinstance(elements, list)
                and 0 < len(elements) <= 10
                and all(element.get("type") == "image" or _is_text(element, SECTION_LIMIT) for element in elements)
            )
        case "actions":
            elements = block.get("elements")
            return (
                isinstance(elements, list)
                and 0 < len(elements) <= ACTIONS
                and all(isinstance(element, dict) and _is_action(element) for element in elements)
            )
        case "header":
            return _is_text(block.get("text") or {}, 150) and block["text"]["type"] == "plain_text"
        case kind:
            return kind in _BLOCKS


def _is_action(element: Payload) -> bool:
    if not _is_id(element.get("action_id")):
        return False
    match element.get("type"):
        case "button":
            return (
                _is_label(element.get("text"), LABEL_LIMIT)
                and isinstance(value := element.get("value", ""), str)
                and len(value) <= VALUE_LIMIT
                and element.get("style", "primary") in ("primary", "danger")
            )
        case "static_select":
            options = element.get("options")
            return (
                _is_label(element.get("placeholder"), PLACEHOLDER_LIMIT)
                and isinstance(options, list)
                and 0 < len(options) <= OPTIONS
                and all(_is_option(option) for option in options)
            )
    return False


def _is_option(option: object) -> bool:
    return (
        isinstance(option, dict)
        and _is_label(option.get("text"), LABEL_LIMIT)
        and isinstance(value := option.get("value"), str)
        and 0 < len(value) <= OPTION_VALUE_LIMIT
    )


def _is_id(action: object) -> bool:
    return isinstance(action, str) and 0 < len(action) <= ID_LIMIT


def _is_label(text: object, limit: int) -> bool:
    return isinstance(text, dict) and text.get("type") == "plain_text" and _is_text(text, limit)


def _ids(blocks: Sequence[Payload]) -> list[str]:
    """The action ids of a message; Slack wants each only once."""
    return [element["action_id"] for block in blocks if block["type"] == "actions" for element in block["elements"]]


def _is_text(text: Payload, limit: int) -> bool:
    content = text.get("text")
    return text.get("type") in ("plain_text", "mrkdwn") and isinstance(content, str) and 0 < len(content) <= limit


def _is_rich(element: Payload) -> bool:
    kind, inside = element.get("type"), element.get("elements")
    if kind not in _RICH or not isinstance(inside, list):
        return False
    if kind == "rich_text_list":
        return element.get("style") in ("bullet", "ordered") and all(
            each.get("type") == "rich_text_section" and _is_rich(each) for each in inside
        )
    return all(_is_inline(each, kind == "rich_text_preformatted") for each in inside)


def _is_inline(element: Payload, preformatted: bool) -> bool:
    kind = element.get("type")
    if kind not in _INLINES or not _INLINES[kind] <= element.keys():
        return False
    if preformatted and kind not in ("text", "link"):
        return False
    if kind == "date" and not (isinstance(element["timestamp"], int) and "{" in element["format"]):
        return False
    if kind == "text" and (not isinstance(element["text"], str) or not element["text"]):
        return False
    return set(element.get("style") or ()) <= _STYLES


def pings(text: str, blocks: Sequence[Payload], arguments: Payload) -> int:
    """How many people, groups or channels a message would notify."""
    found = len(_PING.findall(text))
    if arguments.get("link_names") or arguments.get("parse") == "full":
        found += len(_NAMED.findall(text))
    for element in _walk(blocks):
        match element.get("type"):
            case "user" | "usergroup" | "broadcast":
                found += 1
            case "mrkdwn":
                found += len(_PING.findall(element.get("text", "")))
    return found


def masked_links(text: str, blocks: Sequence[Payload]) -> int:
    """How many links say something else than where they lead."""
    links = _MASKED.findall(text)
    for element in _walk(blocks):
        match element.get("type"):
            case "link" if element.get("text"):
                links.append((element["url"], element["text"]))
            case "mrkdwn":
                links.extend(_MASKED.findall(element.get("text", "")))
    return sum(1 for url, label in links if label not in (url, urlsplit(url).hostname))


def _walk(node: object) -> Iterator[Payload]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _walk(value)
