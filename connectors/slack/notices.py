"""Notices and messages as Slack blocks: what is said, and below it the buttons of what is asked."""

from dataclasses import replace
from typing import Any

from connectors.slack import render
from connectors.slack.actions import actions
from router.model import Outgoing
from router.richtext import of_text, plain

Json = dict[str, Any]


def content(outgoing: Outgoing) -> Json:
    """`text` and `blocks`. What is too large for blocks is cut where there are buttons: they must stand below it."""
    said = render.notice(outgoing)
    if not outgoing.buttons:
        return said
    if not said["blocks"]:
        shown = render.clip(plain(outgoing.text), render.FALLBACK_LIMIT)
        said = render.notice(replace(outgoing, text=of_text(shown)))
    return {**said, "blocks": [*said["blocks"], *actions(outgoing.buttons, ())]}


def message(outgoing: Outgoing, part: int, parts: int) -> Json:
    """A message, with its buttons below where it has some and Slack takes it as blocks."""
    said = render.message(outgoing, part, parts)
    return {**said, "blocks": [*said["blocks"], *actions(outgoing.buttons, ())]} if said["blocks"] else said
