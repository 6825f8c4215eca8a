"""A form as a Slack modal, and what was filled in. Whatever it shows is inert: rich_text or plain_text (S23)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.slack.actions import actions
from connectors.slack.render import clip, rich_text
from router.forms import CHOICES, LONGEST, Field, Form, Kind, Option, Wish
from router.richtext import RichText, of_text
from router.splitting import split

Json = dict[str, Any]
Payload = Mapping[str, Any]

CALLBACK = "onevoice.form"
TITLE_LIMIT = 24
OPTION_LIMIT = 75
LABEL_LIMIT = 2_000
HINT_LIMIT = 2_000
BLOCK_TEXT = 2_900
"""Characters of one block of text; Slack takes 3,000."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a modal remembers: the line it composes, the line that asked for it, the desk thread, the message."""

    line: str
    asked: str
    thread: str
    target: str | None = None


def modal(form: Form, wish: Wish) -> Json:
    """The `view` of a form somebody wished for."""
    remembered = {
        "l": form.line,
        "a": wish.line,
        "t": wish.thread,
        **({"m": wish.target} if wish.target is not None else {}),
    }
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain(form.title, TITLE_LIMIT),
        "close": _plain("Cancel" if form.line else "Close", TITLE_LIMIT),
        **({"submit": _plain(form.submit, TITLE_LIMIT)} if form.line else {}),
        "private_metadata": orjson.dumps(remembered).decode(),
        "blocks": [*_said(form.said), *(_input(each) for each in form.fields), *actions(form.buttons, ())],
    }


def sentence(title: str, said: str) -> Json:
    """A modal that says something and can only be closed."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain(title, TITLE_LIMIT),
        "close": _plain("Close", TITLE_LIMIT),
        "blocks": _said(of_text(said)),
    }


def place_of(view: Payload) -> Place:
    """Raises ValueError, KeyError or TypeError for a view that is none of ours."""
    if view.get("callback_id") != CALLBACK:
        raise ValueError("it is no form of ours")
    remembered = orjson.loads(view["private_metadata"])
    return Place(line=remembered["l"], asked=remembered["a"], thread=remembered["t"], target=remembered.get("m"))


def values_of(view: Payload) -> dict[str, str]:
    """What was filled in, by the names of the fields; "" for what was left empty."""
    found: dict[str, str] = {}
    for name, elements in view["state"]["values"].items():
        for element in elements.values():
            found[name] = _value(element)
    return found


def _value(element: Payload) -> str:
    match element["type"]:
        case "plain_text_input":
            return element.get("value") or ""
        case "static_select" | "external_select":
            return (element.get("selected_option") or {}).get("value") or ""
        case "multi_static_select" | "multi_external_select":
            return ", ".join(each["value"] for each in element.get("selected_options") or ())
        case "datepicker":
            return element.get("selected_date") or ""
        case "timepicker":
            return element.get("selected_time") or ""
    raise ValueError(f"nobody asked for a {element['type']}")


def options(found: list[Option]) -> list[Json]:
    """The options of a menu."""
    return [_option(each) for each in found]


def _option(option: Option) -> Json:
    return {"text": _plain(option.label, OPTION_LIMIT), "value": option.value}


def _said(text: RichText) -> list[Json]:
    """Pieces that Slack takes in one block each."""
    if not text:
        return []
    pieces = [rich_text(each) for each in split(text, BLOCK_TEXT, "chars")]
    return [each for each in pieces if each["elements"]]


def _input(field: Field) -> Json:
    hint = {"hint": _plain(field.hint, HINT_LIMIT)} if field.hint else {}
    return {
        "type": "input",
        "block_id": field.name,
        "label": _plain(field.label, LABEL_LIMIT),
        "optional": not field.required,
        "element": _element(field),
        **hint,
    }


def _element(field: Field) -> Json:
    element: Json = {"action_id": field.name}
    match field.kind:
        case Kind.LINE | Kind.TEXT:
            longest = min(field.longest, LONGEST)
            first = {"initial_value": field.initial[:longest]} if field.initial else {}
            multiline = field.kind is Kind.TEXT
            return {**element, "type": "plain_text_input", "multiline": multiline, "max_length": longest, **first}
        case Kind.CHOICE | Kind.CHOICES:
            return {**element, **_select(field)}
        case Kind.DATE:
            first = {"initial_date": field.initial} if field.initial else {}
            return {**element, "type": "datepicker", **first}
        case Kind.TIME:
            first = {"initial_time": field.initial} if field.initial else {}
            return {**element, "type": "timepicker", **first}


def _select(field: Field) -> Json:
    """Slack searches in a list by itself; of a list that is too long for it, it asks us for what fits."""
    several = field.kind is Kind.CHOICES
    chosen = [_option(each) for each in field.options if each.value == field.initial]
    first: Json = {}
    if chosen:
        first = {"initial_options": chosen} if several else {"initial_option": chosen[0]}
    if len(field.options) <= CHOICES:
        kind = "multi_static_select" if several else "static_select"
        return {"type": kind, "options": options(list(field.options)), **first}
    return {"type": "multi_external_select" if several else "external_select", "min_query_length": 0, **first}


def _plain(text: str, limit: int) -> Json:
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}
