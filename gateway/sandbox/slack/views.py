"""What Slack accepts as a modal: its parts, its blocks, and the fields that people fill in."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from gateway.sandbox.slack.limits import ID_LIMIT, LABEL_LIMIT, OPTION_VALUE_LIMIT, OPTIONS, PLACEHOLDER_LIMIT, fault_of

Payload = Mapping[str, Any]

BLOCKS = 100
TITLE_LIMIT = 24
METADATA_LIMIT = 3_000
INPUT_LIMIT = 3_000
LABEL = 2_000
VIEW_LIMIT = 250_000
SEVERAL = 10
"""Radio buttons or check boxes of one group."""

_PARTS = {
    "type",
    "title",
    "blocks",
    "close",
    "submit",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
    "submit_disabled",
}
_SHOWING = {"rich_text", "section", "context", "divider", "header", "image", "actions"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d\Z")


def fault_of_view(view: object) -> str | None:
    """What is wrong with a modal, as Slack's messages name the place; None when it takes it."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        return "/view/type"
    if unknown := sorted(view.keys() - _PARTS):
        return f"/view/{unknown[0]}"
    if not _is_plain(view.get("title"), TITLE_LIMIT):
        return "/view/title"
    for name in ("close", "submit"):
        if name in view and not _is_plain(view[name], TITLE_LIMIT):
            return f"/view/{name}"
    for name, limit in (("private_metadata", METADATA_LIMIT), ("callback_id", ID_LIMIT)):
        if name in view and not (isinstance(view[name], str) and len(view[name]) <= limit):
            return f"/view/{name}"
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or len(blocks) > BLOCKS:
        return "/view/blocks"
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or not _is_block(block):
            return f"/view/blocks/{number}"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) != len(ids):
        return "/view/blocks"
    if any(block["type"] == "input" for block in blocks) and "submit" not in view:
        return "/view/submit"
    return None


def is_too_large(view: Payload) -> bool:
    return len(orjson.dumps(view)) > VIEW_LIMIT


def _is_block(block: Payload) -> bool:
    if "block_id" in block and not _is_id(block["block_id"]):
        return False
    if block.get("type") == "input":
        return (
            _is_plain(block.get("label"), LABEL)
            and ("hint" not in block or _is_plain(block["hint"], LABEL))
            and isinstance(block.get("optional", False), bool)
            and isinstance(element := block.get("element"), dict)
            and is_element(element)
        )
    return block.get("type") in _SHOWING and fault_of("in a view", [block]) is None


def is_element(element: Payload) -> bool:
    """Whether Slack takes it in an input block."""
    if not _is_id(element.get("action_id")):
        return False
    if "placeholder" in element and not _is_plain(element["placeholder"], PLACEHOLDER_LIMIT):
        return False
    match element.get("type"):
        case "plain_text_input":
            longest, least = element.get("max_length", INPUT_LIMIT), element.get("min_length", 0)
            return (
                isinstance(longest, int)
                and isinstance(least, int)
                and 0 <= least <= longest
                and 1 <= longest <= INPUT_LIMIT
                and isinstance(element.get("multiline", False), bool)
                and isinstance(first := element.get("initial_value", ""), str)
                and len(first) <= longest
            )
        case "static_select" | "radio_buttons":
            return _offers(element) and ("initial_option" not in element or element["initial_option"] in _of(element))
        case "multi_static_select" | "checkboxes":
            return _offers(element) and all(each in _of(element) for each in _chosen(element))
        case "external_select":
            return _asks(element) and ("initial_option" not in element or _is_option(element["initial_option"]))
        case "multi_external_select":
            return _asks(element) and all(_is_option(each) for each in _chosen(element))
        case "datepicker":
            return "initial_date" not in element or _is_day(element["initial_date"])
        case "timepicker":
            return "initial_time" not in element or bool(_TIME.match(str(element["initial_time"])))
    return False


def _offers(element: Payload) -> bool:
    most = SEVERAL if element["type"] in ("radio_buttons", "checkboxes") else OPTIONS
    options = element.get("options")
    return isinstance(options, list) and 0 < len(options) <= most and all(_is_option(each) for each in options)


def _of(element: Payload) -> Sequence[Payload]:
    options: Sequence[Payload] = element["options"]
    return options


def _chosen(element: Payload) -> Sequence[Payload]:
    chosen: Sequence[Payload] = element.get("initial_options", ())
    return chosen


def _asks(element: Payload) -> bool:
    return isinstance(element.get("min_query_length", 3), int) and "options" not in element


def _is_option(option: object) -> bool:
    return (
        isinstance(option, dict)
        and _is_plain(option.get("text"), LABEL_LIMIT)
        and isinstance(value := option.get("value"), str)
        and 0 < len(value) <= OPTION_VALUE_LIMIT
    )


def _is_day(text: object) -> bool:
    if not isinstance(text, str) or not _DAY.match(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_id(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= ID_LIMIT


def _is_plain(text: object, limit: int) -> bool:
    return (
        isinstance(text, dict)
        and text.get("type") == "plain_text"
        and isinstance(content := text.get("text"), str)
        and 0 < len(content) <= limit
    )
