"""Buttons of a card as Block Kit actions: their ids say that they ask for a verb, their values which."""

from collections.abc import Sequence
from typing import Any

from connectors.slack.render import clip
from router.forms import ASKS, FORM, asks_for_form
from router.model import CardButton
from router.verbs import ASK

Json = dict[str, Any]

LABEL_LIMIT = 75
ID_LIMIT = 255
MORE = f"{ASK}more"


def actions(buttons: Sequence[CardButton], more: Sequence[CardButton]) -> list[Json]:
    """One block of buttons, with a menu of the rarer ones; none without buttons. The block has no id of its own: Slack
    gives each refresh a new one, so that a menu forgets what was chosen in it."""
    elements = [_button(each) for each in buttons]
    if more:
        elements.append(
            {
                "type": "static_select",
                "action_id": MORE,
                "placeholder": _plain("More"),
                "options": [{"text": _plain(each.label), "value": each.line} for each in more],
            }
        )
    return [{"type": "actions", "elements": elements}] if elements else []


def _button(button: CardButton) -> Json:
    return {
        "type": "button",
        "action_id": _id(button.line),
        "text": _plain(button.label),
        "value": button.line,
        **({"style": "primary"} if button.primary else {}),
    }


def _id(line: str) -> str:
    """Each button of a message has an id of its own; that of a verb and that of its form differ. A colon would end it
    before its value."""
    words = f"{line.removesuffix(ASKS)} {FORM}" if asks_for_form(line) else line
    return f"{ASK}{words.replace(' ', '_').replace(':', '.')}"[:ID_LIMIT]


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": clip(text, LABEL_LIMIT), "emoji": False}
