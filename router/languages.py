"""The language a customer is served in, by an agent's word: it decides who is asked, and in which words (3.3)."""

import re
from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Spoken

ANY = "auto"
"""Nobody says: the customer's words decide."""

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_HOW = "Say `@onevoice language zh-TW` with a language code, or `language auto` for that of the customer's words."


def language(asked: Asked) -> Decision:
    """ "language zh-TW": what the customer reads and writes; "language auto": what their words say."""
    said, contact = asked.verb.rest.strip(), asked.snapshot.proof_contact
    code = None if said.lower() == ANY else tag_of(said)
    now = contact.language if contact is not None else None
    if code is None and said.lower() != ANY:
        return answered(asked, f"{_HOW} Now: {now or ANY}.")
    if code == now:
        return answered(asked, f"The customer's language is {now or ANY} already.")
    event = NewEvent(type="language_changed", actor=asked.actor, payload={"from": now, "to": code})
    spoken = Spoken(contact=asked.conversation.contact, language=code)
    return replace(answered(asked, f"The customer's language is {code or ANY} now.", event), spoken=spoken)


def tag_of(said: str) -> str | None:
    """A language tag as it is written (RFC 5646 2.1.1): "zh_tw" is "zh-TW"; None where it is none."""
    found = _TAG.fullmatch(said.strip())
    if found is None:
        return None
    name, script, region = found.groups()
    parts = (name.lower(), script.capitalize() if script else None, region.upper() if region else None)
    return "-".join(part for part in parts if part)


VERBS: Mapping[str, Answer] = {"language": language}
