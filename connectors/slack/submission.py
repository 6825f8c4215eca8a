"""What a filled-in form is answered with: stored and closed, another form in its place, or a sentence in it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from connectors.base import Fate, NotStored, Receipt
from connectors.slack.forms import Forms
from connectors.slack.modal import modal, place_of, sentence, values_of
from connectors.slack.parse import Home, Person, sender_of
from router.forms import ASKS, Wish, asks_for_form, composed

Payload = Mapping[str, Any]
Json = dict[str, Any]
Lookup = Callable[[list[str], Home], Awaitable[Mapping[str, Person]]]

log = structlog.get_logger(__name__)

STORE_WITHIN = 1.8
"""Seconds; at 2.0 we would have to answer without a word (S1), at 3.0 Slack would not listen any more."""


async def submitted(
    body: Payload,
    home: Home,
    people: Lookup,
    forms: Forms,
    keep: Callable[[], Awaitable[list[Receipt]]],
) -> Json | None:
    """The `response_action`; None closes the form. `keep` stores the line it composes."""
    view = body["view"]
    try:
        place, values = place_of(view), values_of(view)
        async with asyncio.timeout(STORE_WITHIN):
            line = composed(place.line, values)
            if asks_for_form(line):
                user = body["user"]
                sender = sender_of(user["id"], user.get("team_id"), home, await people([user["id"]], home))
                wish = Wish(sender=sender, line=line.removesuffix(ASKS), thread=place.thread, target=place.target)
                found = await forms.form(wish)
                if isinstance(found, str):
                    return _mistake(view, found)
                return {"response_action": "update", "view": modal(found, wish)}
            receipts = await keep()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.error("slack.form_unreadable", reason=repr(error))
        return _mistake(view, "Onevoice cannot read this form. Close it and say it with @onevoice.")
    except (NotStored, TimeoutError) as reason:
        log.warning("slack.form_not_stored", reason=str(reason))
        return _mistake(view, "Not done: Onevoice cannot store anything at the moment. Please send it again.")
    if any(each.fate is Fate.CONFLICT for each in receipts):
        return _mistake(view, "Done already, with what you sent first. Close this form.")
    return None


def _mistake(view: Payload, said: str) -> Json:
    """The sentence is shown at the first field, or in the place of a form that has none."""
    fields = [block["block_id"] for block in view.get("blocks") or () if block.get("type") == "input"]
    if fields:
        return {"response_action": "errors", "errors": {fields[0]: said}}
    title = (view.get("title") or {}).get("text") or "Onevoice"
    told = {key: value for key, value in view.items() if key in ("callback_id", "private_metadata")}
    shown = sentence(title, said)
    return {"response_action": "update", "view": {**shown, **told}}
