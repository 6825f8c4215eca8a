"""The card of a conversation as Slack blocks. Whatever a customer may have written is one line of plain text (S23);
instants are shown in the reader's own zone."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.slack.actions import actions
from connectors.slack.render import clip, context, escape
from router.model import Card, CardLeg, CardLine, Priority

Json = dict[str, Any]

NAME_LIMIT = 120
SUBJECT_LIMIT = 500
LINE_LIMIT = 250
LEGS = 5
ORDERS = 10
TRUST = ("not verified", "verified by the channel", "verified by the shop")
DAY_AND_TIME = "{date_short_pretty} at {time}"

_BREAKING = re.compile("[\\s\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]+")
_TURNING = re.compile("[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]")


def content(card: Card) -> Json:
    """`text` and `blocks` of the root of a desk thread."""
    title = f"#{card.number} {line(card.contact, NAME_LIMIT)}"
    subject = line(card.subject, SUBJECT_LIMIT)
    blocks = [
        _section([said(f"{title}{_class(card)}", bold=True)]),
        *([_section([said(subject)])] if subject else []),
        context([_leg(each, card.verification) for each in _legs(card)]),
        _section([*_facts(card)]),
        *actions(card.buttons, card.more),
    ]
    return {"text": escape(clip(f"{title}: {subject}" if subject else title, LINE_LIMIT)), "blocks": blocks}


def line(text: str, limit: int = LINE_LIMIT) -> str:
    """One line, and nothing in it that would turn the line around: nobody writes a line of the card of their own."""
    return clip(_BREAKING.sub(" ", _TURNING.sub("", text)).strip(), limit)


def _class(card: Card) -> str:
    match card.priority:
        case Priority.NORMAL:
            return ""
        case Priority.VIP:
            return " · VIP"
    return f" · {card.priority.value.capitalize()}"


def _legs(card: Card) -> Sequence[CardLeg]:
    known = card.legs or (
        CardLeg(channel=card.channel, channel_type=card.channel_type, address=card.address, current=True),
    )
    return known[:LEGS]


def _leg(leg: CardLeg, verification: int) -> str:
    trust = f" · {TRUST[min(verification, 2)]}" if leg.current else ""
    gone = " · cannot be reached" if leg.closed else " · answers go here" if leg.chosen else ""
    return f"{leg.channel} ({leg.channel_type}) · {line(leg.address, NAME_LIMIT)}{trust}{gone}"


def _facts(card: Card) -> Iterator[Json]:
    """One section; a line each."""
    lines = [*_lines(card)]
    for number, each in enumerate(lines):
        if number:
            yield said("\n")
        yield from each


def _lines(card: Card) -> Iterator[list[Json]]:
    yield [said(_standing(card))]
    if card.snoozed is not None:
        yield timed("Snoozed until ", card.snoozed)
    if card.offer is not None:
        yield timed(f"Offered to {line(card.offer.text, NAME_LIMIT)} until ", card.offer)
    if card.clock is not None:
        yield [*timed(f"{card.clock.text} ", card.clock), *ago(card.clock)]
    if card.lease is not None:
        yield timed(f"\N{WRITING HAND} {line(card.lease.text, NAME_LIMIT)} is answering since ", card.lease)
    if about := _about(card):
        yield [said(about)]
    if card.tags:
        yield [said(clip(f"Tags: {', '.join(line(each, NAME_LIMIT) for each in card.tags)}", LINE_LIMIT))]
    for told in card.told:
        yield timed(f"Told so far: {line(told.text)}, ", told)
    for promise in card.promises:
        late = "Promise overdue: " if promise.alarming else "Promised: "
        yield timed(f"{late}{line(promise.text)}, due ", promise)


def _standing(card: Card) -> str:
    if card.merged_into is not None:
        return f"Merged into #{card.merged_into}"
    status = "spam, left out of all figures" if card.void else card.status.replace("_", " ")
    team, owner = line(card.team or "-", NAME_LIMIT), line(card.owner or "-", NAME_LIMIT)
    return f"Status: {status} · Team: {team} · Owner: {owner}"


def _about(card: Card) -> str:
    orders = ", ".join(line(each, NAME_LIMIT) for each in card.orders[:ORDERS])
    found = (
        f"Tier: {line(card.tier, NAME_LIMIT)}" if card.tier else "",
        f"Topic: {card.topic.replace('_', ' ')}" if card.topic else "",
        f"Orders: {orders}" if orders else "",
    )
    return clip(" · ".join(each for each in found if each), LINE_LIMIT)


def timed(before: str, shown: CardLine) -> list[Json]:
    """The instant a line is about, in the reader's own zone."""
    return [said(before, bold=shown.alarming), _date(shown.at, DAY_AND_TIME, _fallback(shown))]


def ago(shown: CardLine) -> list[Json]:
    """How long that is from when it is read."""
    return [said(" ("), _date(shown.at, "{ago}", _fallback(shown)), said(")")]


def _fallback(shown: CardLine) -> str:
    return f"{shown.at.astimezone(ZoneInfo(shown.zone)):%Y-%m-%d %H:%M} {shown.zone}"


def _date(at: datetime, form: str, fallback: str) -> Json:
    return {"type": "date", "timestamp": int(at.timestamp()), "format": form, "fallback": fallback}


def _section(elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def said(text: str, *, bold: bool = False) -> Json:
    """Words that stay words (S23)."""
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}
