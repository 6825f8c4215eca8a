"""What an agent asks of Onevoice itself in a thread: "@onevoice <verb> <rest>" (decisions 28). Never for a customer."""

import re
from dataclasses import dataclass

from router.model import Inbound, InboundKind
from router.notes import said
from router.richtext import Mention, Paragraph, RichText, Span, inlines, plain

BOT = "onevoice"
ASK = "ask."
"""What the ids of buttons begin with that ask for a verb; the value of such a press is "<id>:<verb> <rest>"."""

_NAMED = re.compile(rf"(?<![\w/])@{BOT}(?!\w)", re.ASCII)
"""The name as people type it, also between Chinese characters; not in a mail address, a link or a longer name."""


@dataclass(frozen=True, slots=True)
class Verb:
    """`name` in lower case, `rest` as written."""

    name: str
    rest: str


def verb_of(text: RichText) -> Verb | None:
    """The verb of a post that begins with a mention of Onevoice; None for any other post."""
    first = text.blocks[0] if text.blocks else None
    if not isinstance(first, Paragraph):
        return None
    children = [child for child in first.children if not (isinstance(child, Span) and not child.text.strip())]
    if not children or not isinstance(head := children[0], Mention) or head.name.lower() != BOT:
        return None
    line = plain(text).strip().removeprefix(f"@{head.name}").strip()
    name, *rest = line.split(maxsplit=1) or [""]
    return Verb(name.lower(), rest[0] if rest else "")


def names_bot(text: RichText) -> bool:
    """True where Onevoice is named, whether it was mentioned or only typed: nothing for a customer to read."""
    mentions = (each for each in inlines(text.blocks) if isinstance(each, Mention))
    return any(each.name.lower() == BOT for each in mentions) or _NAMED.search(said(text)) is not None


def verb_in(inbound: Inbound) -> Verb | None:
    """What an item of the desk asks for, said or pressed; None where it asks for nothing."""
    match inbound.kind:
        case InboundKind.MESSAGE:
            return verb_of(inbound.text)
        case InboundKind.BUTTON:
            name, _, line = inbound.value.partition(":")
            return verb_of(spoken(line)) if name.startswith(ASK) and line else None
    return None


def spoken(line: str) -> RichText:
    """What an agent would have written instead of pressing a button."""
    return RichText((Paragraph((Mention(BOT), Span(f" {line}"))),))
