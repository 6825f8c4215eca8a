"""`messages.yaml` as texts: every field is known, every kind can be said in the default language."""

import difflib
from collections.abc import Mapping, Sequence
from string import Formatter

from gateway.standard_reading import Node, version_of
from router import canned_replies
from router.standard_messages import FIELDS, Kind, Messages, Wording

_KINDS = tuple(kind.value for kind in Kind)
_MAIL = ("mail_greeting", "mail_closing", "mail_signature")
_LONGEST = {"subject": 200, "text": 1000}
"""Characters; one part on every channel."""


def messages(node: Node) -> Messages:
    """The section `messages`; what is wrong is noted with its place."""
    parts = node.mapping(("version", "default"), ("name", "weekdays", "months", *_KINDS, *_MAIL))
    default = parts["default"].text() if "default" in parts else ""
    texts = {Kind(kind): _kind(parts[kind], default) for kind in _KINDS if kind in parts}
    lists = {name: _names(parts[name], size) for name, size in (("weekdays", 7), ("months", 12)) if name in parts}
    for kind in _KINDS:
        for tag, wording in texts.get(Kind(kind), {}).items():
            for name, field in (("weekdays", "weekday"), ("months", "month")):
                if f"{{{field}}}" in wording.subject + wording.text and tag not in lists.get(name, {}):
                    parts[kind].wrong(f"{{{field}}} is in the text for {tag}, but {name} has no {tag}")
    return Messages(
        version=version_of(parts),
        default=default,
        texts=texts,
        names={tag: each.text() for tag, each in parts["name"].entries().items()} if "name" in parts else {},
        weekdays=lists.get("weekdays", {}),
        months=lists.get("months", {}),
        **{name: _around(parts[name]) for name in _MAIL if name in parts},
    )


def _kind(node: Node, default: str) -> Mapping[str, Wording]:
    found: dict[str, Wording] = {}
    for tag, each in node.entries().items():
        keys = each.mapping(("text",), ("subject",))
        read = {name: _text(keys[name], _LONGEST[name], FIELDS) if name in keys else "" for name in _LONGEST}
        found[tag] = Wording(**read)
    if default and default not in found:
        node.wrong(f"{default} is missing: it stands for every language without a text of its own")
    return found


def _around(node: Node) -> Mapping[str, tuple[str, ...]]:
    """What stands around the words of a mail, one text or several a language; an empty one is none."""
    found: dict[str, tuple[str, ...]] = {}
    for tag, each in node.entries().items():
        texts = each.items() if isinstance(each.value, list) else (each,)
        fields = canned_replies.FIELDS
        found[tag] = tuple(_text(text, _LONGEST["text"], fields) for text in texts if text.text().strip())
    return found


def _text(node: Node, longest: int, fields: Sequence[str]) -> str:
    text = node.text().strip()
    if not text:
        node.wrong("is empty")
    if len(text) > longest:
        node.wrong(f"has {len(text)} characters; at most {longest}")
    try:
        named = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError as error:
        node.wrong(f"has braces that do not match: {error}")
        return text
    for name, spec, conversion in named:
        if name not in fields or spec or conversion:
            near = difflib.get_close_matches(name, fields, 1)
            hint = f"; did you mean {{{near[0]}}}?" if near else f"; the fields are {', '.join(fields)}"
            node.wrong(f"there is no field {{{name}}}{hint}")
    return text


def _names(node: Node, size: int) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for tag, each in node.entries().items():
        found[tag] = each.texts()
        if len(found[tag]) != size:
            each.wrong(f"must have {size} names, has {len(found[tag])}")
    return found
